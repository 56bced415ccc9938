"""The page Theory without a browser: each topic, numbers that come from checkpoints, and forged links."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from explorer.analysis.linear_oracle import optimum
from explorer.analysis.model_table import table_values
from explorer.analysis.rate_distortion import Point, convex_curve
from explorer.checkpoints import Evaluation, describe, recipe
from explorer.training import TrainConfig, linear_models
from explorer.ui.theory import ideas as theory_ideas
from explorer.ui.theory import panels as theory_panels
from explorer.ui.theory.glossary import BOUND, CONSTRAINT, LAGRANGIAN, SYMBOLS, painted
from explorer.ui.theory.state import TOPICS, TheoryState, from_params, to_params

from .conftest import Opener, make

PAGE = "pages/theory.py"
COSTS = {16.0: (6.5, 130.0), 4.0: (13.0, 73.0), 1.0: (26.0, 32.0)}


@pytest.fixture
def family(library: Path) -> list[str]:
    """Three models that differ in β alone, with evaluations, and one whose ε was set."""
    for beta, (rate, distortion) in COSTS.items():
        made(f"b{beta:g}", rate, distortion, beta=beta)
    made("limited", 15.2, 66.0, objective="constrained", epsilon=15.0)
    return ["b16", "b4", "limited", "b1"]


def made(name: str, rate: float, distortion: float, **training: Any) -> None:
    evaluation = Evaluation(
        data="dsprites", count=500, seed=0, reconstruction=distortion, kl=rate,
        kl_per_dimension=(rate - 1, 1.0, 0.0, 0.0), active_units=2, activity=(1.0, 0.5, 0.0, 0.0),
    )  # fmt: skip
    recipe = TrainConfig(data="dsprites", latents=4, **training)
    make(name, training=recipe.model_dump(exclude_unset=True), evaluation=evaluation)


def said(at: AppTest) -> str:
    parts = [*at.markdown, *at.caption, *at.error, *at.warning, *at.info, *at.subheader]
    return " ".join(str(element.value) for element in parts).replace("\\", "")


def picture(at: AppTest) -> dict[str, Any]:
    [component] = at.get("bidi_component")
    return json.loads(component.proto.json)


def drag(at: AppTest, **value: Any) -> AppTest:
    """Let go of what a picture's pointer holds, whatever comes of it."""
    [component] = at.get("bidi_component")
    states = at._tree.get_widget_states()
    sent = {"moved": {"seq": picture(at)["seq"] + 1, **value}}
    states.widgets.append(WidgetState(id=component.proto.id, json_value=json.dumps(sent)))
    return at._run(states)


def test_every_topic_opens(open_app: Opener, family: list[str]) -> None:
    at = open_app(PAGE)
    for topic in TOPICS:
        at.query_params["topic"] = topic
        at.run()
        assert not at.exception and not at.error and not at.warning, topic
        assert topic in (at.pills[0].value, at.pills[1].value)
        assert len(at.latex) >= 3


def test_epsilon_chooses_a_beta_on_the_measured_curve(open_app: Opener, family: list[str]) -> None:
    at = open_app(PAGE)
    words = said(at)
    assert "500 images of dsprites (train), one sampled z an image, seed 0" in words
    assert "limited** was trained with KL < 15 and spends 15.20 nats: the limit binds (KL − ε = +0.20)" in words
    data = picture(at)
    assert {(p["rate"], p["distortion"]) for p in data["points"]} == set(COSTS.values())
    assert [p["epsilon"] for p in data["constrained"]] == [15]
    chord = (73 - 32) / (26 - 13)
    beta = float(re.search(r"β = −dD/dR ≈ ([\d.]+)", words).group(1))
    assert 1 < beta < (130 - 73) / 6.5 and abs(beta - chord) < 3
    drag(at, value=20.0)
    assert at.query_params["epsilon"] in ("20", ["20"])
    assert picture(at)["value"] == 20 and picture(at)["seq"] == 1
    lower = float(re.search(r"β = −dD/dR ≈ ([\d.]+)", said(at)).group(1))
    assert lower < beta
    at = open_app(PAGE, epsilon="40")
    beyond = said(at)
    assert "beta=0" in at.page_link[0].proto.query_string
    assert "more than any model on the curve spends; the most is b1 (β = 1: 26.00 nats)" in beyond
    assert "there is none in this family" in beyond
    assert "less than any model here spends" in said(open_app(PAGE, epsilon="2"))


