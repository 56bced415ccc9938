"""Disentanglement metrics against the reference's values, closed forms, and input that has none."""

import json
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from explorer.analysis import metrics
from explorer.analysis.metrics.factor_vae_score import active_latents
from explorer.analysis.metrics.information import entropy, equal_width_bins, mutual_information
from explorer.analysis.metrics.table import Split, Table
from explorer.analysis.metrics.total_correlation import wasserstein_correlation_of
from explorer.analysis.scores import SCORES

REFERENCE = Path(__file__).resolve().parents[4] / "shared" / "reference"
ORACLE = REFERENCE / "metrics_oracle.json"
needs_oracle = pytest.mark.skipif(not ORACLE.is_file(), reason="../shared/reference/metrics_oracle.json is not here")
SETS = (
    "a_perfect",
    "b_noisy",
    "c_rotated",
    "d_duplicated",
    "e_merged",
    "f_nonlinear",
    "g_partial",
    "h_noise",
    "i_constant_dim",
)
COSINE: Any = "cosine"  # no likeness that udr knows
UDR_GROUPS = ("agree", "rotated", "mixed")


@pytest.fixture(autouse=True)
def no_warning_in_the_log() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@cache
def oracle() -> tuple[dict[str, Any], dict[str, np.ndarray], np.ndarray]:
    """Expected values, input arrays, and the factors (9216, 5) of the oracle's world."""
    with np.load(ORACLE.with_suffix(".npz")) as stored:
        arrays = {name: stored[name] for name in stored.files}
    sizes = arrays["factor_sizes"]
    factors = np.stack(np.unravel_index(np.arange(sizes.prod()), sizes), axis=1)
    return json.loads(ORACLE.read_text()), arrays, factors


def fixed(name: str) -> tuple[dict[str, Any], np.ndarray, np.ndarray, Any]:
    """Expected fixed values, train codes, train factors, and the test sample of a code set."""
    values, arrays, factors = oracle()
    codes = arrays[f"codes_{name}"]
    train, test = arrays["fixed_train_idx"], arrays["fixed_test_idx"]
    expected = values["code_sets"][name]["fixed"]
    return expected, codes[train], factors[train], (codes[test], factors[test])


def world(sizes: tuple[int, ...] = (3, 4, 5)) -> np.ndarray:
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def score(name: str, codes: np.ndarray, factors: np.ndarray, **settings: Any) -> float:
    """The value of a metric where it must have one."""
    value = metrics.BY_NAME[name](codes, factors, **settings).value
    assert value is not None
    return value


