"""A few images of a data set that is at hand, for what asks how a model does on such as they."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from explorer.datasets import open_dataset
from explorer.errors import UserError

COUNT = 32


@dataclass(frozen=True)
class Examples:
    """By a shape (C, H, W), images `(32, C, H, W)` in [0, 1] spread over a data set; None where there are none.

    Nothing is fetched: what does not lie here, or can't be brought to the shape, gives None.
    """

    name: str

    def __call__(self, shape: tuple[int, int, int]) -> Tensor | None:
        return _images(self.name, shape)


def examples(name: str | None) -> Examples | None:
    """Images of the data set of that name, where one is named."""
    return None if name is None else Examples(name)


@lru_cache(maxsize=8)
def _images(name: str, shape: tuple[int, int, int]) -> Tensor | None:
    channels, height, width = shape
    try:
        data = open_dataset(name, size=height if height == width else None, channels=channels)
    except UserError:
        return None
    if data.shape != shape or not len(data):
        return None
    places = torch.linspace(0, len(data) - 1, min(COUNT, len(data))).long()
    return data.unit(places)
