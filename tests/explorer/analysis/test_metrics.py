"""Disentanglement metrics against the reference's values, closed forms, and input that has none."""

import json
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from explorer.analysis import metrics
from explorer.analysis.metrics.information import entropy, equal_width_bins, mutual_information
from explorer.analysis.metrics.table import Split, Table
from explorer.analysis.metrics.total_correlation import wasserstein_correlation_of

from .code_sets import noisy_table, score, world

pytestmark = pytest.mark.usefixtures("no_warning_in_the_log")


# The reference's values on one stored sample.


# The reference's own sampling, through the whole function.


# Closed forms.


def test_one_latent_for_each_factor_is_wholly_disentangled() -> None:
    value, per_latent = metrics.disentanglement_of(np.diag([5.0, 4, 3, 2, 1]))
    assert value == pytest.approx(1, abs=1e-6)
    assert metrics.completeness_of(np.eye(5))[0] == pytest.approx(1, abs=1e-6)
    assert per_latent.shape == (5,)


def test_doubled_latents_lose_completeness_but_not_disentanglement() -> None:
    importance = np.vstack([np.eye(5), np.eye(5)])
    assert metrics.disentanglement_of(importance)[0] == pytest.approx(1, abs=1e-6)
    expected = 1 - np.log(2) / np.log(10)
    assert metrics.completeness_of(importance)[0] == pytest.approx(expected, abs=1e-6)


def test_a_latent_for_two_factors_loses_disentanglement_but_not_completeness() -> None:
    importance = np.hstack([np.eye(5), np.eye(5)])
    expected = 1 - np.log(2) / np.log(10)
    assert metrics.disentanglement_of(importance)[0] == pytest.approx(expected, abs=1e-6)
    assert metrics.completeness_of(importance)[0] == pytest.approx(1, abs=1e-6)


def test_latents_that_nothing_uses_score_zero() -> None:
    assert metrics.disentanglement_of(np.zeros((10, 5)))[0] == 0
    assert metrics.completeness_of(np.zeros((10, 5)))[0] == 0


@pytest.mark.parametrize(
    ("information", "expected"),
    [(np.diag([2.0, 1, 3]), 1), (np.diag([1.0, 1, 0]), 2 / 3), (np.hstack([np.eye(5), np.eye(5)]), 1 - 1 / 9)],
    ids=["one factor each", "one of three dead", "two factors each"],
)
def test_modularity_of_simple_tables(information: np.ndarray, expected: float) -> None:
    assert metrics.modularity_of(information).mean() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (np.eye(3), 1),
        (np.array([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]]), 2 / 3),
        (np.ones((3, 3)), 1 / 3),
        (np.zeros((3, 3)), 0),
        (np.zeros((0, 3)), 0),
    ],
    ids=["one to one", "a pair mixed", "all mixed", "nothing", "no latents"],
)
def test_udr_strength_of_simple_tables(matrix: np.ndarray, expected: float) -> None:
    assert metrics.relative_strength(matrix) == pytest.approx(expected, abs=1e-9)


def test_doubled_latents_have_no_gap() -> None:
    factors = world()
    assert metrics.mig(np.hstack([factors, factors]), factors).value == pytest.approx(0, abs=1e-9)


def test_the_factors_themselves_reach_the_stated_ceiling_of_mig() -> None:
    factors = world()
    result = metrics.mig(np.c_[factors, np.zeros(60)], factors)
    assert result.value == pytest.approx(1, abs=1e-9)
    assert result.ceiling == result.yardstick == pytest.approx(1, abs=1e-9)
    assert result.parts["best_latent"].tolist() == [0, 1, 2]
    forty = world((40, 5))
    halved = metrics.mig(forty, forty)
    expected = (np.log(20) / np.log(40) + 1) / 2  # 40 values fall in pairs into 20 bins
    assert halved.value == pytest.approx(expected, abs=1e-9)
    assert halved.ceiling == pytest.approx(expected, abs=1e-9)
    assert halved.yardstick == pytest.approx(expected, abs=1e-9)


def test_total_correlation_of_a_correlated_pair_is_the_closed_form() -> None:
    covariance = np.array([[1.0, 0.9], [0.9, 1.0]])
    assert metrics.total_correlation_of(covariance) == pytest.approx(0.8304, abs=5e-5)
    assert metrics.total_correlation_of(np.diag([1.0, 7.0])) == pytest.approx(0, abs=1e-12)
    assert wasserstein_correlation_of(np.diag([1.0, 7.0])) == pytest.approx(0, abs=1e-12)


