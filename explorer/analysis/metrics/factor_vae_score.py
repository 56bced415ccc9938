"""FactorVAE score: when one factor is held still, is it always the same latent that stays still?"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.analysis.metrics.result import MetricResult, undefined
from explorer.analysis.metrics.table import Array, RowsByValue, Table, shared_values, sizes_for
from models.shapes import Shaped


@dataclass(frozen=True)
class VoteSizes:
    """Votes to learn from and to judge by, rows for the overall variances, rows in a batch."""

    train: int
    test: int
    variance: int
    batch: int = 64


SIZES = {"full": VoteSizes(10_000, 5_000, 10_000), "fast": VoteSizes(3_000, 2_000, 5_000)}
DEAD_BELOW = 0.05  # standard deviation under which a latent takes no part
CHUNK = 1_000  # votes whose batches are held in memory at a time


def factor_vae(codes: Any, factors: Any, seed: int = 0, preset: str = "full") -> MetricResult:
    """The score of Kim and Mnih 2018 (Disentangling by Factorising, section 4), in [0, 1].

    A vote: hold one factor at one value, draw 64 rows that have it, and name the latent whose
    variance there is the least part of its variance overall. A table of train votes says which
    factor each latent stands for; the value is how many further votes it gets right. Guessing gives
    about one over the number of factors. Latents with a standard deviation below 0.05 take no part;
    with none left the score is 0.

    codes: (n, D) floats. factors: (n, K) integer classes of the same rows.

    parts: `train_accuracy` in [0, 1]; `votes_train`, `votes_test` (K', D) counts, their rows the
    `factors_used` in order; `factor_of_latent` (D,), -1 where a latent got no vote;
    `global_variance` (D,); `active_latents`; `train_count`, `test_count` in votes.

    A latent names one factor, so that fewer latents than factors leave some never named: the ceiling is
    the share of test votes that D latents can name at most.
    """
    sizes = sizes_for(SIZES, preset)
    table = Table.of(codes, factors)
    if reason := table.problem(factors=2):
        return undefined("factor_vae", reason, seed, preset)
    used, groups = shared_values(table)
    if len(used) < 2:
        reason = "Fewer than two factors have values that rows share, so no batch can hold one."
        return undefined("factor_vae", reason, seed, preset)

    rng = np.random.default_rng(seed)
    variance = table.sample(sizes.variance, rng).codes.var(axis=0, ddof=1, dtype=np.float64)
    active = active_latents(variance)
    votes_train = _draw_votes(table, groups, variance, sizes.train, sizes.batch, rng)
    votes_test = _draw_votes(table, groups, variance, sizes.test, sizes.batch, rng)
    named = used[votes_train.argmax(axis=0)]
    parts = {
        "train_accuracy": majority_accuracy(votes_train, votes_train),
        "votes_train": votes_train,
        "votes_test": votes_test,
        "factor_of_latent": np.where(votes_train.sum(axis=0) > 0, named, -1),
        "factors_used": used,
        "global_variance": variance,
        "active_latents": active,
        "train_count": sizes.train,
        "test_count": sizes.test,
    }
    value = majority_accuracy(votes_train, votes_test)
    # Latents that are dead here could be alive in other codes.
    per_factor = np.sort(votes_test.sum(axis=1))[::-1]
    nameable = per_factor[: votes_test.shape[1]].sum() / per_factor.sum() if len(active) else 1.0
    return MetricResult("factor_vae", value, parts, len(table), seed, preset, ceiling=float(nameable))


def active_latents(global_variance: Array) -> Array:
    """Numbers of the latents that vary enough to vote, from the variances (D,)."""
    return np.flatnonzero(np.sqrt(global_variance) >= DEAD_BELOW)


def factor_vae_votes(
    batches: Shaped[Array, "V L D"],
    fixed_factor: Shaped[Array, " V"],
    global_variance: Shaped[Array, " D"],
    factors: int,
) -> Shaped[Array, "{factors} D"]:
    """Vote counts (factors, D), int64, of explicit batches.

    batches: (V, L, D) codes; within each of the V batches one factor holds still.
    fixed_factor: (V,) which one, in 0..factors-1. global_variance: (D,) overall variances.
    Each batch votes for the active latent of the least local to global variance; a tie goes to
    the first. Without an active latent there are no votes.
    """
    votes = np.zeros((factors, batches.shape[2]), dtype=np.int64)
    active = active_latents(global_variance)
    if len(active):
        local = batches.var(axis=1, ddof=1, dtype=np.float64)[:, active]
        stillest = active[np.argmin(local / global_variance[active], axis=1)]
        np.add.at(votes, (fixed_factor, stillest), 1)
    return votes


def majority_accuracy(votes_train: Shaped[Array, "K D"], votes_test: Shaped[Array, "K D"]) -> float:
    """How many test votes (K, D) agree with each latent's most frequent factor in train votes.

    In [0, 1]; 0 where there are no votes.
    """
    total = votes_test.sum()
    if not total:
        return 0.0
    chosen = votes_train.argmax(axis=0)
    return float(votes_test[chosen, np.arange(votes_test.shape[1])].sum() / total)


def _draw_votes(
    table: Table, groups: list[RowsByValue], variance: Array, count: int, batch: int, rng: np.random.Generator
) -> Array:
    votes = np.zeros((len(groups), table.codes.shape[1]), dtype=np.int64)
    for start in range(0, count, CHUNK):
        fixed = rng.integers(len(groups), size=min(CHUNK, count - start))
        rows = np.empty((len(fixed), batch), dtype=np.intp)
        for k, group in enumerate(groups):
            mine = np.flatnonzero(fixed == k)
            first = rng.choice(group.shared, size=len(mine))
            rows[mine] = group.partners(np.repeat(first[:, None], batch, axis=1), rng)
        votes += factor_vae_votes(table.codes[rows], fixed, variance, len(groups))
    return votes
