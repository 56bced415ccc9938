"""Samples as pictures: images as they are, signals as curves, vectors as bars. Numbers in, pixels out.

The browser draws the same in front/renderer.ts.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from explorer.figures.image_grid import png, to_uint8
from explorer.recipe.samples import Samples

HEIGHT, WIDTH, WIDEST = 64, 96, 384  # pixels of a drawn sample
MARGIN = 0.06  # of its height, above 1 and below 0
STROKE = 1.6  # pixels
MOST_POINTS = 64  # of a curve, looked at in each column of pixels
INK = np.array(
    [
        [31, 99, 180], [200, 82, 0], [23, 127, 75], [150, 50, 130],
        [110, 90, 20], [0, 125, 140], [180, 40, 60], [90, 90, 90],
    ],
    dtype=np.float64,
)  # fmt: skip


def cell_size(shape: Sequence[int], samples: Samples | None) -> tuple[int, int]:
    """Height and width in pixels of the picture of a sample of this shape (C, H, W)."""
    if samples is None:
        return shape[1], shape[2]
    if samples.kind == "signal":
        return HEIGHT, WIDTH
    return HEIGHT, min(max(WIDTH, 3 * shape[2]), WIDEST)


def render(values: np.ndarray, samples: Samples | None, factor: int = 1) -> np.ndarray:
    """Pictures of samples: uint8 `(..., h, w, 3)`, `factor` times as large as `cell_size` says.

    Args:
        values: samples `(..., C, H, W)` in [0, 1].
    """
    if samples is None:
        pixels = to_uint8(values)
        return pixels if factor == 1 else pixels.repeat(factor, axis=-3).repeat(factor, axis=-2)
    height, width = (factor * side for side in cell_size(values.shape[-3:], samples))
    flat = np.nan_to_num(np.asarray(values, dtype=np.float64)).reshape(-1, *values.shape[-3:])
    draw = _curves if samples.kind == "signal" else _bars
    drawn = [draw(one, height, width, factor) for one in flat]
    shape = (*values.shape[:-3], height, width, 3)
    return np.stack(drawn).reshape(shape) if drawn else np.empty(shape, np.uint8)


def picture(image: np.ndarray, samples: Samples | None, factor: int = 1) -> bytes:
    """One sample `(C, H, W)` in [0, 1] as the bytes of a PNG file."""
    return png(render(image, samples, factor))


def _place(values: np.ndarray, height: int) -> np.ndarray:
    """Where values in [0, 1] lie from the top, in pixels; those beyond stay in the picture."""
    return np.asarray((1 - MARGIN - np.clip(values, -MARGIN / 2, 1 + MARGIN / 2) * (1 - 2 * MARGIN)) * height)


def _curves(sample: np.ndarray, height: int, width: int, factor: int) -> np.ndarray:
    """A signal `(C, 1, T)` as uint8 `(height, width, 3)`: each column of pixels is covered from where the curve is
    lowest in it to where it is highest."""
    leads, _, length = sample.shape
    points = min(2 * ceil(length / width) + 2, MOST_POINTS)
    x = (np.arange(width)[:, None] + np.linspace(0, 1, points)) / width * (length - 1)
    rows = np.arange(height)[:, None]
    half = STROKE * factor / 2
    paper = np.full((height, width, 3), 255.0)
    for lead in range(leads):
        y = _place(np.interp(x, np.arange(length), sample[lead, 0]), height)
        covered = np.minimum(rows + 1, y.max(1) + half) - np.maximum(rows, y.min(1) - half)
        share = np.clip(covered, 0, 1)[..., None]
        paper = paper * (1 - share) + INK[lead % len(INK)] * share
    return np.asarray(np.rint(paper).astype(np.uint8))


def _bars(sample: np.ndarray, height: int, width: int, factor: int) -> np.ndarray:
    """A vector `(1, 1, P)` as uint8 `(height, width, 3)`: a bar for each column, on a line at 0."""
    values = sample[0, 0]
    edges = np.rint(np.linspace(0, width, len(values) + 1)).astype(int)
    paper = np.full((height, width, 3), 255, np.uint8)
    foot = round(float(_place(np.zeros(1), height)[0]))
    tops = np.rint(_place(values, height)).astype(int)
    for left, right, top in zip(edges[:-1], edges[1:], tops, strict=True):
        gap = factor if right - left > 2 * factor else 0
        paper[min(top, foot) : max(top, foot), left : max(right - gap, left + 1)] = INK[0]
    paper[foot : foot + factor] = 150
    return paper
