"""Mutual information between latents cut into equal-width bins and factor classes, in nats."""

import numpy as np

from explorer.analysis.metrics.table import Array

BINS = 20


def equal_width_bins(values: Array, bins: int = BINS) -> Array:
    """Bin numbers (n, D), int64 in 0..bins-1, of values (n, D).

    Each column's own range from its minimum to its maximum is cut into `bins` bins of one width,
    open on the right but for the last one. Edges are taken in the type of the values, as the
    reference does. A constant column lies in one bin.
    """
    numbers = np.zeros(values.shape, dtype=np.int64)
    for column, (low, high) in enumerate(zip(values.min(axis=0), values.max(axis=0), strict=True)):
        if low < high:
            dtype = np.result_type(low, high, np.float32)
            edges = np.linspace(low, high, bins + 1, dtype=dtype)[:-1]
            numbers[:, column] = np.searchsorted(edges, values[:, column], side="right") - 1
    return numbers


def mutual_information(left: Array, right: Array) -> Array:
    """Mutual information (A, B) in nats of classes (n, A) with classes (n, B), from counts.

    It is exactly 0 where one of the two is constant. Like every estimate from counts it is too
    high for a finite sample, by about (bins - 1)(classes - 1) / 2n.
    """
    left_classes, right_classes = _dense(left), _dense(right)
    result = np.zeros((left.shape[1], right.shape[1]))
    for a, (x, x_size) in enumerate(left_classes):
        for b, (y, y_size) in enumerate(right_classes):
            joint = np.bincount(x * y_size + y, minlength=x_size * y_size)
            joint = joint.reshape(x_size, y_size).astype(np.float64)
            product = np.outer(joint.sum(axis=1), joint.sum(axis=0))
            seen = joint > 0
            counts = joint[seen]
            terms = counts * np.log(counts * len(x) / product[seen])
            result[a, b] = max(terms.sum() / len(x), 0.0)
    return result


def entropy(classes: Array) -> Array:
    """Entropy (K,) in nats of each column of classes (n, K), from counts."""
    result = np.zeros(classes.shape[1])
    for k in range(classes.shape[1]):
        shares = np.unique(classes[:, k], return_counts=True)[1] / len(classes)
        result[k] = max(-(shares * np.log(shares)).sum(), 0.0)
    return result


def _dense(classes: Array) -> list[tuple[Array, int]]:
    """Each column as numbers 0..size-1 and its size."""
    dense = []
    for column in classes.T:
        values, numbers = np.unique(column, return_inverse=True)
        dense.append((numbers, len(values)))
    return dense
