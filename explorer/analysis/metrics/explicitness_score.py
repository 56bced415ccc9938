"""Explicitness: can each value of each factor be read off the latents by a linear classifier?"""

from typing import Any

import numpy as np
from scipy.stats import rankdata

from explorer.analysis.metrics.learners import fit_logistic
from explorer.analysis.metrics.result import MetricResult, undefined
from explorer.analysis.metrics.table import Array, Split, Table, constant_columns, sizes_for
from models.shapes import Shaped

ROWS = {"full": (10_000, 5_000), "fast": (2_000, 1_000)}


def explicitness(
    codes: Any, factors: Any, seed: int = 0, preset: str = "full", test: tuple[Any, Any] | None = None
) -> MetricResult:
    """Explicitness, 0.5 (guessing) to 1 (Ridgeway and Mozer 2018, section 3).

    A logistic regression on all standardised latents predicts each factor; for each of its values
    the area under the ROC curve of "this value or another" on test rows; the mean over values, then
    over the factors that vary. The paper rescales it to [0, 1]; this is the area itself, as in
    Locatello et al. 2019. A constant latent says nothing and takes no part.

    codes: (n, D) floats. factors: (n, K) integer classes of the same rows.
    test: held-out codes and factors; without it `Split` draws both by the seed.

    parts: `train` and `test`, the mean areas; `train_per_factor` and `test_per_factor` (K',), NaN
    where the rows show no two values; `factors_used`; `constant_latents`; `train_count`,
    `test_count`, `test_rows_seen_in_training` (see `Split`).
    """
    sizes = sizes_for(ROWS, preset)
    table = Table.of(codes, factors)
    split = Split.of(table, test, sizes, seed)
    train, held_out = split.train, split.test
    if reason := table.problem() or split.problem():
        return undefined("explicitness", reason, seed, preset)

    centre = train.codes.mean(axis=0, dtype=np.float64)
    constant = constant_columns(train.codes)
    scale = np.where(constant, 1.0, train.codes.std(axis=0, dtype=np.float64))
    live = np.where(constant, 0.0, 1.0)
    train_points = (train.codes - centre) / scale * live
    test_points = (held_out.codes - centre) / scale * live
    used = train.varying
    areas = np.full((2, len(used)), np.nan)
    for column, k in enumerate(used):
        model = fit_logistic(train_points, train.factors[:, k], seed)
        for row, (points, table_) in enumerate(((train_points, train), (test_points, held_out))):
            chances = model.predict_proba(points)
            areas[row, column] = mean_area(chances, table_.factors[:, k], model.classes_)

    measured = ~np.isnan(areas[1])
    if not measured.any():
        reason = "The test rows show no factor with two values that the train rows have too."
        return undefined("explicitness", reason, seed, preset)
    value = float(areas[1][measured].mean())
    parts = {
        "train": float(areas[0].mean()),
        "test": value,
        "train_per_factor": areas[0],
        "test_per_factor": areas[1],
        "factors_used": used,
        "constant_latents": np.flatnonzero(constant),
        **split.parts(),
    }
    return MetricResult("explicitness", value, parts, split.count, seed, preset, ceiling=1.0)


def mean_area(chances: Shaped[Array, "n C"], labels: Shaped[Array, " n"], classes: Shaped[Array, " C"]) -> float:
    """Mean over classes of the area under the one-versus-rest ROC curve, in [0, 1].

    chances: (n, C) predicted chance of each class. labels: (n,). classes: (C,), the columns.
    A class that no label or every label is has no curve; NaN where none has.
    """
    is_class = labels[:, None] == classes[None, :]
    positives = is_class.sum(axis=0).astype(np.float64)
    negatives = len(labels) - positives
    drawn = (positives > 0) & (negatives > 0)
    if not drawn.any():
        return float("nan")
    ranks = (rankdata(chances, axis=0) * is_class).sum(axis=0)[drawn]
    positives, negatives = positives[drawn], negatives[drawn]
    areas = (ranks - positives * (positives + 1) / 2) / (positives * negatives)
    return float(areas.mean())
