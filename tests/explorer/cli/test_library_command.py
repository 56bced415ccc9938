"""The library and own images from a shell."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from explorer import paths
from explorer.checkpoints import ModelConfig, save
from explorer.checkpoints.store import build_model
from explorer.cli import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path))
    monkeypatch.setattr(paths, "PRETRAINED", tmp_path / "none")
    torch.manual_seed(0)
    model = build_model(ModelConfig(network="linear", shape=(1, 8, 8), latents=2))
    save(model, "first", training={"objective": "beta", "beta": 4.0, "data": "mnist"})
    return tmp_path


def run(*arguments: object, answer: str = "", code: int = 0) -> str:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments], input=answer)
    assert done.exit_code == code, done.output
    return done.output


def test_a_model_is_renamed_tagged_duplicated_deleted_and_put_back() -> None:
    assert run("library", "rename", "first", "a/b 🎉") == "a/b 🎉\n"
    assert run("library", "tag", "a/b 🎉", "good", "new") == "good, new\n"
    assert run("library", "tag", "a/b 🎉", "new", "--remove") == "good\n"
    run("library", "note", "a/b 🎉", "Seen on Monday.")
    assert run("library", "duplicate", "a/b 🎉") == "a/b 🎉 copy\n"
    found = [json.loads(line) for line in run("library", "list", "--json").splitlines()]
    assert [row["model"] for row in found] == ["a/b 🎉", "a/b 🎉 copy"]
    assert found[1]["tags"] == ["good"] and found[1]["beta"] == 4.0 and found[1]["notes"] == "Seen on Monday."
    assert "copy" in run("library", "list", "--search", "monday copy", "--data", "mnist", "--sort", "kl")
    assert "no model is like that" in run("library", "list", "--data", "dsprites")
    run("library", "delete", "a/b 🎉", answer="n\n")
    assert "is in the trash" in run("library", "delete", "a/b 🎉", answer="y\n")
    assert run("library", "restore", "--list") == "a/b 🎉\n"
    assert run("library", "restore", "a/b 🎉") == "a/b 🎉\n"
    assert "there is no model 'first'" in run("library", "delete", "first", "--yes", code=2)
    run("library", "delete", "a/b 🎉", "--yes")
    run("library", "empty-trash", "--yes")
    assert "the trash is empty" in run("library", "restore")


def test_own_images_are_looked_at_added_and_trained_on(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as made:
        for number in range(6):
            picture = io.BytesIO()
            Image.new("L", (40, 40), 40 * number).save(picture, "PNG")
            made.writestr(f"{number}.png", picture.getvalue())
        made.writestr("\x1b[31m.png", b"no")
    told = run("images", "look", file)
    assert "6 pictures" in told and "\x1b" not in told and "was left out" in told
    assert "none yet" in run("images", "list")
    assert "--data 'own:my cats'" in run("images", "add", file, "my cats")
    assert "here already, as 'my cats'" in run("images", "add", file, "again", code=2)
    out = tmp_path / "run"
    run(
        "train", "--data", "own:my cats", "--size", 32, "--steps", 2, "--batch-size", 2, "--eval-images", 2,
        "--latents", 2, "--device", "cpu", "--out", out,
    )  # fmt: skip
    assert "reconstruction" in run("evaluate", out, "--count", 4)
    run("images", "delete", "my cats")
    assert "there is no data set 'own:my cats'" in run("evaluate", out, "--count", 4, code=2)
    run("library", "restore", "my cats")
    assert "my cats" in run("images", "list")
