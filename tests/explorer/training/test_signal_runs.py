"""A run on curves or on rows of a table is a run like any other, and its model shows itself in units."""

from __future__ import annotations

import csv
import io
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from explorer.checkpoints import load, save
from explorer.cli import main
from explorer.datasets import open_dataset
from explorer.errors import UserError
from explorer.export.formats import FORMATS, ExportRequest
from explorer.live.payload import samples_data
from explorer.recipe.samples import Axis, Channel, Samples
from explorer.training import TrainConfig, train
from explorer.training.directory import RunDirectory

SMALL = {"steps": 40, "batch_size": 16, "latents": 3, "threads": 1, "eval_every": 40, "eval_images": 20}


def config(**settings: object) -> TrainConfig:
    usual = {"data": "peaks", "network": "dense", "likelihood": "gaussian", "sigma": 0.05}
    return TrainConfig.model_validate(SMALL | usual | settings)


@pytest.fixture(scope="module")
def signal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(config(), tmp_path_factory.mktemp("signal") / "run", progress=False).path


@pytest.fixture(scope="module")
def vector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(config(data="wine"), tmp_path_factory.mktemp("vector") / "run", progress=False).path


def test_the_checkpoint_knows_what_its_samples_are(signal: Path, vector: Path, tmp_path: Path) -> None:
    for path, name in ((signal, "peaks"), (vector, "wine")):
        found, data = load(path), open_dataset(name)
        assert found.config.samples == data.samples and found.model.shape == data.shape
        copied = load(save(found, tmp_path / name))
        assert copied.config.samples == data.samples and copied.content == found.content
    assert load("dsprites-beta1").config.samples is None


def test_a_run_on_signals_resumes_to_the_byte(signal: Path, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def kill(step: int) -> None:
        if step == 25:
            raise Killed

    with pytest.raises(Killed):
        train(config(save_every=10), tmp_path / "run", progress=False, after_step=kill)
    again = train(config(save_every=10), tmp_path / "run", resume=True, progress=False)
    assert (again.path / "model.safetensors").read_bytes() == (signal / "model.safetensors").read_bytes()
    assert RunDirectory(tmp_path / "run").state().status == "finished"


def test_convolutions_along_a_signal_train_and_lower_its_cost(tmp_path: Path) -> None:
    made = train(config(network="conv1d", steps=60, eval_every=1), tmp_path / "run", progress=False)
    assert made.config.network == "conv1d" and made.evaluation is not None
    import json

    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    costs = [row["reconstruction"] for row in map(json.loads, lines) if row["kind"] == "eval"]
    assert costs[-1] < costs[0]


def test_decoded_values_are_taken_away_in_their_units(signal: Path, vector: Path) -> None:
    for path in (signal, vector):
        checkpoint = load(path)
        samples = checkpoint.config.samples
        assert samples is not None
        scene = ExportRequest(checkpoint, np.array([0.5, -1, 0]), steps=3, ends=([-2.0] * 3, [2.0] * 3))
        head, *rows = list(csv.reader(io.StringIO(FORMATS["decoded"].make(scene).decode())))
        assert head[:2] == ["dimension", "value"] and head[2:] == samples.columns(checkpoint.config.shape)
        assert len(rows) == 1 + 3 * 3 and rows[0][:2] == ["", ""]
        assert [row[:2] for row in rows[1:4]] == [["0", "-2"], ["0", "0"], ["0", "2"]]
        offset, gain = (np.array(values) for values in samples.scale())
        with torch.inference_mode():
            decoded = checkpoint.model.decode(torch.tensor([[0.5, -1, 0], [0.5, 2, 0]])).flatten(1).numpy()
        wanted = offset + gain * decoded.astype(np.float64)
        assert np.array(rows[0][2:], dtype=float) == pytest.approx(wanted[0], rel=1e-6, abs=1e-6 * gain.max())
        assert np.array(rows[6][2:], dtype=float) == pytest.approx(wanted[1], rel=1e-6, abs=1e-6 * gain.max())


@pytest.mark.parametrize("format_", ["picture", "png", "gif", "codes"])
def test_every_picture_and_table_is_made_of_signals_and_rows(signal: Path, vector: Path, format_: str) -> None:
    for path, name in ((signal, "peaks"), (vector, "wine")):
        scene = ExportRequest(
            load(path), np.zeros(3), steps=3, kl=np.ones(3), images=partial(open_dataset, name), count=5
        )
        assert len(FORMATS[format_].make(scene)) > 100


def test_the_browser_is_told_what_samples_are(signal: Path) -> None:
    told = samples_data(load(signal).config.samples)
    assert told is not None and told.kind == "signal" and told.axis is not None and told.axis.last == 12
    assert samples_data(None) is None


def test_a_shell_trains_curves_with_a_network_that_takes_them(tmp_path: Path) -> None:
    words = ["--steps", "2", "--batch-size", "8", "--eval-images", "8", "--threads", "1"]
    made = CliRunner().invoke(main, ["train", "--data", "elements", *words, "--out", str(tmp_path / "run")])
    assert made.exit_code == 0, made.output
    assert load(tmp_path / "run" / "checkpoint").config.network == "dense"


def test_what_does_not_fit_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="network compact takes square images of 28 or 32 or 64 or 128 pixels"):
        train(config(network="compact"), tmp_path / "run", progress=False)
    with pytest.raises(ValueError, match="a signal has an axis"):
        Samples(kind="signal", channels=(Channel(name="x"),))
    with pytest.raises(ValueError, match="a signal has an axis"):
        Samples(kind="vector", channels=(Channel(name="x"),), axis=Axis(name="t", last=1))
