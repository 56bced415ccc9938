"""What images cost where nothing is known of each: as their mean image, and as plain grey."""

from __future__ import annotations

import math

import torch

from explorer.analysis.evaluation import choose
from explorer.datasets.base import Dataset
from models.beta_vae import Bernoulli, BetaVAE

MOST = 2000  # of the images
BATCH = 250


def costs(
    model: BetaVAE, data: Dataset, count: int | None = None, seed: int = 0
) -> tuple[float, float]:
    """−log p(x) under the model's likelihood in nats an image: with their mean as the mean of each, and with ½.

    Of the first 2,000 of the images that `evaluate` takes for the same count and seed. The first is what the best
    decoder without a code comes to; one that was never trained comes to the second or worse.
    """
    total = squares = torch.zeros(data.shape, dtype=torch.float64)
    indices = choose(data, count, seed)[:MOST]
    for chosen in indices.split(BATCH):
        images = data.images(chosen).double().cpu() / 255
        total, squares = total + images.sum(0), squares + images.square().sum(0)
    mean, square = total / len(indices), squares / len(indices)
    values = mean.numel()
    if isinstance(model.likelihood, Bernoulli):
        entropy = -torch.xlogy(mean, mean) - torch.xlogy(1 - mean, 1 - mean)
        return float(entropy.sum()), values * math.log(2)
    log_sigma = model.likelihood.fixed_log_sigma()
    rest = values * (log_sigma + 0.5 * math.log(2 * math.pi))
    around_mean = float((square - mean.square()).sum())
    around_grey = float((square - mean + 0.25).sum())
    scale = 0.5 * math.exp(-2 * log_sigma)
    return scale * around_mean + rest, scale * around_grey + rest
