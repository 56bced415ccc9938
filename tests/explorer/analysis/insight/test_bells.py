"""Concepts: the algebra of Gaussians, classifiers whose share is known, and what the shipped models show."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from explorer.analysis.insight.bells import Bell, binned, classified, combined, concepts, fitted_bells, separation
from explorer.checkpoints import load
from explorer.datasets import open_dataset
from explorer.errors import UserError
from tests.explorer.analysis.insight import linear_optimum as oracle


def test_the_algebra_of_gaussians_is_that_of_the_formulas() -> None:
    unit, wide = Bell(0, 1), Bell(0, 4)
    assert unit.kl(Bell(1, 1)) == pytest.approx(0.5)
    assert unit.kl(wide) == pytest.approx(0.318147, abs=1e-6) and wide.kl(unit) == pytest.approx(0.806853, abs=1e-6)
    assert unit.product(Bell(2, 1)) == Bell(1, 0.5)
    assert unit.agreement(Bell(2, 1)) == pytest.approx(0.103777, abs=1e-6)
    first, second = Bell(0.3, 0.5), Bell(-1, 2)
    both = first.product(second)
    at = np.linspace(-3, 3, 7)
    whole = first.log_density(at) + second.log_density(at)
    np.testing.assert_allclose(whole - both.log_density(at), np.log(first.agreement(second)))
    area = quad(lambda x: float(np.exp(first.log_density(np.array(x)) + second.log_density(np.array(x)))), -9, 9)[0]
    assert first.agreement(second) == pytest.approx(area)


def test_the_largest_density_decides_and_with_even_variances_that_is_the_nearest_mean() -> None:
    at = np.array([1.3595, 1.3597, -1.3595, -1.3597])
    assert classified(at, [Bell(0, 1), Bell(0, 4)]).tolist() == [0, 1, 0, 1]
    even = (np.arange(4000) + 0.5) / 4000
    points, truth = np.concatenate([norm.ppf(even) - 1, norm.ppf(even) + 1]), np.repeat([0, 1], 4000)
    bells = [Bell(-1, 1), Bell(1, 1), None]
    found = classified(points, bells)
    assert (found == truth).mean() == pytest.approx(0.841345, abs=5e-4)
    assert np.array_equal(found, classified(points, bells, "mean"))


def test_a_class_is_fitted_with_the_spread_of_its_means_and_its_posteriors() -> None:
    means, labels = np.array([[0.0, 5], [2, 5], [10, 5], [7, 5]]), np.array([0, 0, 1, 2])
    bells = fitted_bells(means, np.full((4, 2), 0.5), labels, 3)
    assert bells[0] == [Bell(1, 1.5), Bell(5, 0.5)] and bells[1] == [None, None]
    assert separation(bells).tolist() == [0, 0]  # one class is none to tell from others
    two = fitted_bells(means, np.full((4, 2), 0.5), np.array([0, 0, 1, 1]), 2)
    assert separation(two)[0] == pytest.approx(np.var([1, 8.5]) / np.mean([1.5, 2.75])) and separation(two)[1] == 0


def test_many_classes_are_taken_together_evenly() -> None:
    own, names = binned(np.arange(32), 32, 4)
    assert np.bincount(own).tolist() == [8] * 4 and names == ("0–7", "8–15", "16–23", "24–31")
    assert binned(np.arange(3), 3, 4)[1] == ("0", "1", "2") and binned(np.arange(5), 5, 4)[1][0] == "0–1"


def test_disentangling_gives_each_factor_an_axis_that_tells_its_classes() -> None:
    data = open_dataset("dsprites")
    clear, mixed = (concepts(load(name).model, data, 200) for name in ("dsprites-disentangled", "dsprites-beta1"))
    correct = [{c.factor: c.correct for c in of.concepts} for of in (clear, mixed)]
    assert min(correct[0]["posX"], correct[0]["posY"]) > 0.9
    assert max(correct[1]["posX"], correct[1]["posY"]) < 0.7
    assert len({c.axis for c in clear.concepts}) == 5 and clear.fitted == clear.tested == 100
    for of in clear.concepts:
        assert of.confusion.sum() == 100 and np.trace(of.confusion) / 100 == pytest.approx(of.correct)
        assert sum(of.counts) == 100
    pair = [c for c in clear.concepts if c.factor in ("posX", "posY")]
    found = combined(pair, 10)
    assert len(found) == 16 and all(one.agreement == 1 for one in found)
    assert found[1].z[pair[1].axis] == np.float32(pair[1].bells[1].mean)
    forced = concepts(load("dsprites-beta1").model, data, 60, axes={"posX": 2, "posY": 2})
    shared = combined([c for c in forced.concepts if c.factor in ("posX", "posY")], 10)
    assert all(one.agreement < 1.5 and np.count_nonzero(one.z) == 1 for one in shared)


def test_what_can_not_be_is_said() -> None:
    with pytest.raises(UserError, match="no labels"):
        concepts(oracle.optimum(), oracle.data(50), 20)
    found = concepts(load("dsprites-beta4").model, open_dataset("dsprites"), 100, most=8)
    with pytest.raises(UserError, match="more than 256"):
        combined(found.concepts, 10)
    with pytest.raises(UserError, match="no latent 10"):
        concepts(load("dsprites-beta4").model, open_dataset("dsprites"), 20, axes={"posX": 10})