def test_information_is_the_entropy_of_what_is_shared_in_nats() -> None:
    factors = world((2, 8))
    information = mutual_information(factors, factors)
    np.testing.assert_allclose(information, np.diag([np.log(2), np.log(8)]), atol=1e-12)
    np.testing.assert_allclose(entropy(factors), [np.log(2), np.log(8)], atol=1e-12)


def test_bins_are_of_one_width_and_the_maximum_is_in_the_last() -> None:
    values = np.array([[0.0], [0.049], [0.05], [0.5], [0.999], [1.0]])
    assert equal_width_bins(values)[:, 0].tolist() == [0, 0, 1, 10, 19, 19]
    assert not equal_width_bins(np.full((4, 1), 0.1)).any()


# What a person meets.


@pytest.mark.parametrize("name", sorted(metrics.BY_NAME))
def test_the_same_seed_gives_the_same_number_and_says_how_it_came_about(name: str) -> None:
    codes, factors = noisy_table(200)
    first, second = (metrics.BY_NAME[name](codes, factors, seed=3, preset="fast") for _ in range(2))
    assert first.value == second.value
    assert (first.name, first.seed, first.preset, first.count) == (name, 3, "fast", 200)
    assert first.reason is None
    assert json.loads(json.dumps(first.as_json(), allow_nan=False))["value"] == first.value


def test_good_codes_score_high_and_dead_ones_low() -> None:
    factors = np.repeat(world(), 20, axis=0)
    rng = np.random.default_rng(0)
    good = factors + rng.normal(size=factors.shape) * 0.05
    noise = rng.normal(size=factors.shape)
    for name, low in (("mig", 0.1), ("factor_vae", 0.5), ("beta_vae", 0.5), ("explicitness", 0.6)):
        assert score(name, good, factors, preset="fast") > 0.85, name
        assert score(name, noise, factors, preset="fast") < low, name
    for name in ("mig", "dci", "factor_vae", "sap", "modularity", "irs"):
        dead = metrics.BY_NAME[name](np.full((240, 3), 0.1), factors[::5], preset="fast")
        assert dead.value == 0, name


def test_factor_vae_names_the_latent_of_each_factor() -> None:
    codes, factors = noisy_table()
    result = metrics.factor_vae(codes[:, [2, 3, 0, 1]], factors, preset="fast")
    assert result.parts["factor_of_latent"][[0, 2, 3]].tolist() == [2, 0, 1]
    assert result.parts["votes_test"].sum() == 2000


def test_fewer_rows_are_drawn_from_a_large_table_and_counted() -> None:
    codes, factors = noisy_table(12_000)
    for name in ("mig", "modularity", "irs", "gaussian_total_correlation"):
        result = metrics.BY_NAME[name](codes, factors, preset="fast")
        assert result.count == 5000
        other = metrics.BY_NAME[name](codes, factors, seed=1, preset="fast")
        assert result.value != other.value


def test_train_and_test_share_no_row_unless_the_table_is_a_whole_world() -> None:
    codes, factors = np.arange(300.0)[:, None], noisy_table(300)[1]
    for sizes in ((100, 50), (1000, 500)):
        split = Split.of(Table.of(codes, factors), None, sizes, seed=0)
        assert not set(split.train.codes[:, 0]) & set(split.test.codes[:, 0])
        assert len(split.train) == 2 * len(split.test)
        assert (split.count, split.seen) == (len(split.train) + len(split.test), 0)
    whole = Split.of(Table.of(codes[:60], world()), None, (1000, 500), seed=0)
    assert (len(whole.train), len(whole.test), whole.count) == (1000, 500, 60)
    assert whole.seen == 1


def test_noise_codes_are_not_explicit_on_rows_that_were_held_out() -> None:
    rng = np.random.default_rng(0)
    factors = world()[rng.integers(60, size=1000)]
    result = metrics.explicitness(rng.normal(size=(1000, 10)), factors)
    assert result.value == pytest.approx(0.5, abs=0.05)
    assert result.parts["test_rows_seen_in_training"] == 0


# Properties.

