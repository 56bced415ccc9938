"""The one Beta-VAE whose optimum is known exactly: linear, with a Gaussian decoder of fixed σ².

With data of covariance eigenvalues λ_j the optimum is probabilistic PCA with noise βσ² (Tipping and Bishop
1999; Lucas et al. 2019 for β = 1), which is reverse water-filling (Cover and Thomas, 10.3.3): βσ² is the
water level, and a dimension is alive while its λ_j stands above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Optimum:
    """The best linear Beta-VAE of one β; nats an image, by falling eigenvalue.

    `kl` `(D,)` is KL_j = max(0, ½ ln(λ_j / (βσ²))); `distortion` is −E[log p(x|z)].
    """

    beta: float
    kl: np.ndarray
    distortion: float

    @property
    def rate(self) -> float:
        """The KL in all."""
        return float(self.kl.sum())


def optimum(eigenvalues: Sequence[float], beta: float, variance: float) -> Optimum:
    """The optimum for data of these eigenvalues, as many latents, and a decoder of this σ².

    Along an alive direction the squared error is βσ², along a dead one it is λ_j; β = 0 has no optimum.
    """
    spectrum = np.sort(np.asarray(eigenvalues, dtype=np.float64))[::-1]
    kl = np.maximum(0.0, 0.5 * np.log(spectrum / (beta * variance)))
    error = np.minimum(beta * variance, spectrum)
    distortion = 0.5 * float((np.log(2 * np.pi * variance) + error / variance).sum())
    return Optimum(beta, kl, distortion)


def deaths(eigenvalues: Sequence[float], variance: float) -> np.ndarray:
    """The β at which each dimension dies, λ_j / σ², the last one first."""
    return np.sort(np.asarray(eigenvalues, dtype=np.float64))[::-1] / variance


def beta_grid(eigenvalues: Sequence[float], variance: float, count: int) -> np.ndarray:
    """`count` values of β, evenly on a log scale, from below the first death to beyond the last."""
    ends = deaths(eigenvalues, variance)
    return np.geomspace(ends[-1] / 4, ends[0] * 2, count)


def beta_of_rate(eigenvalues: Sequence[float], variance: float, rate: float) -> float:
    """The β at which the optimum has that rate (above 0): what a constraint or a capacity chooses."""
    logs = np.log(deaths(eigenvalues, variance))
    alive = np.arange(1, len(logs) + 1)
    levels = (np.cumsum(logs) - 2 * rate) / alive  # ln β with the first k dimensions alive
    return float(np.exp(levels.max()))
