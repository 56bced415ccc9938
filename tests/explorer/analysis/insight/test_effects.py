"""Interventions: the closed form of the linear optimum, and identities that hold of any model to the bit."""

import numpy as np
import pytest
import torch

from explorer.analysis.insight.effects import effects, specificity
from explorer.analysis.insight.patching import (
    images_of,
    layer_called,
    layers_of,
    mediate,
    patch,
    unit_effects,
    units_of,
)
from explorer.checkpoints import load
from explorer.datasets import open_dataset
from explorer.errors import UserError
from models.networks import Network
from tests.explorer.analysis.insight import linear_optimum as oracle


@pytest.mark.parametrize("name", ["dsprites-beta1", "scene-beta4"])
def test_all_units_of_any_layer_give_b_to_the_bit_and_none_gives_a(name: str) -> None:
    checkpoint = load(name)
    model = checkpoint.model
    data = open_dataset(str((checkpoint.config.training or {})["data"]), size=64, channels=model.shape[0])
    pair = images_of(model, data, 3, 100_000)
    with torch.inference_mode():
        first, second = (model.decode(model.encode(image[None]).mean)[0].numpy() for image in pair)
    layers = layers_of(model)
    assert {layer.part for layer in layers} == {"encoder", "decoder"}
    for layer in layers:
        whole, none = patch(model, pair, layer, range(layer.units)), patch(model, pair, layer, [])
        assert np.array_equal(whole.images[1], second) and np.array_equal(none.images[1], first), layer
        assert whole.effect == pytest.approx(1) and whole.recovery == 1
        assert none.effect == 0 and none.recovery == pytest.approx(0)


def test_of_a_linear_model_effects_add_up_and_there_is_no_interaction() -> None:
    model, data = oracle.optimum(), oracle.data()
    found = effects(model, data, 4000)
    columns = oracle.SCALE * oracle.ALIVE
    np.testing.assert_allclose(found.image_effect, found.scale * columns, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(found.rms, found.image_effect / 3**0.5)
    np.testing.assert_allclose(found.response, np.diag([1.272792, 0.848528, 0]), atol=0.04)
    largest, even = specificity(found.response)
    np.testing.assert_allclose(largest[:2], 1, atol=1e-3)
    assert np.isnan(largest[2]) and np.isnan(even[2]) and found.input is None
    assert found.as_json()["specificity"][2] is None
    pair = images_of(model, data, 0, 1)
    through = mediate(model, pair)
    assert through.indirect is not None and through.direct is not None
    assert through.interaction == pytest.approx(0, abs=1e-5) and through.interaction_size == pytest.approx(0, abs=1e-3)
    assert through.indirect.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(through.direct, 1 - through.indirect, atol=1e-5)
    assert through.total == pytest.approx(float((model.decode(model.encode(pair).mean)).diff(dim=0).norm()), rel=1e-5)


def test_where_b_is_a_nothing_changes_and_shares_are_absent() -> None:
    model, data = load("dsprites-beta4").model, open_dataset("dsprites")
    pair = images_of(model, data, 7, 7)
    layer = layer_called(model, "decoder:0")
    same = patch(model, pair, layer, [0, 1])
    assert same.effect is None and same.recovery is None and np.array_equal(same.images[0], same.images[1])
    assert unit_effects(model, pair, layer) is None
    through = mediate(model, pair)
    assert through.total == 0 and through.indirect is None and through.as_json()["direct"] is None


def test_the_effect_of_each_unit_is_that_of_a_patch_of_it_alone() -> None:
    model, data = load("dsprites-beta4").model, open_dataset("dsprites")
    pair, layer = images_of(model, data, 3, 100_000), layer_called(model, "encoder:3")
    alone = unit_effects(model, pair, layer)
    assert alone is not None and alone.shape == (64,)
    for unit in (0, 17, 63):
        assert alone[unit] == pytest.approx(patch(model, pair, layer, [unit]).effect, abs=1e-5)


def test_one_factor_moves_one_latent_of_the_scene_that_was_told_its_factors() -> None:
    model, data = load("scene-disentangled").model, open_dataset("scene")
    found = effects(model, data, 24)
    assert found.input is not None and found.input.shape == (6, model.latents) and len(found.factor_names) == 6
    largest, _ = specificity(found.input)
    assert largest.min() > 0.6


def test_specificity_is_between_an_even_row_and_a_single_cell() -> None:
    largest, even = specificity(np.array([[1.0, 1, 1, 1], [0, 5, 0, 0], [3, 1, 0, 0], [0, 0, 0, 0]]))
    np.testing.assert_allclose(largest, [0.25, 1, 0.75, np.nan])
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25)) / np.log(4)
    np.testing.assert_allclose(even, [0, 1, 1 - entropy, np.nan], atol=1e-12)
    one, none = specificity(np.array([[2.0]]))
    assert one[0] == 1 and np.isnan(none[0])


def test_units_are_read_from_words_and_wrong_ones_are_refused() -> None:
    assert units_of("", 4) == [0, 1, 2, 3] and units_of("0-2, 7", 9) == [0, 1, 2, 7]
    for text in ("a", "3-1", "9", "1,,2", "-1"):
        with pytest.raises(UserError, match="units"):
            units_of(text, 9)
    with pytest.raises(UserError, match="there is no layer"):
        layer_called(load("dsprites-beta4").model, "decoder:99")


def test_a_network_that_is_no_list_of_layers_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load("dsprites-beta4").model
    odd = Network(torch.nn.Identity(), torch.nn.Identity(), model.shape, model.latents)
    monkeypatch.setattr(model, "network", odd)
    with pytest.raises(UserError, match="no list of layers"):
        layers_of(model)
