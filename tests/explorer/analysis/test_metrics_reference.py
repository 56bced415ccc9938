"""Disentanglement metrics against the values of their reference implementation."""

from typing import Any

import numpy as np
import pytest

from explorer.analysis import metrics
from explorer.analysis.metrics.factor_vae_score import active_latents

from .code_sets import SETS, fixed, needs_oracle, oracle, score

pytestmark = pytest.mark.usefixtures("no_warning_in_the_log")


UDR_GROUPS = ("agree", "rotated", "mixed")


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
