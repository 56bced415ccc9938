"""Runs as jobs of a real SLURM: the same directories and the same bytes as on this machine."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from explorer import launch
from explorer.errors import UserError
from explorer.launch import Launch, SlurmJob, slurm
from explorer.training import TrainConfig, train
from explorer.training.directory import RunDirectory


def tiny(**more: Any) -> TrainConfig:
    settings = {
        "data": "dsprites",
        "size": 32,
        "steps": 20,
        "batch_size": 8,
        "eval_images": 8,
        "threads": 1,
        "latents": 3,
        "save_every": 50,
        "log_every": 5,
        "network": "linear",
    }
    return TrainConfig.model_validate(settings | more)


JOB = SlurmJob(cpus=1, minutes=10)


def until(condition: Callable[[], object], seconds: float = 600, about: object = "") -> None:
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, f"it did not come to pass: {about}"
        time.sleep(0.2)


def over(run: RunDirectory) -> str:
    until(lambda: not launch.run_status(run).going, about=launch.run_status(run))
    now = launch.run_status(run)
    return f"{now.word}: {now.why}" if now.why else now.word


def test_a_job_is_watched_cancelled_and_resumed_to_the_byte(slurm: Path, tmp_path: Path) -> None:
    config = tiny(steps=300, log_every=1, network="compact")
    (run,) = launch.launch([("cancelled", config)], job=JOB)
    assert launch.run_status(run).going
    until(lambda: run.state_file.exists() and run.state().step >= 10, about=launch.run_status(run))
    assert launch.run_status(run).word == "running"
    launch.stop(run)
    assert over(run).startswith("stopped: stopped at step ")
    launch.resume(run, JOB)
    assert over(run) == "finished"
    train(config, tmp_path / "whole")
    weights = RunDirectory(tmp_path / "whole").checkpoint / "model.safetensors"
    assert (run.checkpoint / "model.safetensors").read_bytes() == weights.read_bytes()


def test_a_sweep_of_six_jobs_ends_and_each_says_how_it_stands(slurm: Path) -> None:
    planned = [(f"beta-{b}_seed-{s}", tiny(beta=b, seed=s)) for b in (1, 4, 8) for s in (0, 1)]
    runs = launch.launch(planned, group="six", job=JOB)
    words: set[str] = set()

    def all_over() -> bool:
        standings = [launch.run_status(run) for run in runs]
        words.update(now.word for now in standings)
        return not any(now.going for now in standings)

    until(all_over, 300)
    assert words <= {"waiting", "starting", "running", "finished"} and "waiting" in words
    assert {launch.run_status(run).word for run in runs} == {"finished"}
    assert len({(run.checkpoint / "model.safetensors").read_bytes() for run in runs}) == 6


def test_a_run_on_another_machine_is_as_alive_as_its_job(slurm: Path, tmp_path: Path) -> None:
    held = subprocess.run(
        ["sbatch", "--hold", "--parsable", "--wrap=true"], check=True, capture_output=True, text=True, cwd=tmp_path
    ).stdout.strip()
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    run.write_state(status="running", step=3, steps=10)
    state = json.loads(run.state_file.read_text()) | {"host": "node-of-elsewhere", "pid": 1}
    run.state_file.write_text(json.dumps(state))
    Launch(where="slurm", job=held, at=1.0).write(run)
    try:
        assert launch.run_status(run).word == "running"
    finally:
        subprocess.run(["scancel", held], check=True)
    until(lambda: launch.run_status(run).word == "killed", 60)
    assert launch.run_status(run).why.startswith("its process on node-of-elsewhere was killed at or after step 3")


def test_what_slurm_does_not_take_is_said_in_its_own_words(slurm: Path) -> None:
    with pytest.raises(UserError, match="partition"):
        launch.launch([("nowhere", tiny())], job=SlurmJob(partition="no-such"))
    with pytest.raises(UserError, match="no run 'nowhere'"):
        launch.find("nowhere")


def test_nothing_sent_is_ever_a_command() -> None:
    for text in ("main; rm -rf /", "$(id)", "a b", "--wrap=id", "x\n#SBATCH"):
        with pytest.raises(ValueError):
            SlurmJob(partition=text)
    with pytest.raises(UserError, match="no job of SLURM"):
        slurm.cancel("1; id")
