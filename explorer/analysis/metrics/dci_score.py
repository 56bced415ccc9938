"""DCI: how far each latent serves one factor, each factor one latent, and how well they tell it."""

from typing import Any

import numpy as np
from scipy.stats import entropy as shannon_entropy

from explorer.analysis.metrics.boosting import fit_boosted
from explorer.analysis.metrics.result import MetricResult, undefined
from explorer.analysis.metrics.table import Array, Split, Table, sizes_for
from models.shapes import Shaped

ROWS = {"full": (10_000, 5_000), "fast": (2_000, 1_000)}
# Keeps the entropy of an all-zero row defined: it becomes that of an even row.
EPSILON = 1e-11


def dci(
    codes: Any, factors: Any, seed: int = 0, preset: str = "full", test: tuple[Any, Any] | None = None
) -> MetricResult:
    """Disentanglement, completeness and informativeness (Eastwood and Williams 2018).

    Gradient-boosted trees (scikit-learn's defaults) learn each factor from all latents; how much
    they use each latent is the importance matrix. The value is disentanglement, in [0, 1]; the
    other two stand in the parts. Scores rise with the number of train rows: compare only equal
    ones. `boosting` grows the very trees that scikit-learn does.

    codes: (n, D) floats. factors: (n, K) integer classes of the same rows.
    test: held-out codes and factors; without it `Split` draws both by the seed.

    parts: `disentanglement`, `completeness`, `informativeness_train` and `informativeness_test`
    (mean accuracies); `importance` (D, K'), its columns the `factors_used` in order;
    `disentanglement_per_latent` (D,); `completeness_per_factor`, `accuracy_train` and
    `accuracy_test` (K',); `train_count`, `test_count`,
    `test_rows_seen_in_training` (see `Split`).
    """
    sizes = sizes_for(ROWS, preset)
    table = Table.of(codes, factors)
    split = Split.of(table, test, sizes, seed)
    train, held_out = split.train, split.test
    if reason := table.problem(factors=2) or split.problem(factors=2):
        return undefined("dci", reason, seed, preset)

    used = train.varying
    importance = np.zeros((train.codes.shape[1], len(used)))
    accuracy = np.zeros((2, len(used)))
    for column, k in enumerate(used):
        trees = fit_boosted(train.codes, train.factors[:, k], held_out.codes, held_out.factors[:, k], seed % 2**32)
        importance[:, column] = np.abs(trees.importance)
        accuracy[:, column] = trees.train_accuracy, trees.test_accuracy

    value, per_latent = disentanglement_of(importance)
    completeness, per_factor = completeness_of(importance)
    parts = {
        "disentanglement": value,
        "completeness": completeness,
        "informativeness_train": float(accuracy[0].mean()),
        "informativeness_test": float(accuracy[1].mean()),
        "importance": importance,
        "disentanglement_per_latent": per_latent,
        "completeness_per_factor": per_factor,
        "accuracy_train": accuracy[0],
        "accuracy_test": accuracy[1],
        "factors_used": used,
        **split.parts(),
    }
    return MetricResult("dci", value, parts, split.count, seed, preset, ceiling=1.0)


def disentanglement_of(importance: Shaped[Array, "D K"]) -> tuple[float, Shaped[Array, " D"]]:
    """Disentanglement of an importance matrix (D, K), and of each latent (D,), in [0, 1].

    A latent scores 1 if one factor uses it and 0 if all use it alike; the whole is their mean
    weighted by how much each latent is used. Zero where no latent is used.
    """
    per_latent = _concentration(importance.T)
    return _weighted(per_latent, importance.sum(axis=1)), per_latent


def completeness_of(importance: Shaped[Array, "D K"]) -> tuple[float, Shaped[Array, " K"]]:
    """Completeness of an importance matrix (D, K), and of each factor (K,), in [0, 1].

    A factor scores 1 if it uses one latent and 0 if it uses all alike; a single latent is
    complete by itself. Zero where no latent is used.
    """
    per_factor = _concentration(importance)
    return _weighted(per_factor, importance.sum(axis=0)), per_factor


def _concentration(columns: Array) -> Array:
    """1 minus the entropy of each column, in units of the largest entropy it could have."""
    choices = columns.shape[0]
    if choices == 1:
        return np.asarray(columns[0] > 0, dtype=np.float64)
    spread = shannon_entropy(columns + EPSILON, base=choices, axis=0)
    return np.asarray(np.clip(1 - np.asarray(spread, dtype=np.float64), 0.0, 1.0))


def _weighted(scores: Array, weights: Array) -> float:
    total = weights.sum()
    return float((scores * weights).sum() / total) if total > 0 else 0.0
