"""Intervals of scores, what stands beside them, and codes that no score may stumble over."""

import csv
import io
import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from explorer.analysis import metrics, report
from explorer.analysis.metrics import MetricResult
from explorer.analysis.repeats import of_votes, score, udr_with_interval
from explorer.analysis.score_inputs import ScoreInputs
from explorer.analysis.scores import OF_ONE_MODEL, SCORES, named_scores
from explorer.errors import UserError

from .code_sets import needs_oracle, noisy_table, oracle
from .test_scores import shown

pytestmark = pytest.mark.usefixtures("no_warning_in_the_log")


def score_inputs(rows: int = 300, latents: int = 4, seed: int = 0) -> ScoreInputs:
    """Codes of three noisy factors and a latent of noise, with a posterior and a linear decoder."""
    codes, factors = noisy_table(rows, seed)
    codes = codes[:, :latents]
    slopes = np.random.default_rng(1).normal(size=(20, 30, codes.shape[1]))
    return ScoreInputs(codes, factors, ("a", "b", "c"), codes, np.full(codes.shape, -2.0), lambda count: slopes[:count])


def test_an_interval_holds_the_score_of_other_images_about_as_often_as_it_says() -> None:
    hits, tries = 0, 20
    truth = metrics.mig(*noisy_table(40_000, 99)).value
    assert truth is not None
    small = {"seed": 0, "preset": "full", "repeats": 8}
    for seed in range(tries):
        codes, factors = noisy_table(10_000, seed)
        result = score("mig", ScoreInputs(codes, factors), **small)  # type: ignore[arg-type]
        assert result.value is not None and result.interval is not None and result.repeats == 8
        low, high = result.interval
        assert low <= result.value <= high
        hits += low <= truth <= high
    assert hits >= tries * 0.75


def test_more_images_make_the_interval_narrower() -> None:
    widths = []
    for rows in (300, 3000):
        codes, factors = noisy_table(rows)
        interval = score("mig", ScoreInputs(codes, factors), repeats=10).interval
        assert interval is not None
        widths.append(interval[1] - interval[0])
    assert widths[1] < widths[0] / 1.5


def test_the_same_seed_gives_the_same_interval_and_json_keeps_all() -> None:
    for name in OF_ONE_MODEL:
        first, second = (score(name, score_inputs(), 3, "fast", 3) for _ in range(2))
        assert first.interval == second.interval, name
        assert (first.interval is None) == (first.interval_of is None) == (name == "active_units")
        back = MetricResult.from_json(json.loads(json.dumps(first.as_json(), allow_nan=False)))
        for field in ("value", "interval", "interval_of", "ceiling", "yardstick"):
            assert getattr(back, field) == getattr(first, field)


def test_beside_each_interval_stands_what_it_is_of_everywhere() -> None:
    results = {name: score(name, score_inputs(), 0, "fast", 3) for name in ("dci", "mig", "active_units")}
    results["kl_per_dimension"] = score("kl_per_dimension", score_inputs(), 0, "fast", 3)
    lines = {line.split()[0]: line for line in shown(results)}
    assert "] of the mean score at 300 rows" in lines["mig"]
    assert "] of the mean score at 300 rows" in lines["dci.completeness"]
    assert "] of the value of all images" in lines["kl_per_dimension"]
    assert "[" not in lines["active_units"] and "300 rows" in lines["active_units"]
    plain = report.as_json({}, {"model": results}, {}, False)["metrics"]
    assert plain["dci"]["interval_of"] == plain["mig"]["interval_of"] == "the mean score at 300 rows"
    assert plain["active_units"]["interval"] is plain["active_units"]["interval_of"] is None
    assert plain["dci"]["title"] == "DCI disentanglement at 300 rows"
    table = list(csv.DictReader(io.StringIO(report.as_csv({}, {"model": results}, {}))))
    assert {row["score"]: row["interval_of"] for row in table} == {
        "dci": "the mean score at 300 rows",
        "dci.completeness": "the mean score at 300 rows",
        "dci.informativeness_test": "the mean score at 300 rows",
        "mig": "the mean score at 300 rows",
        "active_units": "",
        "kl_per_dimension": "the value of all images",
    }
    assert [row["title"] for row in table][:2] == ["DCI disentanglement at 300 rows", "DCI completeness at 300 rows"]


def test_a_part_that_is_defined_is_shown_where_the_score_is_not() -> None:
    factors = noisy_table(400)[1]
    lines = report.score_rows(metrics.infomec(np.zeros((400, 3)), factors))
    shown = {row.name: row for row in lines}
    assert shown["infomec"].value is None and shown["infomec"].reason
    assert shown["infomec.infoe"].value == pytest.approx(0, abs=0.05)


def test_parts_that_are_scores_have_intervals_too() -> None:
    codes, factors = noisy_table(400)
    for name, parts in (("dci", ["completeness", "informativeness_test"]), ("infomec", ["infoc"])):
        lines = {
            row.name: row for row in report.score_rows(score(name, ScoreInputs(codes, factors), 0, "fast", repeats=3))
        }
        for part in parts:
            line = lines[f"{name}.{part}"]
            assert line.interval is not None and line.value is not None
            assert line.interval[0] < line.value < line.interval[1]


