"""A linear Beta-VAE at its optimum, and data that have exactly the covariance it was made for.

Data of eigenvalues 4, 1 and 0.25 along the columns of U, a decoder of variance 0.1, and β = 4: the water level βσ² is
0.4, so that the first two latents are alive (Lucas et al. 2019). All lengths are scaled so that pixels lie in [0, 1].
"""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from torch import Tensor

from explorer.datasets.base import Dataset, Indices
from models import likelihoods, networks
from models.beta_vae import BetaVAE

EIGENVALUES = np.array([4.0, 1.0, 0.25])
VARIANCE, BETA, LEVEL = 0.1, 4.0, 0.4
SCALE = 0.01  # pixels for one unit
SHAPE = (1, 1, 3)
ALIVE = np.sqrt(np.clip(EIGENVALUES - LEVEL, 0, None))


def directions(seed: int = 0) -> np.ndarray:
    """U `(3, 3)`, orthogonal."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]


def optimum(seed: int = 0) -> BetaVAE:
    """The model: W = U·diag(√(λ − t)), V = diag(√(λ − t)/λ)·Uᵀ, posterior variance t/λ where λ > t, else 1."""
    u = directions(seed)
    network = networks.build("linear", SHAPE, 3)
    model = BetaVAE(network, likelihoods.build("gaussian", {"sigma": SCALE * VARIANCE**0.5}))
    decoder, encoder = SCALE * u * ALIVE, (ALIVE / EIGENVALUES)[:, None] * u.T / SCALE
    variance = np.where(EIGENVALUES > LEVEL, LEVEL / EIGENVALUES, 1.0)
    middle = np.full(3, 0.5)
    values = {
        "encoder.mean.weight": encoder,
        "encoder.mean.bias": -encoder @ middle,
        "encoder.log_var": np.log(variance),
        "decoder.0.weight": decoder,
        "decoder.0.bias": middle,
    }
    network.load_state_dict({name: torch.tensor(value, dtype=torch.float32) for name, value in values.items()})
    return model.requires_grad_(False).eval()


class FloatData(Dataset):
    """Pixels in [0, 1] `(n, C, H, W)` as they are, not in 255 steps."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.name, self.identity = "floats", "floats"
        self.pixels = torch.from_numpy(pixels)
        self.shape = (pixels.shape[1], pixels.shape[2], pixels.shape[3])

    def __len__(self) -> int:
        return len(self.pixels)

    def images(self, indices: Indices) -> Tensor:
        return self.pixels[self._checked(indices)]

    def to(self, device: torch.device | str) -> Self:
        return self


def data(count: int = 4000, seed: int = 0) -> FloatData:
    """Data whose sample has mean 0.5 and exactly the covariance U·diag(λ)·Uᵀ, scaled."""
    draws = np.random.default_rng(seed + 1).normal(size=(count, 3))
    draws -= draws.mean(0)
    white = np.linalg.svd(draws, full_matrices=False)[0] * np.sqrt(count)
    pixels = 0.5 + SCALE * (white * np.sqrt(EIGENVALUES)) @ directions(seed).T
    return FloatData(pixels.reshape(count, *SHAPE))
