"""Mutual information between latents cut into equal-width bins and factor classes, in nats."""

import numpy as np

from explorer.analysis.metrics.table import Array
from models.shapes import Shaped

BINS = 20


def equal_width_bins(values: Shaped[Array, "n D"], bins: int = BINS) -> Shaped[Array, "n D"]:
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


def mutual_information(left: Shaped[Array, "n D"], right: Shaped[Array, "n K"]) -> Shaped[Array, "D K"]:
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


def entropy(classes: Shaped[Array, "n K"]) -> Shaped[Array, " K"]:
    """Entropy (K,) in nats of each column of classes (n, K), from counts."""
    result = np.zeros(classes.shape[1])
    for k in range(classes.shape[1]):
        shares = np.unique(classes[:, k], return_counts=True)[1] / len(classes)
        result[k] = max(-(shares * np.log(shares)).sum(), 0.0)
    return result


def most_information(classes: Shaped[Array, "n K"], bins: int = BINS) -> Shaped[Array, " K"]:
    """What no code cut into `bins` bins can exceed of mutual information (K,) in nats with classes (n, K).

    Information is convex in how rows fall into bins, so that the most is told by bins that merge classes
    wholly, and it is then the entropy of the merged classes. That has two bounds, of which the lower is
    taken. A merging majorises the classes' own shares with the small ones evened out (Cicalese et al.
    2018, Bounds on the Entropy of a Function of a Random Variable and Their Applications). And so many
    classes need so many merges of two, each of which loses at least what `_lost` says. Classes of equal
    shares reach the bound where they fall evenly into the bins, or at most two into each.
    """
    result = entropy(classes)
    for k in range(classes.shape[1]):
        shares = np.sort(np.unique(classes[:, k], return_counts=True)[1] / len(classes))[::-1]
        if len(shares) > bins:
            even = _evened(shares, bins)
            result[k] = min(result[k] - _lost(shares, bins), -(even * np.log(even)).sum())
    return result


def _evened(shares: Array, bins: int) -> Array:
    """The largest of falling `shares` as they are, and the rest spread evenly, `bins` in all."""
    left = 1.0 - np.r_[0.0, np.cumsum(shares)[: bins - 1]]  # after the first 0, 1, ..., bins - 1
    level = left / np.arange(bins, 0, -1)
    stays = np.flatnonzero(shares[: bins - 1] >= level[1:])
    kept = int(stays[-1]) + 1 if len(stays) else 0
    return np.concatenate([shares[:kept], np.full(bins - kept, level[kept])])


def _lost(shares: Array, bins: int) -> float:
    """A lower bound in nats of what merging these falling shares into `bins` groups loses of entropy.

    Whatever the order, there are as many merges of two as there are classes too many, and what has been
    merged is merged again only as a whole. So the things that are merged are no smaller than the smallest
    classes, one after the other, up to the size of the smallest merger. A merge loses more the larger its
    two things are, and all together lose least if the small are merged with the large.
    """
    merges = len(shares) - bins
    least = shares[-1] + shares[-2]
    things = np.r_[shares[::-1], np.full(max(2 * merges - len(shares), 0), least)]
    things = np.minimum(things[: 2 * merges], least)
    sums = things[:merges] + things[: merges - 1 : -1]
    return float((sums * np.log(sums)).sum() - (things * np.log(things)).sum())


def _dense(classes: Array) -> list[tuple[Array, int]]:
    """Each column as numbers 0..size-1 and its size."""
    dense = []
    for column in classes.T:
        values, numbers = np.unique(column, return_inverse=True)
        dense.append((numbers, len(values)))
    return dense
