"""Slowness: series whose Δ is known, and costs against quadrature."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from explorer.analysis.insight.slow_latents import (
    delta,
    laplace_cross_entropy,
    moving_factors,
    reflected,
    sequences_of,
    slow_kl,
    slowness,
    straightness,
)
from explorer.checkpoints import load
from explorer.datasets import open_dataset
from explorer.errors import UserError
from tests.explorer.analysis.insight import linear_optimum as oracle


def test_series_have_the_slowness_of_their_formulas() -> None:
    draws = np.random.default_rng(0)
    time = np.arange(200_001)
    noise = draws.normal(size=len(time))
    slow = np.zeros(len(time))
    for t in range(1, len(time)):
        slow[t] = 0.9 * slow[t - 1] + noise[t]
    series = np.stack([np.sqrt(2) * np.sin(2 * np.pi * time / 20), slow, noise, np.zeros(len(time))], 1)
    found = delta(series[None])
    assert found[0] == pytest.approx(0.097887, rel=1e-4) and found[1] == pytest.approx(0.2, rel=0.03)
    assert found[2] == pytest.approx(2, rel=0.02) and np.isnan(found[3])
    constant = delta(np.array([[[1.0]] * 3, [[5.0]] * 3]))  # of each sequence its own value, all its length
    assert constant[0] == 0


def test_what_is_reflected_keeps_its_speed_and_its_slowness_is_the_formulas() -> None:
    assert reflected(np.array([1.0]), np.array([2.0]), 6, 6)[0].tolist() == [1, 3, 5, 3, 1, 1]
    assert reflected(np.array([0.0]), np.array([1.0]), 3, 1).tolist() == [[0, 0, 0]]
    way = reflected(np.array([0.0]), np.array([1 / 32]), 64_001, 2)[..., None]
    assert delta(way)[0] == pytest.approx(12 / 32**2, rel=1e-2)  # 0.011719


def test_a_line_has_straightness_one_and_a_way_back_has_none() -> None:
    ways = np.array([[[0.0, 0], [1, 1], [4, 4]], [[0, 0], [3, 0], [3, 4]], [[0, 0], [1, 0], [0, 0]]])
    np.testing.assert_allclose(straightness(ways), [1, 7 / 5, np.nan])


def test_costs_of_slowness_agree_with_quadrature() -> None:
    for apart, variance, step, wanted in ((0, 1, 1, 0), (1, 1, 1, 0.5), (0, 0.01, 1, 1.807585), (2, 1, 4, 0.818147)):
        assert slow_kl(np.array(apart), np.array(variance), step) == pytest.approx(wanted, abs=1e-6)
    for m, sigma, rate, wanted in ((0, 1, 6, 3.688695), (0.5, 0.1, 6, 1.901388), (1, 1, 1, 1.859778)):
        found = float(laplace_cross_entropy(np.array(m), np.array(sigma), rate))
        area = quad(lambda x, m=m, s=sigma, r=rate: norm.pdf(x, m, s) * (r * abs(x) - np.log(r / 2)), -9, 9, points=[0])
        assert found == pytest.approx(wanted, abs=1e-6) and found == pytest.approx(area[0], abs=1e-6)


def test_sprites_move_by_their_places_alone() -> None:
    data = open_dataset("dsprites")
    classes = moving_factors(data, 30, 20, seed=1)  # type: ignore[arg-type]
    assert (classes[:, :, :3] == classes[:, :1, :3]).all() and classes[:, :, 3:].max() <= 31 and classes.min() >= 0
    assert np.abs(np.diff(classes[:, :, 3:], axis=1)).max() <= 3  # two classes, rounded
    index, moving = sequences_of(data, 30, 20, seed=1)
    assert np.array_equal(data.factors(index.ravel()).numpy().reshape(30, 20, 5), classes) and moving == "posX and posY"


def test_in_a_disentangled_model_what_stays_within_a_sequence_is_slowest() -> None:
    found = slowness(load("dsprites-disentangled").model, open_dataset("dsprites"), 20)
    first = np.argsort(-found.kl)[:3]
    assert found.slowness[first].max() < 0.12 and found.slowness[first].min() < 0.01  # size stays
    assert found.mean.shape == (20, 20, 10) and np.nanmin(found.straightness) >= 1
    passive = slowness(load("dsprites-beta4").model, open_dataset("dsprites"), 20)
    order = np.argsort(-passive.kl)
    assert passive.slowness[order[-1]] > 4 * passive.slowness[order[0]]
    assert found.as_json()["frames"] == 20 and len(found.as_json()["slow_vae"]) == 10


def test_elsewhere_images_are_taken_in_their_order_and_too_few_are_refused() -> None:
    index, moving = sequences_of(oracle.data(50), 10, 20, first=3)
    assert index.shape == (2, 20) and index[0, 0] == 3 and index[1, -1] == 42 and moving == "images in their order"
    assert sequences_of(oracle.data(5), 10, 20)[0].tolist() == [[0, 1, 2, 3, 4]]
    with pytest.raises(UserError, match="three at the least"):
        sequences_of(oracle.FloatData(np.zeros((2, 1, 1, 3))), 4)
