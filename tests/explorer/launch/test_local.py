"""Runs on this machine: they outlive the app, take turns, stop whole, and are never mistaken for another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from filelock import FileLock

from explorer import launch, paths, trash
from explorer.checkpoints import catalogue
from explorer.errors import UserError
from explorer.launch import Launch, command, model_actions, queue
from explorer.training import TrainConfig, train
from explorer.training.directory import RunDirectory

ROOT = Path(__file__).resolve().parents[3]
LONG = 100_000


def tiny(**more: Any) -> TrainConfig:
    settings = {
        "data": "dsprites",
        "size": 32,
        "steps": 120,
        "batch_size": 8,
        "eval_images": 8,
        "threads": 1,
        "latents": 3,
        "save_every": 50,
        "log_every": 1,
        "network": "linear",
    }
    return TrainConfig.model_validate(settings | more)


def until(condition: Callable[[], object], seconds: float = 600) -> None:
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, "it did not come to pass"
        time.sleep(0.1)


def reached(run: RunDirectory, step: int) -> Callable[[], bool]:
    return lambda: any(record["step"] >= step for record in run.metrics())


def word(run: RunDirectory) -> str:
    return launch.run_status(run).word


def test_app_and_run_are_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    config = tiny(steps=300, network="compact")
    code = (
        "import sys, time; from explorer import launch; from explorer.training import TrainConfig; "
        "launch.launch([('first', TrainConfig.model_validate_json(sys.argv[1]))]); time.sleep(600)"
    )
    app = subprocess.Popen([sys.executable, "-c", code, config.model_dump_json()], cwd=ROOT)
    run = RunDirectory(paths.runs() / "first")
    until(reached(run, 5))
    app.send_signal(signal.SIGKILL)
    app.wait()
    assert word(run) == "running"
    step = run.state().step
    until(reached(run, step + 5))  # it goes on without the app
    os.kill(run.state().pid, signal.SIGKILL)
    until(lambda: word(run) == "killed", 5)
    now = launch.run_status(run)
    assert f"at or after step {list(run.metrics())[-1]['step']}" in now.why
    assert "step" in now.why and word(launch.find("first")) == "killed"
    launch.resume(run)
    with pytest.raises(UserError, match="already"):
        launch.resume(run)
    until(lambda: not launch.run_status(run).going)
    assert word(run) == "finished", launch.run_status(run).why
    train(config, tmp_path / "whole")
    for name in ("model.safetensors", "config.json"):
        weights = (tmp_path / "whole" / "checkpoint" / name).read_bytes()
        assert (run.checkpoint / name).read_bytes() == weights


def test_runs_take_turns_in_order_and_a_killed_one_gives_its_place_up() -> None:
    runs = launch.launch([(f"r{seed}", tiny(steps=LONG, seed=seed)) for seed in range(4)], group="g")
    until(lambda: [word(run) for run in runs] == ["running"] + ["waiting"] * 3)
    until(lambda: all(run.state_file.exists() for run in runs))
    until(lambda: [run.state().place for run in runs[1:]] == [1, 2, 3])
    assert "number 2 in the queue for cpu" in launch.run_status(runs[2]).why
    os.kill(runs[1].state().pid, signal.SIGKILL)  # one that waits
    launch.stop(runs[3])
    until(lambda: word(runs[3]) == "stopped")
    until(reached(runs[0], 2))
    os.kill(runs[0].state().pid, signal.SIGKILL)
    until(reached(runs[2], 2))  # by itself
    assert [word(run) for run in runs] == ["killed", "killed", "running", "stopped"]
    launch.stop(runs[2], wait=True)
    assert word(runs[2]) == "stopped"
    assert "go on with" in launch.run_status(runs[2]).why
    assert not list((paths.home() / "queue" / "cpu").glob("*.json"))[1:]  # the first is swept next time


def test_a_process_that_will_not_end_is_killed_with_all_its_group(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    run = RunDirectory(tmp_path / "run")
    script = "trap '' TERM; (trap '' TERM; sleep 987) & echo $! > child; sleep 987"
    stubborn = subprocess.Popen(["bash", "-c", script], cwd=tmp_path, start_new_session=True)
    until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().strip())
    child = psutil.Process(int((tmp_path / "child").read_text()))
    started = psutil.Process(stubborn.pid).create_time()
    Launch(pid=stubborn.pid, pid_started=started, at=time.time()).write(run)
    assert word(run) == "starting"
    launch.stop(run, grace=1, wait=True)
    assert stubborn.wait(20) == -signal.SIGKILL
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 20)
    assert word(run) == "stopped"


def test_a_pid_of_another_process_and_a_reboot_are_not_mistaken_for_the_run(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    run.write_state(status="running", step=3, steps=10)
    assert word(run) == "running"
    state = json.loads(run.state_file.read_text())
    for changed in (
        {"pid": 1},
        {"pid_started": state["pid_started"] - 3600},
        {"pid": 2**22 + 1},
        {"pid": 0, "pid_started": 0.0},
    ):
        run.state_file.write_text(json.dumps(state | changed))
        assert word(run) == "killed"
        with pytest.raises(UserError, match="not going on"):
            launch.stop(run)


def test_who_holds_a_run_is_alive_whatever_the_clock_and_one_of_a_silent_machine_is_not(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    run.write_state(status="running", step=3, steps=10)
    state = json.loads(run.state_file.read_text())
    with FileLock(run.lock_file):
        for changed in ({"pid_started": state["pid_started"] - 60}, {"host": "elsewhere"}):
            run.state_file.write_text(json.dumps(state | changed))
            assert word(run) == "running"
    run.state_file.write_text(json.dumps(state | {"host": "elsewhere"}))
    assert word(run) == "running"  # it may not share its locks with this machine
    os.utime(run.state_file, (time.time() - 3600,) * 2)
    assert word(run) == "killed"
    assert "its process on elsewhere was killed at or after step 3" in launch.run_status(run).why


def test_a_run_is_stopped_though_its_disk_takes_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    sleeping = subprocess.Popen(["sleep", "600"], start_new_session=True)
    started = psutil.Process(sleeping.pid).create_time()
    Launch(pid=sleeping.pid, pid_started=started, at=time.time()).write(run)

    def full(path: Path, value: object) -> None:
        raise UserError(f"{path} can't be written: No space left on device")

    monkeypatch.setattr(launch.status, "write_json", full)
    launch.stop(run, wait=True)
    assert not psutil.pid_exists(sleeping.pid)


def test_a_zombie_is_not_alive(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    process = psutil.Process(gone.pid)
    started = process.create_time()
    until(lambda: process.status() == psutil.STATUS_ZOMBIE)
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    run.write_state(status="running", step=3, steps=10)
    state = json.loads(run.state_file.read_text())
    run.state_file.write_text(json.dumps(state | {"pid": gone.pid, "pid_started": started}))
    assert word(run) == "killed"
    gone.wait()


def test_of_many_clicks_for_one_name_one_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch.lifecycle, "_start", lambda *args, **more: None)

    def click(number: int) -> bool:
        try:
            launch.launch([("wanted", tiny(seed=number))])
        except UserError as error:
            assert "there is a run 'wanted' already" in str(error)
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(click, range(24))) == 1


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", ".hidden", "a b", "x\0", "ü" * 121, "-rf", "$(id)", "~", "a\n"]
)
def test_a_name_that_is_no_folder_of_ours_is_refused(name: str) -> None:
    if name in ("-rf",):  # a dash is a letter of names, and never reaches a shell or an option
        assert command.train(paths.runs() / name, None)[-1].startswith("--out=")
        return
    with pytest.raises(UserError, match="the name of a run"):
        launch.launch([(name, tiny())])
    assert not paths.runs().exists() or not list(paths.runs().iterdir())


def test_the_command_says_the_settings_that_differ_and_gives_them_back() -> None:
    from click.testing import CliRunner

    from explorer.cli import main

    config = tiny(root="-rf", objective="tc", beta=6.5, clip=0.25, download=True, device="cuda:1")
    words = command.settings(config)
    assert "--download" in words and "--beta=6.5" in words
    result = CliRunner().invoke(main, ["estimate", *words])
    assert result.exit_code == 2 and "device cuda:1 is not on this machine" in result.output


def test_a_run_is_renamed_deleted_and_put_back(tmp_path: Path) -> None:
    train(tiny(steps=3), paths.runs() / "old")
    train(tiny(steps=3), paths.runs() / "g" / "one")
    run = launch.rename(launch.find("old"), "new")
    assert launch.name_of(run) == "new"
    assert word(run) == "finished"
    with pytest.raises(UserError, match="no run 'old'"):
        launch.find("old")
    with pytest.raises(UserError, match="there is a run 'new' already"):
        launch.rename(run, "new")
    item = launch.discard(launch.find("g/one"))
    assert not (paths.runs() / "g").exists()
    assert [t.name for t in launch.trashed()] == ["g/one"]
    back = launch.restore(launch.trashed()[0])
    assert launch.name_of(back) == "g/one" and word(back) == "finished"
    assert launch.trashed() == [] and not item.path.exists()
    launch.discard(back)
    trash.empty(launch.trashed())
    assert launch.trashed() == []


def test_no_run_takes_the_name_of_a_model_nor_the_place_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two things of one name only one could be opened."""
    train(tiny(steps=3), paths.runs() / "old")
    model_actions.duplicate("old", "kept")
    monkeypatch.setattr(launch.lifecycle, "_start", lambda *args, **more: None)
    for name in ("dsprites-beta4", "kept"):
        with pytest.raises(UserError, match=f"there is a model '{name}' already"):
            launch.rename(launch.find("old"), name)
        with pytest.raises(UserError, match=f"there is a model '{name}' already"):
            launch.launch([(name, tiny())])
        assert launch.free_run_name(name) == f"{name}-2"
    for name in ("checkpoint", "Checkpoint"):
        with pytest.raises(UserError, match="the folder of a run's model is called"):
            launch.launch([(name, tiny())])
    (paths.runs() / "starting").mkdir()
    with pytest.raises(UserError, match="there is a run 'starting' already"):
        model_actions.duplicate("old", "starting")
    (paths.runs() / "old copy").mkdir()
    assert model_actions.duplicate("old") == "old copy 2"
    assert {"old", "kept"} < {entry.name for entry in catalogue()}


