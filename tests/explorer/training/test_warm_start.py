"""A run that starts from a model: whose weights, whose recipe, and what can't be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from explorer.checkpoints import load, save
from explorer.checkpoints.store import build_model
from explorer.cli import main
from explorer.errors import UserError
from explorer.importing.preview import import_checkpoint
from explorer.launch import command, model_actions
from explorer.training import TrainConfig, train
from explorer.training.directory import RunDirectory
from explorer.training.warm_start import config_from
from tests.explorer.importing.test_onnx_exporters import keras_like

QUICK = {"steps": 2, "batch_size": 8, "eval_images": 8, "threads": 1, "log_every": 1}
RECIPE = {"data": "dsprites", "objective": "beta", "beta": 9.0, "clip": 3.0}


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model in the library, with a recipe."""
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = build_model(TrainConfig(network="mlp", latents=3).model((1, 32, 32)))
    save(model.eval(), tmp_path / "start", training=RECIPE)
    return str(tmp_path / "start")


def test_it_goes_on_from_the_weights_by_the_models_own_recipe(start: str, tmp_path: Path) -> None:
    config = config_from(start, QUICK | {"learning_rate": 1e-9})
    assert (config.beta, config.clip) == (9.0, 3.0)
    assert (config.network, config.latents, config.size) == ("mlp", 3, 32)
    made = train(config, tmp_path / "run")
    for name, weight in load(start).model.state_dict().items():
        torch.testing.assert_close(made.model.state_dict()[name], weight, atol=1e-6, rtol=0)
    assert (made.config.training or {})["start"] == "start"  # not where it lies on this machine


def test_what_is_given_wins_also_where_it_is_the_usual_or_none(start: str) -> None:
    wanted = config_from(start, QUICK | {"beta": TrainConfig().beta, "clip": None})
    assert wanted.beta == 4 and wanted.clip is None
    words = command.settings(wanted)
    assert f"--from={start}" in words and "--clip=" in words
    given = {}
    for word in words:
        name, _, value = word.removeprefix("--").partition("=")
        name = "start" if name == "from" else name.replace("-", "_")
        given[name] = value or None
    assert config_from(start, given) == wanted


def test_a_shell_trains_on_and_the_run_resumes_without_the_model(start: str, tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    words = ["train", "--from", start, "--out", out, "--beta", "2", "--steps", "2", "--batch-size", "8",
             "--eval-images", "8", "--threads", "1"]  # fmt: skip
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert RunDirectory(out).config().beta == 2
    for file in (tmp_path / "start").iterdir():
        file.unlink()
    result = CliRunner().invoke(main, ["train", "--resume", "--out", out])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("chosen", "said"),
    [({"network": "compact"}, "keeps its network"), ({"latents": 4}, "latents is 3"), ({"size": 64}, "size is 32")],
)
def test_another_network_than_the_models_is_refused(start: str, chosen: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        config_from(start, chosen)


def test_a_model_without_images_asks_for_them_and_layers_alone_are_nothing(start: str, tmp_path: Path) -> None:
    save(load(start).model, tmp_path / "bare")
    with pytest.raises(UserError, match="does not say which images .* give --data"):
        config_from(str(tmp_path / "bare"), QUICK)
    assert config_from(str(tmp_path / "bare"), QUICK | {"data": "dsprites"}).beta == 4
    result = CliRunner().invoke(main, ["train", "--network", "layers", "--out", str(tmp_path / "run")])
    assert result.exit_code != 0 and "give the model with --from" in result.output


def test_a_path_is_kept_whole_and_what_is_no_name_at_all_is_a_sentence(
    start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert config_from("start", QUICK).start == start
    config = config_from(start, QUICK)
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    for name in ("x" * 10_000, "x/" * 5_000):
        written = config.model_dump() | {"start": name}
        run.config_file.write_text(json.dumps(written))
        with pytest.raises(UserError, match="start: .*at most 500"):
            run.config()
    assert TrainConfig(start="x" * 400).start == "x" * 400  # longer than any file's name


def test_an_imported_model_of_layers_trains_on_with_its_own_layers_and_resumes(start: str, tmp_path: Path) -> None:
    torch.manual_seed(2)
    shapes = {"fc1": (256, 12), "fc21": (12, 3), "fc22": (12, 3), "fc3": (3, 12), "fc4": (12, 256)}
    layers = torch.nn.ModuleDict({name: torch.nn.Linear(*shape) for name, shape in shapes.items()})
    torch.save(layers.state_dict(), tmp_path / "vae.pt")
    import_checkpoint(tmp_path / "vae.pt", "theirs")
    rng = np.random.default_rng(0)
    np.save(tmp_path / "own.npy", rng.integers(0, 256, (40, 16, 16), np.uint8))
    out = tmp_path / "run"
    words = ["train", "--from", "theirs", "--data", "npz", "--root", str(tmp_path / "own.npy"), "--out", str(out),
             "--learning-rate", "1e-9", "--steps", "2", "--batch-size", "8", "--eval-images", "8", "--threads",
             "1"]  # fmt: skip
    refused = CliRunner().invoke(main, [*words[:3], *words[7:]])
    assert refused.exit_code == 2 and "does not say which images it was trained on" in refused.stderr
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    before, after = load("theirs").model, load(out / "checkpoint").model
    assert after.network.name == "layers" and after.network.layers == before.network.layers
    for name, weight in before.state_dict().items():
        torch.testing.assert_close(after.state_dict()[name], weight, atol=1e-6, rtol=0)
    model_actions.discard(["theirs"])
    result = CliRunner().invoke(main, ["train", "--resume", "--out", str(out)])
    assert result.exit_code == 0, result.output


def test_a_graph_of_onnx_is_refused_in_one_sentence_that_says_what_to_do(start: str, tmp_path: Path) -> None:
    import_checkpoint(keras_like(tmp_path / "keras"), "keras")
    words = ["train", "--from", "keras", "--data", "dsprites", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert result.stderr == (
        "error: keras is a graph of ONNX, which is run as it is and can't be trained on: import the model from its "
        "state dict, whose layers can\n"
    )
    assert not (tmp_path / "run").exists()
