"""What images cost where nothing is known of each: as their mean image, and as plain grey."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor

from explorer.analysis.evaluation import choose
from explorer.datasets.base import Dataset
from models.beta_vae import BetaVAE

MOST = 2000  # of the images
BATCH = 250


def blank_costs(model: BetaVAE, data: Dataset, count: int | None = None, seed: int = 0) -> tuple[float, float]:
    """−log p(x) under the model's likelihood in nats an image: with their mean as the mean of each, and with ½.

    Of the first 2,000 of the images that `evaluate` takes for the same count and seed. The first is what the best
    decoder without a code comes to; one that was never trained comes to the second or worse.
    """
    parts = choose(data, count, seed)[:MOST].split(BATCH)

    def images() -> Iterator[Tensor]:
        return (_exact(data.images(part)) for part in parts)

    count = sum(map(len, parts))
    mean = torch.stack([part.sum(0) for part in images()]).sum(0) / count
    likelihood = copy.deepcopy(model.likelihood).cpu().eval()

    around = [likelihood.raw(pixels)[None] for pixels in (mean, torch.full_like(mean, 0.5))]
    totals = [0.0, 0.0]
    for part in images():
        for place, raw in enumerate(around):
            totals[place] += float(likelihood.nll(raw.expand_as(part), part).sum())
    return totals[0] / count, totals[1] / count


def _exact(held: Tensor) -> Tensor:
    """Samples as they are held, as doubles in [0, 1]: bytes are divided in double precision."""
    values = held.double().cpu()
    return values / 255 if held.dtype == torch.uint8 else values