def test_all_measured_dots_take_part_and_who_is_above_the_hull_is_named(open_app: Opener, family: list[str]) -> None:
    at = open_app(PAGE, epsilon="15.2")
    assert "No falling convex curve passes through all dots" not in said(at)
    assert "on every falling convex curve through the measured dots" in said(at)
    assert 15.2 in picture(at)["knots"]  # the constrained model is a dot of the curve
    made("better", 12.0, 40.0, objective="constrained", epsilon=12.0)
    at = open_app(PAGE, epsilon="13")
    words, data = said(at), picture(at)
    curve = convex_curve([Point("", None, *cost) for cost in (*COSTS.values(), (15.2, 66.0), (12.0, 40.0))])
    assert data["knots"] == [6.5, 12.0, 26.0]
    assert "**No falling convex curve passes through all dots**, so the line is that of their lower" in words
    for name, cost in (("b4", COSTS[4.0]), ("limited", (15.2, 66.0))):
        assert f"{name} lies {curve.excess(Point(name, None, *cost)):.2g} nats above it" in words
    low, high = curve.bracket(13.0)
    assert f"and between {low:.3g} and {high:.3g} on every falling convex curve through the 3 dots" in words
    assert "The nearest dots on it are better (ε = 12: 12.00 nats) and b1 (β = 1: 26.00 nats)" in words
    assert re.search(r"That is [\d.]+ nats below the curve of only the models whose β was set", words)


def test_constrained_models_alone_make_a_family(open_app: Opener, library: Path) -> None:
    for epsilon, (rate, distortion) in ((6.0, (6.1, 130.0)), (13.0, (13.1, 73.0))):
        made(f"e{epsilon:g}", rate, distortion, objective="constrained", epsilon=epsilon)
    for asked in ("3", "10", "40"):
        at = open_app(PAGE, epsilon=asked)
        assert not at.exception and not at.error
        assert picture(at)["knots"] == [6.1, 13.1]
    for topic in TOPICS:
        assert not open_app(PAGE, topic=topic).exception


def test_a_model_without_a_price_shows_where_the_constraint_is_slack(open_app: Opener, family: list[str]) -> None:
    made("b0", 40.0, 25.0, beta=0.0)
    at = open_app(PAGE, epsilon="50")
    assert not at.exception
    assert "the constraint is **slack**: from 40.00 nats on" in said(at)
    assert "**β = 0**, and β(KL − ε) = 0" in said(at)
    assert picture(at)["slack"] == 40


def test_beta_names_the_cheapest_model_and_who_is_beaten_at_its_own(open_app: Opener, family: list[str]) -> None:
    assert "It was trained for that very β" in said(open_app(PAGE, topic="beta", beta="1"))
    made("stuck", 13.5, 90.0, beta=8.0)
    at = open_app(PAGE, topic="beta", beta="8")
    costs = {name: d + 8 * r for name, (r, d) in zip(("b16", "b4"), list(COSTS.values())[:2], strict=True)}
    words = said(at)
    assert f"**{min(costs, key=costs.__getitem__)}**: D + βR = {min(costs.values()):.1f}" in words
    assert "stuck was trained for that β and costs 198.0" in words


