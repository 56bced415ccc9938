"""How often the 95 % intervals of the page Measure hold what they say they are of.

    python benchmarks/intervals.py [--repetitions 200] [--metrics mig,dci] [--rows 600] [--repeats 5] [--noise 0.5]

Each repetition draws new rows of a small world and scores them with an interval, as `explorer measure
--repeats 5` does. An interval "of the mean score" at this number of rows is held against the mean over all
repetitions, one "of the value of all images" against the mean over draws of very many rows. Of a right interval 95 %
hold it; printed as a table, with what the intervals say the standard error is beside what it is. Ends with 1
where a share is below 90 or above 99 %. It takes about half an hour of one core.

The world is noisy, so that no score is at its end; with --noise 0.5 scores that count right votes are near 1. The
worlds are small: 600 rows, and 500 and 1,000 votes to judge the BetaVAE and FactorVAE scores by, where --fast takes
1,500 and 2,000. Measured, 200 repetitions:

| score | value | sd of scores | stated error | holds | at noise 0.5: value | holds |
|---|---|---|---|---|---|---|
| MIG | 0.099 | 0.0103 | 0.0111 | 98.0% | 0.260 | 94.5% |
| DCI disentanglement | 0.058 | 0.0121 | 0.0108 | 94.5% |  |  |
| DCI completeness | 0.052 | 0.0098 | 0.0089 | 94.0% |  |  |
| DCI informativeness | 0.383 | 0.0195 | 0.0243 | 96.5% |  |  |
| FactorVAE score | 0.760 | 0.0348 | 0.0335 | 96.0% | 0.996 | 97.5% |
| BetaVAE score | 0.809 | 0.0328 | 0.0292 | 96.5% | 0.999 | 98.0% |
| SAP | 0.099 | 0.0215 | 0.0210 | 96.5% | 0.152 | 96.5% |
| Modularity | 0.773 | 0.0412 | 0.0414 | 96.5% | 0.875 | 96.5% |
| Explicitness | 0.695 | 0.0130 | 0.0148 | 97.0% | 0.832 | 98.5% |
| IRS | 0.321 | 0.0314 | 0.0335 | 95.0% | 0.412 | 95.0% |
| MIG-sup | 0.069 | 0.0059 | 0.0065 | 98.0% | 0.185 | 97.5% |
| InfoMEC: InfoM | 0.791 | 0.0791 | 0.0725 | 98.5% | 0.859 | 97.0% |
| InfoMEC: InfoC | 0.752 | 0.0648 | 0.0619 | 93.5% | 0.777 | 97.0% |
| InfoMEC: InfoE | 0.147 | 0.0095 | 0.0089 | 93.5% | 0.370 | 93.5% |
| Gaussian total correlation | 0.029 | 0.0091 | 0.0096 | 94.0% | 0.132 | 94.0% |
| Wasserstein correlation | 0.028 | 0.0098 | 0.0095 | 92.5% | 0.057 | 93.5% |
| Wasserstein correlation, share of variance | 0.007 | 0.0023 | 0.0022 | 92.0% | 0.032 | 93.0% |
| KL, all dimensions | 5.276 | 0.0659 | 0.0581 | 95.0% |  |  |
| Polarised regime, Δ_KL | 0.044 | 0.0007 | 0.0006 | 95.0% |  |  |
| Distance to orthogonality | 1.498 | 0.0279 | 0.0258 | 95.0% |  |  |
| UDR | 0.415 | 0.0046 | 0.0045 | 95.5% |  |  |
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from scipy.stats import t as student

from explorer.analysis import repeats
from explorer.analysis.metrics import MetricResult, beta_vae_score, factor_vae_score
from explorer.analysis.score_inputs import ScoreInputs
from explorer.analysis.scores import PARTS, SCORES, named_scores

LOW, HIGH = 0.90, 0.99
ALL = (100, 5_000)  # draws of so many rows whose mean score stands for all images
SIZES = (3, 5, 4)  # values of the world's factors
MODELS = 3  # that UDR compares
# Fewer votes than `--fast` takes, so that 200 repetitions are soon done.
beta_vae_score.SIZES["fast"] = beta_vae_score.PairSizes(1_000, 500)
factor_vae_score.SIZES["fast"] = factor_vae_score.VoteSizes(1_500, 1_000, 5_000)


def main() -> None:
    """Score the world again and again, and print a line for each score that has an interval."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--metrics", default="all")
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--noise", type=float, default=1.0, help="of the codes; 0.5: a clear world")
    asked = parser.parse_args()
    print(
        f"{asked.repetitions} repetitions, {asked.rows} rows, {asked.repeats} repeats on halves, "
        f"noise {asked.noise:g}\n"
    )
    draw = partial(world, noise=asked.noise)
    print("| score | value | sd of scores | stated error | holds | of what | seconds |")
    print("|---|---|---|---|---|---|---|")
    wrong = []
    for name in named_scores(asked.metrics):
        for line, share in covered(name, draw, asked.repetitions, asked.rows, asked.repeats):
            print(line, flush=True)
            if share is not None and not LOW <= share <= HIGH:
                wrong.append(name)
    if wrong:
        print(f"\noutside of {LOW:.0%} to {HIGH:.0%}: {', '.join(dict.fromkeys(wrong))}")
        sys.exit(1)
    print(f"\nall between {LOW:.0%} and {HIGH:.0%}")


