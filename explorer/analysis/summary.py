"""All numbers that pages show of one model's costs and dimensions, from one pass over some images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from explorer.analysis.correlations import Correlations, correlate
from explorer.analysis.decomposition import OWN, KLDecomposition, decompose, images_for
from explorer.analysis.evaluation import EvaluationResult, choose, encode_all, evaluation_of, order_of, passed
from explorer.datasets.base import Dataset
from models.beta_vae import BetaVAE, Posterior

if TYPE_CHECKING:
    from torch import Tensor

MOST_MIXED = 100_000  # images that are encoded for the mixture
LEAST_ABOVE = 0.5  # nats that their logarithm must lie above the rate


@dataclass(frozen=True)
class Summary:
    """What `python -m explorer evaluate --json` prints and what the page Compare shows."""

    evaluation: EvaluationResult
    decomposition: KLDecomposition
    correlations: Correlations

    def units(self, regime: str) -> int:
        """How many dimensions are "active", "mixed" or "passive"."""
        return self.evaluation.regimes.count(regime)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        found = self.evaluation
        return {
            "count": found.count,
            "seed": found.seed,
            "reconstruction": found.reconstruction,
            "kl": found.kl,
            "elbo": found.elbo,
            "standard_errors": {"reconstruction": found.reconstruction_error, "kl": found.kl_error},
            "kl_per_dimension": found.kl_per_dimension.tolist(),
            "active_units": found.active_units,
            "activity": found.activity.tolist(),
            "mean_variance": found.mean_variance.tolist(),
            "variance_of_variance": found.variance_of_variance.tolist(),
            "regimes": found.regimes,
            "units": {regime: self.units(regime) for regime in ("active", "mixed", "passive")},
            "decomposition": self.decomposition.as_json(),
            "correlation": self.correlations.as_json(),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Summary:
        """The inverse of `as_json`. Raises KeyError, TypeError or ValueError on other values."""
        errors = value["standard_errors"]
        arrays = {
            name: np.array(value[name], dtype=np.float64)
            for name in ("kl_per_dimension", "activity", "mean_variance", "variance_of_variance")
        }
        evaluation = EvaluationResult(
            reconstruction=float(value["reconstruction"]),
            kl=float(value["kl"]),
            reconstruction_error=_number(errors["reconstruction"]),
            kl_error=_number(errors["kl"]),
            count=int(value["count"]),
            seed=int(value["seed"]),
            **arrays,
        )
        return cls(
            evaluation,
            KLDecomposition.from_json(value["decomposition"]),
            Correlations.from_json(value["correlation"], evaluation.regimes),
        )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def summarise(
    model: BetaVAE,
    data: Dataset,
    count: int | None = None,
    seed: int = 0,
    held: tuple[Dataset, Tensor] | None = None,
    enough: bool = False,
) -> Summary:
    """Send images through `model` once, those that `evaluate` takes, and give all that is known of it.

    Args:
        held: those images where they are at hand already, and their indices there.
        enough: where so few images can't show what the model's rate holds, and more of `data` can, more of them are
            encoded for the mixture by which the KL is taken apart, and where these are not all there are, it is
            taken with less bias (`KLDecomposition.own`). Everything else stays as it is.

    Raises:
        UserError: images of another shape, a count that the data set can't give, or costs that are not
            finite.
    """
    source, indices = held or (data, choose(data, count, seed))
    found = passed(model, source, seed=seed, indices=indices)
    evaluation = evaluation_of(found, data.name)
    posterior, mixed = found.posterior, images_mixed(evaluation, len(data))
    if enough and mixed > evaluation.count:
        more = encode_all(model, data, order_of(data, seed)[evaluation.count : mixed])
        posterior = Posterior(torch.cat([posterior.mean, more.mean]), torch.cat([posterior.log_var, more.log_var]))
    count = len(posterior.mean)
    share = max(OWN, count / len(data)) if enough and count > 1 else 1.0
    return Summary(
        evaluation,
        decompose(posterior, found.z, seed, share),
        correlate(found.posterior.mean.numpy(), found.z.numpy(), evaluation.regimes),
    )


def images_mixed(found: EvaluationResult, of: int) -> int:
    """How many of a data set's images are enough to take the KL apart: as many as its rate needs, up to 100,000.

    No more than there are already, where even so many would show little more.
    """
    most = min(MOST_MIXED, of)
    if math.log(most) < found.kl + LEAST_ABOVE:
        return found.count
    return max(found.count, min(images_for(found.kl), most))
