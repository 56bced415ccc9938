"""Checkpoints and runs of this program brought into the library, and the names they get there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from explorer import paths
from explorer.checkpoints import describe, load, save
from explorer.checkpoints.store import build_model
from explorer.cli import main
from explorer.errors import UserError
from explorer.importing.preview import import_checkpoint
from explorer.recipe.model import ModelConfig

from .test_importing import LATENTS, a_folder, a_state, home, library  # noqa: F401 a fixture


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A checkpoint of this program, outside the library."""
    model = build_model(ModelConfig(network="linear", shape=(1, 8, 8), latents=2))
    return save(model, tmp_path / "elsewhere" / "mine", note="made for a test", half=True)


def test_an_own_checkpoint_is_copied_whole_and_keeps_its_hash(own: Path) -> None:
    for number, source in enumerate((own, own / "config.json", own / "model.safetensors")):
        target = import_checkpoint(source, f"copy-{number}")
        assert describe(f"copy-{number}").hash == describe(own).hash
        assert sorted(path.name for path in target.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    (own / "README.md").unlink()
    text = (import_checkpoint(own) / "README.md").read_text()
    assert "# mine" in text and "made for a test" in text


def test_a_run_is_imported_under_its_own_name(own: Path, tmp_path: Path) -> None:
    shutil.copytree(own, tmp_path / "runs" / "first" / "checkpoint")
    assert import_checkpoint(tmp_path / "runs" / "first").name == "first"
    assert load("first").config.note == "made for a test"


def test_a_damaged_own_checkpoint_leaves_the_library_as_it_was(own: Path) -> None:
    weights = own / "model.safetensors"
    content = weights.read_bytes()
    for damage in (content[:-3], content + b"x", b"", b"\xff" * 100):
        weights.write_bytes(damage)
        with pytest.raises(UserError) as caught:
            import_checkpoint(own, "damaged")
        assert str(own) in str(caught.value)
    weights.write_bytes(content)
    (own / "config.json").write_text('{"format": "beta-vae-explorer", "version": 1}')
    with pytest.raises(UserError):
        import_checkpoint(own, "damaged")
    assert library() == []


def test_a_name_that_is_taken_or_can_not_be_one_is_refused(own: Path, tmp_path: Path) -> None:
    import_checkpoint(own)
    before = (paths.library() / "mine" / "model.safetensors").stat().st_mtime_ns
    with pytest.raises(UserError, match="'mine' already; choose another name"):
        import_checkpoint(own)
    with pytest.raises(UserError, match="already"):
        import_checkpoint(a_folder(tmp_path / "mine", a_state()))
    assert (paths.library() / "mine" / "model.safetensors").stat().st_mtime_ns == before
    for name in ("", " ", ".", "..", "../up", ".hidden", "x" * 500, "tab\t", "\u202ertl"):
        with pytest.raises(UserError, match="can't be the name of a model"):
            import_checkpoint(own, name)
    assert library() == ["mine"]
    place = import_checkpoint(own, "a/b \\ <b>é</b>")
    assert describe(place).name == "a/b \\ <b>é</b>" and place.parent == paths.library()


def test_the_command_says_what_it_brought(own: Path) -> None:
    result = CliRunner().invoke(main, ["import", str(own), "--name", "brought"])
    assert result.exit_code == 0, result.output
    assert "brought: linear, 2 latents, 1 x 8 x 8" in result.stdout
    result = CliRunner().invoke(main, ["import", str(own.parent)])
    assert result.exit_code == 2 and result.stderr.startswith("error: ")


def test_settings_beside_the_weights_are_passed_over_whatever_made_them(tmp_path: Path) -> None:
    """A namespace of argparse's is no tensor: it is neither made nor run, and the weights are taken all the same."""
    import argparse

    a_folder(tmp_path / "theirs", {"args": argparse.Namespace(beta=4.0, path=Path("/x")), "state_dict": a_state()})
    import_checkpoint(tmp_path / "theirs")
    assert load("theirs").model.latents == LATENTS
