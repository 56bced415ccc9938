"""MIG-sup: does each latent carry one factor, rather than several?"""

from typing import Any

import numpy as np

from explorer.analysis.metrics.information import entropy, equal_width_bins, most_information, mutual_information
from explorer.analysis.metrics.result import MetricResult, undefined
from explorer.analysis.metrics.table import Table, numbered, sizes_for

ROWS = {"full": 10_000, "fast": 5_000}
BINS = 10


def mig_sup(codes: Any, factors: Any, seed: int = 0, preset: str = "full") -> MetricResult:
    """The supplement of MIG, in [0, 1] (Li et al. 2020, Progressive Learning, section 4.3).

    For each latent, the share of the most informed factor's entropy that it tells, minus that of the
    second; the mean over all latents, so that a dead one counts as about 0. Latents are cut into 10
    equal-width bins, as usual for this score; a factor with more values can't be told wholly, and the
    ceiling is what `most_information` leaves of the factor that can be told best. The yardstick is the
    score of codes that number the values of each factor.

    codes: (n, D) floats. factors: (n, K) integer classes of the same rows.

    parts: `normalised_information` (D, K'), mutual information over the factor's entropy, columns the
    `factors_used` in order; `gaps` (D,); `best_factor` (D,).
    """
    size = sizes_for(ROWS, preset)
    table = Table.of(codes, factors)
    sample = table.sample(size, np.random.default_rng(seed))
    if reason := table.problem(factors=2) or sample.problem(factors=2):
        return undefined("mig_sup", reason, seed, preset)
    used = sample.varying
    classes = sample.factors[:, used]
    entropies = entropy(classes)
    shares = mutual_information(equal_width_bins(sample.codes, BINS), classes) / entropies
    ordered = np.sort(shares, axis=1)
    gaps = ordered[:, -1] - ordered[:, -2]
    parts = {
        "normalised_information": shares,
        "gaps": gaps,
        "best_factor": used[shares.argmax(axis=1)],
        "factors_used": used,
    }
    value = float(gaps.mean())
    bound = float((most_information(classes, BINS) / entropies).max())
    own = mutual_information(equal_width_bins(numbered(classes), BINS), classes) / entropies
    told = np.sort(own, axis=1)
    return MetricResult(
        "mig_sup",
        value,
        parts,
        len(sample),
        seed,
        preset,
        ceiling=max(bound, value),
        yardstick=float((told[:, -1] - told[:, -2]).mean()),
    )