def test_a_run_of_a_sweep_does_not_come_back_into_another_run() -> None:
    train(tiny(steps=3), paths.runs() / "g" / "one")
    item = launch.discard(launch.find("g/one"))
    train(tiny(steps=3), paths.runs() / "g")
    with pytest.raises(UserError, match="'g' was a sweep and is a run now"):
        launch.restore(item)
    launch.rename(launch.find("g"), "h")
    assert launch.name_of(launch.restore(item)) == "g/one"


def test_a_run_that_goes_on_is_neither_renamed_nor_deleted() -> None:
    run = RunDirectory(paths.runs() / "alive")
    run.path.mkdir(parents=True)
    (run.path / "config.json").write_text(tiny().model_dump_json())
    run.write_state(status="running", step=1, steps=10)
    for change in (lambda: launch.rename(run, "other"), lambda: launch.discard(run)):
        with pytest.raises(UserError, match="alive is running: stop it first"):
            change()
    run.write_state(status="stopped", step=1, steps=10)
    launch.discard(run)


@pytest.mark.parametrize(("said", "cpu", "gpu"), [("", 1, 1), ("3", 3, 3), ("cpu=2", 2, 1), ("cpu=2, cuda:0=4", 2, 4)])
def test_how_many_runs_a_device_takes(monkeypatch: pytest.MonkeyPatch, said: str, cpu: int, gpu: int) -> None:
    monkeypatch.setenv(queue.SLOTS, said)
    assert (queue.slots("cpu"), queue.slots("cuda:0")) == (cpu, gpu)


@pytest.mark.parametrize("said", ["0", "x", "cpu=", "-1", "cpu=1,,"])
def test_a_number_of_slots_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv(queue.SLOTS, said)
    with pytest.raises(UserError, match="BETA_VAE_SLOTS is a number of runs"):
        launch.launch([("x", tiny())])
    assert not (paths.runs() / "x").exists()
