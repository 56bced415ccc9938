"""Beta-VAE score: can a linear classifier tell which factor two batches of rows have in common?"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.analysis.metrics.learners import fit_logistic
from explorer.analysis.metrics.result import MetricResult, undefined
from explorer.analysis.metrics.table import Array, RowsByValue, Table, shared_values, sizes_for
from models.shapes import Shaped


@dataclass(frozen=True)
class PairSizes:
    """Points to learn from and to judge by, and pairs of rows in a point."""

    train: int
    test: int
    batch: int = 64


SIZES = {"full": PairSizes(10_000, 5_000), "fast": PairSizes(3_000, 1_500)}
CHUNK = 1_000  # points whose pairs are held in memory at a time


def beta_vae(codes: Any, factors: Any, seed: int = 0, preset: str = "full") -> MetricResult:
    """The score of Higgins et al. 2017 (beta-VAE, section 3), in [0, 1].

    A point: 64 pairs of rows, each pair with one factor in common, always the same one; the mean
    absolute difference of their codes. A logistic regression names the factor from the point; the
    value is its accuracy on further points. Guessing gives about one over the number of factors. It
    saturates easily: a rotated code reaches 0.96.

    codes: (n, D) floats. factors: (n, K) integer classes of the same rows.

    parts: `train_accuracy` in [0, 1]; `confusion` (K', K') counts of test points, true factor by
    named factor, both the `factors_used` in order; `coefficients` (K', D); `converged`, whether
    the fit came to rest; `factors_used`;
    `train_count`, `test_count` in points.
    """
    sizes = sizes_for(SIZES, preset)
    table = Table.of(codes, factors)
    if reason := table.problem(factors=2):
        return undefined("beta_vae", reason, seed, preset)
    used, groups = shared_values(table)
    if len(used) < 2:
        reason = "Fewer than two factors have values that rows share, so no pair can share one."
        return undefined("beta_vae", reason, seed, preset)

    rng = np.random.default_rng(seed)
    train = _draw_points(table, groups, sizes.train, sizes.batch, rng)
    test = _draw_points(table, groups, sizes.test, sizes.batch, rng)
    if len(np.unique(train[1])) < 2:
        return undefined("beta_vae", "All train points share one factor.", seed, preset)
    model = fit_logistic(*train, seed)
    named = model.predict(test[0])
    confusion = np.zeros((len(used), len(used)), dtype=np.int64)
    np.add.at(confusion, (test[1], named), 1)
    parts = {
        "train_accuracy": float(model.score(*train)),
        "confusion": confusion,
        "coefficients": model.coef_,
        "converged": bool(model.n_iter_.max() < model.max_iter),
        "factors_used": used,
        "train_count": sizes.train,
        "test_count": sizes.test,
    }
    value = float((named == test[1]).mean())
    return MetricResult("beta_vae", value, parts, len(table), seed, preset, ceiling=1.0)


def beta_vae_features(first: Shaped[Array, "B L D"], second: Shaped[Array, "B L D"]) -> Shaped[Array, "B D"]:
    """Points (P, D) of explicit pairs: the mean over L of |first - second|, each (P, L, D)."""
    return np.asarray(np.abs(first - second).mean(axis=1))


def beta_vae_accuracy(train: tuple[Array, Array], test: tuple[Array, Array], seed: int = 0) -> tuple[float, float]:
    """Train and test accuracy of the classifier on explicit (points (P, D), factors (P,))."""
    model = fit_logistic(*train, seed)
    return float(model.score(*train)), float(model.score(*test))


def _draw_points(
    table: Table, groups: list[RowsByValue], count: int, batch: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Points (count, D) and the factor (count,) that each point's pairs share."""
    shared = rng.integers(len(groups), size=count)
    points = np.empty((count, table.codes.shape[1]))
    for start in range(0, count, CHUNK):
        part = shared[start : start + CHUNK]
        first = np.empty((len(part), batch), dtype=np.intp)
        second = np.empty_like(first)
        for k, group in enumerate(groups):
            mine = np.flatnonzero(part == k)
            first[mine] = rng.choice(group.shared, size=(len(mine), batch))
            second[mine] = group.partners(first[mine], rng)
        points[start : start + CHUNK] = beta_vae_features(table.codes[first], table.codes[second])
    return points, shared
