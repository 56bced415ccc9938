"""The newer scores: closed forms, what scikit-learn says, intervals, ceilings, and input without a score."""

import itertools

import numpy as np
import pytest
from sklearn.feature_selection import mutual_info_classif

from explorer.analysis import metrics, report
from explorer.analysis.metrics import MetricResult
from explorer.analysis.metrics.infomec_score import neighbour_information
from explorer.analysis.metrics.information import entropy, most_information
from explorer.analysis.metrics.orthogonality_score import distance_of
from explorer.analysis.repeats import score
from explorer.analysis.score_inputs import ScoreInputs

from .code_sets import fixed, needs_oracle, noisy_table, world

pytestmark = pytest.mark.usefixtures("no_warning_in_the_log")


@needs_oracle
@pytest.mark.parametrize("name", ["a_perfect", "b_noisy", "d_duplicated", "e_merged", "h_noise", "i_constant_dim"])
def test_dci_is_the_reference_dci_on_its_own_sample(name: str) -> None:
    values, codes, factors, (test_codes, test_factors) = fixed(name)
    expected = values["dci_small"]
    test = (test_codes[:1000], test_factors[:1000])
    result = metrics.dci(codes[:2000], factors[:2000], test=test)
    for part in ("disentanglement", "completeness", "informativeness_train", "informativeness_test"):
        assert result.parts[part] == pytest.approx(expected[part], abs=0.01)
    importance = np.array(expected["importance_matrix"])
    np.testing.assert_allclose(result.parts["importance"], importance, atol=0.01)


@needs_oracle
def test_dci_of_a_perfect_code_at_full_size_is_the_reference_dci() -> None:
    values, codes, factors, test = fixed("a_perfect")
    result = metrics.dci(codes, factors, test=test)
    assert result.value == pytest.approx(values["dci"]["disentanglement"], abs=1e-6)
    assert result.count == 15_000


# Closed forms.


def test_mig_sup_of_a_latent_for_each_factor_is_one_and_of_a_shared_latent_none() -> None:
    factors = world((3, 4, 5))
    result = metrics.mig_sup(factors, factors)
    assert result.value == pytest.approx(1, abs=1e-9) and result.ceiling == pytest.approx(1)
    both = factors[:, :1] * 4 + factors[:, 1:2]  # one latent tells two factors wholly
    wide = np.c_[np.repeat(both, 1, axis=1), np.zeros(len(factors))]
    assert metrics.mig_sup(wide, factors[:, :2] % 3).value is not None
    halves = metrics.mig_sup(np.c_[factors, np.zeros((60, 3))], factors)
    assert halves.value == pytest.approx(0.5, abs=1e-9)
    forty = world((40, 40))
    told = np.log(10) / np.log(40)  # 40 values fall by fours into 10 bins
    result = metrics.mig_sup(forty, forty)
    assert result.value == pytest.approx(told) and result.ceiling == pytest.approx(told)
    assert result.yardstick == pytest.approx(told)


def test_infomec_of_a_latent_for_each_factor_is_one_and_of_mixed_ones_near_none() -> None:
    factors = np.repeat(world((3, 4, 5)), 10, axis=0)
    random = np.random.default_rng(0)
    clear = factors + random.normal(size=factors.shape) * 0.02
    parts = metrics.infomec(clear, factors).parts
    assert parts["infom"] > 0.9 and parts["infoc"] > 0.9
    mixed = clear / clear.std(axis=0) @ np.linalg.qr(random.normal(size=(3, 3)))[0]
    assert metrics.infomec(mixed, factors).parts["infom"] < 0.5


def test_infoe_of_codes_that_tell_nothing_is_near_zero_and_dead_latents_are_left_out() -> None:
    factors = np.repeat(world((3, 4)), 60, axis=0)
    random = np.random.default_rng(0)
    noise = random.normal(size=(len(factors), 2))
    assert abs(metrics.infomec(noise, factors).parts["infoe"]) < 0.05
    result = metrics.infomec(np.c_[factors, noise[:, :1] * 0.01], factors)
    assert result.parts["active_latents"].tolist() == [0, 1]


def test_neighbour_information_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(3)
    labels = np.r_[random.integers(4, size=(400, 2)), [[9, 9]]]  # one label stands alone
    codes = random.normal(size=(401, 3)) + labels[:, :1] * [0, 1, 0.3]
    theirs = np.array(
        [
            [
                mutual_info_classif(
                    (codes[:, [j]] - codes[:, j].mean()) / codes[:, j].std(),
                    labels[:, k],
                    discrete_features=False,
                    n_neighbors=10,
                    random_state=5,
                )[0]
                for k in range(2)
            ]
            for j in range(3)
        ]
    )
    np.testing.assert_allclose(neighbour_information(codes, labels, 5), theirs, atol=1e-5)