def test_what_a_score_lacks_is_said_with_the_way_to_get_it() -> None:
    codes, factors = noisy_table(60)
    assert "dsprites" in str(score("mig", ScoreInputs(codes)).reason)
    assert "log-variances" in str(score("kl_per_dimension", ScoreInputs(codes, factors)).reason)
    assert "decoder" in str(score("distance_to_orthogonality", ScoreInputs(codes, factors)).reason)
    assert "seed" in str(score("udr", ScoreInputs(codes, factors)).reason)
    assert "seeds" in str(udr_with_interval([score_inputs()]).reason)
    assert score("gaussian_total_correlation", ScoreInputs(codes)).value is not None


def test_scores_are_asked_for_by_name() -> None:
    assert named_scores("mig, dci,mig") == ["mig", "dci"]
    assert named_scores("factor-vae") == ["factor_vae"]
    assert named_scores("all") == list(SCORES)
    with pytest.raises(UserError, match="there is no metric 'migg'; there are mig, dci"):
        named_scores("migg")
    assert set(metrics.BY_NAME) <= set(SCORES)


def strange_codes() -> dict[str, np.ndarray]:
    codes, _ = noisy_table(60)
    broken = codes.copy()
    broken[3, 1] = np.nan
    return {
        "constant": np.full((60, 3), 0.7),
        "one latent": codes[:, :1],
        "not a number": broken,
        "huge": np.where(np.arange(60)[:, None] == 5, 1e30, codes),
        "tiny": codes * 1e-30,
        "few rows": codes[:2],
        "fewer latents than factors": codes[:, :2],
        "two values": (codes > 0).astype(np.float32),
        "one far away": np.where(np.arange(60)[:, None] == 5, 1e6, codes),
        "infinite": np.where(np.arange(60)[:, None] == 5, -np.inf, codes),
    }


@pytest.mark.parametrize("name", OF_ONE_MODEL)
@pytest.mark.parametrize("case", sorted(strange_codes()))
@pytest.mark.parametrize("kind", ["factors", "one value", "one factor"])
def test_any_codes_give_a_finite_number_or_a_reason(name: str, case: str, kind: str) -> None:
    codes = strange_codes()[case]
    factors = noisy_table(60)[1][: len(codes)]
    if kind == "one value":
        factors = factors * 0
    elif kind == "one factor":
        factors = factors[:, :1]
    logs = np.where(np.isfinite(codes), np.clip(codes, -5, 5), codes)
    slopes = np.broadcast_to(codes[:4, None], (min(4, len(codes)), 5, codes.shape[1]))
    given = ScoreInputs(codes, factors, (), codes, logs, lambda count: slopes[:count])
    result = score(name, given, preset="fast", repeats=2)
    assert (result.value is None) == (result.reason is not None)
    numbers: list[Any] = [result.value, *(result.interval or ()), result.ceiling, result.yardstick]
    assert all(number is None or np.isfinite(number) for number in numbers)
    if case in ("not a number", "huge", "infinite") and name != "distance_to_orthogonality":
        assert result.value is None
    if SCORES[name].needs == "factors" and kind == "one value":
        assert result.value is None


@needs_oracle
def test_intervals_of_udr_stand_around_it() -> None:
    arrays = oracle()[1]
    models = [
        ScoreInputs(codes, means=codes, log_vars=np.full(codes.shape, -1.0)) for codes in arrays["udr_mixed_codes"]
    ]
    result = udr_with_interval(models, repeats=4)
    assert result.interval is not None and result.value is not None
    assert result.interval[0] <= result.value <= result.interval[1]
    assert result.ceiling is None and result.yardstick == pytest.approx(0.9)


def test_an_interval_of_votes_without_a_fault_still_leaves_room_below_one() -> None:
    """Wilson's interval where nothing but the votes is chance; Student's where that is the least of it."""
    z, t = norm.ppf(0.975), student.ppf(0.975, 4)
    assert of_votes(1.0, 1500, 1.0, 0.0, 4) == pytest.approx((1500 / (1500 + z * z), 1.0))
    assert of_votes(0.0, 10, 0.0, 0.0, 4) == pytest.approx((0.0, z * z / (10 + z * z)))
    low, high = of_votes(0.5, 10**9, 0.5, 0.01, 4)
    assert (low, high) == pytest.approx((0.5 - t * 0.01, 0.5 + t * 0.01), abs=1e-4)
    low, high = of_votes(0.998, 2000, 0.99, 0.006, 4)
    assert 0.96 < low < 0.998 < high < 1  # askew, and never beyond 1
    factors = np.random.default_rng(0).integers(0, (3, 5, 4), (1000, 3))
    codes = factors.astype(np.float64)
    for name in ("beta_vae", "factor_vae"):
        result = score(name, ScoreInputs(codes, factors), preset="fast", repeats=3)
        assert result.value == 1.0 and result.interval is not None
        assert 0.99 < result.interval[0] < 1 and result.interval[1] == 1.0, name
    dead = score("factor_vae", ScoreInputs(codes * 1e-3, factors), preset="fast", repeats=3)
    assert dead.value == 0 and dead.interval == (0.0, 0.0)  # by definition, not by votes
