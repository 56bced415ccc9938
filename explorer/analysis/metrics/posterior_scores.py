"""What a posterior shows by itself, without factors: active units, KL, and the polarised regime."""

from typing import Any

import numpy as np

from explorer.analysis.metrics.result import MetricResult, undefined
from explorer.analysis.metrics.table import Array, as_codes, codes_problem, sizes_for
from models.shapes import Shaped

ROWS = {"full": 10_000, "fast": 5_000}
ACTIVE_VARIANCE = 0.01  # Burda et al. 2015
ACTIVE_DEVIATION = 0.5  # Rolinek et al. 2019, equation 30
NARROW, STEADY = 0.1, 0.1  # Bonheme and Grześ 2021: mean of σ² of an active latent; its variance
NEAR_PRIOR = (0.9, 1.1)  # mean of σ² of a passive latent


def active_units(codes: Any, factors: Any = None, seed: int = 0, preset: str = "full") -> MetricResult:
    """How many latents vary with the image: Var(µ) > 0.01 (Burda et al. 2015).

    codes: (n, D) posterior means. factors: not used; every metric takes them.

    parts: `activity` (D,), the variance of each latent; `active_latents`.
    """
    table = _rows(as_codes(codes), sizes_for(ROWS, preset), seed)
    if reason := codes_problem(table):
        return undefined("active_units", reason, seed, preset)
    activity = table.var(axis=0, dtype=np.float64)
    active = np.flatnonzero(activity > ACTIVE_VARIANCE)
    parts = {"activity": activity, "active_latents": active}
    return MetricResult(
        "active_units", float(len(active)), parts, len(table), seed, preset, ceiling=float(table.shape[1])
    )


def kl_per_dimension(mean: Any, log_var: Any, seed: int = 0, preset: str = "full") -> MetricResult:
    """KL(q(z|x) || N(0, I)) in nats an image, the mean over images; the value is the sum over latents.

    mean, log_var: (n, D) of the posterior.

    parts: `kl` (D,) in nats; `order`, the latents by it, the highest first.
    """
    means, logs, reason = _posterior(mean, log_var, sizes_for(ROWS, preset), seed)
    if reason:
        return undefined("kl_per_dimension", reason, seed, preset)
    kl = kl_of(means, logs).mean(axis=0)
    parts = {"kl": kl, "order": np.argsort(-kl, kind="stable")}
    return MetricResult("kl_per_dimension", float(kl.sum()), parts, len(means), seed, preset)


def kl_of(mean: Shaped[Array, "n D"], log_var: Shaped[Array, "n D"]) -> Shaped[Array, "n D"]:
    """KL in nats (n, D) of Gaussians from N(0, 1): half of µ² + σ² − log σ² − 1."""
    mean, log_var = mean.astype(np.float64), log_var.astype(np.float64)
    return np.asarray(0.5 * (mean**2 + np.exp(log_var) - log_var - 1))


def polarised_regime(mean: Any, log_var: Any, seed: int = 0, preset: str = "full") -> MetricResult:
    """Δ_KL: how far the KL is from that of a polarised posterior, at least 0 (Rolinek et al. 2019).

    There a latent is either passive, equal to the prior, or active, with a small variance, so that
    the KL is nearly half the sum over active latents of µ² − log σ² − 1. The value is the difference
    as a share of the KL; a latent is active if µ has a standard deviation above 0.5 over images.
    A limit of 0.03, below which a model counts as polarised, is quoted from the paper; it was not
    verified in its text, and nothing here rests on it.

    mean, log_var: (n, D) of the posterior.

    parts: `kl` and `polarised_kl` in nats; `active_latents` by Rolinek's rule; `regime` (D,), "active",
    "passive" or "mixed" by the mean and variance over images of σ² (Bonheme and Grześ 2021), which
    stand in `mean_variance` and `variance_of_variance` (D,).
    """
    name = "polarised_regime"
    means, logs, reason = _posterior(mean, log_var, sizes_for(ROWS, preset), seed)
    if reason:
        return undefined(name, reason, seed, preset)
    centre, wobble = variance_of(logs)
    active = np.flatnonzero(means.std(axis=0, dtype=np.float64) > ACTIVE_DEVIATION)
    kl = float(kl_of(means, logs).sum(axis=1).mean())
    polarised = 0.5 * (means[:, active].astype(np.float64) ** 2 - logs[:, active] - 1)
    approximate = float(polarised.sum(axis=1).mean())
    parts = {
        "kl": kl,
        "polarised_kl": approximate,
        "active_latents": active,
        "regime": regimes_of(centre, wobble),
        "mean_variance": centre,
        "variance_of_variance": wobble,
    }
    if kl <= 1e-12:
        reason = "The KL is 0: the posterior is the prior, and the difference has no size to compare with."
        return MetricResult(name, None, parts, len(means), seed, preset, reason)
    return MetricResult(name, abs(kl - approximate) / kl, parts, len(means), seed, preset)


def variance_of(log_var: Shaped[Array, "n D"]) -> tuple[Shaped[Array, " D"], Shaped[Array, " D"]]:
    """Mean and variance over images of σ² of each latent, (D,) each, of log-variances (n, D)."""
    variance = np.exp(log_var.astype(np.float64))
    return variance.mean(axis=0), variance.var(axis=0)


def regimes_of(mean_variance: Shaped[Array, " D"], variance_of_variance: Shaped[Array, " D"]) -> list[str]:
    """What each latent is by the two results of `variance_of` (Bonheme and Grześ 2021).

    "passive": σ² is near 1 whatever the image, as the prior's; "active": it is near 0; else "mixed".
    """
    steady = variance_of_variance < STEADY
    passive = steady & (mean_variance >= NEAR_PRIOR[0]) & (mean_variance <= NEAR_PRIOR[1])
    active = steady & (mean_variance <= NARROW)
    return ["passive" if p else "active" if a else "mixed" for p, a in zip(passive, active, strict=True)]


def _posterior(mean: Any, log_var: Any, size: int, seed: int) -> tuple[Array, Array, str | None]:
    means, logs = as_codes(mean), as_codes(log_var)
    if means.shape != logs.shape:
        raise ValueError(f"Means and log-variances must have one shape; these are {means.shape} and {logs.shape}.")
    reason = codes_problem(means) or codes_problem(logs)
    if reason is None and float(logs.max()) > 80:
        reason = "The log-variances are beyond 80, where σ² is too large to be summed."
    return _rows(means, size, seed), _rows(logs, size, seed), reason


def _rows(table: Array, size: int, seed: int) -> Array:
    if len(table) <= size:
        return table
    return table[np.random.default_rng(seed).choice(len(table), size, replace=False)]
