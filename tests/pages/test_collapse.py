"""Pages say that a model or a run has collapsed, an untrained model is not taken for one, and no other hears of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer import paths
from explorer.checkpoints import ModelConfig, save
from explorer.checkpoints.store import build_model
from explorer.datasets import open_dataset
from explorer.training import TrainConfig
from explorer.training.directory import RunDirectory
from explorer.ui import page_cache
from explorer.ui.train import run_cache as train_cached

from .conftest import Opener

RECIPE = {"objective": "beta", "beta": 400.0, "data": "dsprites", "latents": 2}


def said(at: AppTest) -> str:
    kinds = (at.warning, at.info, at.error)
    return " ".join(e.value for kind in kinds for e in kind).replace("\\", "")


def asleep(name: str, decodes: str) -> None:
    """A model whose posterior is the prior; its decoder makes the mean image, or grey."""
    config = ModelConfig(network="mlp", shape=(1, 32, 32), latents=2)
    torch.manual_seed(0)
    model = build_model(config)
    with torch.no_grad():
        for part in (model.network.encoder, model.network.decoder):
            last = [m for m in part.modules() if isinstance(m, torch.nn.Linear)][-1]
            last.weight.zero_()
            last.bias.zero_()
        if decodes == "mean":
            data = open_dataset("dsprites", size=32)
            images = data.images(torch.arange(0, len(data), 9001)).float() / 255
            last.bias.copy_(torch.logit(images.mean(0).clamp(1e-4, 1 - 1e-4)).flatten())
    save(model, name, training=RECIPE)


def awake(name: str) -> None:
    """A model whose means move with the image."""
    torch.manual_seed(1)
    model = build_model(ModelConfig(network="mlp", shape=(1, 32, 32), latents=2))
    last = [m for m in model.network.encoder.modules() if isinstance(m, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.weight.mul_(100)
    save(model, name, training=RECIPE)


def test_explore_and_compare_say_which_model_has_collapsed_and_which_was_never_trained(
    open_app: Opener, library: Path
) -> None:
    asleep("pressed", "mean")
    asleep("fresh", "grey")
    awake("awake")
    known = {
        name: said(open_app("pages/explore.py", model=name, count="200")) for name in ("pressed", "fresh", "awake")
    }
    assert "It has collapsed: no latent carries information: KL 0.000 nats" in known["pressed"]
    assert "What helps: a lower β than 400" in known["pressed"]
    assert "it is untrained, was read wrongly" in known["fresh"]
    assert "collapsed: no" not in known["fresh"] and "What helps" not in known["fresh"]
    assert "carries information" not in known["awake"]
    at = open_app("pages/compare.py", model=["pressed", "fresh", "awake"], count="200")
    assert not at.exception
    [collapsed, untrained] = [w.value.replace("\\", "") for w in at.warning]
    assert collapsed.startswith("pressed: it has collapsed") and "a lower β than 400" in collapsed
    assert untrained.startswith("fresh: no latent carries information") and "is untrained" in untrained


@pytest.fixture
def run(library: Path) -> RunDirectory:
    """A run with a log and no process."""
    run = RunDirectory(paths.runs() / "pressed")
    run.path.mkdir(parents=True)
    config = TrainConfig(size=32, steps=1000, beta=400.0)
    run.config_file.write_text(config.model_dump_json())
    train_cached._rows.clear()
    return run


def log(run: RunDirectory, *kls: float) -> None:
    lines = [
        {
            "kind": "train",
            "step": 100 * (i + 1),
            "loss": 9.0,
            "reconstruction": 8.0,
            "kl": kl,
            "kl_per_dimension": [kl, 0.0],
            "learning_rate": 0.001,
            "beta": 400.0,
        }
        for i, kl in enumerate(kls)
    ]
    lines.append(
        {
            "kind": "eval",
            "step": 100 * len(kls),
            "reconstruction": 8.0,
            "kl": kls[-1],
            "kl_per_dimension": [kls[-1], 0.0],
            "active_units": int(kls[-1] > 0.1),
        }
    )
    run.metrics_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run.write_state(status="finished", step=1000, steps=1000)


def test_a_run_that_has_collapsed_says_so_while_it_is_watched(open_app: Opener, run: RunDirectory) -> None:
    log(run, 7.5, 0.3, 0.01, 0.0, 0.0)
    at = open_app("pages/train.py", run="pressed")
    assert not at.exception
    assert (
        "The run has collapsed: no latent carries information, KL 0.000 nats an image in all at step 500, "
        "from 7.50 at step 100. What helps: a lower β than 400" in said(at)
    )
    log(run, 7.5, 6.0, 5.0, 4.0, 4.0)
    assert "carries information" not in said(open_app("pages/train.py", run="pressed"))


def test_explore_decodes_no_images_of_a_model_whose_latents_carry_nats(
    open_app: Opener, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    awake("awake")
    asked: list[int] = []
    whole = page_cache.evaluated
    monkeypatch.setattr(page_cache, "evaluated", lambda *given: asked.append(given[1]) or whole(*given))
    assert not open_app(model="awake", count="200").exception and not asked
    asleep("pressed", "mean")
    assert "collapsed" in said(open_app(model="pressed", count="200")) and asked == [200]
