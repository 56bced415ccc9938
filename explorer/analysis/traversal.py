"""Latent traversals: move one dimension across its range, hold the others, and decode."""

from __future__ import annotations

import numpy as np
import torch

from explorer.analysis.ranges import Aggregate
from models.beta_vae import BetaVAE, Posterior


def aggregate(posterior: Posterior) -> Aggregate:
    """Fit the aggregate posterior of the images whose posteriors `(n, D)` these are."""
    mean, variance = posterior.mean.double(), posterior.log_var.double().exp()
    spread = (variance.mean(0) + mean.var(0, correction=0)).sqrt()
    return Aggregate(mean.mean(0).numpy(), spread.numpy(), len(mean))


def traverse(
    model: BetaVAE,
    start: np.ndarray,
    dimensions: list[int],
    low: np.ndarray,
    high: np.ndarray,
    steps: int,
) -> np.ndarray:
    """Decode every chosen dimension at `steps` even values from its low to its high.

    Args:
        start: the latents `(D,)` that the other dimensions keep.
        dimensions: which to traverse, one row each, k of them.
        low, high: ends of each dimension's range, both `(D,)`.

    Returns:
        Pixel means `(k, steps, C, H, W)` in [0, 1], float32.
    """
    z = np.tile(np.asarray(start, dtype=np.float32), (len(dimensions), steps, 1))
    for row, dimension in enumerate(dimensions):
        z[row, :, dimension] = np.linspace(low[dimension], high[dimension], steps)
    with torch.inference_mode():
        flat = torch.from_numpy(z.reshape(-1, z.shape[-1])).to(model.device)
        images = model.decode(flat).float().cpu().numpy()
    return images.reshape(len(dimensions), steps, *model.shape)
