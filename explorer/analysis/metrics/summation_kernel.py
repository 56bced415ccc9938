"""Sums rounded as NumPy rounds its own, compiled."""

import numpy as np

from explorer.analysis.metrics.compiled import compiled
from explorer.analysis.metrics.table import Array

BLOCK = 128  # values that NumPy sums without halving


@compiled()
def pairwise_sum(values: Array, start: int, count: int) -> float:
    """The sum of `count` values from `start`, rounded as NumPy's own sum is: halves of halves."""
    starts = np.empty(64, dtype=np.int64)  # parts still to be summed; a length of 0 adds two sums
    lengths = np.empty(64, dtype=np.int64)
    sums = np.empty(64)
    starts[0], lengths[0], parts, done = start, count, 1, 0
    while parts:
        parts -= 1
        start, length = starts[parts], lengths[parts]
        if length == 0:
            done -= 1
            sums[done - 1] += sums[done]
        elif length > BLOCK:
            half = length // 2
            half -= half % 8
            lengths[parts] = 0
            starts[parts + 1], lengths[parts + 1] = start + half, length - half
            starts[parts + 2], lengths[parts + 2] = start, half
            parts += 3
        else:
            sums[done] = _block_sum(values, start, length)
            done += 1
    return float(sums[0])


@compiled()
def _block_sum(values: Array, start: int, count: int) -> float:
    """The sum of 1 to 128 values from `start`, in eight lanes where there are as many."""
    if count < 8:
        total = 0.0
        for i in range(start, start + count):
            total += values[i]
        return total
    lanes = values[start : start + 8].copy()
    whole = count - count % 8
    for i in range(8, whole, 8):
        for lane in range(8):
            lanes[lane] += values[start + i + lane]
    total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
    for i in range(whole, count):
        total += values[start + i]
    return float(total)