def test_wasserstein_correlation_stands_by_itself_as_the_part_of_total_correlation() -> None:
    codes, _ = noisy_table()
    codes[:, 1] += codes[:, 0]
    alone = metrics.wasserstein_correlation(codes)
    parts = metrics.gaussian_total_correlation(codes).parts
    assert alone.value == pytest.approx(parts["wasserstein_correlation"])
    assert alone.parts["share"] == pytest.approx(parts["wasserstein_correlation_share"])
    assert metrics.wasserstein_correlation(np.diag([1.0, 7.0])[[0, 0, 1]] * 0 + 1).value == 0


@pytest.mark.parametrize(
    ("mean", "log_var", "latents", "expected"), [(0.0, 0.0, 10, 0.0), (1.0, 0.0, 10, 5.0), (1.0, 1.0, 10, 8.5914)]
)
def test_kl_of_simple_posteriors(mean: float, log_var: float, latents: int, expected: float) -> None:
    shape = (6, latents)
    result = metrics.kl_per_dimension(np.full(shape, mean), np.full(shape, log_var))
    assert result.value == pytest.approx(expected, abs=1e-4)
    np.testing.assert_allclose(result.parts["kl"], expected / latents, atol=1e-4)


def test_a_polarised_posterior_has_no_difference_and_each_regime_its_name() -> None:
    random = np.random.default_rng(0)
    means = np.c_[random.normal(size=(4000, 2)), np.zeros((4000, 1)), random.normal(size=(4000, 1)) * 0.3]
    logs = np.log(np.c_[np.full((4000, 2), 1e-4), np.ones((4000, 1)), np.full((4000, 1), 0.5)])
    result = metrics.polarised_regime(means, logs)
    assert result.parts["regime"] == ["active", "active", "passive", "mixed"]
    assert result.parts["active_latents"].tolist() == [0, 1]
    assert result.value is not None and result.value < 0.03
    exact = 0.5 * (means[:, :2] ** 2 - logs[:, :2] - 1).sum(axis=1).mean()
    assert result.parts["polarised_kl"] == pytest.approx(exact)
    prior = metrics.polarised_regime(np.zeros((9, 3)), np.zeros((9, 3)))
    assert prior.value is None and "The KL is 0" in str(prior.reason)


def test_active_units_are_counted_by_the_variance_of_the_means() -> None:
    codes = np.random.default_rng(0).normal(size=(5000, 3)) * [1, 0.11, 0.09]
    result = metrics.active_units(codes)
    assert (result.value, result.ceiling) == (2, 3)
    assert result.parts["active_latents"].tolist() == [0, 1]


def test_distance_to_orthogonality_knows_permutations_signs_and_angles() -> None:
    turn = np.array([[0.0, -3, 0], [2, 0, 0], [0, 0, 1]])  # V is a permutation with signs
    assert metrics.distance_to_orthogonality(turn[None]).value == pytest.approx(0, abs=1e-6)
    angle = 0.3
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    jacobian = np.diag([2.0, 1.0]) @ rotation.T
    expected = 2 * np.sqrt(1 - np.cos(angle))  # of a rotation from the identity
    assert distance_of(jacobian)[0] == pytest.approx(expected)
    assert distance_of(np.vstack([jacobian, np.zeros((50, 2))]))[0] == pytest.approx(expected)
    result = metrics.distance_to_orthogonality(np.zeros((3, 4, 2)))
    assert result.value is None and "no pixel" in str(result.reason)
    assert metrics.distance_to_orthogonality(np.zeros((3, 4, 0))).value is None


