"""Any score, and how sure it is: a confidence interval over repeats.

A repeat is the same score on a random half of the rows, with another seed. The spread of scores over
random halves of n rows is the standard error of the score on all n (the delete-half jackknife, Shao
and Wu 1989); what a score draws by itself, such as its votes, spreads with it. So the interval holds the
mean score over draws of n rows. That is the value of all images only where the score doesn't move with n,
and each result says in `interval_of` which of the two it is. Scores that are shares of right votes have an
interval that stays right near 1 (`of_votes`). `benchmarks/intervals.py` counts how often each holds.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from explorer.analysis import metrics
from explorer.analysis.metrics import MetricResult
from explorer.analysis.metrics.result import undefined
from explorer.analysis.metrics.table import Split, Table, sizes_for
from explorer.analysis.score_inputs import ScoreInputs, jacobian_images
from explorer.analysis.scores import PARTS, SCORES, Preset

REPEATS = 5
CERTAINTY = 0.95
BELOW_ZERO = {"irs", "infomec", "infoc", "infoe"}  # scores that chance can take below 0
COUNTS = {name for name, about in SCORES.items() if about.whole}  # halves that agree on one don't say how sure it is
# The largest of n rows is hardly surer than that of n / 2, of which random halves show half the variance.
OF_EXTREMES = {"irs"}
# Shares of votes that were right, by the part that counts them: near 1 a few votes decide, and all halves may be
# without a fault.
VOTES = {"beta_vae": "confusion", "factor_vae": "votes_test"}
LEARNT = {"dci", "sap", "explicitness"}  # from some rows, and judged by others

Compute = Callable[[np.ndarray | None, int], MetricResult]


def score(name: str, inputs: ScoreInputs, seed: int = 0, preset: Preset = "full", repeats: int = 0) -> MetricResult:
    """The score `name` of one model's inputs, with an interval over `repeats` (at least 2) if any.

    What the inputs lacks makes the score undefined, with the sentence that says what is missing.
    """
    lack = missing(name, inputs)
    if lack:
        return undefined(name, lack, seed, preset)
    if name == "distance_to_orthogonality":
        assert inputs.jacobians is not None
        slopes = inputs.jacobians(jacobian_images(preset))

        def of_images(chosen: np.ndarray | None, seed: int) -> MetricResult:
            some = slopes if chosen is None else slopes[chosen]
            return metrics.distance_to_orthogonality(some, seed, preset)

        return with_interval(of_images, len(slopes), seed, repeats)

    def of_rows(chosen: np.ndarray | None, seed: int) -> MetricResult:
        some = inputs if chosen is None else inputs.rows(chosen)
        if SCORES[name].needs == "posterior":
            function = {"kl_per_dimension": metrics.kl_per_dimension, "polarised_regime": metrics.polarised_regime}[
                name
            ]
            return function(some.means, some.log_vars, seed, preset)
        codes = some.means if name == "active_units" and some.means is not None else some.codes
        return metrics.BY_NAME[name](codes, some.factors, seed=seed, preset=preset)

    if name in LEARNT and repeats:
        halved = _of_split(name, inputs, seed, preset)
        if halved is not None:
            return with_interval(*halved, seed, repeats)
    return with_interval(of_rows, len(inputs), seed, repeats)


def _of_split(name: str, inputs: ScoreInputs, seed: int, preset: Preset) -> tuple[Compute, int] | None:
    """A score that learns from some rows and is judged by others, of all rows or of some of its split.

    Halves that were split anew would count twice what the choice of the split does to the score. None where
    the two have rows in common.
    """
    assert inputs.factors is not None
    table = Table.of(inputs.codes, inputs.factors)
    sizes = importlib.import_module(f"explorer.analysis.metrics.{name}_score").ROWS
    split = Split.of(table, None, sizes_for(sizes, preset), seed)
    if split.seen:
        return None
    codes = np.concatenate([split.train.codes, split.test.codes])
    factors = np.concatenate([split.train.factors, split.test.factors])

    def of_some(chosen: np.ndarray | None, seed: int) -> MetricResult:
        if chosen is None:
            return metrics.BY_NAME[name](table.codes, table.factors, seed=seed, preset=preset)
        learn, judge = chosen[chosen < len(split.train)], chosen[chosen >= len(split.train)]
        test = (codes[judge], factors[judge])
        return metrics.BY_NAME[name](codes[learn], factors[learn], seed=seed, preset=preset, test=test)

    return of_some, len(codes)


def udr_with_interval(
    several: list[ScoreInputs], seed: int = 0, preset: Preset = "full", repeats: int = 0
) -> MetricResult:
    """UDR of several models on the same images, with an interval over `repeats`."""
    if len(several) < 2:
        reason = "UDR compares models, and there is one: add others trained alike from other seeds."
        return undefined("udr", reason, seed, preset)
    from explorer.analysis.metrics.posterior_scores import kl_of

    kls = []
    for inputs in several:
        assert inputs.means is not None and inputs.log_vars is not None
        kls.append(kl_of(inputs.means, inputs.log_vars).mean(axis=0))

    def of_rows(chosen: np.ndarray | None, seed: int) -> MetricResult:
        tables = [m.codes if chosen is None else m.codes[chosen] for m in several]
        return metrics.udr(tables, kls, seed, preset)

    return with_interval(of_rows, min(map(len, several)), seed, repeats)


def missing(name: str, inputs: ScoreInputs) -> str | None:
    """What a score lacks, in a sentence that says how to get it; None where nothing."""
    match SCORES[name].needs:
        case "factors" if inputs.factors is None:
            return (
                "The images' factors are not known, and this score compares codes with them: measure on "
                "dsprites or scene, or on an npz file that holds factors."
            )
        case "posterior" if inputs.means is None or inputs.log_vars is None:
            return "This score needs the posterior's log-variances, and codes alone were given."
        case "decoder" if inputs.jacobians is None:
            return "This score needs the decoder, and codes alone were given."
        case "models":
            return "This score compares several models: choose at least two that differ in their seed."
    return None


def with_interval(compute: Compute, rows: int, seed: int, repeats: int) -> MetricResult:
    """`compute(None, seed)` on all rows, and an interval from it on random halves of them.

    Parts that are scores too (`PARTS`) have theirs in the part `intervals`.
    """
    result = compute(None, seed)
    if result.value is None or repeats < 2 or rows < 4 or result.name in COUNTS:
        return result
    names = [part for part in PARTS.get(result.name, ()) if result.parts.get(part) is not None]
    found, counts = [], []
    for number in range(repeats):
        random = np.random.default_rng([seed, number])
        half = np.sort(random.choice(rows, rows // 2, replace=False))
        again = compute(half, seed + 1 + number)
        if again.value is not None:
            found.append([again.value, *(again.parts[part] for part in names)])
            counts.append(again.count)
    if len(found) < 2:
        return result
    # Halves of many more rows than the score takes are nearly independent draws: spread by more.
    share = (1 / result.count) / (1 / np.mean(counts) - 1 / rows)
    share *= 2 if result.name in OF_EXTREMES else 1
    scores = np.array(found, dtype=np.float64)
    spread = scores.std(axis=0, ddof=1) * np.sqrt(share)
    reach = _quantile(len(found) - 1) * spread
    votes = int(result.parts[VOTES[result.name]].sum()) if result.name in VOTES else 0

    def around(value: float, reach: float, part: str | None = None) -> tuple[float, float]:
        low, high = float(value - reach), float(value + reach)
        if votes:
            low, high = of_votes(value, votes, scores[:, 0].mean(), spread[0], len(found) - 1)
        if (part or result.name) not in BELOW_ZERO:
            low = max(low, 0.0)
        if result.ceiling is not None:
            high = min(high, max(result.ceiling, value))
        return low, high

    parts = dict(result.parts)
    if names:
        parts["intervals"] = {part: around(parts[part], reach[1 + number], part) for number, part in enumerate(names)}
    return replace(
        result, parts=parts, interval=around(result.value, reach[0]), repeats=len(found), interval_of=_of(result)
    )


def of_votes(share: float, votes: int, mean: float, spread: float, freedom: int) -> tuple[float, float]:
    """The interval of a share of right votes, which chance in the votes and in all else moves.

    Wilson's score interval (1927) of as many independent votes as have the same spread: votes over the design
    effect, as for shares in surveys (Korn and Graubard 1998), by Student's t. Where the spread is no more than the
    votes alone explain, its variance is theirs, which is known, and t is the normal's quantile.

    Args:
        share: of `votes` votes, in [0, 1].
        mean, spread: of the score over repeats, with `freedom` degrees of freedom.
    """
    alone = mean * (1 - mean) / votes
    effect = max(1.0, spread**2 / alone) if alone > 0 else 1.0
    reach = _quantile(freedom if effect > 1 else np.inf)
    extra = reach**2 * effect / votes
    middle = (share + extra / 2) / (1 + extra)
    half = np.sqrt(extra * (share * (1 - share) + extra / 4)) / (1 + extra)
    return float(max(0.0, min(middle - half, share))), float(min(1.0, max(middle + half, share)))


def _quantile(freedom: float) -> float:
    from scipy.stats import t as student  # here, so that encoding alone needs no scipy

    return float(student.ppf((1 + CERTAINTY) / 2, freedom))


def _of(result: MetricResult) -> str:
    """What the interval of a score is of."""
    if SCORES[result.name].of_all:
        return "the value of all images"
    return f"the mean score at {result.count:,} rows"
