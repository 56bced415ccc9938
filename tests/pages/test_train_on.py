"""Train on from a model on the page Train: by the field, and by a link from the Library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer import launch
from explorer.importing.preview import import_checkpoint
from explorer.training import TrainConfig
from explorer.training.directory import RunDirectory
from explorer.ui.train import run_cache as train_cached
from tests.explorer.importing.test_onnx_exporters import keras_like

from .conftest import Opener, make

PAGE = "pages/train.py"
RECIPE = {"data": "dsprites", "objective": "tc", "beta": 6.0, "learning_rate": 0.002}


@pytest.fixture(autouse=True)
def nothing_is_measured_or_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's own part alone."""

    def start(run: RunDirectory, config: TrainConfig, resume: bool, job: Any) -> None:
        run.write_state(status="running", step=0, steps=config.total_steps)

    monkeypatch.setattr(launch.lifecycle, "_start", start)
    monkeypatch.setattr(train_cached, "estimated", lambda config: "not here")
    train_cached._rows.clear()


@pytest.fixture
def known(library: Path) -> None:
    make("known", training=RECIPE, latents=3)


def said(at: AppTest) -> str:
    shown = (e.value for kind in (at.caption, at.warning, at.error, at.info) for e in kind)
    return " ".join(shown).replace("\\", "")


def test_a_model_brings_its_recipe_and_keeps_its_network_until_it_is_let_go(open_app: Opener, known: None) -> None:
    at = open_app(PAGE)
    box = at.selectbox(key="train.start")
    assert box.label == "Start from" and box.options[0] == "fresh weights" and "known" in box.options
    at = box.set_value("known").run()
    assert not at.exception and "Its own stay: network compact, D = 3" in said(at)
    assert (at.query_params["start"], at.query_params["objective"]) == ("known", "tc")
    assert [choice.value for choice in at.segmented_control if choice.label == "Minimise"] == ["tc"]
    assert not any(field.label.startswith("latents") for field in at.number_input)
    at.button(key="train.launch").click().run()
    assert not at.exception
    config = launch.find(at.query_params["run"]).config()
    assert (config.start, config.latents, config.objective) == ("known", 3, "tc")
    assert (config.beta, config.learning_rate) == (6.0, 0.002)


def test_a_link_to_go_on_from_a_model_is_the_same_as_choosing_it(open_app: Opener, known: None) -> None:
    at = open_app(PAGE, **{"from": "known"})
    assert not at.exception and at.selectbox(key="train.start").value == "known"
    assert "Its own stay: network compact, D = 3" in said(at)
    at.selectbox(key="train.start").set_value("").run()
    assert not at.exception and "Its own stay" not in said(at)


@pytest.mark.parametrize("name", ["gone", "x" * 5000, "keras", "../known"])
def test_what_can_not_be_gone_on_from_is_a_sentence_above_a_form_that_works(
    open_app: Opener, known: None, name: str, tmp_path: Path
) -> None:
    if name == "keras":
        import_checkpoint(keras_like(tmp_path / "keras"), "keras")
    at = open_app(PAGE, **{"from": name})
    assert not at.exception and at.selectbox(key="train.start").value == ""
    assert ("is a graph of ONNX" if name == "keras" else "there is no model") in said(at)
    at.button(key="train.launch").click().run()
    assert not at.exception and launch.find(at.query_params["run"]).config().start is None
