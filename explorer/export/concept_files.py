"""Concepts, paths and sequences as files: tables, and pictures with their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from explorer.analysis.insight.bells import Concepts
from explorer.analysis.insight.slow_latents import Slowness
from explorer.analysis.insight.ways import Path
from explorer.export.run_table import csv_of
from explorer.figures.image_grid import labelled_grid, png
from explorer.figures.renderings import render
from explorer.recipe.samples import Samples


def concepts_csv(found: Concepts) -> bytes:
    """A row for each class of each factor: its Gaussian, and how many held-out images got which class."""
    head = ("factor", "axis", "correct", "class", "images", "mean", "std", "held_out", "of_these_right")
    rows = []
    for of in found.concepts:
        for place, (name, bell) in enumerate(zip(of.classes, of.bells, strict=True)):
            fitted = ("", "") if bell is None else (f"{bell.mean:.6g}", f"{bell.variance**0.5:.6g}")
            tested = (int(of.confusion[place].sum()), int(of.confusion[place, place]))
            rows.append((of.factor, of.axis, f"{of.correct:.6g}", name, of.counts[place], *fitted, *tested))
    return csv_of(head, rows)


def paths_csv(found: Sequence[Path]) -> bytes:
    """A row for each point of each way: its latents."""
    latents = found[0].z.shape[1]
    head = ("way", "step", "picture_length", "latent_length", *(f"z{j}" for j in range(latents)))
    rows = [
        (of.kind, step, f"{of.picture_length:.6g}", f"{of.latent_length:.6g}", *(f"{v:.6g}" for v in point))
        for of in found
        for step, point in enumerate(of.z)
    ]
    return csv_of(head, rows)


def slowness_csv(found: Mapping[str, Slowness]) -> bytes:
    """A row for each latent of each model."""
    rows = []
    for name, of in found.items():
        for latent in range(len(of.kl)):
            values = (of.kl[latent], of.slowness[latent], of.slow_kl[latent], of.slow_vae[latent])
            rows.append((name, latent, *("" if np.isnan(v) else f"{v:.6g}" for v in values)))
    return csv_of(("model", "latent", "kl_nats", "slowness", "s_vae_nats", "slow_vae_nats"), rows)


def rows_png(pictures: np.ndarray, labels: Sequence[str], comment: str = "", samples: Samples | None = None) -> bytes:
    """Pictures `(rows, columns, C, H, W)` with a label at the left of each row."""
    return png(labelled_grid(render(pictures, samples), list(labels)), comment)
