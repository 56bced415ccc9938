"""The plane of two latents: grids whose places are known, and derivatives against closed forms."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer.analysis.insight.plane_of_two import (
    Output,
    angle,
    latents_on,
    pictures_on,
    plane_gradients,
    polar,
    radius,
    region,
    square,
)
from explorer.checkpoints import load
from explorer.errors import UserError
from models import likelihoods, networks
from models.beta_vae import BetaVAE
from models.networks import Network

TIMES = torch.tensor([-1.0, 1.0, 2.0])


class Peak(nn.Module):
    """x̂(t) = exp(−(t − µ)²/2σ²) of z = (µ, σ)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("times", TIMES)
        self.times: Tensor

    def forward(self, z: Tensor) -> Tensor:
        curve = torch.exp(-((self.times - z[:, :1]) ** 2) / (2 * z[:, 1:] ** 2))
        return curve[:, None, None]


def peak() -> BetaVAE:
    return BetaVAE(Network(nn.Linear(3, 4), Peak(), (1, 1, 3), 2), likelihoods.build("gaussian", {})).eval()


def test_gradients_of_a_peak_are_those_of_the_formula() -> None:
    at = [Output((0, 0), (t, t)) for t in range(3)]
    for chosen, cos, cross in (((1, 0), 0.0, 1.0), ((1, 2), 0.948683, 0.316228), ((2, 0), 0.316228, 0.948683)):
        z = np.array([[0.0, 1.0]], np.float32)
        found = plane_gradients(peak(), z, (0, 1), [at[c] for c in chosen])
        assert found.cos[0] == pytest.approx(cos, abs=1e-6) and abs(found.cross[0]) == pytest.approx(cross, abs=1e-6)
        t = TIMES[list(chosen)].numpy()
        np.testing.assert_allclose(found.gradients[:, 0], np.exp(-(t**2) / 2)[:, None] * np.stack([t, t**2], 1), 1e-6)
    jacobian = np.exp(-(TIMES.numpy() ** 2) / 2)[:, None] * np.stack([TIMES, TIMES**2], 1)
    assert found.magnification[0] == pytest.approx(np.sqrt(np.linalg.det(jacobian.T @ jacobian)), rel=1e-5)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_of_a_linear_decoder_the_jacobian_is_its_weights(likelihood: str) -> None:
    torch.manual_seed(0)
    model = BetaVAE(networks.build("linear", (3, 4, 5), 3), likelihoods.build(likelihood, {})).eval()
    weights, bias = (model.state_dict()[f"network.decoder.0.{part}"].double().numpy() for part in ("weight", "bias"))
    z = latents_on(square(3, 1.5), (2, 0), np.array([9.0, 0.3, 9.0]))
    found = plane_gradients(model, z, (2, 0), [Output((1, 2), (0, 3)), Output((0, 3), (0, 4))])
    raw = (z @ weights.T + bias).reshape(9, 3, 4, 5)
    slope = np.broadcast_to(weights[:, [2, 0]], (9, 60, 2)).reshape(9, 3, 4, 5, 2)
    if likelihood == "bernoulli":
        raw = 1 / (1 + np.exp(-raw))
        slope = slope * (raw * (1 - raw))[..., None]
    np.testing.assert_allclose(found.gradients[0], slope[:, :, 1:3, :4].mean((1, 2, 3)), atol=1e-6)
    np.testing.assert_allclose(found.values[1], raw.mean((1, 2, 3)), atol=1e-6)
    flat = slope.reshape(9, 60, 2)
    det = np.linalg.det(np.einsum("npi,npj->nij", flat, flat))
    np.testing.assert_allclose(found.magnification, np.sqrt(det), rtol=1e-4)
    np.testing.assert_allclose(pictures_on(model, z), raw.clip(0, 1), atol=1e-6)


def test_a_shipped_model_agrees_with_differences() -> None:
    model = load("scene-beta4").model
    z = np.random.default_rng(0).normal(size=(2, model.latents)).astype(np.float32)
    patch = region(model.shape, 30, 30, 9)
    found = plane_gradients(model, z, (1, 4), [patch]).gradients[0]
    small = 3e-3
    for place, axis in enumerate((1, 4)):
        ends = []
        for sign in (1, -1):
            moved = torch.from_numpy(z.copy())
            moved[:, axis] += sign * small
            with torch.inference_mode():
                ends.append(patch.mean(model.decode(moved)).numpy())
        np.testing.assert_allclose(found[:, place], (ends[0] - ends[1]) / (2 * small), atol=2e-3, rtol=0.1)


def test_where_a_gradient_is_flat_its_angle_is_absent() -> None:
    cos, cross = angle(np.array([[1.0, 0], [1e-9, 0], [0, 2]]), np.array([[0.0, 3], [1, 1], [0, -1]]))
    np.testing.assert_allclose(cos, [0, np.nan, -1])
    np.testing.assert_allclose(cross, [1, np.nan, 0])
    assert np.isnan(angle(np.zeros((2, 2)), np.ones((2, 2)))[0]).all()


def test_grids_have_the_points_that_are_asked_for() -> None:
    grid = square(5)
    assert len(grid.points) == 25 and grid.points[0].tolist() == pytest.approx([-1.644854, 1.644854])
    assert grid.points[12].tolist() == pytest.approx([0, 0]) and grid.points[-1, 0] == pytest.approx(1.644854)
    assert square(1).points.tolist() == [[0, 0]] and square(3, 2).points[0].tolist() == [-2, 2]
    assert [radius(p) for p in (0.25, 0.5, 0.75, 0.95)] == pytest.approx([0.758528, 1.177410, 1.665109, 2.447747])
    rings = polar(3, 8)
    assert len(rings.points) == 25 and rings.centre and len(polar(3, 8, centre=False).points) == 24
    assert np.linalg.norm(rings.points[-1]) == pytest.approx(2.447747)
    lengths = np.linalg.norm(rings.points[1:].reshape(3, 8, 2), axis=2)
    np.testing.assert_allclose(1 - np.exp(-(lengths**2) / 2), [[0.95 / 3] * 8, [1.9 / 3] * 8, [0.95] * 8])


def test_a_region_is_cut_at_the_border_and_one_outside_is_refused() -> None:
    assert region((1, 8, 9), 0, 8, 5) == Output((0, 2), (6, 8)) and region((1, 8, 9), 3, 4) == Output((3, 3), (4, 4))
    with pytest.raises(UserError, match="rows 0 to 7"):
        region((1, 8, 9), 8, 0)
