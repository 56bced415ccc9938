"""The log of a run is read while it grows: whole lines, new bytes only, and never more than can be shown."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.checkpoints.training_log import log_of
from explorer.files import tail
from explorer.training import TrainConfig, train
from explorer.training.directory import RunDirectory
from explorer.training.log_reader import MOST, LogReader, keep_log, series, vectors
from explorer.training.progress_pictures import EIGHT, KEPT, picture_files, read_progress


def line(step: int, **more: Any) -> bytes:
    return json.dumps({"kind": "train", "step": step, "loss": float(step)} | more).encode() + b"\n"


@given(st.lists(st.integers(1, 400), min_size=1, max_size=60), st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_however_it_is_torn_every_whole_line_is_read_once(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], count: int
) -> None:
    file = tmp_path_factory.mktemp("log") / "metrics.jsonl"
    content = b"".join(line(step) for step in range(count))
    follower = LogReader(file)
    place = 0
    for cut in cuts:
        with file.open("ab") as stream:
            stream.write(content[place : place + cut])
        place += cut
        follower.read()
        whole = content[:place].count(b"\n")
        assert series(follower.records("train"), "loss")[0] == list(range(whole))


@pytest.mark.parametrize("what", ["a pipe", "a device"])
def test_a_log_that_is_no_file_is_not_waited_for(tmp_path: Path, what: str) -> None:
    run = RunDirectory(tmp_path)
    run.metrics_file.symlink_to("/dev/zero") if what == "a device" else os.mkfifo(run.metrics_file)
    found: list[object] = []

    def look() -> None:
        LogReader(run.metrics_file).read()
        found.extend([list(run.metrics()), tail(run.metrics_file)])

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(30)
    assert found == [[], ""]


def test_rubbish_is_passed_over_and_nothing_new_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_bytes(
        line(1) + b"\xff\x00\n[1]\n{\n" + b"[" * 100_000 + b"\n" + line(2, loss=None)
        + b'{"kind": "train", "step": 3, "loss": NaN}\n{"kind": "train", "step": "4"}\n'
        + line(5, kl_per_dimension=[1, 2]) + line(6, kl_per_dimension=["x", 2]) + line(7, kl_per_dimension=[3, 4])
        + b'{"kind": "train", "step": 8'
    )  # fmt: skip
    follower = LogReader(file)
    version = follower.read()
    records = follower.records("train")
    assert series(records, "loss") == ([1, 5, 6, 7], [1, 5, 6, 7])
    assert vectors(records, "kl_per_dimension") == ([5, 7], [[1, 2], [3, 4]])
    assert follower.read() == version


def test_a_log_that_a_resumed_run_cut_short_is_read_anew(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    for step in range(1, 9):
        run.append({"kind": "train", "step": step})
    follower = LogReader(run.metrics_file)
    follower.read()
    run.forget_after(5)
    run.append({"kind": "train", "step": 6})
    follower.read()
    assert [r["step"] for r in follower.records("train")] == [1, 2, 3, 4, 5, 6]


def test_a_long_log_is_thinned_evenly_and_keeps_its_ends(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_bytes(b"".join(line(step) for step in range(1, 10_001)))
    follower = LogReader(file)
    follower.read()
    steps = [r["step"] for r in follower.records("train")]
    assert steps[0] == 1 and steps[-1] == 10_000
    assert MOST / 2 < len(steps) <= MOST + 1
    assert set(np.diff(steps[:-1])) == {16}


def test_a_log_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    follower = LogReader(tmp_path / "none")
    follower.read()
    assert follower.records("train") == []


def test_a_run_draws_what_its_model_makes_of_the_same_eight_images(tmp_path: Path) -> None:
    config = TrainConfig(data="dsprites", size=32, steps=4, batch_size=4, eval_images=16, latents=3)
    checkpoint = train(config, tmp_path / "run")
    files = picture_files(RunDirectory(tmp_path / "run"))
    assert files[0][0] == 0 and files[-1][0] == 4
    first, last = (read_progress(files[i][1]) for i in (0, -1))
    assert last.pixels.shape == (2 + 3, EIGHT, 32, 32, 3)
    assert np.array_equal(first.pixels[0], last.pixels[0])
    assert not np.array_equal(first.pixels[1], last.pixels[1])
    import torch

    images = torch.from_numpy(last.pixels[0][..., :1].transpose(0, 3, 1, 2).copy()).float() / 255
    made = checkpoint.model.decode(checkpoint.model.encode(images).mean).numpy()
    assert np.abs(made[:, 0] * 255 - last.pixels[1][..., 0]).max() <= 1
    kl = checkpoint.model.encode(images).kl().mean(0)
    assert list(last.dimensions) == kl.argsort(descending=True).tolist()


def test_pictures_of_a_long_run_are_thinned(tmp_path: Path) -> None:
    from explorer.training import progress_pictures

    run = RunDirectory(tmp_path)
    run.pictures.mkdir()
    for step in range(0, 400):
        (run.pictures / f"{step:09d}.png").touch()
        for _, path in progress_pictures._superfluous(picture_files(run)):
            path.unlink()
        assert len(picture_files(run)) <= KEPT
    steps = [step for step, _ in picture_files(run)]
    assert steps[0] == 0 and steps[-1] == 399


def test_a_picture_that_is_none_is_said(tmp_path: Path) -> None:
    import pytest

    from explorer.errors import UserError

    for content in (b"", b"\x89PNG", b"GIF89a" * 10):
        (tmp_path / "000000001.png").write_bytes(content)
        with pytest.raises(UserError, match="can't be read"):
            read_progress(tmp_path / "000000001.png")


def test_a_log_is_kept_thinned_beside_a_checkpoint_with_its_last_record(tmp_path: Path) -> None:
    (tmp_path / "run" / "checkpoint").mkdir(parents=True)
    log = tmp_path / "run" / "metrics.jsonl"
    log.write_bytes(b"".join(line(step, kl=step / 10, learning_rate=1.0) for step in range(1001)))
    shipped = tmp_path / "shipped"
    keep_log(log, shipped, most=100)
    assert log_of(shipped) == shipped / "training.jsonl" and log_of(log.parent / "checkpoint") == log
    follower = LogReader(shipped / "training.jsonl")
    follower.read()
    steps, kl = series(follower.records("train"), "kl")
    assert len(steps) <= 101 and steps[-1] == 1000 and kl[-1] == 100
    assert set(np.diff(steps)) == {11}
    assert "learning_rate" not in follower.records("train")[0]
    assert log_of(tmp_path) is None
