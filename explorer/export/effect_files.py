"""Interventions as tables: the effect of each latent with its responses, of each factor, of each unit."""

from __future__ import annotations

import numpy as np

from explorer.analysis.insight.effects import Effects, specificity
from explorer.export.run_table import csv_of


def effects_csv(found: Effects) -> bytes:
    """A row for each latent that was moved, and for each factor that was set; columns are the latents that answer."""
    latents = range(len(found.kl))
    largest, even = specificity(found.response)
    head = ("moved", "kl_nats", "image_effect", "rms", "specificity", "by_entropy", *(f"z{j}" for j in latents))
    rows = [
        (
            f"z{j}",
            *map(_number, (found.kl[j], found.image_effect[j], found.rms[j], largest[j], even[j])),
            *map(_number, found.response[j]),
        )
        for j in latents
    ]
    if found.input is not None:
        largest, even = specificity(found.input)
        for name, row, share, entropy in zip(found.factor_names, found.input, largest, even, strict=True):
            rows.append((name, "", "", "", _number(share), _number(entropy), *map(_number, row)))
    return csv_of(head, rows)


def units_csv(layer: str, found: np.ndarray) -> bytes:
    """A row for each unit of a layer: the effect of a patch of it alone."""
    return csv_of(("layer", "unit", "effect"), ((layer, unit, _number(v)) for unit, v in enumerate(found)))


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6g}"
