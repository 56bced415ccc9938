"""The page Compare without a browser: its numbers, its links, what is lacking, and what the address may say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from explorer.cli import main
from explorer.live import onnx_cache
from explorer.ui.compare.state import CompareState, page

from .conftest import DSPRITES, Opener, explorer, make, send

PAGE = "pages/compare.py"
TWO = {"model": ["alpha", "beta"], "count": "50"}


def said(at: AppTest) -> str:
    parts = [*at.markdown, *at.caption, *at.error, *at.warning, *at.info]
    return " ".join(str(element.value) for element in parts).replace("\\", "")


def touch(at: AppTest, **changes: Any) -> AppTest:
    """Let go of a linked slider."""
    data = explorer(at)
    same = {"key": data["key"], "link": data["link"], "slider": data["slider"], "hand": []}
    local = [model["ready"] for model in data["models"]]
    return send(at, {"seq": data["seq"] + 1, "t": data["z"], "local": local, **same, **changes})


def names(at: AppTest) -> list[str]:
    return [model["name"] for model in explorer(at)["models"]]


def test_two_models_are_shown_at_once_with_the_numbers_of_evaluate(open_app: Opener) -> None:
    make("colour", seed=3, shape=(3, 64, 64), latents=6, training=DSPRITES | {"data": "scene", "latents": 6})
    at = open_app(PAGE, model=["alpha", "beta", "colour"], count="60", seed="5")
    assert not at.exception and not at.error
    assert names(at) == ["alpha", "beta", "colour"]
    table = at.dataframe[0].value
    for place, name in enumerate(("alpha", "beta", "colour")):
        told = CliRunner().invoke(main, ["evaluate", name, "--count", "60", "--seed", "5", "--json"])
        wanted = json.loads(told.stdout)
        for title, key in (("Reconstruction", "reconstruction"), ("KL", "kl"), ("Active units", "active_units")):
            assert table[title][place] == pytest.approx(wanted[key], rel=1e-6)
        assert table["ELBO"][place] == pytest.approx(-wanted["reconstruction"] - wanted["kl"], rel=1e-6)
    lowest = table["Reconstruction"][:2].idxmin()
    assert f"reconstruction {table['Model'][lowest]}" in said(at)
    assert "colour is not matched: it encodes other images than alpha" in said(at)
    data = explorer(at)
    assert all(model["input"] and model["error"] for model in data["models"])
    assert data["links"]["kl"][5] == [None, None, [data["links"]["kl"][5][2][0], 1, None]]
    assert len(data["links"]["matched"]) == 4 + 6
    assert sum(chart.key.startswith("compare.") for chart in at.get("plotly_chart")) == 2


def test_a_touch_is_kept_in_the_address_and_comes_back(open_app: Opener) -> None:
    at = open_app(PAGE, **TWO)
    assert not at.exception
    touch(at, t=[None, 1.25, None, -0.5])
    assert at.query_params["t"] == ",1.25,,-0.5"
    data = explorer(at)
    assert data["z"] == [0, 1.25, 0, -0.5]
    touch(at, link="hand", hand=["1,-0", "2"], t=[0.5])
    assert at.query_params["hand"] == ["1,-0", "2"] and at.query_params["link"] == "hand"
    again = open_app(PAGE, **dict(at.query_params))
    shown = explorer(again)
    assert shown == explorer(at) | {"seq": 0} | {"assets": shown["assets"], "parts": shown["parts"]}
    assert shown["links"]["hand"][:2] == [[[1, 1, None], [2, 1, None]], [[0, -1, None], None]]
    # By hand alpha's z1 and beta's z2 move by half a unit from their starts.
    for model, d in zip(shown["models"], (1, 2), strict=True):
        moved = np.array(model["z"]) - model["start"]
        assert moved[d] == pytest.approx(0.5, abs=1e-4) and np.abs(np.delete(moved, d)).max() < 1e-4


def test_what_nobody_here_sends_changes_nothing(open_app: Opener) -> None:
    at = open_app(PAGE, **TWO)
    before = dict(at.query_params)
    for state in (
        None,
        {"seq": 1},
        {"t": ["x"]},
        {"seq": 1, "key": "other", "t": [], "link": "kl", "hand": [], "slider": 0, "local": []},
    ):
        send(at, state)
        assert not at.exception and dict(at.query_params) == before
    touch(at, link="hand", hand=["9", ""])
    assert not at.exception and "none of its 4 dimensions" in said(at)
    assert explorer(at)["link"] == "kl"


def test_what_one_model_lacks_is_said_of_it_and_the_others_go_on(
    open_app: Opener, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("digits", seed=4, shape=(1, 28, 28), training=DSPRITES | {"data": "mnist"})
    make("bare", seed=5, training={})
    (library / "beta" / "model.safetensors").write_bytes(b"torn")
    monkeypatch.setattr(onnx_cache, "prepare", lambda about: "no such operator" if about.name == "digits" else None)
    at = open_app(PAGE, model=["alpha", "beta", "digits", "gone", "bare"], count="50")
    assert not at.exception and not at.error
    models = {model["name"]: model for model in explorer(at)["models"]}
    assert models["alpha"]["shape"] and "made ready" in models["alpha"]["waiting"] and models["alpha"]["picture"]
    assert models["beta"]["shape"] is None and "not a whole safetensors file" in models["beta"]["problem"]
    assert "no such operator" in models["digits"]["waiting"] and models["digits"]["picture"]
    assert "not at hand" in " ".join(models["digits"]["notes"]) and models["digits"]["input"] is None
    assert models["gone"]["problem"] == "there is no model 'gone' here"
    words = said(at)
    assert "digits: no numbers, MNIST is not" in words
    assert "bare: no numbers, the checkpoint" in words
    assert at.dataframe[0].value["KL"].notna().tolist() == [True, False, False, False, False]
    shutil.rmtree(library / "alpha")
    touch(at)
    assert not at.exception
    assert explorer(at)["models"][0]["problem"] == "there is no model 'alpha' here"


def test_all_models_can_take_the_images_of_one(open_app: Opener) -> None:
    make("grey", seed=6, shape=(1, 64, 64), training=DSPRITES | {"data": "scene"})
    at = open_app(PAGE, model=["alpha", "grey"], count="50", data="dSprites", link="matched")
    assert not at.exception and not at.error
    data = explorer(at)
    assert data["models"][0]["input"] == data["models"][1]["input"]
    assert data["link"] == "matched" and len(data["links"]["matched"]) == 4
    assert at.dataframe[0].value["Images"].tolist() == ["dSprites, 64 × 64"] * 2
    told = CliRunner().invoke(main, ["evaluate", "grey", "--data", "dsprites", "--count", "50", "--json"])
    assert at.dataframe[0].value["KL"][1] == pytest.approx(json.loads(told.stdout)["kl"], rel=1e-6)


@pytest.mark.parametrize("start", ["mean", "sample"])
def test_other_starts(open_app: Opener, start: str) -> None:
    at = open_app(PAGE, **TWO, start=start, sample="3", link="matched")
    assert not at.exception and not at.error
    data = explorer(at)
    alpha, beta = (model["start"] for model in data["models"])
    if start == "mean":
        assert alpha == beta == [0.0] * 4
    else:
        for (d, sign, _), (e, other, _) in data["links"]["matched"]:
            assert alpha[d] * sign == pytest.approx(beta[e] * other)
        assert any(alpha)


def test_what_the_address_gets_wrong_is_said_in_a_sentence_each(open_app: Opener) -> None:
    at = open_app(PAGE, **TWO, image="-1", link="magic", t="1,x", span="nan", slider="9", hand=["9", "9"], what="1")
    assert not at.exception
    words = said(at)
    for part in ("image:", "link:", "t, place 1:", "span:", "no setting of this page"):
        assert part in words
    assert names(at) == ["alpha", "beta"]
    at = open_app(PAGE, model=["alpha", "beta"], image="99999999", count="50")
    assert "images 0 to 737,279, not 99,999,999" in json.dumps(explorer(at)["models"][0]["notes"])
    at = open_app(PAGE, model=[f"m{number}" for number in range(7)])
    assert not at.exception and "at most 6" in said(at)


def test_one_model_or_none_is_told_what_to_do(open_app: Opener, library: Path) -> None:
    at = open_app(PAGE, model="alpha", count="50")
    assert not at.exception and "choose another one" in said(at)
    shutil.rmtree(library)
    at = open_app(PAGE)
    assert not at.exception and "There is no model on this machine yet" in said(at)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_state_comes_back_from_its_address(data: st.DataObject) -> None:
    numbers = st.floats(-1000, 1000, allow_nan=False)
    state = CompareState(
        models=data.draw(st.lists(st.text(min_size=1, max_size=20), max_size=6)),
        start=data.draw(st.sampled_from(["image", "mean", "sample"])),
        image=data.draw(st.integers(0, 10**9)),
        span=data.draw(st.floats(0.1, 100)),
        link=data.draw(st.sampled_from(["kl", "matched", "hand"])),
        hand=data.draw(st.lists(st.from_regex(r"\A[-0-9,]{0,20}\Z"), max_size=6)),
        t=data.draw(st.lists(st.none() | numbers, max_size=12)),
    )
    back, complaints = page.from_params(page.to_params(state))
    assert not complaints
    assert back == state.model_copy(update={"span": back.span}) and back.span == pytest.approx(state.span)
