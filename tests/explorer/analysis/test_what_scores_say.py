"""Numbers that are said of the scores in words are those that they have."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from explorer.analysis import metrics
from explorer.analysis.codes import codes_of
from explorer.analysis.evaluation import choose, encode_all, order_of
from explorer.analysis.metrics import MetricResult
from explorer.analysis.metrics.total_correlation import by_chance
from explorer.analysis.report import as_csv, as_text
from explorer.analysis.scores import SCORES
from explorer.checkpoints import load
from explorer.datasets import ArrayDataset, open_dataset

DSPRITES = (3, 6, 40, 32, 32)


@pytest.fixture(scope="module")
def factors() -> np.ndarray:
    generator = np.random.default_rng(0)
    return np.stack([generator.integers(0, size, 10_000) for size in DSPRITES], axis=1)


def test_modularity_of_dead_latents_and_of_noise_is_as_its_docstring_says(factors: np.ndarray) -> None:
    dead, noise = [], []
    for seed in range(3):
        generator = np.random.default_rng(seed)
        codes = np.c_[factors, 0.01 * generator.normal(size=(10_000, 5))]
        dead.append(metrics.modularity(codes, factors).value or math.nan)
        noise.append(metrics.modularity(generator.normal(size=(10_000, 10)), factors).value or math.nan)
    said = metrics.modularity.__doc__ or ""
    assert "about 0.83" in said and np.mean(dead) == pytest.approx(0.83, abs=0.02)
    assert "about 0.66" in said and np.mean(noise) == pytest.approx(0.66, abs=0.03)


def test_irs_says_that_it_holds_a_factor_to_a_bin(factors: np.ndarray) -> None:
    assert "one of 20 bins" in SCORES["irs"].definition and "0.98" in SCORES["irs"].definition
    assert metrics.irs(factors.astype(float), factors).value == pytest.approx(0.98, abs=0.005)


@pytest.mark.parametrize(("rows", "latents"), [(300, 200), (500, 50), (60, 10)])
def test_gaussian_total_correlation_of_independent_codes_is_what_it_says_of_chance(rows: int, latents: int) -> None:
    values = []
    for seed in range(20):
        codes = np.random.default_rng(seed).normal(size=(rows, latents))
        result = metrics.gaussian_total_correlation(codes)
        values.append(result.value or math.nan)
        assert result.parts["by_chance"] == by_chance(rows, latents)
    error = np.std(values, ddof=1) / len(values) ** 0.5
    assert np.mean(values) == pytest.approx(by_chance(rows, latents), abs=4 * error)
    assert by_chance(10_000, 10) == pytest.approx(10 * 9 / 4 / 10_000, rel=2e-3)  # as in words
    assert by_chance(10, 10) is None and by_chance(10, 1) == 0
    assert "D(D − 1)/4n" in SCORES["gaussian_total_correlation"].definition


def test_no_score_is_printed_as_minus_zero() -> None:
    one = metrics.gaussian_total_correlation(np.random.default_rng(0).normal(size=(50, 1)))
    assert one.value == 0 and not np.signbit(one.value)
    about = {"count": 50, "data": "d", "split": "train", "representation": "mean", "seed": 0, "preset": "full"}
    nearly = MetricResult("gaussian_total_correlation", -1e-9, {}, 50, 0, "full")
    for result in (one, nearly):
        lines = list(as_text(about, {"m": {"gaussian_total_correlation": result}}, {}, 50))
        assert "-0.000" not in "".join(lines) and "0.000" in "".join(lines)


def test_a_table_says_in_the_lines_of_a_doubtful_model_what_speaks_against_it() -> None:
    about = {"count": 50, "data": "d", "split": "train", "representation": "mean", "seed": 0, "preset": "full"}
    scores = {"mig": MetricResult("mig", 0.25, {}, 50, 0, "full")}
    results = {"sure": scores, "unsure": scores}
    plain = as_csv(about, results, {}).splitlines()
    said = about | {"doubts": {"unsure": ["too few, found again", "=1+1"]}}
    table = as_csv(said, results, {}).splitlines()
    assert [line.removeprefix(before) for before, line in zip(plain, table, strict=True)] == [
        ",doubts",
        ",",
        ',"too few, found again; =1+1"',
    ]
    lines = list(as_text(said, results, {}, 50))
    assert (
        lines.index("  doubtful: too few, found again")
        == lines.index(next(line for line in lines if line.startswith("unsure "))) + 1
    )
    assert sum("doubtful" in line for line in lines) == 2


def test_no_limit_of_the_polarised_regime_is_told_as_a_fact() -> None:
    assert "unverified" in SCORES["polarised_regime"].definition
    assert "not\n    verified" in (metrics.polarised_regime.__doc__ or "")


def test_one_seed_gives_one_order_of_images_whoever_asks_also_for_all_of_them() -> None:
    pixels = torch.randint(0, 256, (40, 1, 64, 64), dtype=torch.uint8)
    data = ArrayDataset("few", pixels, "few")
    for count in (1, 17, 39, 40):
        assert torch.equal(choose(data, count, 5), order_of(data, 5)[:count])
    assert torch.equal(choose(data, None, 5), choose(data, 40, 5))
    assert sorted(choose(data, 40, 5).tolist()) == list(range(40))
    # With factors, as the README takes codes and as `measure` does.
    known = open_dataset("dsprites", size=64)
    some = ArrayDataset(
        "some",
        known.images(range(0, 700_000, 20_000)),
        "some",
        known.factors(torch.arange(0, 700_000, 20_000)),
        known.factor_names,
        known.factor_sizes,
    )
    model = load("dsprites-beta16").model
    table = codes_of(model, some, count=len(some), seed=3)
    means = encode_all(model, some, order_of(some, 3)).mean
    np.testing.assert_array_equal(table.codes, means.numpy())
