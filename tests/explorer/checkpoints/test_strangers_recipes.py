"""A recipe of somebody else's is only text: its numbers are bounded, and it names no place on this machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from explorer import paths, roots
from explorer.checkpoints import CheckpointConfig, ModelConfig, describe, load, save
from explorer.checkpoints.overview import overviews
from explorer.checkpoints.recipe import source_of
from explorer.checkpoints.store import build_model
from explorer.cli import main
from explorer.errors import UserError
from explorer.importing.preview import import_checkpoint
from explorer.training import TrainConfig, train

MODEL = ModelConfig(network="linear", shape=(1, 8, 8), latents=2)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return save(
        build_model(MODEL), tmp_path / "theirs", training={"data": "dsprites", "objective": "beta", "beta": 4.0}
    )


def changed(folder: Path, **training: str) -> None:
    """Put values into the recipe, each as it stands in the file."""
    file = folder / "config.json"
    value = json.loads(file.read_text())
    marks = {f"@{name}": text for name, text in training.items()}
    value["training"] |= {name: f"@{name}" for name in training}
    text = json.dumps(value)
    for mark, raw in marks.items():
        text = text.replace(json.dumps(mark), raw)
    file.write_text(text)


@pytest.mark.parametrize(
    "number", ["9" * 400, "1e999", "-1e999", "9" * 5000, "NaN", "Infinity", "1e300", "[" * 3000 + "]" * 3000, "9" * 30]
)
@pytest.mark.parametrize("name", ["beta", "steps", "anything"])
def test_a_number_that_is_none_is_refused_and_ends_no_list(theirs: Path, number: str, name: str) -> None:
    save(build_model(MODEL), "mine")
    changed(theirs, **{name: number})
    with pytest.raises(UserError) as caught:
        import_checkpoint(theirs, "bad")
    assert "\n" not in str(caught.value)
    shutil.copytree(theirs, paths.library() / "bad")  # by hand
    listed = {one.name: one for one in overviews()}
    assert listed["mine"].config is not None and listed["bad"].error
    result = CliRunner().invoke(main, ["library", "list"])
    assert result.exit_code == 0 and "mine" in result.output and "bad" in result.output


def test_any_seed_that_a_run_may_have_is_read_again(theirs: Path) -> None:
    seed = TrainConfig(seed=2**63 - 1).seed
    changed(theirs, seed=str(seed))
    assert (describe(theirs).config.training or {})["seed"] == seed


@pytest.mark.parametrize("root", ["/", "//host/share", "/proc", "..", "\\\\\\\\host\\\\share", "~root"])
def test_the_place_that_a_stranger_names_is_not_looked_at(
    theirs: Path, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(theirs, data='"folder"', root=json.dumps(root), start=json.dumps(root))
    asked: list[str] = []
    plain = Path.stat
    monkeypatch.setattr(Path, "stat", lambda self, **more: (asked.append(str(self)), plain(self, **more))[1])
    for path in (theirs, import_checkpoint(theirs, "theirs")):
        config = describe(path).config
        assert source_of(config).root is None
        assert "root" not in (config.training or {})
    assert not {str(Path(root)), root} & set(asked)
    result = CliRunner().invoke(main, ["evaluate", "theirs", "--count", "4"])
    assert result.exit_code == 2 and "root" in result.stderr
    config = CheckpointConfig(**MODEL.model_dump(), training={"data": "npz", "root": root})
    assert source_of(config).root is None


def test_a_stranger_can_not_have_a_place_remembered(theirs: Path, tmp_path: Path) -> None:
    changed(theirs, data='"folder"', root='"/"')
    save(load(theirs), "again")
    assert not roots.is_named("/")
    run = tmp_path / "run"
    shutil.copytree(theirs, run / "checkpoint")
    (run / "config.json").write_text(json.dumps({"root": "/", "data": "folder"}))
    assert source_of(describe(run / "checkpoint").config).root is None


def test_a_model_of_ones_own_images_finds_them_wherever_it_is_put(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", images=np.random.default_rng(0).integers(0, 255, (8, 8, 8), np.uint8))
    settings: dict[str, Any] = {
        "data": "npz",
        "root": str(tmp_path / "own.npz"),
        "network": "linear",
        "latents": 2,
        "steps": 2,
        "batch_size": 4,
        "eval_images": 4,
        "threads": 1,
    }
    for run in (paths.runs() / "here", tmp_path / "elsewhere"):
        train(TrainConfig.model_validate(settings), run)
        assert source_of(describe(run / "checkpoint").config).root == settings["root"]
    kept = import_checkpoint(tmp_path / "elsewhere", "kept")
    assert source_of(describe(kept).config).root == settings["root"]
