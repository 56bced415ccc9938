"""The KL in three parts (Chen et al. 2018, eq. 2), by the mixture of all images that were encoded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.evaluation import order_of, standard_error
from explorer.errors import UserError
from models.beta_vae import Posterior

SAMPLES = 10_000  # that the means are taken over, where there are as many images
LEAST_SAMPLES = 200
DENSITIES = 2**29  # log-densities that are computed at most: fewer samples of large mixtures
NEAR_CAP = 0.5  # nats
ABOVE = 2.5  # nats that ln(images) should lie above the rate
# What a sample's own posterior counts in the mixture, of an image's usual share, where the bias is to be small.
OWN = 0.3
LEAST_ERROR = 0.001  # nats: a change below it is none, however sure the mean is
PARTS = ("mutual_information", "total_correlation", "dimension_wise_kl")
CHUNK = 2**19  # of them at a time


@dataclass(frozen=True)
class KLDecomposition:
    """Estimates in nats: means over `samples` z, one of an image's posterior each.

    E_n KL(q(z|n) || p(z)) is the sum of the index-code mutual information I(z; n), the total
    correlation KL(q(z) || prod_j q(z_j)) and the dimension-wise KL, sum_j KL(q(z_j) || p(z_j)), where
    q(z) is the mixture of the posteriors of `images` images. So the mutual information can't exceed
    `cap`, ln(images), whatever the model stores.

    `dimension_wise` `(D,)` are the terms of the last part. `kl`, the three parts' sum, is the
    Monte-Carlo estimate of the KL by the same samples. What the mixture of so few images can't show of the
    mutual information stands in the total correlation: too small a mixture splits one sum wrongly.
    `doubling` says how far that goes: by how much each part has changed from half of the images to all of
    them, for the same samples; None of a single image. `errors` are standard errors over the samples,
    by the names of the parts and "kl", and None of a single one.

    In the mixture of images that were only drawn from more, the one that a sample came from stands out: with its
    whole share the mutual information comes out too low, with none too high. `own` is its share in `images`ths:
    1, or OWN, with which both nearly cancel (`benchmarks/aggregate.py` holds it against a linear-Gaussian model).
    """

    mutual_information: float
    total_correlation: float
    dimension_wise_kl: float
    dimension_wise: np.ndarray
    errors: dict[str, float | None]
    doubling: dict[str, float] | None
    samples: int
    images: int
    own: float = 1.0

    @property
    def kl(self) -> float:
        """The sum of the three parts."""
        return self.mutual_information + self.total_correlation + self.dimension_wise_kl

    @property
    def cap(self) -> float:
        """ln(images / own): the most mutual information that so many images can show."""
        return math.log(self.images / self.own)

    @property
    def cap_of(self) -> int:
        """What the cap is the logarithm of."""
        return round(self.images / self.own)

    @property
    def full(self) -> bool:
        """Whether the mutual information stands so near its cap that it may well be larger."""
        return self.cap - self.mutual_information < NEAR_CAP

    @property
    def converged(self) -> bool:
        """Whether twice the images changed neither mutual information nor total correlation by more than its
        standard error over the samples."""
        if self.doubling is None or self.full:
            return False
        return all(
            abs(self.doubling[part]) <= max(self.errors[part] or 0.0, LEAST_ERROR)
            for part in ("mutual_information", "total_correlation")
        )

    @property
    def warning(self) -> str | None:
        """Two sentences for who reads the parts as the model's own; None where they have converged."""
        if self.converged:
            return None
        if self.doubling is None:
            return "One image shows no mutual information. Measure on more."
        changes = [f"{_CALLED[part]} by {change:+.3f}".replace("-", "−") for part, change in self.doubling.items()]
        return (
            f"Not converged: from {-(-self.images // 2):,} to {self.images:,} images {', '.join(changes)} nats, and "
            "the standard errors say nothing of that. Total correlation holds what mutual information lacks, "
            f"which {self.images:,} images cap at ln {self.cap_of:,} = {self.cap:.2f}: more images move nats from "
            "the one to the other."
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "mutual_information": self.mutual_information,
            "total_correlation": self.total_correlation,
            "dimension_wise_kl": self.dimension_wise_kl,
            "kl": self.kl,
            "dimension_wise": self.dimension_wise.tolist(),
            "standard_errors": self.errors,
            "doubling": self.doubling,
            "converged": self.converged,
            "warning": self.warning,
            "samples": self.samples,
            "images": self.images,
            "own": self.own,
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
            {str(name): None if error is None else float(error) for name, error in value["standard_errors"].items()},
            None if value["doubling"] is None else {part: float(value["doubling"][part]) for part in PARTS},
            int(value["samples"]),
            int(value["images"]),
            float(value["own"]),
        )


_CALLED = dict(zip(PARTS, ("mutual information", "total correlation", "KL of dimensions"), strict=True))