def noisy_table(rows: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Codes (rows, 4) that are three noisy factors and a latent of noise; the factors (rows, 3)."""
    rng = np.random.default_rng(seed)
    factors = world()[rng.integers(60, size=rows)]
    noise = rng.normal(size=(rows, 4))
    return np.c_[factors, np.zeros(rows)] + noise * [0.3, 0.3, 0.3, 1.0], factors


# The reference's values on one stored sample.


@needs_oracle
@pytest.mark.parametrize("name", SETS)
def test_mig_is_the_reference_mig_to_six_digits(name: str) -> None:
    expected, codes, factors, _ = fixed(name)
    result = metrics.mig(codes, factors)
    assert result.value == pytest.approx(expected["mig"]["discrete_mig"], abs=1e-6)
    information = result.parts["mutual_information"]
    np.testing.assert_allclose(information, expected["mig"]["mi_matrix"], atol=1e-6)
    np.testing.assert_allclose(result.parts["factor_entropy"], expected["mig"]["factor_entropy"], atol=1e-6)
    assert result.count == 10_000


@needs_oracle
@pytest.mark.parametrize("name", SETS)
def test_modularity_is_the_reference_modularity_to_six_digits(name: str) -> None:
    expected, codes, factors, _ = fixed(name)
    value = metrics.modularity(codes, factors).value
    assert value == pytest.approx(expected["modularity_explicitness"]["modularity_score"], abs=1e-6)


@needs_oracle
@pytest.mark.parametrize("name", SETS)
def test_explicitness_is_the_reference_explicitness(name: str) -> None:
    values, codes, factors, test = fixed(name)
    expected = values["modularity_explicitness"]
    result = metrics.explicitness(codes, factors, test=test)
    if "error" in expected:  # the reference fails on a constant latent; here it takes no part
        without = metrics.explicitness(codes[:, :5], factors, test=(test[0][:, :5], test[1]))
        assert result.value == pytest.approx(without.value, abs=1e-6)
        assert result.parts["constant_latents"].tolist() == [5]
        return
    assert result.value == pytest.approx(expected["explicitness_score_test"], abs=1e-4)
    assert result.parts["train"] == pytest.approx(expected["explicitness_score_train"], abs=1e-4)


@needs_oracle
@pytest.mark.parametrize("name", SETS)
def test_unsupervised_scores_are_the_reference_scores_to_six_digits(name: str) -> None:
    values, codes, _, _ = fixed(name)
    expected = values["unsupervised"]
    result = metrics.gaussian_total_correlation(codes)
    parts = result.parts
    if expected["gaussian_total_correlation"] is None:
        assert parts["constant_latents"].tolist() == [5]
    else:
        assert result.value == pytest.approx(expected["gaussian_total_correlation"], abs=1e-6)
    for ours, theirs in (
        ("wasserstein_correlation", "gaussian_wasserstein_correlation"),
        ("wasserstein_correlation_share", "gaussian_wasserstein_correlation_norm"),
        ("mean_mutual_information", "mutual_info_score"),
    ):
        assert parts[ours] == pytest.approx(expected[theirs], abs=1e-6)


@needs_oracle
@pytest.mark.parametrize("name", SETS)
def test_irs_is_the_reference_irs(name: str) -> None:
    values, codes, factors, _ = fixed(name)
    expected = values["irs"]
    result = metrics.irs(codes, factors)
    assert result.value == pytest.approx(expected["IRS"], abs=1e-4)
    np.testing.assert_allclose(result.parts["robustness"], expected["irs_matrix"], atol=1e-4)
    assert result.parts["best_factor"].tolist() == expected["parents"]


@needs_oracle
@pytest.mark.parametrize("name", SETS)
def test_sap_is_the_reference_sap_for_classes_and_for_numbers(name: str) -> None:
    values, codes, factors, test = fixed(name)
    expected = values["sap"]
    result = metrics.sap(codes, factors, test=test)
    assert result.value == pytest.approx(expected["SAP_score"], abs=1e-3)
    np.testing.assert_allclose(result.parts["accuracy"], expected["score_matrix"], atol=1e-3)
    assert result.parts["continuous_score"] == pytest.approx(expected["SAP_score_continuous_factors"], abs=1e-6)


@needs_oracle
@pytest.mark.parametrize("name", SETS)
def test_factor_vae_counts_the_reference_votes(name: str) -> None:
    values, codes, _, _ = fixed(name)
    expected, arrays = values["factor_vae"], oracle()[1]
    batches = arrays[f"codes_{name}"][arrays["fv_groups"]]
    variance = codes.var(axis=0, ddof=1)
    active = active_latents(variance)
    assert active.tolist() == expected["active_dims"]
    tables = []
    for part, key in ((slice(0, 1000), "votes_train"), (slice(1000, None), "votes_eval")):
        votes = metrics.factor_vae_votes(batches[part], arrays["fv_factor"][part], variance, 5)
        theirs = np.array(expected[key])[:, : len(active)]
        assert np.abs(votes[:, active] - theirs).sum() <= 4  # a near-tie may move two votes
        tables.append(votes)
    accuracy = metrics.majority_accuracy(*tables)
    assert accuracy == pytest.approx(expected["eval_accuracy"], abs=0.004)


@needs_oracle
@pytest.mark.parametrize("name", SETS)
def test_beta_vae_reaches_the_reference_accuracy_on_the_same_pairs(name: str) -> None:
    expected, arrays = fixed(name)[0]["beta_vae"], oracle()[1]
    codes, shared = arrays[f"codes_{name}"], arrays["bv_factor"]
    points = metrics.beta_vae_features(codes[arrays["bv_first"]], codes[arrays["bv_second"]])
    train, test = metrics.beta_vae_accuracy((points[:500], shared[:500]), (points[500:], shared[500:]))
    assert train == pytest.approx(expected["train_accuracy"], abs=0.01)
    assert test == pytest.approx(expected["eval_accuracy"], abs=0.01)


@needs_oracle
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("size", ["dci_small", "dci"])
def test_dci_scores_follow_from_the_reference_importances(name: str, size: str) -> None:
    values = fixed(name)[0]
    if size not in values:
        pytest.skip("the reference has no full-size DCI for this set")
    expected = values[size]
    importance = np.array(expected["importance_matrix"])
    disentanglement, per_latent = metrics.disentanglement_of(importance)
    completeness, per_factor = metrics.completeness_of(importance)
    assert disentanglement == pytest.approx(expected["disentanglement"], abs=1e-6)
    assert completeness == pytest.approx(expected["completeness"], abs=1e-6)
    np.testing.assert_allclose(per_latent, expected["disentanglement_per_code"], atol=1e-6)
    np.testing.assert_allclose(per_factor, expected["completeness_per_factor"], atol=1e-6)


@needs_oracle
def test_dci_of_rotated_codes_is_the_reference_dci() -> None:
    values, codes, factors, (test_codes, test_factors) = fixed("c_rotated")
    expected = values["dci_small"]
    test = (test_codes[:1000], test_factors[:1000])
    result = metrics.dci(codes[:2000], factors[:2000], test=test)
    assert result.value == pytest.approx(expected["disentanglement"], abs=0.01)
    for part in ("completeness", "informativeness_train", "informativeness_test"):
        assert result.parts[part] == pytest.approx(expected[part], abs=0.01)
    np.testing.assert_allclose(result.parts["importance"], np.array(expected["importance_matrix"]), atol=0.02)
    assert (result.parts["train_count"], result.parts["test_count"]) == (2000, 1000)


@needs_oracle
@pytest.mark.parametrize("group", UDR_GROUPS)
@pytest.mark.parametrize(("likeness", "tolerance"), [("lasso", 1e-4), ("spearman", 1e-6)])
def test_udr_of_three_models_is_the_reference_udr(group: str, likeness: Any, tolerance: float) -> None:
    values, arrays, _ = oracle()
    expected = values["udr"][group][likeness]
    codes, kl = arrays[f"udr_{group}_codes"], arrays[f"udr_{group}_kl"]
    result = metrics.udr(codes, kl, likeness=likeness)
    scores = expected["model_scores"]
    np.testing.assert_allclose(result.parts["model_scores"], scores, atol=tolerance)
    assert result.value == pytest.approx(np.mean(scores), abs=tolerance)
    pairs = np.nan_to_num(result.parts["pair_scores"])
    np.testing.assert_allclose(pairs, expected["pairwise_disentanglement_scores"], atol=tolerance)
    for i, j in ((0, 1), (2, 0)):
        theirs = np.array(expected["raw_correlations"][i][j], dtype=float)
        ours = result.parts["likeness"][i][j]
        np.testing.assert_allclose(ours[~np.isnan(theirs)], theirs[~np.isnan(theirs)], atol=1e-4)


# The reference's own sampling, through the whole function.


@needs_oracle
@pytest.mark.parametrize(
    ("metric", "family", "key", "names"),
    [
        ("mig", "mig", "discrete_mig", SETS),
        ("modularity", "modularity_explicitness", "modularity_score", SETS[:8]),
        ("irs", "irs", "IRS", SETS),
        ("gaussian_total_correlation", "unsupervised", "gaussian_total_correlation", SETS[:8]),
        ("factor_vae", "factor_vae", "eval_accuracy", ("c_rotated", "e_merged", "h_noise")),
        ("beta_vae", "beta_vae", "eval_accuracy", ("c_rotated", "g_partial")),
        ("sap", "sap", "SAP_score", ("d_duplicated", "g_partial", "i_constant_dim")),
        ("explicitness", "modularity_explicitness", "explicitness_score_test", SETS[6:8]),
    ],
)
def test_a_whole_world_scores_as_the_reference_scores_it(
    metric: str, family: str, key: str, names: tuple[str, ...]
) -> None:
    values, arrays, factors = oracle()
    for name in names:
        expected = values["code_sets"][name]["seeds"][family][key]
        codes = arrays[f"codes_{name}"]
        scores = [score(metric, codes, factors, seed=seed) for seed in range(3)]
        assert np.mean(scores) == pytest.approx(expected["mean"], abs=expected["tol"]), name


@needs_oracle
def test_mig_puts_the_code_sets_in_their_order() -> None:
    _, arrays, factors = oracle()
    order = ("a_perfect", "e_merged", "b_noisy", "g_partial", "f_nonlinear", "d_duplicated")
    for preset in ("full", "fast"):
        scores = [score("mig", arrays[f"codes_{name}"], factors, preset=preset) for name in (*order, "h_noise")]
        assert scores == sorted(scores, reverse=True)


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


def test_a_factor_that_never_changes_is_left_out_of_the_mean() -> None:
    codes, factors = noisy_table()
    still = np.c_[factors, np.full(len(factors), 7)]
    for name in ("mig", "modularity", "irs", "factor_vae", "explicitness"):
        with_it = metrics.BY_NAME[name](codes, still, preset="fast")
        without = metrics.BY_NAME[name](codes, factors, preset="fast")
        assert with_it.value == pytest.approx(without.value, abs=1e-12), name
        assert with_it.parts["factors_used"].tolist() == [0, 1, 2]


def test_torch_tensors_and_lists_are_taken_as_they_are() -> None:
    class Tensor:
        """As much of a torch tensor on a GPU as matters here."""

        def __init__(self, array: np.ndarray) -> None:
            self.array = array

        def detach(self) -> "Tensor":
            return self

        def cpu(self) -> np.ndarray:
            return self.array

    codes, factors = noisy_table(60)
    expected = metrics.mig(codes, factors).value
    assert metrics.mig(Tensor(codes), Tensor(factors)).value == expected
    assert metrics.mig(codes.tolist(), factors.tolist()).value == expected


def broken_tables() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    codes, factors = noisy_table(60)
    with_nan, infinite = codes.copy(), codes.copy()
    with_nan[5, 1], infinite[5, 1] = np.nan, np.inf
    return {
        "not a number": (with_nan, factors),
        "infinite": (infinite, factors),
        "too large": (codes * 1e20, factors),
        "one row": (codes[:1], factors[:1]),
        "no rows": (codes[:0], factors[:0]),
        "no latents": (codes[:, :0], factors),
        "nothing varies": (codes, np.zeros_like(factors)),
        "no factors": (codes, factors[:, :0]),
    }


@pytest.mark.parametrize("name", sorted(metrics.BY_NAME))
@pytest.mark.parametrize("case", sorted(broken_tables()))
def test_input_without_a_score_gives_none_and_one_sentence(name: str, case: str) -> None:
    result = metrics.BY_NAME[name](*broken_tables()[case])
    if case in ("nothing varies", "no factors") and SCORES[name].needs != "factors":
        assert result.value is not None and result.reason is None
        return
    assert result.value is None
    assert result.reason is not None and result.reason.endswith(".")


@pytest.mark.parametrize("name", ["dci", "factor_vae", "beta_vae", "modularity"])
def test_scores_that_compare_factors_are_undefined_for_one(name: str) -> None:
    codes, factors = noisy_table(60)
    result = metrics.BY_NAME[name](codes, factors[:, :1])
    assert result.value is None and "one factor" in str(result.reason)


@pytest.mark.parametrize("name", ["mig", "sap"])
def test_scores_that_compare_latents_are_undefined_for_one(name: str) -> None:
    codes, factors = noisy_table(60)
    result = metrics.BY_NAME[name](codes[:, :1], factors)
    assert result.value is None and "latents" in str(result.reason)


@pytest.mark.parametrize("name", ["dci", "sap", "explicitness", "factor_vae", "beta_vae", "irs", "infomec"])
def test_a_factor_whose_values_never_repeat_is_not_scored(name: str) -> None:
    rows = 15 if name == "irs" else 30  # irs puts more values than 20 into bins
    codes, _ = noisy_table(rows)
    serial = np.stack([np.arange(rows), np.arange(rows)[::-1]], axis=1)
    result = metrics.BY_NAME[name](codes, serial)
    assert result.value is None and result.reason


@pytest.mark.parametrize("name", ["dci", "sap", "explicitness"])
def test_two_rows_are_said_to_be_too_few_to_learn_from_and_to_judge_by(name: str) -> None:
    codes, factors = noisy_table(30)
    result = metrics.BY_NAME[name](codes[:2], factors[[0, 1]] * 0 + [[0], [1]])
    assert result.value is None and "2 rows are too few" in str(result.reason)


def test_total_correlation_of_a_repeated_latent_is_undefined_but_its_parts_stand() -> None:
    codes, _ = noisy_table()
    result = metrics.gaussian_total_correlation(np.c_[codes, codes[:, 0]])
    assert result.value is None and "infinite" in str(result.reason)
    assert result.parts["mean_mutual_information"] > 0


@pytest.mark.parametrize(
    "call",
    [
        lambda codes, factors: metrics.mig(codes, factors, preset="quick"),
        lambda codes, factors: metrics.mig(codes[:-1], factors),
        lambda codes, factors: metrics.mig(codes[:, 0], factors),
        lambda codes, factors: metrics.mig(codes, factors[:, 0]),
        lambda codes, factors: metrics.mig(codes, factors + 0.5),
        lambda codes, factors: metrics.mig(codes.astype(str), factors),
        lambda codes, factors: metrics.sap(codes, factors, test=(codes[:, 1:], factors)),
        lambda codes, factors: metrics.udr([codes, codes[:-1]], np.ones((2, 4))),
        lambda codes, factors: metrics.udr([codes, codes], np.ones((2, 3))),
        lambda codes, factors: metrics.udr([codes, codes], np.ones((3, 4))),
        lambda codes, factors: metrics.udr([codes] * 2, np.ones((2, 4)), likeness=COSINE),
    ],
)
def test_arrays_that_are_no_table_are_refused(call: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"\.$|;"):
        call(*noisy_table(20))


def test_udr_needs_two_models_and_finite_codes_and_kl() -> None:
    codes, _ = noisy_table(50)
    kl = np.ones((2, 4))
    broken = codes.copy()
    broken[0, 0] = np.nan
    for models, kls in (([codes], kl[:1]), ([codes, broken], kl), ([codes, codes], kl * np.nan)):
        result = metrics.udr(models, kls)
        assert result.value is None and result.reason


def test_udr_of_a_collapsed_model_is_zero_and_of_twins_with_other_signs_is_high() -> None:
    codes, _ = noisy_table(500)
    twin = -codes[:, [3, 0, 2, 1]]
    kl = np.ones((2, 4))
    assert metrics.udr([codes, twin], kl).value == pytest.approx(0.9, abs=0.01)
    result = metrics.udr([codes, twin], kl, likeness="spearman")
    assert result.value is not None and result.value > 0.9
    assert metrics.udr([codes, twin], [kl[0], kl[1] * 0]).value == 0


def test_udr_compares_models_with_different_numbers_of_latents() -> None:
    codes, _ = noisy_table(500)
    wide = np.c_[codes, np.random.default_rng(1).normal(size=500) * 0.01]
    result = metrics.udr([codes, wide], [np.ones(4), np.r_[np.ones(4), 0.001]])
    assert result.value == pytest.approx(0.9, abs=0.01)
    assert result.parts["likeness"][0][1].shape == (4, 5)


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