def test_models_tell_the_beta_they_are_at_rest_with(
    open_app: Opener, family: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(theory_panels, "READ_ON", 60)
    monkeypatch.setattr(theory_ideas, "READ_ON", 60)
    at = open_app(PAGE, read="True", family="b4")
    assert not at.exception and not at.error
    table = at.dataframe[0].value
    assert list(table["Model"]) == family
    assert all(re.fullmatch(r"-?[\d.]+ ± [\d.]+", cell) for cell in table["β read off it"])
    at = open_app(PAGE, topic="tc", read="True")
    assert not at.exception and not at.error
    assert list(at.dataframe[0].value["Model"]) == family
    assert all(float(tc) >= 0 for tc in at.dataframe[0].value["Gaussian TC, nats"])


def test_the_code_of_a_model_is_in_the_link(open_app: Opener, family: list[str]) -> None:
    at = open_app(PAGE, topic="z", model="b16")
    assert at.selectbox(key="theory.model").value == "b16"
    at.selectbox(key="theory.model").set_value("b1").run()
    assert "b1" in at.query_params["model"]
    assert "There is no model 'gone' in this family" in said(open_app(PAGE, topic="z", model="gone"))


def test_a_drag_of_the_gaussians_is_kept_in_the_link_and_nonsense_changes_nothing(open_app: Opener) -> None:
    at = open_app(PAGE, topic="kl")
    drag(at, mu=-2.0, sigma=0.25)
    assert dict(at.query_params) | {"mu": at.query_params["mu"]} and "-2" in str(at.query_params["mu"])
    assert (picture(at)["mu"], picture(at)["sigma"]) == (-2, 0.25)
    for nonsense in ({"mu": "x", "sigma": 1}, {"mu": 1}, {"mu": 99, "sigma": 1}, {"mu": None, "sigma": None}):
        drag(at, **nonsense)
        assert not at.exception
        assert (picture(at)["mu"], picture(at)["sigma"]) == (-2, 0.25)


def test_linear_models_are_trained_beside_the_page_and_shown_with_their_deviation(
    open_app: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear_models, "STEPS", 400)
    at = open_app(PAGE, topic="linear", eigenvalues="2,0.5", variance="0.5", beta="1")
    assert not at.exception and not at.error
    assert "They die at β = 1, 4" in said(at)
    assert len(at.dataframe) == 0
    at.toggle(key="theory.trained").set_value(True).run()
    begin = time.monotonic()
    while not at.dataframe:
        assert time.monotonic() - begin < 480, "no model was trained"
        time.sleep(0.3)
        at.run()
    assert not at.exception
    table = at.dataframe[0].value
    row = dict(zip(table["β"], table["KL, trained"], strict=True))
    assert float(row["1"]) == pytest.approx(optimum((2, 0.5), 1, 0.5).rate, abs=0.1)
    assert "are off by at most" in said(at)
    spec = json.loads(at.get("plotly_chart")[0].proto.spec)
    assert len(spec["data"]) == 6  # for each eigenvalue a line, its death and the dots


def test_a_weight_of_other_code_is_told_as_beta_and_taken_to_the_form(open_app: Opener) -> None:
    at = open_app(PAGE, topic="loss", values="3x64x64", latents="128")
    assert not at.exception
    assert "A weight of 0.00025 on its KL is **β = 153.6** with Gaussian pixels of σ = 0.1" in said(at)
    assert "β=153.6" in at.page_link[-1].proto.query_string.replace("beta", "β")
    at.selectbox(key="theory.form").set_value("all-means").run()
    assert at.query_params["form"] in ("all-means", ["all-means"])
    assert "**β = 1.2**" in said(at)  # 128 latents share the weight
    at.selectbox(key="theory.cost").set_value("bernoulli").run()
    assert f"**β = {0.00025 * 12288 / 128:.4g}** with Bernoulli pixels" in said(at)
    [over_latents] = [box for box in at.selectbox if box.label == "KL over latents"]
    assert over_latents.value == "mean"  # as the form has it
    over_latents.set_value("sum").run()
    assert f"**β = {0.00025 * 12288:.4g}** with Bernoulli pixels" in said(at)
    at = open_app(PAGE, topic="loss", cost="bernoulli", pixel_range="2")
    assert not at.exception
    assert "A cross-entropy is of pixels in [0, 1]" in said(at)


def test_beta_norm_is_only_told_where_beta_weighs_the_whole_kl(open_app: Opener, family: list[str]) -> None:
    made("apart", 12.0, 60.0, objective="tc", beta=6.0)
    table = open_app(PAGE, topic="norm").dataframe[0].value
    assert "b4" in list(table["Model"]) and "apart" not in list(table["Model"])
    for name, beta, norm in (("b4", 4.0, 4 * 4 / 4096), ("apart", 6.0, None)):
        row = table_values(name, describe(name), None, "no images")
        assert (row.beta, row.beta_norm) == (beta, norm)
    assert (
        "β = 6 on the total correlation alone" in recipe.price(describe("apart").config, describe("apart").path).words
    )


def test_there_is_a_sentence_where_no_family_is_at_hand(open_app: Opener) -> None:
    at = open_app(PAGE)
    assert not at.exception
    assert "There is no family of models here" in said(at)


FORGED = {
    "topic": "evil",
    "epsilon": "nan",
    "beta": "-1",
    "mu": "1e9",
    "sigma": "0",
    "eigenvalues": "1,1e9",
    "variance": "inf",
    "family": "gone",
    "latents": "0.5",
    "rho": "1",
    "nope": "1",
}


def test_forged_links_get_a_sentence_each_and_the_usual_page(open_app: Opener, family: list[str]) -> None:
    at = open_app(PAGE, **FORGED)
    assert not at.exception
    [warning] = at.warning
    lines = warning.value.replace("\\", "").splitlines()
    assert 8 <= len(lines) <= 9 and all(len(line) < 300 for line in lines)
    assert picture(at)["value"] == TheoryState().epsilon
    assert "There is no family with a model 'gone'" in lines[-1]


def test_what_a_widget_can_be_made_to_send_is_refused_with_a_sentence(open_app: Opener) -> None:
    at = open_app(PAGE, topic="linear")
    at.text_input(key="theory.eigenvalues").set_value("4, <b>x</b>").run()
    assert not at.exception
    assert "That can't be used: eigenvalues" in said(at)
    at.text_input(key="theory.eigenvalues.1").set_value("100, 0.01").run()
    assert "at most 100 times the smallest" in said(at)


def test_a_link_gives_the_same_state_again() -> None:
    state = TheoryState(topic="linear", eigenvalues=(0.5, 3), trained=True, beta=2.5, epsilon=7.25)
    again, complaints = from_params(to_params(state))
    assert again == state and not complaints
    assert to_params(TheoryState()) == {}


def test_every_symbol_of_the_formulas_can_be_chosen_and_is_marked_in_them() -> None:
    for topic in SYMBOLS:
        marked = [painted(form, topic) for form in (CONSTRAINT, LAGRANGIAN, BOUND)]
        assert any(r"\textcolor" in form for form in marked), topic
        assert all("⟦" not in form and form.count("{") == form.count("}") for form in marked)
    plain = painted(LAGRANGIAN, "none").replace("{", "").replace("}", "")
    assert r"\mathrmKL\leftq_" not in plain and r"q_\phi" in plain and r"p_\theta" in plain
    assert r"\log q" not in plain  # a divergence is of distributions
