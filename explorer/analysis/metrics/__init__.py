"""Disentanglement metrics: pure functions from codes and factors to a MetricResult.

Every function takes codes (n, D) and the integer factor classes (n, K) of the same rows, a `seed`
and a `preset` ("full", the sample sizes of Locatello et al. 2019, or "fast"). Input that a score
isn't defined for gives the value None and a sentence that says why; arrays that can't be a table at
all (wrong shape or type) raise ValueError. `udr` takes several models' codes instead.
"""

from collections.abc import Callable

from explorer.analysis.metrics.beta_vae_score import beta_vae, beta_vae_accuracy, beta_vae_features
from explorer.analysis.metrics.dci_score import completeness_of, dci, disentanglement_of
from explorer.analysis.metrics.explicitness_score import explicitness
from explorer.analysis.metrics.factor_vae_score import (
    factor_vae,
    factor_vae_votes,
    majority_accuracy,
)
from explorer.analysis.metrics.irs_score import irs
from explorer.analysis.metrics.mig_score import mig
from explorer.analysis.metrics.modularity_score import modularity, modularity_of
from explorer.analysis.metrics.result import MetricResult
from explorer.analysis.metrics.sap_score import sap
from explorer.analysis.metrics.total_correlation import (
    gaussian_total_correlation,
    total_correlation_of,
)
from explorer.analysis.metrics.udr_score import relative_strength, udr

# Every metric of one table, by name, in the order in which a page or a command offers them.
BY_NAME: dict[str, Callable[..., MetricResult]] = {
    "mig": mig,
    "dci": dci,
    "factor_vae": factor_vae,
    "beta_vae": beta_vae,
    "sap": sap,
    "modularity": modularity,
    "explicitness": explicitness,
    "irs": irs,
    "gaussian_total_correlation": gaussian_total_correlation,
}

__all__ = [
    "BY_NAME",
    "MetricResult",
    "beta_vae",
    "beta_vae_accuracy",
    "beta_vae_features",
    "completeness_of",
    "dci",
    "disentanglement_of",
    "explicitness",
    "factor_vae",
    "factor_vae_votes",
    "gaussian_total_correlation",
    "irs",
    "majority_accuracy",
    "mig",
    "modularity",
    "modularity_of",
    "relative_strength",
    "sap",
    "total_correlation_of",
    "udr",
]
