"""The KL in three parts (Chen et al. 2018, eq. 2), by the mixture of all images that were encoded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.evaluation import standard_error
from explorer.errors import UserError
from models.beta_vae import Posterior

SAMPLES = 10_000  # that the means are taken over, where there are as many images
LEAST_SAMPLES = 200
DENSITIES = 2**29  # log-densities that are computed at most: fewer samples of large mixtures
NEAR_CAP = 0.5  # nats
CHUNK = 2**19  # of them at a time


@dataclass(frozen=True)
class KLDecomposition:
    """Estimates in nats: means over `samples` z, one of an image's posterior each.

    E_n KL(q(z|n) || p(z)) is the sum of the index-code mutual information I(z; n), the total
    correlation KL(q(z) || prod_j q(z_j)) and the dimension-wise KL, sum_j KL(q(z_j) || p(z_j)), where
    q(z) is the mixture of the posteriors of `images` images. So the mutual information can't exceed
    `cap`, ln(images), whatever the model stores.

    `dimension_wise` `(D,)` are the terms of the last part. `kl`, the three parts' sum, is the
    Monte-Carlo estimate of the KL by the same samples. `errors` are standard errors over the samples,
    by the names of the parts and "kl", and None of a single one.
    """

    mutual_information: float
    total_correlation: float
    dimension_wise_kl: float
    dimension_wise: np.ndarray
    errors: dict[str, float | None]
    samples: int
    images: int

    @property
    def kl(self) -> float:
        """The sum of the three parts."""
        return self.mutual_information + self.total_correlation + self.dimension_wise_kl

    @property
    def cap(self) -> float:
        """ln(images): the most mutual information that so many images can show."""
        return math.log(self.images)

    @property
    def full(self) -> bool:
        """Whether the mutual information stands so near its cap that it may well be larger."""
        return self.cap - self.mutual_information < NEAR_CAP

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "mutual_information": self.mutual_information,
            "total_correlation": self.total_correlation,
            "dimension_wise_kl": self.dimension_wise_kl,
            "kl": self.kl,
            "dimension_wise": self.dimension_wise.tolist(),
            "standard_errors": self.errors,
            "samples": self.samples,
            "images": self.images,
            "mutual_information_cap": self.cap,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> KLDecomposition:
        """The inverse of `as_json`. Raises KeyError, TypeError or ValueError on other values."""
        return cls(
            float(value["mutual_information"]),
            float(value["total_correlation"]),
            float(value["dimension_wise_kl"]),
            np.array(value["dimension_wise"], dtype=np.float64),
            {
                str(name): None if error is None else float(error)
                for name, error in value["standard_errors"].items()
            },
            int(value["samples"]),
            int(value["images"]),
        )


def decompose(posterior: Posterior, z: Tensor, seed: int = 0) -> KLDecomposition:
    """Take the KL apart by the mixture of all given posteriors.

    Args:
        posterior: q(z|n) of N images, `(N, D)`.
        z: one sample of each, `(N, D)`.
        seed: of the choice of samples, where there are more images than are needed.

    Raises:
        UserError: posteriors so narrow that a density is beyond the numbers there are.
    """
    count, latents = z.shape
    wanted = max(LEAST_SAMPLES, min(SAMPLES, DENSITIES // (count * latents)))
    rows = torch.arange(count)
    if wanted < count:
        rows = torch.randperm(count, generator=torch.Generator().manual_seed(seed))[:wanted]
    mean, log_var, samples = (t.double() for t in (posterior.mean, posterior.log_var, z[rows]))
    precision, constant = torch.exp(-0.5 * log_var), -0.5 * (log_var + math.log(2 * math.pi))
    own = (samples - mean[rows]).mul(precision[rows]).square().mul(-0.5).add(constant[rows]).sum(1)
    joint = torch.empty(len(rows), dtype=torch.float64)  # log q(z)
    marginal = torch.empty(len(rows), latents, dtype=torch.float64)  # log q(z_j)
    for chunk in torch.arange(len(rows)).split(max(1, CHUNK // count)):
        together = torch.zeros(len(chunk), count, dtype=torch.float64)
        for j in range(latents):
            density = samples[chunk, j, None] - mean[:, j]
            density.mul_(precision[:, j]).square_().mul_(-0.5).add_(constant[:, j])
            together += density
            marginal[chunk, j] = torch.logsumexp(density, dim=1)
        joint[chunk] = torch.logsumexp(together, dim=1)
    joint -= math.log(count)
    marginal -= math.log(count)
    prior = -0.5 * (samples.square() + math.log(2 * math.pi))
    wise = (marginal - prior).numpy()
    parts = {
        "mutual_information": (own - joint).numpy(),
        "total_correlation": (joint - marginal.sum(1)).numpy(),
        "dimension_wise_kl": wise.sum(1),
    }
    if not all(np.isfinite(values).all() for values in (wise, *parts.values())):
        raise UserError("the model's posteriors are too narrow for a density to be a number")
    errors = {name: standard_error(values) for name, values in parts.items()}
    errors["kl"] = standard_error(sum(parts.values()))
    return KLDecomposition(
        **{name: float(values.mean()) for name, values in parts.items()},
        dimension_wise=wise.mean(0), errors=errors, samples=len(rows), images=count,
    )  # fmt: skip