def images_for(rate: float) -> int:
    """How many images a model of this rate needs in nats, rounded up to two digits."""
    wanted = math.exp(min(rate + ABOVE, 100.0))
    unit = int(10 ** max(int(math.log10(wanted)) - 1, 0))
    return math.ceil(wanted / unit) * unit


def decompose(posterior: Posterior, z: Tensor, seed: int = 0, share: float = 1.0) -> KLDecomposition:
    """Take the KL apart by the mixture of all given posteriors.

    Args:
        posterior: q(z|n) of N images, `(N, D)`.
        z: one sample of each of the first, `(n, D)`; of all of them where n = N.
        seed: of the choice of samples, where there are more images than are needed, and of the halves.
        share: of the sample's own posterior in the mixture, in Nths (see `KLDecomposition.own`).

    Raises:
        UserError: posteriors so narrow that a density is beyond the numbers there are.
    """
    count, latents = posterior.mean.shape
    wanted = max(LEAST_SAMPLES, min(SAMPLES, DENSITIES // (count * latents)))
    rows = torch.arange(len(z))
    if wanted < len(z):
        rows = order_of(z, seed)[:wanted]
    mean, log_var, samples = (t.double() for t in (posterior.mean, posterior.log_var, z[rows]))
    precision, constant = torch.exp(-0.5 * log_var), -0.5 * (log_var + math.log(2 * math.pi))
    own = (samples - mean[rows]).mul(precision[rows]).square().mul(-0.5).add(constant[rows]).sum(1)
    # By images: one half of them, then the other. A sample's own half is the mixture of half as many images.
    order = order_of(posterior.mean, seed)
    sizes = [count - count // 2, count // 2]
    second = torch.empty(count, dtype=torch.int64)
    second[order] = torch.tensor([0, 1]).repeat_interleave(torch.tensor(sizes))
    home = second[rows]
    mean, precision, constant = mean[order], precision[order], constant[order]
    joint = torch.empty(2, len(rows), dtype=torch.float64)  # log q(z): of all images, of the own half
    marginal = torch.empty(2, len(rows), latents, dtype=torch.float64)  # log q(z_j)

    def mixed(density: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
        halves = torch.stack([torch.logsumexp(d, dim=1) for d in density.split(sizes, dim=1)])
        size = torch.tensor(sizes, dtype=torch.float64)[half].log()
        everything = torch.logsumexp(halves, dim=0) - math.log(count)
        return everything, halves.gather(0, half[None])[0] - size

    for chunk in torch.arange(len(rows)).split(max(1, CHUNK // count)):
        together = torch.zeros(len(chunk), count, dtype=torch.float64)
        for j in range(latents):
            density = samples[chunk, j, None] - mean[:, j]
            density.mul_(precision[:, j]).square_().mul_(-0.5).add_(constant[:, j])
            together += density
            marginal[0, chunk, j], marginal[1, chunk, j] = mixed(density, home[chunk])
        joint[0, chunk], joint[1, chunk] = mixed(together, home[chunk])
    if share < 1:
        counts = torch.tensor([count, *sizes], dtype=torch.float64)
        joint[0] = _reweighed(joint[0], own, counts[0], share)
        joint[1] = _reweighed(joint[1], own, counts[1:][home], share)
    prior = -0.5 * (samples.square() + math.log(2 * math.pi))
    wise = (marginal[0] - prior).numpy()
    parts, by_half = (
        dict(zip(PARTS, ((own - q).numpy(), (q - m.sum(1)).numpy(), (m - prior).sum(1).numpy()), strict=True))
        for q, m in zip(joint, marginal, strict=True)
    )
    if not all(np.isfinite(values).all() for values in (wise, *parts.values())):
        raise UserError("the model's posteriors are too narrow for a density to be a number")
    errors = {name: standard_error(values) for name, values in parts.items()}
    errors["kl"] = standard_error(sum(parts.values()))
    return KLDecomposition(
        **{name: float(values.mean()) for name, values in parts.items()},
        dimension_wise=wise.mean(0),
        errors=errors,
        samples=len(rows),
        images=count,
        own=share,
        doubling=None if count < 2 else {part: float((parts[part] - by_half[part]).mean()) for part in PARTS},
    )


def _reweighed(mixture: Tensor, own: Tensor, count: Tensor, share: float) -> Tensor:
    """The log-density of a mixture of `count` where the sample's own part counts `share` of what others do on average.

    Args:
        mixture, own: log-densities `(n,)` of all parts alike, and of the own one.
        count: parts of the mixture.
    """
    everything = mixture + count.log()
    rest = torch.log1p(-torch.exp(own - everything).clamp(max=1))
    weight = share / count
    return torch.logaddexp(
        own + weight.log(), everything + rest - (count - 1).clamp(min=1).log() + torch.log1p(-weight)
    )
