"""Latent traversals: move one dimension across its range, hold the others, and decode."""

from __future__ import annotations

import math

import numpy as np
import torch

from explorer.analysis.ranges import Aggregate
from explorer.errors import UserError
from models.beta_vae import BetaVAE, Posterior

MOST_BYTES = 256 << 20  # of pictures that are decoded for one strip or film


def aggregate(posterior: Posterior) -> Aggregate:
    """Fit the aggregate posterior of the images whose posteriors `(n, D)` these are."""
    mean, variance = posterior.mean.double(), posterior.log_var.double().exp()
    spread = (variance.mean(0) + mean.var(0, correction=0)).sqrt()
    return Aggregate(mean.mean(0).numpy(), spread.numpy(), len(mean))


def hold_small(pictures: str, size: int, instead: str) -> None:
    """Raise UserError where pictures of `size` bytes are more than one asker is given; the words name both."""
    if size > MOST_BYTES:
        raise UserError(f"{pictures} {size >> 20:,} MB, more than {MOST_BYTES >> 20}: {instead}")


def at_once(model: BetaVAE, steps: int, most: int = 16) -> int:
    """How many dimensions to traverse together, so that memory stays bounded; at least one."""
    return max(1, min(most, MOST_BYTES // (4 * steps * math.prod(model.shape))))


def traverse(
    model: BetaVAE, start: np.ndarray, dimensions: list[int], low: np.ndarray, high: np.ndarray, steps: int
) -> np.ndarray:
    """Decode every chosen dimension at `steps` even values from its low to its high.

    Args:
        start: the latents `(D,)` that the other dimensions keep.
        dimensions: which to traverse, one row each, k of them.
        low, high: ends of each dimension's range, both `(D,)`.

    Returns:
        Pixel means `(k, steps, C, H, W)` in [0, 1], float32.

    Raises:
        UserError: so many pictures of that size take more memory than one asker is given.
    """
    height, width = model.shape[1:]
    hold_small(
        f"{len(dimensions) * steps:,} pictures of {height} x {width} pixels take",
        4 * len(dimensions) * steps * math.prod(model.shape),
        "take fewer steps or dimensions",
    )
    z = np.tile(np.asarray(start, dtype=np.float32), (len(dimensions), steps, 1))
    for row, dimension in enumerate(dimensions):
        z[row, :, dimension] = np.linspace(low[dimension], high[dimension], steps)
    with torch.inference_mode():
        flat = torch.from_numpy(z.reshape(-1, z.shape[-1])).to(model.device)
        images = model.decode(flat).float().cpu().numpy()
    return images.reshape(len(dimensions), steps, *model.shape)
