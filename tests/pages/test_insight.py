"""The page Insight without a browser: its sections, what is missing, and what the address may say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from explorer import paths
from explorer.analysis.insight.contents import SECTIONS
from explorer.ui.insight.state import InsightState, page

from .conftest import Opener, make, said

PAGE = "pages/insight.py"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_opens_with_its_words_its_definition_and_its_source(open_app: Opener, section: str) -> None:
    at = open_app(PAGE, section=section, model="alpha", count="20")
    assert not at.exception and not at.error
    told = said(at)
    for text in (SECTIONS[section].words, SECTIONS[section].definition, SECTIONS[section].source):
        assert text.replace("\\", "") in told
    assert SECTIONS[section].title in [header.value for header in at.header]


@pytest.mark.parametrize("section", SECTIONS)
def test_one_latent_and_many_are_shown_too(open_app: Opener, section: str) -> None:
    for latents in (1, 60):
        make("odd", latents=latents, seed=latents)
        at = open_app(PAGE, section=section, model="odd", count="10")
        assert not at.exception and not at.error, (section, latents)


def test_what_the_address_says_is_shown_and_what_it_can_not_say_is_told(open_app: Opener) -> None:
    at = open_app(PAGE, section="nothing", model="alpha", count="3")
    assert not at.exception
    assert "section: must be first-k" in said(at) and "count: must be at least 10" in said(at)
    at = open_app(PAGE, model="gone")
    assert "There is no model 'gone' here" in said(at) and not at.exception


def test_a_state_comes_back_from_its_address() -> None:
    state = InsightState(models=("a", "b@4"), image=7, count=50, kept=3, codes="sampled")
    again, complaints = page.from_params(page.to_params(state))
    assert again == state and complaints == []


def test_several_models_have_a_curve_each_and_a_number_for_how_alike_they_are(open_app: Opener) -> None:
    at = open_app(PAGE, model=["alpha", "beta"], count="30", kept="2")
    assert not at.exception and not at.error
    assert "Mean matched |ρ| over all pairs of models" in said(at)
    [slider] = at.slider
    assert slider.value == 2 and slider.max == 4
    slider.set_value(4).run()
    assert at.query_params["kept"] == "4" and "k = 4" in said(at)


def test_where_images_are_not_at_hand_the_section_says_so(open_app: Opener) -> None:
    make("away", training={"objective": "beta", "beta": 1.0, "data": "folder", "root": "/nowhere", "latents": 4})
    at = open_app(PAGE, model="away")
    assert not at.exception and len(at.error) == 1


def test_a_latent_is_moved_units_are_exchanged_and_a_factor_is_set(open_app: Opener) -> None:
    asked = {"section": "intervene", "model": "alpha", "count": "20", "image": "3", "other": "100000"}
    at = open_app(PAGE, **asked, act_latent="2", act_by="0")
    assert "‖difference‖₂ = 0.000" in said(at) and "z2 goes from" in said(at)
    at = open_app(PAGE, **asked, act="patch", act_layer="encoder:1")
    assert "32 of 32 units: effect 1.000 (0 is A, 1 is B), recovery 1.000" in said(at) and not at.exception
    at = open_app(PAGE, **asked, act="patch", act_layer="encoder:1", act_units="0-40")
    assert "this layer has units 0 to 31" in said(at) and "Over many images" in [s.value for s in at.subheader]
    at = open_app(PAGE, **asked, act="factor", act_factor="1", act_value="5")
    assert "scale goes from 0 to 5" in said(at)
    at = open_app(PAGE, **(asked | {"other": "3"}))
    assert "shares are absent" in said(at) and not at.exception


def test_what_a_network_can_not_do_is_said_and_the_rest_is_there(open_app: Opener) -> None:
    make("plain", network="linear", seed=3)
    at = open_app(PAGE, section="intervene", model="plain", act="patch", count="20")
    [layer] = [box for box in at.selectbox if box.label == "Layer"]
    assert all(option.startswith("decoder") for option in layer.options) and not at.exception


def test_a_share_of_weights_is_zero_and_at_0_none_is(open_app: Opener) -> None:
    at = open_app(PAGE, section="pruning", model="alpha", count="50", share="0")
    assert "0 of" in said(at) and "squared distance from the whole model's pictures 0." in said(at)
    at = open_app(PAGE, section="pruning", model="alpha", count="50", share="1", left_out="2", layers="True")
    assert "100.0%, 2 of 4 latents left out" in said(at) and not at.exception
    titles = [chart.proto.id for chart in at.get("plotly_chart")]
    assert len(titles) == 5


def test_one_model_at_two_betas_is_two_models_with_a_name_each(open_app: Opener) -> None:
    shipped = Path(paths.PROJECT) / "models" / "pretrained" / "dsprites-any-beta"
    shutil.copytree(shipped, paths.library() / "all")
    at = open_app(PAGE, model=["all@1", "all@32"], count="20")
    assert not at.exception and not at.error
    [box] = at.multiselect
    assert box.value == ["all@1", "all@32"] and "all@8" in box.options
    titles = [markdown.value for markdown in at.markdown]
    assert "**all\\@1**" in titles and "**all\\@32**" in titles


def test_a_search_ends_no_worse_than_it_began_and_looks_for_a_square_too(open_app: Opener) -> None:
    at = open_app(PAGE, section="search", model="alpha", image="9")
    assert not at.exception and not at.error
    told = re.search(r"objective (-[\d,.]+\d) at the encoder's mean, (-[\d,.]+\d) where it ended", said(at))
    assert told is not None
    begun, ended = (float(value.replace(",", "")) for value in told.groups())
    assert ended >= begun
    at = open_app(PAGE, section="search", model="alpha", aim="dark", aim_top="900", aim_size="8")
    assert not at.exception and not at.error
    assert {field.label: field.value for field in at.number_input}["Row, pixels"] == 63


@pytest.mark.parametrize("section", SECTIONS)
def test_a_model_from_elsewhere_given_layer_by_layer_works_in_colour(open_app: Opener, section: str) -> None:
    encoder = [
        {"kind": "conv", "inputs": 3, "outputs": 4, "kernel": 4, "stride": 4},
        {"kind": "relu"},
        {"kind": "flatten"},
        {"kind": "linear", "inputs": 4 * 16 * 16, "outputs": 6},
    ]
    decoder = [
        {"kind": "linear", "inputs": 3, "outputs": 4 * 16 * 16},
        {"kind": "unflatten", "shape": [4, 16, 16]},
        {"kind": "tanh"},
        {"kind": "conv-transpose", "inputs": 4, "outputs": 3, "kernel": 4, "stride": 4},
    ]
    training = {"objective": "beta", "beta": 1.0, "data": "scene", "latents": 3}
    shape = (3, 64, 64)
    make("far", network="layers", shape=shape, latents=3, encoder=encoder, decoder=decoder, training=training)
    at = open_app(PAGE, section=section, model="far", count="10", act="patch", act_layer="decoder:2")
    assert not at.exception and not at.error
    assert "absent:" not in said(at)
