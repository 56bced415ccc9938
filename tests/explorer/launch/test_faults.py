"""What goes wrong in a run is said in its own sentence, and costs neither a checkpoint nor a process."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from explorer import launch, paths
from explorer.checkpoints import load
from explorer.errors import UserError
from explorer.launch import queue
from explorer.training import TrainConfig
from explorer.training.directory import RunDirectory


def tiny(**more: Any) -> TrainConfig:
    settings = {
        "data": "dsprites",
        "size": 32,
        "steps": 100_000,
        "batch_size": 8,
        "eval_images": 8,
        "threads": 1,
        "latents": 3,
        "network": "linear",
        "save_every": 5,
        "log_every": 1,
    }
    return TrainConfig.model_validate(settings | more)


def over(run: RunDirectory, seconds: float = 600) -> str:
    begin = time.monotonic()
    while launch.run_status(run).going:
        assert time.monotonic() - begin < seconds, launch.run_status(run)
        time.sleep(0.1)
    now = launch.run_status(run)
    return f"{now.word}: {now.why}"


def until(condition: Callable[[], object], seconds: float = 600) -> None:
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, "it did not come to pass"
        time.sleep(0.1)


def clean(run: RunDirectory) -> None:
    """The last checkpoint is whole, and nothing half-written is beside it."""
    assert not list(run.path.rglob("*.partial"))
    assert load(run.checkpoint).model.latents == 3
    until(lambda: not psutil.pid_exists(launch.run_status(run).launch.pid), 20)


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A home on a disk of 64 MB."""
    home.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(home)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk can't be mounted here: full and read-only disks are left out")
    yield home
    subprocess.run(["umount", "-l", str(home)], check=True)


def test_a_full_disk_is_said_and_the_last_checkpoint_stays(small_disk: Path) -> None:
    (run,) = launch.launch([("full", tiny())])
    until(lambda: run.state_file.exists() and run.state().step >= 5)
    with suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    said = over(run)
    assert said.startswith("failed: ") and "No space left on device" in said
    clean(run)
    (small_disk / "ballast").unlink()
    launch.resume(run)
    step = run.state().step
    until(lambda: launch.run_status(run).word == "running" and run.state().step > step)
    launch.stop(run, wait=True)


def test_a_disk_that_becomes_read_only_is_said(small_disk: Path) -> None:
    (run,) = launch.launch([("frozen", tiny())])
    until(lambda: run.state_file.exists() and run.state().step >= 5)
    # over the mount, since a disk on which a file is open for writing is not made read-only
    subprocess.run(["mount", "--bind", str(small_disk), str(small_disk)], check=True)
    try:
        again = ["mount", "-o", "remount,bind,ro", str(small_disk)]  # busy while a file is written
        until(lambda: subprocess.run(again, capture_output=True).returncode == 0)
        said = over(run)
        assert f"{run.path} can't be written to" in said, said
        with pytest.raises(UserError, match="can't be"):
            launch.launch([("more", tiny())])
    finally:
        subprocess.run(["umount", "-l", str(small_disk)], check=True)
    clean(run)


def test_memory_data_device_and_numbers_that_fail_are_said_each_in_its_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETA_VAE_SLOTS", "5")
    np.save(tmp_path / "torn.npy", np.zeros((40, 32, 32), np.uint8))
    (tmp_path / "torn.npy").write_bytes((tmp_path / "torn.npy").read_bytes()[:5000])
    planned = [
        ("memory", tiny(batch_size=60_000, size=64, network="compact")),
        ("data", tiny(data="npz", root=str(tmp_path / "torn.npy"), size=None)),
        ("folder", tiny(data="folder", root=str(tmp_path / "nowhere"))),
        ("device", tiny(device="cuda:7")),
        ("numbers", tiny(learning_rate=10, network="mlp")),
    ]
    runs = dict(zip([name for name, _ in planned], launch.launch(planned), strict=True))
    limit = psutil.Process(launch.run_status(runs["memory"]).launch.pid)
    limit.rlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    assert "failed: the memory is too small for that" in over(runs["memory"])
    assert "torn.npy is cut off" in over(runs["data"])
    assert f"there is no folder {tmp_path}/nowhere" in over(runs["folder"])
    assert "failed: device cuda:7 is not on this machine" in over(runs["device"])
    said = over(runs["numbers"])
    assert said.startswith("failed: at ") and "the last good checkpoint is kept" in said
    clean(runs["numbers"])
    clean(runs["memory"])
    for name in ("data", "folder", "device"):
        assert not list(runs[name].path.rglob("*.partial")) and not runs[name].checkpoint.exists()


def test_a_folder_that_can_not_be_written_starts_nothing(home: Path) -> None:
    home.mkdir()
    (home / "runs").write_text("a file where the folder would be")
    with pytest.raises(UserError, match="can't be made"):
        launch.launch([("x", tiny())])
    (home / "runs").unlink()
    if os.geteuid() != 0:
        home.chmod(0o500)
        with pytest.raises(UserError, match="can't be"):
            launch.launch([("x", tiny())])
        home.chmod(0o700)
    assert not (paths.runs() / "x").exists()


@pytest.mark.parametrize("number", ["999999999999999", "000000000000000", "000000000007"])
def test_another_machines_ticket_of_any_number_moves_nobody_up(home: Path, number: str) -> None:
    elsewhere = json.dumps({"pid": 1, "run": "/runs/x", "host": "elsewhere", "locked": True})
    with queue.order("cpu") as folder:
        (folder / f"{number}.json").write_text(elsewhere)
        first = queue.enter(folder, 0, Path("/runs/a"))
        second = queue.enter(folder, 0, Path("/runs/b"))
    try:
        assert [queue.place_in_queue(ticket, 1) for ticket in (first, second)] == [0, 1]
    finally:
        queue.give_back(first), queue.give_back(second)
