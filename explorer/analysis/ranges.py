"""How far a latent dimension is moved. Knows nothing of torch, so that pages have it at once."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

RangeKind = Literal["prior", "aggregate", "fixed"]


@dataclass(frozen=True)
class Aggregate:
    """The Gaussian that fits the aggregate posterior q(z), dimension by dimension, from `count` images.

    `mean` and `std` `(D,)`: E[µ] and sqrt(E[σ²] + Var[µ]).
    """

    mean: np.ndarray
    std: np.ndarray
    count: int


def value_range(
    kind: RangeKind, latents: int, quantile: float = 0.05, span: float = 3.0, fitted: Aggregate | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value of each dimension, both `(D,)`.

    Args:
        kind: "prior": quantiles of N(0, 1); "aggregate": quantiles of the fitted aggregate posterior;
            "fixed": −span to +span.
        quantile: the lower one; the upper is its mirror image.

    Raises:
        ValueError: "aggregate" without its fit.
    """
    if kind == "fixed":
        return np.full(latents, -span), np.full(latents, span)
    reach = -NormalDist().inv_cdf(quantile)
    if kind == "prior":
        return np.full(latents, -reach), np.full(latents, reach)
    if fitted is None:
        raise ValueError("the aggregate posterior's range needs its fit")
    return fitted.mean - reach * fitted.std, fitted.mean + reach * fitted.std
