"""How far latents depend on one another, from codes alone: Gaussian total correlation and kin."""

from typing import Any

import numpy as np
import torch

from explorer.analysis.metrics.information import BINS, equal_width_bins, mutual_information
from explorer.analysis.metrics.result import MetricResult, undefined
from explorer.analysis.metrics.table import Array, as_codes, codes_problem, constant_columns, sizes_for
from models.shapes import Shaped

ROWS = {"full": 10_000, "fast": 5_000}


def gaussian_total_correlation(codes: Any, factors: Any = None, seed: int = 0, preset: str = "full") -> MetricResult:
    """Total correlation in nats of a Gaussian with the codes' covariance; 0 where uncorrelated.

    Half of the sum of log variances minus the log determinant (Watanabe 1960; used by Locatello
    et al. 2019 on mean representations). It sees linear dependence only. It is undefined where a
    latent is a linear function of the others, because it would be infinite. A constant latent
    depends on nothing and is left out. It is biased upwards: D independent latents of n rows score
    about D(D − 1)/4n, more where D is not small beside n, since sample correlations are not 0.

    codes: (n, D) floats. factors: not used; every metric takes them.

    parts: `covariance` (D, D); `wasserstein_correlation`, the squared 2-Wasserstein distance of
    that Gaussian from the one with independent latents, in squared units of the codes, and
    `wasserstein_correlation_share`, the same over the total variance;
    `mean_mutual_information`, the mean over pairs of latents, 20 bins each, in nats (NaN for one
    latent); `constant_latents`; `by_chance`, what independent Gaussian latents score on average with
    as many rows, in nats (None where there are too few rows).
    """
    size = sizes_for(ROWS, preset)
    table = as_codes(codes)
    if reason := codes_problem(table):
        return undefined("gaussian_total_correlation", reason, seed, preset)
    if len(table) > size:
        table = table[np.random.default_rng(seed).choice(len(table), size, replace=False)]

    covariance, constant = _live_covariance(table)
    live = np.ix_(~constant, ~constant)
    total = total_correlation_of(covariance[live])
    distance = wasserstein_correlation_of(covariance)
    variance = np.trace(covariance)
    pairs = _pair_information(table)
    parts = {
        "covariance": covariance,
        "wasserstein_correlation": distance,
        "wasserstein_correlation_share": float(distance / variance) if variance > 0 else 0.0,
        "mean_mutual_information": pairs,
        "by_chance": by_chance(len(table), int((~constant).sum())),
        "constant_latents": np.flatnonzero(constant),
    }
    name, reason = "gaussian_total_correlation", None
    if total is None:
        reason = "A latent is a linear function of the others, so the total correlation is infinite."
    return MetricResult(name, total, parts, len(table), seed, preset, reason)


def wasserstein_correlation(codes: Any, factors: Any = None, seed: int = 0, preset: str = "full") -> MetricResult:
    """How far a Gaussian with the codes' covariance is from one with independent latents, at least 0.

    The squared 2-Wasserstein distance between the two, in squared units of the codes, as in Locatello
    et al. 2019. A constant latent adds nothing.

    codes: (n, D) floats. factors: not used; every metric takes them.

    parts: `share`, the distance over the total variance, which doesn't depend on the codes' scale;
    `covariance` (D, D); `constant_latents`.
    """
    size = sizes_for(ROWS, preset)
    table = as_codes(codes)
    if reason := codes_problem(table):
        return undefined("wasserstein_correlation", reason, seed, preset)
    if len(table) > size:
        table = table[np.random.default_rng(seed).choice(len(table), size, replace=False)]
    covariance, constant = _live_covariance(table)
    distance = max(wasserstein_correlation_of(covariance), 0.0)
    variance = np.trace(covariance)
    parts = {
        "share": float(distance / variance) if variance > 0 else 0.0,
        "covariance": covariance,
        "constant_latents": np.flatnonzero(constant),
    }
    return MetricResult("wasserstein_correlation", distance, parts, len(table), seed, preset)


def total_correlation_of(covariance: Shaped[Array, "D D"]) -> float | None:
    """Total correlation in nats of a Gaussian with this covariance (D, D), positive variances.

    None where the matrix is singular to machine precision.
    """
    if not len(covariance):
        return 0.0
    sd = np.sqrt(np.diag(covariance))
    strengths = np.linalg.eigvalsh(covariance / np.outer(sd, sd))
    if strengths[0] <= len(strengths) * np.finfo(np.float64).eps:
        return None
    return max(0.0, float(-0.5 * np.log(strengths).sum()))  # in this order: of no −0.0


def by_chance(rows: int, latents: int) -> float | None:
    """What `latents` independent Gaussian latents score on average with `rows` rows, in nats; None with too few.

    The determinant of their sample correlations is a product of independent beta variables (Anderson 2003, An
    Introduction to Multivariate Statistical Analysis, section 9.3); to first order it is D(D − 1)/4n.
    """
    if rows <= latents:
        return None
    psi = torch.digamma((rows - torch.arange(1, latents + 1, dtype=torch.float64)) / 2)
    return float(0.5 * (psi[:1] - psi).sum())


def wasserstein_correlation_of(covariance: Shaped[Array, "D D"]) -> float:
    """Squared 2-Wasserstein distance between N(0, covariance) and N(0, its diagonal)."""
    sd = np.sqrt(np.diag(covariance))
    strengths = np.linalg.eigvalsh(covariance * np.outer(sd, sd))
    return float(2 * np.trace(covariance) - 2 * np.sqrt(np.maximum(strengths, 0.0)).sum())


def _live_covariance(codes: Array) -> tuple[Array, Array]:
    """The covariance (D, D) of codes (n, D), 0 where a latent is constant, and which (D,) are."""
    constant = constant_columns(codes)
    covariance = np.atleast_2d(np.cov(codes.astype(np.float64), rowvar=False))
    return np.where(constant[:, None] | constant, 0.0, covariance), constant


def _pair_information(codes: Array) -> float:
    dims = codes.shape[1]
    if dims < 2:
        return float("nan")
    bins = equal_width_bins(codes, BINS)
    information = mutual_information(bins, bins)
    return float((information.sum() - np.trace(information)) / (dims * (dims - 1)))
