"""A plane of two latents as files: a table of what is decoded, and the pictures where they lie."""

from __future__ import annotations

import numpy as np

from explorer.analysis.insight.plane_of_two import Grid, PlaneGradients
from explorer.errors import UserError
from explorer.export.run_table import csv_of
from explorer.figures.image_grid import grid as sheet
from explorer.figures.image_grid import png
from explorer.figures.renderings import render
from explorer.recipe.samples import Samples

MOST_CELLS = 2_000_000  # of a table
GROUND = 128  # between pictures


def plane_csv(
    grid: Grid, axes: tuple[int, int], found: PlaneGradients, pictures: np.ndarray, samples: Samples | None = None
) -> bytes:
    """A row for each point: both latents, the outputs with their derivatives, then all that is decoded, in [0, 1].

    Raises:
        UserError: that is more than two million cells.
    """
    flat = pictures.reshape(len(pictures), -1)
    if flat.size > MOST_CELLS:
        raise UserError(f"a table of {flat.size:,} pixels is more than {MOST_CELLS:,}: take a smaller grid")
    names = "ab"[: len(found.values)]
    head = [f"z{axis}" for axis in axes]
    head += [f"{name}{what}" for name in names for what in ("", *(f"_by_z{axis}" for axis in axes))]
    head += ["cos", "sin", "magnification"]
    channels, height, width = pictures.shape[1:]
    if samples is None:
        head += [f"c{c}_r{r}_x{x}" for c in range(channels) for r in range(height) for x in range(width)]
    else:
        head += samples.columns((channels, height, width))
    rows = []
    for n, point in enumerate(grid.points):
        row = [f"{v:.6g}" for v in point]
        for k in range(len(names)):
            row += [f"{v:.6g}" for v in (found.values[k, n], *found.gradients[k, n])]
        row += ["" if np.isnan(v) else f"{v:.6g}" for v in (found.cos[n], found.cross[n], found.magnification[n])]
        rows.append([*row, *(f"{v:.5g}" for v in flat[n])])
    return csv_of(head, rows)


def plane_picture(grid: Grid, pictures: np.ndarray, samples: Samples | None = None) -> np.ndarray:
    """The pictures `(n, C, H, W)` where their points lie, uint8 `(height, width, 3)`."""
    levels = render(pictures, samples)
    if grid.layout == "square":
        return sheet(levels.reshape(grid.rows, grid.columns, *levels.shape[1:]))
    height, width = levels.shape[1:3]
    # Evenly from ring to ring, so that pictures on the first one don't lie over each other.
    wide = max(width, height) + 2
    inner = max(wide * grid.columns / (2 * np.pi), wide * 1.1)
    rest = levels[len(levels) - grid.rows * grid.columns :]
    reach = inner + (grid.rows - 1) * wide * 1.1
    middle = int(np.ceil(reach + wide / 2))
    canvas = np.full((2 * middle, 2 * middle, 3), GROUND, np.uint8)

    def place(x: float, y: float, picture: np.ndarray) -> None:
        row, column = round(middle - y - height / 2), round(middle + x - width / 2)
        canvas[row : row + height, column : column + width] = picture

    for n, picture in enumerate(rest):
        ring, ray = divmod(n, grid.columns)
        angle, radius = 2 * np.pi * ray / grid.columns, inner + ring * wide * 1.1
        place(radius * np.cos(angle), radius * np.sin(angle), picture)
    if grid.centre:
        place(0.0, 0.0, levels[0])
    return canvas


def plane_png(grid: Grid, pictures: np.ndarray, comment: str = "", samples: Samples | None = None) -> bytes:
    """The same as a file."""
    return png(plane_picture(grid, pictures, samples), comment)
