"""SAP: by how much does the best latent predict a factor better than the second best?"""

from typing import Any

import numpy as np

from explorer.analysis.metrics.learners import fit_line
from explorer.analysis.metrics.result import MetricResult, undefined
from explorer.analysis.metrics.table import Array, Split, Table, sizes_for
from models.shapes import Shaped

ROWS = {"full": (10_000, 5_000), "fast": (2_000, 1_000)}
FLAT_BELOW = 1e-12  # variance under which a latent predicts nothing


def sap(
    codes: Any, factors: Any, seed: int = 0, preset: str = "full", test: tuple[Any, Any] | None = None
) -> MetricResult:
    """Separated attribute predictability, in [0, 1] (Kumar et al. 2018, section 3).

    A linear SVM (C = 0.01, balanced classes) predicts each factor from one latent; for each factor
    the test accuracy of the best latent minus that of the second; the mean over the factors that
    vary. Factors are taken as classes, as in Locatello et al. 2019. A class is named where its own
    line is the highest, and lines of evenly spaced codes leave the middle classes little such room:
    codes that number dSprites' five factors score 0.17 to 0.18, and unevenly spaced ones more (their
    cubes 0.28). The SVM's penalty makes the score depend on the scale of the codes and on the number of
    rows. `continuous_score` takes factors as numbers instead and gives such codes about 1.

    No bound below 1, the largest difference of two accuracies, is known. The yardstick is the score of
    codes that number the factors' values, standardised, beside latents that tell nothing; other codes
    can score more.

    codes: (n, D) floats. factors: (n, K) integer classes of the same rows.
    test: held-out codes and factors; without it `Split` draws both by the seed.

    parts: `accuracy` (D, K') on the test rows and `gaps` (K',), columns the `factors_used` in
    order; `squared_correlation` (D, K') on the train rows and `continuous_score`; `converged`,
    whether all machines came to rest; `train_count`, `test_count`,
    `test_rows_seen_in_training` (see `Split`).
    """
    sizes = sizes_for(ROWS, preset)
    table = Table.of(codes, factors)
    split = Split.of(table, test, sizes, seed)
    train, held_out = split.train, split.test
    if reason := table.problem(latents=2) or split.problem(latents=2):
        return undefined("sap", reason, seed, preset)

    used = train.varying
    accuracy = np.zeros((train.codes.shape[1], len(used)))
    settled = True
    for latent in range(train.codes.shape[1]):
        for column, k in enumerate(used):
            machine = fit_line(train.codes[:, [latent]], train.factors[:, k], seed)
            settled &= bool(machine.n_iter_ < machine.max_iter)
            named = machine.predict(held_out.codes[:, [latent]])
            accuracy[latent, column] = (named == held_out.factors[:, k]).mean()
    gaps = _top_gaps(accuracy)
    correlation = squared_correlation(train.codes, train.factors[:, used])
    parts = {
        "accuracy": accuracy,
        "gaps": gaps,
        "squared_correlation": correlation,
        "continuous_score": float(_top_gaps(correlation).mean()),
        "converged": settled,
        "factors_used": used,
        **split.parts(),
    }
    return MetricResult(
        "sap", float(gaps.mean()), parts, split.count, seed, preset,
        ceiling=1.0, yardstick=_score_of_the_factors(train, held_out, seed),
    )  # fmt: skip


def _score_of_the_factors(train: Table, held_out: Table, seed: int) -> float:
    """SAP of codes that number the factors' values, standardised, beside latents that tell nothing."""
    gaps = []
    for k in train.varying:
        values, numbers = np.unique(train.factors[:, k], return_inverse=True)
        points = (np.arange(len(values)) - numbers.mean()) / numbers.std()
        names = []
        for latent in (points, np.zeros(len(points))):
            # Few rows a value, weighted: the same machine as on all rows.
            weights = np.full(3 * len(values), len(numbers) / len(values) / 3)
            machine = fit_line(np.tile(latent, 3)[:, None], np.tile(values, 3), seed, weights)
            names.append(machine.predict(latent[:, None]))
        rights = [np.isin(held_out.factors[:, k], values[name == values]).mean() for name in names]
        gaps.append(rights[0] - rights[1])
    return float(np.mean(gaps))


def squared_correlation(codes: Shaped[Array, "n D"], factors: Shaped[Array, "n K"]) -> Shaped[Array, "D K"]:
    """Squared Pearson correlation (D, K) of codes (n, D) with factors (n, K) as numbers.

    Zero where a latent is flat (variance at most 1e-12) or a factor constant.
    """
    x = codes.astype(np.float64) - codes.mean(axis=0, dtype=np.float64)
    y = factors - factors.mean(axis=0, dtype=np.float64)
    free = len(x) - 1
    x_var, y_var = (x * x).sum(axis=0) / free, (y * y).sum(axis=0) / free
    covariance = x.T @ y / free
    product = np.outer(x_var, y_var)
    known = np.outer(x_var > FLAT_BELOW, y_var > 0)
    return np.asarray(np.where(known, covariance**2 / np.where(known, product, 1.0), 0.0))


def _top_gaps(scores: Array) -> Array:
    """Best minus second best over latents (D, K), for each factor (K,)."""
    ordered = np.sort(scores, axis=0)
    return np.asarray(ordered[-1] - ordered[-2])