HASTE = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@HASTE
@given(
    seed=st.integers(0, 1000),
    order=st.permutations(range(4)),
    signs=st.lists(st.sampled_from([-1.0, 1.0]), min_size=4, max_size=4),
)
def test_order_and_sign_of_latents_do_not_matter(seed: int, order: list[int], signs: list[float]) -> None:
    codes, factors = noisy_table(300, seed)
    turned = (codes * signs)[:, order]
    for name, tolerance in (
        ("mig", 1e-9),
        ("modularity", 1e-9),
        ("irs", 1e-9),
        ("gaussian_total_correlation", 1e-9),
        ("factor_vae", 1e-9),
        ("explicitness", 1e-3),
    ):
        before = score(name, codes, factors, preset="fast")
        after = score(name, turned, factors, preset="fast")
        assert after == pytest.approx(before, abs=tolerance), name


@HASTE
@given(seed=st.integers(0, 1000), order=st.permutations(range(3)), shift=st.integers(-5, 5))
def test_order_and_names_of_factors_do_not_matter(seed: int, order: list[int], shift: int) -> None:
    codes, factors = noisy_table(200, seed)
    for name in ("mig", "modularity", "irs"):
        before = metrics.BY_NAME[name](codes, factors).value
        after = metrics.BY_NAME[name](codes, factors[:, order] * 3 + shift).value
        assert after == pytest.approx(before, abs=1e-9), name


ELEMENTS: dict[type, list[st.SearchStrategy[Any]]] = {
    np.float64: [st.floats(-8, 8), st.floats(), st.sampled_from([0.0, 1e30, -1e300, 1e-300, 5e-324])],
    np.float32: [st.floats(-8, 8, width=32), st.floats(width=32), st.sampled_from([0.0, 1.0])],
    np.float16: [st.floats(-8, 8, width=16), st.floats(width=16)],
    np.int64: [st.integers(-3, 3), st.integers(-(2**62), 2**62)],
    np.bool_: [st.booleans()],
}


@settings(HASTE, max_examples=80)
@given(data=st.data())
def test_any_table_gives_a_number_in_range_or_a_reason_and_no_warning(data: st.DataObject) -> None:
    rows = data.draw(st.integers(0, 12))
    latents, kinds = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3))
    dtype = data.draw(st.sampled_from(list(ELEMENTS)))
    numbers = data.draw(st.sampled_from(ELEMENTS[dtype]))
    codes = data.draw(hnp.arrays(dtype, (rows, latents), elements=numbers))
    factors = data.draw(hnp.arrays(np.int64, (rows, kinds), elements=st.integers(0, 3)))
    results = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, function in metrics.BY_NAME.items():
            results[name] = function(codes, factors, preset="fast")
        kl = np.ones(latents)
        results["udr"] = metrics.udr([codes, codes[:, ::-1]], [kl, kl], preset="fast")
        results["kl"] = metrics.kl_per_dimension(codes, codes)
        results["regime"] = metrics.polarised_regime(codes, codes)
    for name, result in results.items():
        assert (result.value is None) == (result.reason is not None), name
        if result.value is None:
            continue
        assert np.isfinite(result.value), name
        low = {"irs": -1.0, "infomec": -1.0}.get(name, 0.0)
        high = np.inf if result.ceiling is None else result.ceiling + 1e-9
        assert low <= result.value <= high, name


@pytest.mark.parametrize("constant", [1.0, 1000.1, 123456789.0])
def test_a_latent_that_never_moves_has_no_vote_however_large_it_is(constant: float) -> None:
    factors = np.random.default_rng(0).integers(0, 8, (3000, 3))
    codes = np.c_[factors, np.full((3000, 1), constant)].astype(np.float32)
    parts = metrics.factor_vae(codes, factors, preset="fast").parts
    assert list(parts["active_latents"]) == [0, 1, 2] and not parts["votes_train"][:, 3].any()


@pytest.mark.parametrize("name", ["mig", "mig_sup", "sap"])
def test_what_scores_are_compared_with_does_not_rest_on_how_classes_are_called(name: str) -> None:
    factors = np.random.default_rng(0).integers(0, 40, (3000, 2))
    codes = np.random.default_rng(1).normal(size=(3000, 3))
    called = np.where(factors == 39, 10**6, factors)
    told = [metrics.BY_NAME[name](codes, classes, preset="fast") for classes in (factors, called)]
    assert told[0].ceiling == pytest.approx(told[1].ceiling)
    assert told[0].yardstick == pytest.approx(told[1].yardstick) and (told[0].yardstick or 0) > 0.01
