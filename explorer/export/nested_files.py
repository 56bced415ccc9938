"""First k latents as files: the curve as a table, the pictures for every k as a strip and a film."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from PIL import Image

from explorer.analysis.insight.nested import Nested
from explorer.export.films import tiles
from explorer.export.run_table import csv_of
from explorer.figures.image_grid import gif, labelled_grid, png
from explorer.figures.renderings import render
from explorer.recipe.samples import Samples

MILLISECONDS = 600  # of a picture of the film


def curve_csv(found: Mapping[str, Nested]) -> bytes:
    """A row for each model and k: the latent that came last, its KL, both costs."""
    rows = []
    for name, of in found.items():
        for k, nll, error in zip(of.kept, of.nll, of.squared_error, strict=True):
            last = int(of.order[k - 1]) if k else None
            kl = "" if last is None else f"{of.kl[last]:.6g}"
            rows.append((name, int(k), "" if last is None else last, kl, f"{nll:.8g}", f"{error:.8g}"))
    return csv_of(("model", "k", "last_latent", "its_kl_nats", "nll_nats", "squared_error"), rows)


def strip_png(pictures: np.ndarray, scale: int = 1, comment: str = "", samples: Samples | None = None) -> bytes:
    """Pictures `(n, m + 1, C, H, W)`, as `nested_pictures` has them, a row an image: itself, then k = 0, 1, ..."""
    levels = render(pictures, samples, scale)
    return png(labelled_grid(levels, [""] * len(levels)), comment)


def film_gif(
    pictures: np.ndarray, kept: np.ndarray, scale: int = 1, comment: str = "", samples: Samples | None = None
) -> bytes:
    """The same as a film: one picture a k, all images side by side, each above itself as it is."""
    levels = render(pictures, samples, scale)

    def frames() -> Iterator[Image.Image]:
        for place, k in enumerate(kept, 1):
            both = np.concatenate([levels[:, 0], levels[:, place]])
            said = ["image", *[""] * (len(levels) - 1), f"k = {int(k)}", *[""] * (len(levels) - 1)]
            yield tiles(both, said, len(levels))

    return gif(frames(), MILLISECONDS, comment)
