"""The page Insight and its command on models of curves and of tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from explorer.analysis.insight.contents import SECTIONS
from explorer.checkpoints import ModelConfig, save
from explorer.checkpoints.store import build_model
from explorer.cli import main
from explorer.datasets import open_dataset

from .conftest import Opener, said

PAGE = "pages/insight.py"
KINDS = {"peaks": "signal", "iris": "row"}
FEW = {
    "count": "10",
    "frames": "4",
    "plane_side": "3",
    "path_steps": "3",
    "image": "3",
    "other": "9",
    "path_third": "5",
}


@pytest.fixture(params=sorted(KINDS))
def data(request: pytest.FixtureRequest) -> str:
    """A data set that holds no images, and a model of it by the same name."""
    name: str = request.param
    dataset = open_dataset(name)
    torch.manual_seed(1)
    built = build_model(ModelConfig(network="dense", shape=dataset.shape, latents=3, likelihood="gaussian"))
    training = {"objective": "beta", "beta": 2.0, "data": name, "latents": 3}
    save(built, name, training=training, samples=dataset.samples)
    return name


def test_every_section_shows_them_or_says_why_not(data: str, open_app: Opener) -> None:
    noun = KINDS[data]
    for section in SECTIONS:
        at = open_app(PAGE, section=section, model=data, **FEW)
        assert not at.exception and not at.error, section
        labels = [box.label for box in (*at.number_input, *at.slider)]
        assert not [label for label in labels if "mage" in label or "ixel" in label], section
        assert any(noun in label.lower() for label in labels) or section == "sequences"
        assert ("no neighbours" in said(at)) == (section == "anomalies" and noun == "row")
    at = open_app(PAGE, section="intervene", model=data, act="factor", **FEW)
    assert f"holds {noun}s and does not make them from factors" in said(at)


def test_a_plane_tells_places_in_units(data: str, open_app: Opener) -> None:
    told = said(open_app(PAGE, section="plane", model=data, **FEW, plane_region="1"))
    wanted = {"peaks": "the values at ", "iris": "the column petal length"}[data]
    assert wanted in told and "cos θ: 1.000" not in told


@pytest.mark.parametrize(
    ("section", "ending", "words"),
    [
        ("first-k", ".png", []),
        ("first-k", ".gif", []),
        ("plane", ".png", ["--side", "3"]),
        ("ways-between", ".png", ["--from", "1", "--to", "8"]),
        ("search", ".png", []),
        ("pruning", ".png", []),
        ("intervene", ".png", ["--from", "1", "--to", "8", "--layer", "decoder:0"]),
    ],
)
def test_a_shell_draws_them(data: str, tmp_path: Path, section: str, ending: str, words: list[str]) -> None:
    out = tmp_path / f"drawn{ending}"
    few = [] if section == "search" else ["--count", "10"]
    made = CliRunner().invoke(main, ["insight", section, data, *few, *words, "--out", str(out)])
    assert made.exit_code == 0, made.output
    pixels = np.asarray(Image.open(out).convert("RGB"), dtype=int)
    ink = np.abs(pixels - np.array([31, 99, 180])).sum(-1) < 12
    assert min(pixels.shape[:2]) >= 64 and ink.any()
