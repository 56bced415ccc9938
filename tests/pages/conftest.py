"""A library of small models, untrained but each its own, and the app on it without a browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
import torch
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.scriptrunner import RerunData, RerunException, get_script_run_ctx
from streamlit.runtime.state import QueryParamsProxy
from streamlit.testing.v1 import AppTest

from explorer import launch, paths
from explorer.checkpoints import Evaluation, ModelConfig, save
from explorer.checkpoints.store import build_model
from explorer.live import onnx_cache
from explorer.training import TrainConfig
from explorer.training.directory import RunDirectory
from explorer.ui.train import run_cache as train_cached

PROJECT = Path(__file__).resolve().parents[2]
Opener = Callable[..., AppTest]
DSPRITES: dict[str, Any] = {"objective": "beta", "beta": 4.0, "data": "dsprites", "latents": 4}


def make(
    name: str, seed: int = 0, training: dict[str, Any] | None = None, evaluation: Evaluation | None = None, **model: Any
) -> Path:
    """Save a fresh model in the library; by default one of 4 dimensions for dSprites."""
    torch.manual_seed(seed)
    config = {"network": "compact", "shape": (1, 64, 64), "latents": 4} | model
    built = build_model(ModelConfig(**config))
    return save(built, name, training=DSPRITES if training is None else training, evaluation=evaluation)


def explorer(at: AppTest) -> dict[str, Any]:
    """What the explorer in the browser is given."""
    [component] = at.get("bidi_component")
    return json.loads(component.proto.json)


def send(at: AppTest, state: object) -> AppTest:
    """Run the app as when the explorer in the browser sends `state`, whatever that is."""
    [component] = at.get("bidi_component")
    states = at._tree.get_widget_states()
    value = json.dumps({"state": state})
    states.widgets.append(WidgetState(id=component.proto.id, json_value=value))
    return at._run(states)


def touched(at: AppTest, **changes: object) -> dict[str, Any]:
    """What the explorer sends once a movement has ended; `changes` say what the person did."""
    data = explorer(at)
    z = [None if now == start else now for now, start in zip(data["z"], data["start"], strict=True)]
    same = {name: data[name] for name in ("hash", "locked", "names", "order")}
    return {"seq": data["seq"] + 1, "z": z, "local": data["ready"], **same, **changes}


def touch(at: AppTest, **changes: object) -> AppTest:
    """Do something in the explorer, and let go."""
    return send(at, touched(at, **changes))


@pytest.fixture(autouse=True)
def exporting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks for the browser are for ever being made: the pages are whole without them."""
    monkeypatch.setattr(onnx_cache, "prepare", lambda description: None)


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own home with two models, "alpha" and "beta", and nothing shipped."""
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path))
    monkeypatch.setattr(paths, "PRETRAINED", tmp_path / "none")
    st.cache_data.clear()
    st.cache_resource.clear()
    make("alpha", seed=1)
    make("beta", seed=2)
    return tmp_path / "library"


@pytest.fixture
def open_app() -> Opener:
    """Open the app, as with these parameters in the URL."""

    def opened(page: str | None = None, **params: str) -> AppTest:
        at = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=400)
        if page:
            at.run().switch_page(page)
        for name, value in params.items():
            at.query_params[name] = value
        return at.run()

    return opened


@pytest.fixture
def overtaken(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Has the next callback end where it writes the address, as when another request overtakes it."""
    whole = QueryParamsProxy.from_dict

    def next_one() -> None:
        def once(*_: object) -> None:
            monkeypatch.setattr(QueryParamsProxy, "from_dict", whole)
            here = get_script_run_ctx()
            assert here is not None
            raise RerunException(RerunData(page_script_hash=here.page_script_hash))

        monkeypatch.setattr(QueryParamsProxy, "from_dict", once)

    return next_one


def said(at: AppTest) -> str:
    """All sentences of a page, without the marks of Markdown."""
    texts = [e.value for kind in (at.markdown, at.caption, at.warning, at.error, at.info) for e in kind]
    return " ".join(texts).replace("\\", "")


def tiny(**more: Any) -> TrainConfig:
    """A run of three steps."""
    return TrainConfig(
        **{"data": "dsprites", "size": 32, "steps": 3, "batch_size": 4, "eval_images": 4, "latents": 3, "log_every": 1}
        | more
    )


@pytest.fixture
def nothing_is_measured_or_started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, bool]]:
    """The page Train's own part alone: processes are tested where they are made."""
    started = []

    def start(run: RunDirectory, config: TrainConfig, resume: bool, job: Any) -> None:
        started.append((run.path, resume))
        run.write_state(status="running", step=0, steps=config.total_steps)

    monkeypatch.setattr(launch.lifecycle, "_start", start)
    monkeypatch.setattr(train_cached, "estimated", lambda config: "not here")
    train_cached._rows.clear()
    return started
