"""Disentanglement metrics: pure functions from codes and factors to a MetricResult.

Every function takes codes (n, D) and the integer factor classes (n, K) of the same rows, a `seed`
and a `preset` ("full", the sample sizes of Locatello et al. 2019, or "fast"). Input that a score
isn't defined for gives the value None and a sentence that says why; arrays that can't be a table at
all (wrong shape or type) raise ValueError. `udr` takes several models' codes and KL instead,
`kl_per_dimension` and `polarised_regime` means and log-variances, `distance_to_orthogonality` the
decoder's Jacobians.
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
from explorer.analysis.metrics.infomec_score import infomec
from explorer.analysis.metrics.irs_score import irs
from explorer.analysis.metrics.mig_score import mig
from explorer.analysis.metrics.mig_sup_score import mig_sup
from explorer.analysis.metrics.modularity_score import modularity, modularity_of
from explorer.analysis.metrics.orthogonality_score import distance_to_orthogonality
from explorer.analysis.metrics.posterior_scores import (
    active_units,
    kl_per_dimension,
    polarised_regime,
)
from explorer.analysis.metrics.result import MetricResult
from explorer.analysis.metrics.sap_score import sap
from explorer.analysis.metrics.total_correlation import (
    gaussian_total_correlation,
    total_correlation_of,
    wasserstein_correlation,
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
    "mig_sup": mig_sup,
    "infomec": infomec,
    "gaussian_total_correlation": gaussian_total_correlation,
    "wasserstein_correlation": wasserstein_correlation,
    "active_units": active_units,
}

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
