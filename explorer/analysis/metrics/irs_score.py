"""IRS: does a latent stay put while every factor but its own is changed?"""

from typing import Any

import numpy as np

from explorer.analysis.metrics.information import BINS, equal_width_bins
from explorer.analysis.metrics.result import MetricResult, undefined
from explorer.analysis.metrics.table import Array, Table, constant_columns, shared_values, sizes_for

ROWS = {"full": 10_000, "fast": 5_000}
QUANTILE = 0.99  # the paper takes the maximum, 1.0; the reference this


def irs(codes: Any, factors: Any, seed: int = 0, preset: str = "full") -> MetricResult:
    """Interventional robustness score, at most 1 (Suter et al. 2019); noise scores above 0.

    For each latent and factor: over the rows with one value of the factor, the 0.99 quantile of
    the latent's distance from its mean there; the mean over values, as a share of the latent's
    largest distance from its overall mean; 1 minus that. A latent scores its best factor; the
    value is the mean over latents weighted by that largest distance, so that dead latents hardly
    count. The numbers of a factor's classes are cut into 20 equal-width bins, as in the
    reference, so that up to 20 classes that follow one another stay apart, and a factor of more is
    held only to one of 20 bins: perfect codes of dSprites score 0.98.
    Constant latents are left out; with none left the score is 0.

    codes: (n, D) floats. factors: (n, K) integer classes of the same rows.

    parts: `robustness` (D', K'), rows the `active_latents` and columns the `factors_used` in
    order, at most 1 and below 0 by chance; `robustness_per_latent`, `best_factor` and
    `max_deviation` (D',), the last in units of the codes.
    """
    size = sizes_for(ROWS, preset)
    table = Table.of(codes, factors)
    sample = table.sample(size, np.random.default_rng(seed))
    if reason := table.problem() or sample.problem():
        return undefined("irs", reason, seed, preset)

    binned = Table(sample.codes, equal_width_bins(sample.factors.astype(np.float64), BINS))
    used, groups = shared_values(binned)
    if not len(used):
        reason = "No two rows share a value of a varying factor, so nothing can be held still."
        return undefined("irs", reason, seed, preset)
    active = np.flatnonzero(~constant_columns(sample.codes))
    live = sample.codes[:, active].astype(np.float64)
    spread = np.stack([_spread_within(live, group.group) for group in groups], axis=1)
    deviation = np.abs(live - live.mean(axis=0)).max(axis=0, initial=0.0)
    robustness = 1 - spread / deviation[:, None]
    per_latent = robustness.max(axis=1)
    parts = {
        "robustness": robustness,
        "robustness_per_latent": per_latent,
        "best_factor": used[robustness.argmax(axis=1)],
        "max_deviation": deviation,
        "active_latents": active,
        "factors_used": used,
    }
    value = float(np.average(per_latent, weights=deviation)) if len(active) else 0.0
    return MetricResult("irs", value, parts, len(sample), seed, preset, ceiling=1.0)


def _spread_within(codes: Array, group: Array) -> Array:
    """Mean over groups (n,) of the quantile of |code - mean of its group|, for each latent (D,)."""
    total = np.zeros(codes.shape[1])
    values = np.unique(group)
    for value in values:
        members = codes[group == value]
        total += np.quantile(np.abs(members - members.mean(axis=0)), QUANTILE, axis=0)
    return total / len(values)
