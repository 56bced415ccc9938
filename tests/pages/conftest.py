"""A library of small models, untrained but each its own, and the app on it without a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from explorer import paths
from explorer.checkpoints import Evaluation, ModelConfig, save
from explorer.checkpoints.store import build_model

PROJECT = Path(__file__).resolve().parents[2]
DSPRITES = {"objective": "beta", "beta": 4.0, "data": "dsprites", "latents": 4}


def make(
    name: str,
    seed: int = 0,
    training: dict | None = None,
    evaluation: Evaluation | None = None,
    **model,
) -> Path:
    """Save a fresh model in the library; by default one of 4 dimensions for dSprites."""
    torch.manual_seed(seed)
    config = {"network": "compact", "shape": (1, 64, 64), "latents": 4} | model
    built = build_model(ModelConfig(**config))
    return save(
        built, name, training=DSPRITES if training is None else training, evaluation=evaluation
    )


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
def open_app() -> Callable[..., AppTest]:
    """Open the app, as with these parameters in the URL."""

    def opened(page: str | None = None, **params: str) -> AppTest:
        at = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)
        for name, value in params.items():
            at.query_params[name] = value
        at.run()
        return at.switch_page(page).run() if page else at

    return opened
