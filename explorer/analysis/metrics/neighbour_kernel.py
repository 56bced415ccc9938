"""Neighbours on a line, counted by compiled loops over sorted values."""

import numpy as np

from explorer.analysis.metrics.compiled import compiled
from explorer.analysis.metrics.table import Array


@compiled()
def radii(values: Array, k: int, reach: Array) -> None:
    """Write, for each of sorted `values` (n,), the distance of its k-th nearest other value to `reach`."""
    n = len(values)
    first = 0  # of the k + 1 values nearest to the one in hand, itself included
    for i in range(n):
        first = max(first, i - k)
        while first + k + 1 < n and first < i and (values[first + k + 1] - values[i] < values[i] - values[first]):
            first += 1
        reach[i] = max(values[i] - values[first], values[first + k] - values[i])


@compiled()
def within(points: Array, reach: Array, values: Array, counts: Array) -> None:
    """Write how many of sorted `values` lie closer than `reach` to each of sorted `points`."""
    n = len(values)
    for i in range(len(points)):
        point, far = points[i], reach[i]
        low = np.searchsorted(values, point - far)  # about right: differences decide, not sums
        while low > 0 and point - values[low - 1] < far:
            low -= 1
        while low < n and values[low] < point and point - values[low] >= far:
            low += 1
        high = np.searchsorted(values, point + far, side="right")
        while high < n and values[high] - point < far:
            high += 1
        while high > low and values[high - 1] > point and values[high - 1] - point >= far:
            high -= 1
        counts[i] = max(high - low, 1)