def covered(
    name: str, draw: Callable[[int, int], ScoreInputs], repetitions: int, rows: int, count: int
) -> Iterator[tuple[str, float | None]]:
    """A line of the table for the score and each of its parts, and the share of intervals that hold."""
    began = time.perf_counter()
    results = [scored(name, draw, rows, seed, count) for seed in range(repetitions)]
    seconds = time.perf_counter() - began
    if all(result.interval is None for result in results):
        yield f"| {SCORES[name].title} | | | | no interval | | {seconds:.0f} |", None
        return
    others = []
    if SCORES[name].of_all:
        others = [scored(name, draw, ALL[1], repetitions + n, 0) for n in range(ALL[0])]
    for part in (None, *PARTS.get(name, ())):
        values = np.array([_value(result, part) for result in results])
        ends = np.array([_interval(result, part) for result in results])
        right = float(np.mean([_value(result, part) for result in others or results]))
        share = float(((ends[:, 0] <= right) & (right <= ends[:, 1])).mean())
        stated = float((ends[:, 1] - ends[:, 0]).mean()) / 2 / student.ppf(0.975, count - 1)
        title = SCORES[name].title if part is None else PARTS[name][part]
        yield (
            (
                f"| {title} | {right:.3f} | {values.std(ddof=1):.4f} | {stated:.4f} | {share:.1%} | "
                f"{results[0].interval_of} | {seconds:.0f} |"
            ),
            share,
        )


def scored(name: str, draw: Callable[[int, int], ScoreInputs], rows: int, seed: int, count: int) -> MetricResult:
    """The score on rows that are drawn with `seed`, with an interval over `count` repeats."""
    if name == "udr":
        return repeats.udr_with_interval(list(models(rows, seed)), seed, "fast", count)
    return repeats.score(name, draw(rows, seed), seed, "fast", count)


def world(rows: int, seed: int, noise: float = 1.0) -> ScoreInputs:
    """Three factors, four latents that mix them with much noise, a fifth that is dead, and a bent decoder.

    With `noise` 1 no score is at its end; with 0.5 those that count right votes are near 1, where a few faults
    decide and many draws have none.
    """
    random = np.random.default_rng([1, seed])
    factors = np.stack([random.integers(0, size, rows) for size in SIZES], axis=1)
    clear = (factors - [1, 2, 1.5]) / [0.8, 1.4, 1.1]
    mixed = clear @ np.array([[1, 0.3, 0, 0.2, 0], [0, 1, 0.3, 0, 0], [0.3, 0, 1, 0.6, 0]])
    blur = noise * random.normal(size=(rows, 5)) * [1.6, 1.4, 1.9, 2.2, 0.05]
    codes = ((mixed + blur) / 2).astype(np.float32)
    spread = np.log([0.05, 0.05, 0.1, 0.2, 1.0]) + random.normal(size=(rows, 5)) * 0.3

    def slopes(count: int) -> np.ndarray:
        shape = np.random.default_rng(2).normal(size=(2, 40, 5))
        bend = np.tanh(codes[:count])[:, None, :]
        return np.asarray(shape[0] + shape[1] * bend)

    return ScoreInputs(codes, factors, ("a", "b", "c"), codes, spread.astype(np.float32), slopes)


def models(rows: int, seed: int) -> Iterator[ScoreInputs]:
    """Models of the same images, whose latents are turned more or less."""
    random = np.random.default_rng([3, seed])
    images = random.normal(size=(rows, 4))
    for number in range(MODELS):
        own = np.random.default_rng([4, number])
        turn = np.eye(4) + 0.35 * own.normal(size=(4, 4))
        codes = (images @ turn + 0.3 * random.normal(size=(rows, 4))).astype(np.float32)
        yield ScoreInputs(codes, means=codes, log_vars=np.full(codes.shape, -2.0, np.float32))


def _value(result: MetricResult, part: str | None) -> float:
    value = result.value if part is None else result.parts[part]
    assert value is not None, result.reason
    return float(value)


def _interval(result: MetricResult, part: str | None) -> tuple[float, float]:
    interval = result.interval if part is None else result.parts["intervals"][part]
    assert interval is not None, result.name
    return interval


if __name__ == "__main__":
    main()
