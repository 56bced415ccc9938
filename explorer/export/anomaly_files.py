"""Anomalies as files: scores of each map, images that stand out, the maps of one image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from explorer.analysis.insight.outliers import Outliers
from explorer.analysis.insight.pixel_scores import SCORES, AnomalyMaps, OneImage
from explorer.export.run_table import csv_of
from explorer.figures.image_grid import drawn, labelled_grid, png, to_uint8
from explorer.figures.insight_points import map_pictures
from explorer.figures.renderings import render
from explorer.recipe.samples import Samples, noun


def scores_csv(found: Mapping[str, AnomalyMaps]) -> bytes:
    """A row for each model and score of pixels, then of whole images."""
    rows: list[tuple[object, ...]] = []
    for name, of in found.items():
        about = (of.anomaly.kind, of.count, of.masked, of.beta)
        for place, score in enumerate(of.names):
            values = (of.auroc[place], of.ap[place], of.dice[place], of.mean_auroc[place])
            rows.append((name, "pixels", score, *(f"{v:.6g}" for v in values), *about))
        for score, value in zip(of.image_names, of.image_auroc, strict=True):
            rows.append((name, "images", score, f"{value:.6g}", "", "", "", *about))
    head = ("model", "of", "score", "auroc", "average_precision", "best_dice", "mean_auroc_of_images")
    return csv_of((*head, "anomaly", "images", "masked_pixels", "beta"), rows)


def outliers_csv(found: Outliers) -> bytes:
    """A row for each image, the one that stands out most first."""
    rows = [
        (
            int(found.index[place]),
            f"{found.latent[place]:.6g}",
            int(found.latent_rank[place]),
            f"{found.reconstruction[place]:.8g}",
            int(found.reconstruction_rank[place]),
        )
        for place in found.order()
    ]
    return csv_of(("image", "latent_distance", "latent_rank", "reconstruction_nats", "reconstruction_rank"), rows)


def one_png(found: OneImage, comment: str = "", samples: Samples | None = None) -> bytes:
    """The changed image, its reconstruction and the changed pixels in a row, and below the map of each score."""
    top = first_row(found, samples)
    empty = np.full_like(top[1:], 255)
    maps = [np.concatenate([map_pictures(of, samples)[None], empty]) for of in found.maps.values()]
    labels = [f"{noun(samples)}, reconstruction, changed", *(drawn(SCORES[name], name) for name in found.maps)]
    return png(labelled_grid(np.stack([top, *maps]), labels, 2), comment)


def first_row(found: OneImage, samples: Samples | None = None) -> np.ndarray:
    """The changed image, its reconstruction, and which pixels changed, white on black: uint8 `(3, h, w, 3)`."""
    two = render(np.stack([found.changed, found.reconstruction]), samples)
    mask = np.asarray(found.mask, np.float32)
    marked = to_uint8(mask[None]) if samples is None else map_pictures(mask, samples)
    return np.concatenate([two, marked[None]])