def test_no_code_exceeds_what_is_called_a_bound() -> None:
    codes, factors = noisy_table(600)
    assert metrics.factor_vae(codes[:, :1], factors, preset="fast").ceiling == pytest.approx(1 / 3, abs=0.06)
    for name in metrics.BY_NAME:
        result = metrics.BY_NAME[name](codes, factors, preset="fast")
        assert result.value is not None
        assert result.ceiling is None or result.value <= result.ceiling, name
    forty = world((40, 32))
    stated = metrics.mig(np.random.default_rng(0).normal(size=(1280, 2)), forty).ceiling
    assert stated == pytest.approx(metrics.mig(forty, forty).value, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_no_merging_of_uneven_classes_tells_more_than_the_bound(seed: int) -> None:
    random = np.random.default_rng(seed)
    for strength in (0.2, 1.0, 10.0):
        bins = int(random.integers(2, 5))
        shares = random.dirichlet(np.full(random.integers(bins, 8), strength))
        classes = random.choice(len(shares), 200, p=shares)[:, None]
        values, numbers = np.unique(classes[:, 0], return_inverse=True)
        every = itertools.product(range(bins), repeat=len(values))
        best = max(entropy(np.array(merged)[numbers][:, None])[0] for merged in every)
        assert best - 1e-12 <= most_information(classes, bins)[0] <= entropy(classes)[0] + 1e-12
    even = np.arange(32)[:, None]  # 32 even values in 20 bins: 12 bins hold two, and nothing tells more
    exact = -12 / 16 * np.log(1 / 16) - 8 / 32 * np.log(1 / 32)
    assert most_information(even)[0] == pytest.approx(exact)


def uneven_world(rows: int = 3000) -> np.ndarray:
    """A factor of 40 values of which 21 are rare, in no order, beside one of three."""
    random = np.random.default_rng(0)
    shares = np.r_[np.ones(19) * 10, np.ones(21) * 0.2]
    order = random.permutation(40)
    return np.c_[order[random.choice(40, rows, p=shares / shares.sum())], random.integers(0, 3, rows)]


def test_codes_that_merge_rare_values_beat_numbered_ones_and_not_the_bound() -> None:
    factors = uneven_world()
    counts = np.bincount(factors[:, 0], minlength=40)
    merged = np.minimum(np.argsort(np.argsort(-counts))[factors[:, 0]], 19)
    noise = np.random.default_rng(1).normal(size=(len(factors), 3))
    told = metrics.mig(noise, factors)
    result = metrics.mig(np.c_[merged, factors[:, 1], np.zeros(len(factors))], factors)
    assert told.yardstick is not None and told.ceiling is not None and result.value is not None
    assert told.yardstick + 0.03 < result.value <= told.ceiling == result.ceiling
    few = metrics.mig_sup(noise, factors).ceiling
    tenth = np.minimum(np.argsort(np.argsort(-counts))[factors[:, 0]], 9)
    value = metrics.mig_sup(tenth[:, None], factors).value
    assert few is not None and value is not None and value <= few


def test_sap_of_unevenly_spaced_codes_is_above_numbered_ones_which_nothing_calls_a_bound() -> None:
    random = np.random.default_rng(0)
    factors = np.stack([random.integers(0, size, 3000) for size in (3, 6, 8)], axis=1)
    centred = factors - factors.mean(axis=0)
    cubes = np.sign(centred) * np.abs(centred) ** 3
    codes = np.c_[cubes / cubes.std(axis=0), np.zeros(3000)]
    given = ScoreInputs(codes, factors)
    result = score("sap", given, preset="fast", repeats=3)
    assert result.value is not None and result.yardstick is not None and result.interval is not None
    assert result.value > result.yardstick + 0.1 and result.ceiling == 1
    assert result.interval[1] > result.value  # not cut at what numbered codes score
    [line] = [text for text in shown({"sap": result}) if text.startswith("sap")]
    assert "attainable" not in line and "exceeds" not in line
    assert f"codes that number the classes score {result.yardstick:.3f}" in line


@needs_oracle
def test_what_numbered_codes_score_is_about_the_sap_of_perfect_codes() -> None:
    values, codes, factors, test = fixed("a_perfect")
    result = metrics.sap(codes, factors, test=test)
    assert result.yardstick is not None
    # The reference's dead latents are noise, from which a machine learns a little.
    assert 0 <= result.yardstick - values["sap"]["SAP_score"] < 0.04


def test_dead_latents_of_one_code_bound_no_other_code() -> None:
    codes, factors = noisy_table(600)
    dead = codes[:, :3] * [1, 0, 0]
    told = metrics.factor_vae(dead, factors, preset="fast").ceiling
    value = metrics.factor_vae(codes[:, :3], factors, preset="fast").value
    assert told is not None and value is not None and value <= told == 1


# Intervals.


def shown(results: dict[str, MetricResult]) -> list[str]:
    """The lines that the command prints."""
    about = {"count": 300, "data": "x", "split": "train", "representation": "mean", "seed": 0, "preset": "fast"}
    return list(report.as_text(about, {"model": results}, {}, 300))


# Input without a score.
