"""The script of the shipped models: what its command line takes, and the scores that it puts beside a model."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from explorer import paths
from explorer.analysis import measurement, score_cache
from explorer.analysis.measurement import Plan, Subject, stored_scores
from explorer.checkpoints import ModelConfig, load, save
from explorer.checkpoints.store import build_model
from explorer.datasets import open_dataset
from explorer.training.sweep_recipe import Outcome, PlannedRun

SCRIPT = paths.PROJECT / "recipes" / "ship.py"
SCORES = ("mig", "kl_per_dimension")
TRAINING = {"objective": "beta", "beta": 4.0, "data": "dsprites", "latents": 4}


@pytest.fixture
def ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, a home and a folder of shipped models of its own."""
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path))
    monkeypatch.setattr(paths, "PRETRAINED", tmp_path / "shipped")
    spec = importlib.util.spec_from_file_location("ship_script", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "OF_ONE_MODEL", SCORES)
    return module


def make(name: str, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    model = build_model(ModelConfig(network="compact", shape=(1, 64, 64), latents=4))
    return save(model, paths.PRETRAINED / name, training=TRAINING)


def known(name: str, plan: Plan) -> dict[str, Any]:
    """The scores of a shipped model that a fresh home finds."""
    score_cache.shipped_scores.cache_clear()
    return stored_scores([(name, load(paths.PRETRAINED / name).hash)], open_dataset("dsprites", size=64), plan)[name]


def test_help_teaches_and_starts_nothing(tmp_path: Path) -> None:
    environment = {"BETA_VAE_HOME": str(tmp_path), "PATH": ""}
    said = subprocess.run(
        [sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, env=environment, timeout=300
    )
    assert said.returncode == 0, said.stderr
    assert "NAME" in said.stdout and "--scores" in said.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_no_run_has_is_refused_before_anything_starts(ship: ModuleType, tmp_path: Path) -> None:
    said = CliRunner().invoke(ship.main, ["dsprites-beta4", "dsprites-beta5"])
    assert said.exit_code == 2 and "no run 'dsprites-beta5'" in said.output and "dsprites-beta16" in said.output
    assert list(tmp_path.iterdir()) == []


def test_only_the_runs_that_are_named_are_trained_and_those_that_failed_are_not_shipped(
    ship: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, shipped = [], []

    def train(runs: list[PlannedRun], progress: bool, tell: Any) -> None:
        for number, run in enumerate(runs, start=1):
            trained.append(run.name)
            failed = run.name == "mnist-beta1"
            tell(Outcome(run, "failed" if failed else "trained", "MNIST is not here" if failed else ""), number)

    monkeypatch.setattr(ship, "run_sweep", train)
    monkeypatch.setattr(ship, "ship", lambda run: shipped.append(run.name))
    said = CliRunner().invoke(ship.main, ["scene-beta4", "mnist-beta1", "scene-beta4"])
    assert trained == ["scene-beta4", "mnist-beta1"] and shipped == ["scene-beta4"]
    assert said.exit_code == 1 and "mnist-beta1: MNIST is not here" in said.output


def test_shipped_scores_are_what_is_measured_and_count_for_nothing_else(
    ship: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make("one")
    plan = Plan(SCORES, "fast")
    assert known("one", plan) == {}
    said = CliRunner().invoke(ship.main, ["--scores"])  # runs of the recipe, none of which is here
    assert said.exit_code == 1 and "dsprites-beta4" in said.output
    assert ship.keep_scores("one") == "one: 2 scores"
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "fresh"))
    found = known("one", plan)
    checkpoint, data = load(paths.PRETRAINED / "one"), open_dataset("dsprites", size=64)
    subject = Subject("one", checkpoint.hash, lambda: checkpoint.model)
    with monkeypatch.context() as patch:
        patch.setenv("BETA_VAE_HOME", str(tmp_path / "again"))
        computed = measurement.measure([subject], data, plan, again=True)["one"]
    assert {name: result.as_json() for name, result in found.items()} == {
        name: result.as_json() for name, result in computed.items()
    }
    assert found["mig"].interval is not None
    for other in (
        Plan(SCORES, "full"),
        Plan(SCORES, "fast", seed=1),
        Plan(SCORES, "fast", repeats=0),
        Plan(SCORES, "fast", representation="sampled"),
        Plan(SCORES, "fast", count=4000),
    ):
        assert known("one", other) == {}
    smaller = open_dataset("dsprites", size=32)
    assert stored_scores([("one", checkpoint.hash)], smaller, plan)["one"] == {}
    monkeypatch.setattr(score_cache, "_code", lambda *names: "of another version")
    assert known("one", plan) == {}
    monkeypatch.undo()
    monkeypatch.setattr(paths, "PRETRAINED", tmp_path / "shipped")
    make("one", seed=1)  # other weights beside the same file
    assert known("one", plan) == {}


def test_a_file_of_scores_that_is_damaged_counts_as_not_there(ship: ModuleType) -> None:
    folder = make("one")
    for text in ("", "[1, 2]", '{"x": ', '{"x": NaN}'):
        (folder / score_cache.SHIPPED).write_text(text)
        assert known("one", Plan(SCORES, "fast")) == {}
