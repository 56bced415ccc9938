"""Gradient-boosted trees as scikit-learn grows them by default, many times as fast.

`GradientBoostingClassifier()`: 100 rounds, a tree of depth 3 for each class, learning rate 0.1, split
by least squares, a Newton step in each leaf. The splits are searched exactly, over all values, and
latents are tried in the order that scikit-learn's seed gives, so that the trees are the same ones up
to the rounding of sums. What is saved is sorting, which is done once instead of at every node.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from scipy.special import logit
from scipy.stats import gmean

from explorer.analysis.metrics.table import Array
from explorer.analysis.metrics.threads import threads

ROUNDS = 100
RATE = 0.1
LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Boosted:
    """What trees have learnt: importances `(D,)`, which sum to 1 or are all 0, and accuracies."""

    importance: Array
    train_accuracy: float
    test_accuracy: float


def fit_boosted(codes: Array, labels: Array, test_codes: Array, test_labels: Array, seed: int = 0) -> Boosted:
    """Learn labels (n,) from codes (n, D); judge on test rows. The same as scikit-learn's classifier.

    labels must hold at least two values. Raises nothing else than what NumPy raises. Without numba it is scikit-learn's
    classifier, some twenty times as slow.
    """
    if find_spec("numba") is None:
        return _fit_by_scikit_learn(codes, labels, test_codes, test_labels, seed)
    from explorer.analysis.metrics import boosting_kernel as kernel

    codes = np.ascontiguousarray(codes, dtype=np.float32)
    test_codes = np.ascontiguousarray(test_codes, dtype=np.float32)
    values, numbers = np.unique(labels, return_inverse=True)
    rows, classes = len(codes), len(values)
    order = np.argsort(codes, axis=0, kind="stable").T
    presorted = kernel.Presorted(
        np.ascontiguousarray(order, dtype=np.uint32), np.ascontiguousarray(np.take_along_axis(codes.T, order, axis=1))
    )
    inverse = 1.0 / np.maximum(np.arange(rows + 1), 1)

    shares = np.bincount(numbers) / rows
    eps = np.finfo(np.float64).eps
    chances = np.clip(shares, eps, 1 - eps)
    binary = classes == 2
    # Two classes need one tree: the second's, with the first held at 0.
    start = np.r_[0.0, logit(chances[1])] if binary else np.log(chances / gmean(chances))
    raw = np.tile(start, (rows, 1))
    test_raw = np.tile(start, (len(test_codes), 1))
    grown_classes = np.arange(1, 2) if binary else np.arange(classes)
    residual = np.empty((classes, rows))
    importance = np.zeros((classes, codes.shape[1]))
    grown = np.zeros(classes, dtype=np.int64)
    random = np.random.RandomState(seed)
    workers = max(1, min(threads(), len(grown_classes)))
    shares_of_work = np.array_split(grown_classes, workers)
    cuts = np.linspace(0, rows, workers + 1).astype(int)
    seeds = np.zeros(classes, dtype=np.int64)
    shrink = 1.0 if binary else (classes - 1) / classes

    def prepare(first: int, last: int) -> None:
        kernel.residuals(raw, numbers, residual, first, last)

    def grow(some: Array) -> None:
        kernel.boost(
            presorted, inverse, residual, raw, numbers, test_codes, test_raw, seeds, some, importance, shrink, RATE,
            grown,
        )  # fmt: skip

    with ThreadPoolExecutor(workers) as pool:
        for _ in range(ROUNDS):
            list(pool.map(prepare, cuts[:-1], cuts[1:]))
            for k in grown_classes:
                seeds[k] = random.randint(0, LARGEST_SEED)
            list(pool.map(grow, shares_of_work))
    total = importance.sum(axis=0)
    whole = total.sum()
    return Boosted(
        total / whole if whole > 0 else total,
        float((values[raw.argmax(axis=1)] == labels).mean()),
        float((values[test_raw.argmax(axis=1)] == test_labels).mean()),
    )


def _fit_by_scikit_learn(codes: Array, labels: Array, test_codes: Array, test_labels: Array, seed: int) -> Boosted:
    from sklearn.ensemble import GradientBoostingClassifier

    trees = GradientBoostingClassifier(random_state=seed).fit(codes, labels)
    return Boosted(
        trees.feature_importances_, float(trees.score(codes, labels)), float(trees.score(test_codes, test_labels))
    )
