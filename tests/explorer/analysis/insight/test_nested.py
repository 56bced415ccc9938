"""The first k latents: the closed form of the linear optimum, and what must hold of any model."""

import numpy as np
import pytest
import torch

from explorer.analysis.insight.nested import first_only, kept_of, nested, nested_pictures
from explorer.analysis.insight.stability import stability
from explorer.checkpoints import load
from explorer.datasets import open_dataset
from explorer.errors import UserError
from tests.explorer.analysis.insight import linear_optimum as oracle


@pytest.mark.parametrize(
    ("codes", "wanted", "tolerance"),
    [("mean", (5.25, 1.29, 0.45, 0.45), 1e-3), ("sampled", (5.25, 1.65, 1.05, 1.05), 0.03)],
)
def test_the_squared_error_of_the_linear_optimum_is_what_the_formula_says(
    codes: str, wanted: tuple[float, ...], tolerance: float
) -> None:
    found = nested(oracle.optimum(), oracle.data(), 4000, codes=codes)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.squared_error / oracle.SCALE**2, wanted, rtol=tolerance)
    np.testing.assert_allclose(found.kl, (1.151293, 0.458145, 0.0), atol=2e-3)
    assert found.order[:2].tolist() == [0, 1] and found.kept.tolist() == [0, 1, 2, 3]
    constant = 3 * np.log(oracle.SCALE * (2 * np.pi * oracle.VARIANCE) ** 0.5)
    nats = found.squared_error / oracle.SCALE**2 / (2 * oracle.VARIANCE) + constant
    np.testing.assert_allclose(found.nll, nats, rtol=1e-4)


def test_all_latents_give_the_usual_reconstruction_to_the_bit_and_none_the_prior_mean() -> None:
    model, data = load("dsprites-disentangled").model, open_dataset("dsprites")
    images, order = [5, 123_456], list(range(10))[::-1]
    found = nested_pictures(model, data, images, order)
    with torch.inference_mode():
        pixels = data.images(images).float() / 255
        mean = model.encode(pixels).mean
        assert found.shape == (2, 12, 1, 64, 64)
        assert np.array_equal(found[:, 0], pixels.numpy())
        assert np.array_equal(found[:, -1], model.decode(mean).numpy())
        assert np.array_equal(found[:, 1], model.decode(torch.zeros(2, 10)).numpy())


def test_in_a_disentangled_model_four_latents_hold_nearly_all_and_without_it_the_last_one_still_pays() -> None:
    data = open_dataset("dsprites")
    clear, mixed = (nested(load(name).model, data, 100).nll for name in ("dsprites-disentangled", "dsprites-beta1"))
    assert clear[4] < clear[-1] + 12 and clear[2] > 2 * clear[-1]
    assert mixed[9] > 1.4 * mixed[10] and mixed[1] > mixed[0]  # not monotone in nats


def test_only_the_first_ones_are_kept() -> None:
    z = torch.arange(1.0, 9.0).reshape(2, 4)
    assert first_only(z, [3, 0, 1, 2], 2).tolist() == [[1, 0, 0, 4], [5, 0, 0, 8]]
    assert torch.equal(first_only(z, [3, 0, 1, 2], 4), z)


@pytest.mark.parametrize("latents", [1, 2, 40, 41, 200])
def test_of_many_latents_some_k_are_computed_with_both_ends_among_them(latents: int) -> None:
    kept = kept_of(latents)
    assert kept[0] == 0 and kept[-1] == latents and kept == sorted(set(kept)) and len(kept) <= 42
    assert latents > 40 or kept == list(range(latents + 1))


def test_a_count_that_there_is_not_is_refused() -> None:
    with pytest.raises(UserError, match="between 1 and 4,000"):
        nested(oracle.optimum(), oracle.data(), 4001)


def test_a_model_is_like_itself_however_its_latents_are_permuted_turned_and_bent() -> None:
    rng = np.random.default_rng(0)
    means = rng.normal(size=(500, 5))
    other = np.stack([np.exp(means[:, 3]), -(means[:, 0] ** 3), means[:, 4], np.arctan(means[:, 1]), -means[:, 2]], 1)
    kl = np.array([2.0, 1.0, 0.5, 0.2, 0.01])
    found = stability([means, other], [kl, kl[[3, 0, 4, 1, 2]]])
    assert found.value == pytest.approx(1.0) and found.mean[0, 1] == pytest.approx(1.0)
    assert found.alive == (4, 4)
    partner = found.partner(0, 1, 0)
    assert partner is not None and partner[0] == 1 and partner[1] == pytest.approx(-1)
    back = found.partner(1, 0, 1)
    assert back is not None and back[0] == 0


def test_models_that_know_nothing_of_one_another_are_not_alike_and_sleeping_ones_have_no_number() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 2000, 3))
    awake, asleep = np.ones(3), np.zeros(3)
    assert stability([first, second], [awake, awake]).mean[0, 1] < 0.1
    none = stability([first, second], [awake, asleep])
    assert none.value is None and none.as_json()["mean"][0][1] is None and np.isfinite(none.of_all).all()
