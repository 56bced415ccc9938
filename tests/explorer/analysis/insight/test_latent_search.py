"""Search among latents: closed forms of a linear decoder, and a start that is never lost."""

import numpy as np
import pytest
import torch

from explorer.analysis.insight.latent_search import Target, region, search
from explorer.checkpoints import load
from explorer.datasets import open_dataset
from explorer.errors import UserError
from models import likelihoods, networks
from models.beta_vae import BetaVAE

SHAPE = (1, 3, 3)


def linear(seed: int = 0) -> tuple[BetaVAE, np.ndarray, np.ndarray]:
    """A linear decoder x̂ = Wz + b of 2 latents that stays within [0, 1]; W `(9, 2)` and b `(9,)`."""
    rng = np.random.default_rng(seed)
    weights, bias = 0.06 * rng.normal(size=(9, 2)), rng.uniform(0.4, 0.6, 9)
    model = BetaVAE(networks.build("linear", SHAPE, 2), likelihoods.build("gaussian", {"sigma": 0.1}))
    state = model.network.state_dict()
    state["decoder.0.weight"] = torch.tensor(weights, dtype=torch.float32)
    state["decoder.0.bias"] = torch.tensor(bias, dtype=torch.float32)
    model.network.load_state_dict(state)
    return model.requires_grad_(False).eval(), weights, bias


@pytest.mark.parametrize("penalty", [0.01, 0.1])
def test_the_picture_most_like_an_image_is_the_ridge_solution(penalty: float) -> None:
    model, weights, bias = linear()
    wanted = np.random.default_rng(1).uniform(0.3, 0.7, 9)
    best = np.linalg.solve(weights.T @ weights + penalty * np.eye(2), weights.T @ (wanted - bias))
    found = search(model, Target(image=wanted.reshape(SHAPE)), penalty)
    np.testing.assert_allclose(found.z, best, atol=3e-3)
    assert found.score == pytest.approx(-0.5 * float(((weights @ best + bias - wanted) ** 2).sum()), abs=1e-4)
    assert (np.diff(found.path) >= 0).all() and found.norm == pytest.approx(float(np.linalg.norm(best)), abs=5e-3)


def test_the_brightest_picture_within_a_radius_lies_along_the_gradient() -> None:
    model, weights, bias = linear(3)
    ones = np.ones(9)
    along = weights.T @ ones
    found = search(model, Target(weights=ones.reshape(SHAPE)), 0, radius=1.5)
    np.testing.assert_allclose(found.z, 1.5 * along / np.linalg.norm(along), atol=5e-3)
    assert found.score == pytest.approx(bias.sum() + 1.5 * float(np.linalg.norm(along)), abs=1e-4)
    assert found.prior_nats == pytest.approx(0.5 * 1.5**2 + np.log(2 * np.pi), rel=1e-3)


def test_what_is_found_is_never_worse_than_the_encoders_mean_and_mostly_better() -> None:
    model, data = load("dsprites-beta4").model, open_dataset("dsprites")
    image = data.images([123_456]).float() / 255
    with torch.inference_mode():
        mean = model.encode(image).mean[0].numpy()
    target = Target(image=image[0].numpy())
    at_once = search(model, target, start=mean, steps=0)
    found = search(model, target, start=mean, steps=40)
    assert at_once.start is not None and found.start == at_once.start
    assert at_once.path[0] >= at_once.start and found.path[-1] > at_once.path[0]
    assert found.way.shape == (10, 1, 64, 64) and np.array_equal(found.way[-1], found.picture)
    again = search(model, target, start=mean, steps=40)
    assert np.array_equal(found.z, again.z)


def test_a_region_is_a_mean_and_one_outside_is_refused() -> None:
    weights = region((3, 8, 8), 6, -1, 3)
    assert weights.sum() == pytest.approx(1) and (weights > 0).sum() == 3 * 2 * 2
    with pytest.raises(UserError, match="lies outside"):
        region((1, 8, 8), 8, 0, 4)
