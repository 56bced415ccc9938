"""One image through a model, and one point of its latent space: what a person looks at first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.analysis.traversal import hold_small
from explorer.datasets.base import Dataset
from explorer.errors import UserError
from models.beta_vae import BetaVAE


@dataclass(frozen=True)
class Inspection:
    """What a model makes of n images; decoded from the posterior means, nothing is sampled.

    `images` and `reconstructions` `(n, C, H, W)` in [0, 1]; `mean` and `std` of q(z|x) `(n, D)`;
    `kl` `(n, D)` and `nll` `(n,)`, −log p(x|z) at the posterior mean, in nats.
    """

    images: np.ndarray
    reconstructions: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    kl: np.ndarray
    nll: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """|x − x̂| of every pixel `(n, C, H, W)`."""
        errors: np.ndarray = np.abs(self.images - self.reconstructions)
        return errors

    @property
    def squared_error(self) -> np.ndarray:
        """The mean of (x − x̂)² over the pixels and channels of each image `(n,)`."""
        means: np.ndarray = (self.errors.astype(np.float64) ** 2).mean(axis=(1, 2, 3))
        return means


def inspect(model: BetaVAE, data: Dataset, indices: Sequence[int]) -> Inspection:
    """Encode the images at `indices` and decode their posterior means.

    Raises:
        UserError: images of another shape than the model's, or an index that the data doesn't have.
    """
    if data.shape != model.shape:
        raise UserError(f"the model takes images of shape {model.shape}, {data.name} has {data.shape}")
    wrong = [index for index in indices if not 0 <= index < len(data)]
    if wrong:
        raise UserError(f"{data.name} has images 0 to {len(data) - 1:,}, not {wrong[0]:,}")
    height, width = model.shape[1:]
    hold_small(
        f"{len(indices)} images of {height} x {width} pixels take",
        4 * len(indices) * math.prod(model.shape),
        "take fewer",
    )
    with torch.inference_mode():
        images = data.unit(list(indices)).to(model.device)
        posterior = model.encode(images)
        reconstructions = model.decode(posterior.mean)
        nll = model.nll(posterior.mean, images)
    tensors = (images, reconstructions, posterior.mean, posterior.std, posterior.kl(), nll)
    return Inspection(*(tensor.float().cpu().numpy() for tensor in tensors))


def decode(model: BetaVAE, z: Sequence[float]) -> np.ndarray:
    """Pixel means `(C, H, W)` in [0, 1] of one point of the latent space, `(D,)`."""
    with torch.inference_mode():
        point = torch.tensor([list(z)], dtype=torch.float32, device=model.device)
        return model.decode(point)[0].float().cpu().numpy()


def prior_sample(latents: int, seed: int) -> np.ndarray:
    """One z `(latents,)` from N(0, I), the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(latents, generator=generator).double().numpy()
