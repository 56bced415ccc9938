"""Disentanglement metrics: pure functions from codes and factors to a MetricResult.

Every function takes codes (n, D) and the integer factor classes (n, K) of the same rows, a `seed`
and a `preset` ("full", the sample sizes of Locatello et al. 2019, or "fast"). Input that a score
isn't defined for gives the value None and a sentence that says why; arrays that can't be a table at
all (wrong shape or type) raise ValueError. `udr` takes several models' codes and KL instead,
`kl_per_dimension` and `polarised_regime` means and log-variances, `distance_to_orthogonality` the
decoder's Jacobians.

A score's module, and the libraries it needs, are imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explorer.analysis.metrics.beta_vae_score import beta_vae, beta_vae_accuracy, beta_vae_features
    from explorer.analysis.metrics.dci_score import completeness_of, dci, disentanglement_of
    from explorer.analysis.metrics.explicitness_score import explicitness
    from explorer.analysis.metrics.factor_vae_score import factor_vae, factor_vae_votes, majority_accuracy
    from explorer.analysis.metrics.infomec_score import infomec
    from explorer.analysis.metrics.irs_score import irs
    from explorer.analysis.metrics.mig_score import mig
    from explorer.analysis.metrics.mig_sup_score import mig_sup
    from explorer.analysis.metrics.modularity_score import modularity, modularity_of
    from explorer.analysis.metrics.orthogonality_score import distance_to_orthogonality
    from explorer.analysis.metrics.posterior_scores import active_units, kl_per_dimension, polarised_regime
    from explorer.analysis.metrics.result import MetricResult
    from explorer.analysis.metrics.sap_score import sap
    from explorer.analysis.metrics.total_correlation import (
        gaussian_total_correlation,
        total_correlation_of,
        wasserstein_correlation,
    )
    from explorer.analysis.metrics.udr_score import relative_strength, udr

    BY_NAME: dict[str, Callable[..., MetricResult]]

_MODULES = {
    "MetricResult": "result",
    "active_units": "posterior_scores",
    "beta_vae": "beta_vae_score",
    "beta_vae_accuracy": "beta_vae_score",
    "beta_vae_features": "beta_vae_score",
    "completeness_of": "dci_score",
    "dci": "dci_score",
    "disentanglement_of": "dci_score",
    "distance_to_orthogonality": "orthogonality_score",
    "explicitness": "explicitness_score",
    "factor_vae": "factor_vae_score",
    "factor_vae_votes": "factor_vae_score",
    "gaussian_total_correlation": "total_correlation",
    "infomec": "infomec_score",
    "irs": "irs_score",
    "kl_per_dimension": "posterior_scores",
    "majority_accuracy": "factor_vae_score",
    "mig": "mig_score",
    "mig_sup": "mig_sup_score",
    "modularity": "modularity_score",
    "modularity_of": "modularity_score",
    "polarised_regime": "posterior_scores",
    "relative_strength": "udr_score",
    "sap": "sap_score",
    "total_correlation_of": "total_correlation",
    "udr": "udr_score",
    "wasserstein_correlation": "total_correlation",
}

# Every metric of one table, in the order in which a page or a command offers them.
_OF_A_TABLE = (
    "mig",
    "dci",
    "factor_vae",
    "beta_vae",
    "sap",
    "modularity",
    "explicitness",
    "irs",
    "mig_sup",
    "infomec",
    "gaussian_total_correlation",
    "wasserstein_correlation",
    "active_units",
)


def __getattr__(name: str) -> Any:
    if name == "BY_NAME":
        found: Any = {name: __getattr__(name) for name in _OF_A_TABLE}
    elif name in _MODULES:
        found = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


__all__ = [
    "BY_NAME",
    "MetricResult",
    "active_units",
    "beta_vae",
    "beta_vae_accuracy",
    "beta_vae_features",
    "completeness_of",
    "dci",
    "disentanglement_of",
    "distance_to_orthogonality",
    "explicitness",
    "factor_vae",
    "factor_vae_votes",
    "gaussian_total_correlation",
    "infomec",
    "irs",
    "kl_per_dimension",
    "majority_accuracy",
    "mig",
    "mig_sup",
    "modularity",
    "modularity_of",
    "polarised_regime",
    "relative_strength",
    "sap",
    "total_correlation_of",
    "udr",
    "wasserstein_correlation",
]
