"""Nothing is lost: killed, stopped or failing runs keep what they have and go on as if nothing happened."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from explorer.checkpoints import load
from explorer.errors import UserError
from explorer.training import TrainConfig, train
from explorer.training.directory import RunDirectory
from explorer.training.loop import Diverged

SETTINGS = [
    "--data", "dsprites", "--size", "32", "--objective", "constrained", "--epsilon", "8",
    "--steps", "240", "--batch-size", "16", "--latents", "4", "--threads", "1", "--schedule", "cosine",
    "--eval-every", "60", "--eval-images", "32", "--save-every", "7", "--log-every", "5",
]  # fmt: skip


def start(run: Path, *more: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "explorer", "train", "--out", str(run), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> str:
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error[-2000:]
    return out


def wait_for_step(run: Path, step: int, process: subprocess.Popen) -> None:
    """Until the run has logged `step`, or is over."""
    directory = RunDirectory(run)
    while process.poll() is None:
        if any(record["step"] >= step for record in directory.metrics()):
            return
        time.sleep(0.01)


def test_killed_at_ten_random_moments_the_weights_are_the_same_to_the_byte(tmp_path):
    finish(start(tmp_path / "whole", *SETTINGS))
    dice = random.Random(0)
    run = tmp_path / "killed"
    kills = 0
    more = SETTINGS
    for goal in sorted(dice.sample(range(0, 230), 10)):
        process = start(run, *more)
        wait_for_step(run, goal, process)
        time.sleep(dice.random() * 0.2)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        more = ["--resume"] if (run / "config.json").exists() else SETTINGS
    assert kills == 10
    assert RunDirectory(run).state().standing == "killed"
    finish(start(run, "--resume"))
    for name in ("checkpoint/model.safetensors", "checkpoint/config.json"):
        assert (run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    steps = [r["step"] for r in RunDirectory(run).metrics() if r["kind"] == "train"]
    assert steps == list(range(5, 241, 5))


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    run = tmp_path / "run"
    process = start(run, *SETTINGS[:-2], "--log-every", "1", "--steps", "100000")
    wait_for_step(run, 20, process)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "python -m explorer train --resume --out" in error
    assert "Traceback" not in error
    state = RunDirectory(run).state()
    assert state.standing == "stopped"
    assert state.step >= 20
    assert load(run).model.latents == 4


def test_a_run_that_turns_nan_says_when_and_why_and_keeps_the_last_good_checkpoint(tmp_path):
    config = TrainConfig(
        data="dsprites", size=32, network="mlp", learning_rate=10, steps=500, batch_size=8, save_every=1,
        eval_images=16,
    )  # fmt: skip
    with pytest.raises(Diverged, match=r"at step \d+ .*(KL of dimension|reconstruction)"):
        train(config, tmp_path / "run")
    state = RunDirectory(tmp_path / "run").state()
    assert state.status == "failed"
    assert "last good checkpoint is kept" in state.message
    weights = load(tmp_path / "run").model.state_dict()
    assert all(np.isfinite(tensor.numpy()).all() for tensor in weights.values())


def test_a_torn_last_line_of_the_log_is_passed_over(tmp_path):
    directory = RunDirectory(tmp_path)
    directory.append({"step": 1})
    with directory.metrics_file.open("ab") as file:
        file.write(b'{"step": 2, "lo')
    assert [record["step"] for record in directory.metrics()] == [1]


def test_a_pid_that_another_process_took_over_is_not_taken_for_the_run(tmp_path):
    directory = RunDirectory(tmp_path)
    directory.write_state(status="running", step=3, steps=10)
    assert directory.state().standing == "running"
    state = json.loads(directory.state_file.read_text())
    directory.state_file.write_text(json.dumps(state | {"pid_started": state["pid_started"] - 60}))
    assert directory.state().standing == "killed"


def tiny(**more) -> TrainConfig:
    settings = {"data": "dsprites", "size": 32, "steps": 3, "batch_size": 4, "eval_images": 4}
    return TrainConfig(**settings | more)


def test_a_directory_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="is not empty and holds no run"):
        train(tiny(), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_finished_run_is_not_started_over_but_resumes_to_itself(tmp_path):
    train(tiny(), tmp_path / "run")
    before = (tmp_path / "run" / "checkpoint" / "model.safetensors").read_bytes()
    with pytest.raises(UserError, match="holds a run already"):
        train(tiny(), tmp_path / "run")
    train(tiny(), tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "checkpoint" / "model.safetensors").read_bytes() == before


def test_a_run_resumes_with_its_own_settings_alone(tmp_path):
    train(tiny(), tmp_path / "run")
    with pytest.raises(UserError, match="other settings"):
        train(tiny(beta=7), tmp_path / "run", resume=True)


def test_the_same_run_is_not_trained_twice_at_once(tmp_path):
    process = start(tmp_path / "run", *SETTINGS[:-2], "--log-every", "1", "--steps", "100000")
    wait_for_step(tmp_path / "run", 5, process)
    config = RunDirectory(tmp_path / "run").config()
    with pytest.raises(UserError, match="being trained by another process"):
        train(config, tmp_path / "run", resume=True)
    assert RunDirectory(tmp_path / "run").state().standing == "running"
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)
    assert RunDirectory(tmp_path / "run").state().standing == "stopped"


def test_the_seed_alone_decides(tmp_path):
    def weights(name: str, seed: int) -> bytes:
        train(tiny(seed=seed), tmp_path / name)
        return (tmp_path / name / "checkpoint" / "model.safetensors").read_bytes()

    once, again, other = weights("a", 1), weights("b", 1), weights("c", 2)
    assert once == again != other
