"""Pruning as a table: a row for each model and share of zeros."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from explorer.analysis.insight.sparsity import Pruned
from explorer.export.run_table import csv_of


def pruned_csv(found: Mapping[str, Pruned]) -> bytes:
    """Model, share, zeros, costs, KL in all, active dimensions, both scores; then the KL of each latent."""
    latents = max((of.kl.shape[1] for of in found.values()), default=0)
    head = ("model", "part", "share", "zeros", "weights", "nll_nats", "squared_error", "kl_nats", "active", "mig")
    rows = []
    for name, of in found.items():
        for m, share in enumerate(of.share):
            scores = ["" if s is None or np.isnan(s[m]) else f"{s[m]:.6g}" for s in (of.mig, of.probe)]
            costs = (f"{v:.8g}" for v in (of.nll[m], of.squared_error[m], of.kl[m].sum()))
            row = (name, of.part, f"{share:g}", int(of.zeros[m]), of.weights, *costs, int(of.active[m]), *scores)
            rows.append((*row, *(f"{v:.6g}" for v in of.kl[m])))
    return csv_of((*head, "probe_accuracy", *(f"kl_z{j}" for j in range(latents))), rows)
