"""What every data set is: samples by index, and the factors behind them where they are known."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import prod
from typing import Self

import numpy as np
import torch
from torch import Tensor

from explorer.recipe.samples import Samples

Indices = Sequence[int] | np.ndarray | Tensor | range
RENDERED_PIXELS = 2**22  # drawn at a time: however many images are asked for, memory stays bounded


class Dataset(ABC):
    """A numbered set of samples, all of one shape: `uint8` images, or floats in [0, 1].

    Attributes:
        name: the name that `open_dataset` knows it by.
        shape: (channels, height, width) of every sample.
        samples: what they are, with their units; None means images.
        identity: a text that differs whenever the pixels may differ; caches are keyed by it.
        factor_names, factor_sizes: the generative factors and how many classes each has, or None.
        notes: sentences the person should read, such as files that were refused and why.
        device: where `images` and `factors` put what they return.
    """

    name: str
    shape: tuple[int, int, int]
    samples: Samples | None = None
    identity: str
    factor_names: tuple[str, ...] | None = None
    factor_sizes: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ()
    device: torch.device = torch.device("cpu")

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def images(self, indices: Indices) -> Tensor:
        """Samples `(n, C, H, W)` as they are held: uint8, or float32 in [0, 1]; on `device`.

        Raises:
            IndexError: outside [0, len).
        """

    def unit(self, indices: Indices) -> Tensor:
        """Samples `(n, C, H, W)` as models take them: float32 in [0, 1]. Raises IndexError outside [0, len)."""
        return unit(self.images(indices))

    def factors(self, indices: Indices) -> Tensor:
        """Factor classes `(n, K)`, int64. Raises LookupError where no factors are known."""
        raise LookupError(f"{self.name} has no known factors")

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """The same data set, held (or rendered) on `device`."""

    def _checked(self, indices: Indices) -> Tensor:
        """Indices `(n,)` as int64 on `device`, each inside [0, len)."""
        chosen = torch.as_tensor(np.asarray(indices) if isinstance(indices, range) else indices)
        if chosen.ndim != 1:
            raise IndexError(f"indices must be a list of whole numbers, not {chosen.ndim}-dimensional")
        if chosen.numel() == 0:
            return torch.empty(0, dtype=torch.int64, device=self.device)
        if chosen.is_floating_point() or chosen.dtype == torch.bool:
            raise IndexError(f"indices must be whole numbers, not {chosen.dtype}")
        chosen = chosen.to(self.device, torch.int64)
        if chosen.device.type == "cpu":  # on an accelerator this check would stall every step
            low, high = int(chosen.min()), int(chosen.max())
            if low < 0 or high >= len(self):
                wrong = low if low < 0 else high
                raise IndexError(f"{self.name} has images 0 to {len(self) - 1}, not {wrong}")
        return chosen


def unit(held: Tensor) -> Tensor:
    """Samples as they are held, uint8 or floats, as float32 in [0, 1]."""
    return held.float() / 255 if held.dtype == torch.uint8 else held.float()


class FactorGrid(Dataset):
    """A data set that holds every combination of its factors, the last factor changing fastest.

    Nothing is stored: a subclass turns factor classes into images in `render`.
    """

    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]

    def __len__(self) -> int:
        return prod(self.factor_sizes)

    def factors(self, indices: Indices) -> Tensor:
        rest = self._checked(indices)
        classes = []
        for size in reversed(self.factor_sizes):
            classes.append(rest % size)
            rest = rest // size
        return torch.stack(classes[::-1], dim=1)

    def images(self, indices: Indices) -> Tensor:
        factors = self.factors(indices)
        step = max(1, RENDERED_PIXELS // (self.shape[1] * self.shape[2]))
        if len(factors) <= step:
            return self.render(factors)
        return torch.cat([self.render(chunk) for chunk in factors.split(step)])

    def to(self, device: torch.device | str) -> Self:
        moved = copy.copy(self)
        moved.device = torch.device(device)
        return moved

    @abstractmethod
    def render(self, factors: Tensor) -> Tensor:
        """Images `(n, C, H, W)`, uint8, of factor classes `(n, K)`, on `device`."""


class ArrayDataset(Dataset):
    """Samples that are held in memory: images as `uint8`, others as float32 in [0, 1]."""

    def __init__(
        self,
        name: str,
        images: Tensor,
        identity: str,
        factors: Tensor | None = None,
        factor_names: tuple[str, ...] | None = None,
        factor_sizes: tuple[int, ...] | None = None,
        notes: tuple[str, ...] = (),
        samples: Samples | None = None,
    ) -> None:
        """`images` is `(N, C, H, W)`, uint8 or float32 in [0, 1]; `factors`, where given, is int64 `(N, K)`."""
        self.name, self.identity, self.notes, self.samples = name, identity, notes, samples
        self._images, self._factors = images, factors
        self.shape = (images.shape[1], images.shape[2], images.shape[3])
        self.factor_names, self.factor_sizes = factor_names, factor_sizes
        self.device = images.device

    def __len__(self) -> int:
        return len(self._images)

    def images(self, indices: Indices) -> Tensor:
        return self._images[self._checked(indices)]

    def factors(self, indices: Indices) -> Tensor:
        if self._factors is None:
            return super().factors(indices)
        return self._factors[self._checked(indices)]

    def to(self, device: torch.device | str) -> Self:
        if torch.device(device) == self.device:
            return self
        moved = copy.copy(self)
        moved._images, moved.device = self._images.to(device), torch.device(device)
        moved._factors = None if self._factors is None else self._factors.to(device)
        return moved
