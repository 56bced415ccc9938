"""Pruning: which weights go, and what is left at both ends."""

import numpy as np
import pytest
import torch

from explorer.analysis.insight.nested import nested
from explorer.analysis.insight.sparsity import prunable, prune, pruned, pruned_pictures
from explorer.checkpoints import load
from explorer.datasets import open_dataset
from explorer.errors import UserError
from models import likelihoods, networks
from models.beta_vae import BetaVAE
from tests.explorer.analysis.insight import linear_optimum as oracle


def ten() -> BetaVAE:
    """A linear model whose decoder has the weights 1 to 10, of either sign, and biases that are smaller."""
    model = BetaVAE(networks.build("linear", (1, 1, 5), 2), likelihoods.build("bernoulli", {}))
    state = model.network.state_dict()
    signs = torch.tensor([1.0, -1, 1, -1, 1, -1, 1, -1, 1, -1])
    state["decoder.0.weight"] = (torch.arange(1.0, 11) * signs).reshape(5, 2)
    state["decoder.0.bias"] = torch.full((5,), 0.1)
    model.network.load_state_dict(state)
    return model.requires_grad_(False).eval()


def test_of_weights_1_to_10_three_tenths_are_exactly_1_2_and_3_and_no_bias() -> None:
    model = ten()
    made, zeros, weights = pruned(model, 0.3, "decoder")
    kept = made.network.state_dict()["decoder.0.weight"].flatten()
    assert kept.tolist() == [0, 0, 0, -4, 5, -6, 7, -8, 9, -10] and (zeros, weights) == (3, 10)
    assert made.network.state_dict()["decoder.0.bias"].tolist() == pytest.approx([0.1] * 5)
    assert model.network.state_dict()["decoder.0.weight"].flatten()[0] == 1  # the model itself stays


def test_nothing_changes_a_byte_and_everything_leaves_what_the_biases_give() -> None:
    model, data = load("dsprites-beta4").model, open_dataset("dsprites")
    same, zeros, _ = pruned(model, 0)
    assert zeros == 0
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, same.state_dict()[name]), name
    empty, zeros, weights = pruned(model, 1)
    assert zeros == weights
    with torch.inference_mode():
        images = empty.decode(empty.encode(data.images([3, 9999, 123_456]).float() / 255).mean)
    assert torch.equal(images[0], images[1]) and torch.equal(images[0], images[2]) and images.std() > 0
    found = prune(model, data, 60, shares=(0, 1))
    assert found.kl[1].std(0) == pytest.approx(found.kl[1].std()) and found.active.tolist() == [8, 0]
    assert found.nll[0] == pytest.approx(nested(model, data, 60).nll[-1], rel=1e-6) and found.nll[1] > found.nll[0]
    assert found.mig is not None and found.probe is not None and found.factor == "shape"
    assert found.mig[1] == pytest.approx(0, abs=1e-6) or np.isnan(found.mig[1])


def test_by_layer_the_share_is_taken_of_each_tensor() -> None:
    model = load("dsprites-beta4").model
    made, zeros, weights = pruned(model, 0.5, by_layer=True)
    for name in prunable(made, "both"):
        tensor = dict(made.network.named_parameters())[name]
        assert float((tensor == 0).float().mean()) == pytest.approx(0.5, abs=4e-3), name  # equal ones go together
    assert zeros / weights == pytest.approx(0.5, abs=0.001)
    only, _, _ = pruned(model, 0.5, "encoder")
    for name, tensor in model.network.decoder.state_dict().items():
        assert torch.equal(tensor, only.network.decoder.state_dict()[name])


def test_what_a_latent_is_worth_in_the_linear_optimum() -> None:
    """Without latent j the squared error grows by λ − t²/λ of means, in nats by that over 2σ²."""
    found = nested(oracle.optimum(), oracle.data(), 4000)
    gains = -np.diff(found.squared_error) / oracle.SCALE**2
    np.testing.assert_allclose(gains, (3.96, 0.84, 0), atol=5e-3)
    np.testing.assert_allclose(-np.diff(found.nll), gains / (2 * oracle.VARIANCE), rtol=1e-3, atol=1e-4)
    sampled = nested(oracle.optimum(), oracle.data(), 4000, codes="sampled")
    np.testing.assert_allclose(-np.diff(sampled.squared_error)[:2] / oracle.SCALE**2, (3.6, 0.6), rtol=0.06)


def test_pictures_have_the_image_the_model_and_its_copy() -> None:
    model, data = (
        load("mnist-beta4").model,
        oracle.FloatData(np.random.default_rng(0).random((3, 1, 28, 28), np.float32)),
    )
    whole = pruned_pictures(model, pruned(model, 0)[0], data, [0, 2], 0)
    assert whole.shape == (2, 3, 1, 28, 28) and np.array_equal(whole[:, 1], whole[:, 2])
    none = pruned_pictures(model, pruned(model, 0)[0], data, [0, 2], 10)
    with torch.inference_mode():
        middle = model.decode(torch.zeros(2, 10)).numpy()
    np.testing.assert_allclose(none[:, 2], middle, atol=1e-6)


def test_without_factors_scores_are_absent_and_a_part_that_there_is_not_is_refused() -> None:
    found = prune(oracle.optimum(), oracle.data(100), 100, shares=(0, 0.5))
    assert found.mig is None and found.probe is None and found.as_json()["mig"] is None
    with pytest.raises(UserError, match="must be both, encoder, decoder"):
        prune(oracle.optimum(), oracle.data(100), 100, part="half")  # type: ignore[arg-type]
