"""Groups of latents as a table."""

from __future__ import annotations

import numpy as np

from explorer.analysis.insight.blocks import Blocks
from explorer.export.run_table import csv_of


def blocks_csv(found: Blocks) -> bytes:
    """A row for each group, then one for the latents in none of them and one for all."""
    rows: list[tuple[object, ...]] = []
    for group, kl, share in zip(found.groups, found.kl, found.axes, strict=True):
        direction = " ".join(f"{group.direction[latent]:.6g}" for latent in group.latents)
        along = f"{share:.6g}" if np.isfinite(share) else ""
        rows.append((group.name, " ".join(map(str, group.latents)), f"{kl:.6g}", direction, along))
    rows.append(("in no group", " ".join(map(str, found.rest)), f"{found.rest_kl:.6g}", "", ""))
    rows.append(("all latents", len(found.each), f"{found.total:.6g}", "", ""))
    return csv_of(("group", "latents", "kl_nats", "direction", "variance_along"), rows)
