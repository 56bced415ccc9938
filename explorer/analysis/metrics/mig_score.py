"""MIG: does each factor lie in one latent, rather than in several?"""

from typing import Any

import numpy as np

from explorer.analysis.metrics.information import BINS, entropy, equal_width_bins, most_information, mutual_information
from explorer.analysis.metrics.result import MetricResult, undefined
from explorer.analysis.metrics.table import Array, Table, numbered, sizes_for
from models.shapes import Shaped

ROWS = {"full": 10_000, "fast": 5_000}


def mig(codes: Any, factors: Any, seed: int = 0, preset: str = "full") -> MetricResult:
    """Mutual information gap, in [0, 1] (Chen et al. 2018, Isolating Sources, equation 6).

    For each factor, the mutual information of the most informative latent minus that of the
    second, divided by the entropy of the factor's sampled labels; the mean over the factors that
    vary. Latents are cut into 20 equal-width bins as in Locatello et al. 2019; every latent
    counts, dead ones too. Mean representations are usual.

    codes: (n, D) floats. factors: (n, K) integer classes of the same rows.

    parts: `mutual_information` (D, K) in nats; `factor_entropy` (K,) in nats; `gaps` (K,), each in
    [0, 1], NaN where the factor doesn't vary; `best_latent` and `second_latent` (K,), which latents
    carry each factor most, -1 where it doesn't vary; `factors_used`.

    The ceiling holds for every code: it is 1 where no factor has more values than there are bins, else
    what `most_information` leaves. The yardstick is the score of codes that number the factors' values.
    """
    size = sizes_for(ROWS, preset)
    table = Table.of(codes, factors)
    sample = table.sample(size, np.random.default_rng(seed))
    if reason := table.problem(latents=2) or sample.problem(latents=2):
        return undefined("mig", reason, seed, preset)

    used = sample.varying
    information = mutual_information(equal_width_bins(sample.codes, BINS), sample.factors)
    entropies = entropy(sample.factors)
    ranking = np.argsort(-information, axis=0, kind="stable")
    gaps = np.full(len(entropies), np.nan)
    gaps[used] = gaps_of(information[:, used], entropies[used])
    value = float(gaps[used].mean())
    carried = np.isin(np.arange(len(entropies)), used)
    classes = sample.factors[:, used]
    bound = float((most_information(classes, BINS) / entropies[used]).mean())
    parts = {
        "mutual_information": information,
        "factor_entropy": entropies,
        "gaps": gaps,
        "best_latent": np.where(carried, ranking[0], -1),
        "second_latent": np.where(carried, ranking[1], -1),
        "factors_used": used,
    }
    return MetricResult(
        "mig",
        value,
        parts,
        len(sample),
        seed,
        preset,
        ceiling=max(bound, value),
        yardstick=_score_of_the_factors(classes),
    )


def gaps_of(information: Shaped[Array, "D K"], entropies: Shaped[Array, " K"]) -> Shaped[Array, " K"]:
    """The normalised gap (K,) between the two best latents, from mutual information (D, K)."""
    ordered = np.sort(information, axis=0)
    return np.asarray((ordered[-1] - ordered[-2]) / entropies)


def _score_of_the_factors(factors: Array) -> float:
    """MIG of codes that number the values of the factors (n, K), beside a latent that is dead."""
    bins = equal_width_bins(numbered(factors), BINS)
    information = mutual_information(bins, factors)
    dead = np.zeros((1, factors.shape[1]))
    return float(gaps_of(np.vstack([information, dead]), entropy(factors)).mean())
