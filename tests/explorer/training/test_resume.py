"""Nothing is lost: killed, stopped or failing runs keep what they have and go on as if nothing happened."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from safetensors import safe_open

import explorer.training.loop as loop
from explorer.analysis.evaluation import evaluate
from explorer.checkpoints import load
from explorer.datasets import open_dataset
from explorer.errors import UserError
from explorer.training import TrainConfig, train
from explorer.training.directory import RunDirectory
from explorer.training.snapshot import Diverged

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = [
    "--data", "dsprites", "--size", "32", "--objective", "constrained", "--epsilon", "8",
    "--steps", "120", "--batch-size", "16", "--latents", "4", "--threads", "1", "--schedule", "cosine",
    "--eval-every", "60", "--eval-images", "32", "--save-every", "7", "--log-every", "5",
]  # fmt: skip


# `python -m explorer` over and over, but torch is imported once: a line of arguments is a process of its own.
FORKING = """
import os, sys
import torch._dynamo  # an optimiser imports it at its first step
import explorer.training.loop
from explorer.cli import main
for line in sys.stdin:
    child = os.fork()
    if not child:
        sys.stderr = open(os.environ["SAID"], "w", buffering=1)
        main(line.split())
        os._exit(0)  # not come to: main exits
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Shell:
    """Someone at a prompt: types `python -m explorer train`, and kills it."""

    def __init__(self, folder: Path) -> None:
        self.said = folder / "said.txt"
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKING],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "SAID": str(self.said)},
        )

    def start(self, run: Path, *more: str) -> int:
        """Begin, and give the process's id."""
        self.process.stdin.write(f"train --out {run} {' '.join(more)}\n")
        self.process.stdin.flush()
        return int(self._line())

    def end(self) -> int:
        """Wait for the end; how it ended."""
        return int(next(line for line in iter(self._line, "") if line.lstrip("-").isdecimal()))

    def _line(self) -> str:
        return self.process.stdout.readline().strip()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    one = Shell(tmp_path)
    yield one
    one.process.stdin.close()
    assert one.process.wait(60) == 0


def wait_for_step(run: Path, step: int, pid: int) -> None:
    """Until the run has logged `step`, or is over."""
    directory = RunDirectory(run)
    while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if any(record["step"] >= step for record in directory.metrics()):
            return
        time.sleep(0.01)


def test_killed_at_ten_random_moments_the_weights_are_the_same_to_the_byte(shell: Shell, tmp_path: Path) -> None:
    shell.start(tmp_path / "whole", *SETTINGS)
    assert shell.end() == 0, shell.said.read_text()
    dice = random.Random(0)
    run = tmp_path / "killed"
    more = SETTINGS
    for goal in sorted(dice.sample(range(0, 110), 10)):
        pid = shell.start(run, *more)
        wait_for_step(run, goal, pid)
        time.sleep(dice.random() * 0.1)
        os.kill(pid, signal.SIGKILL)
        assert shell.end() == -signal.SIGKILL
        more = ["--resume"] if (run / "config.json").exists() else SETTINGS
    assert RunDirectory(run).state().current_status == "killed"
    shell.start(run, "--resume")
    assert shell.end() == 0, shell.said.read_text()
    for name in ("checkpoint/model.safetensors", "checkpoint/config.json"):
        assert (run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    steps = [r["step"] for r in RunDirectory(run).metrics() if r["kind"] == "train"]
    assert steps == list(range(5, 121, 5))


def test_ctrl_c_saves_and_says_how_to_go_on_and_no_other_trains_the_run_meanwhile(shell: Shell, tmp_path: Path) -> None:
    run = tmp_path / "run"
    pid = shell.start(run, *SETTINGS, "--log-every", "1", "--steps", "100000")
    wait_for_step(run, 20, pid)
    with pytest.raises(UserError, match="being trained by another process"):
        train(RunDirectory(run).config(), run, resume=True)
    assert RunDirectory(run).state().current_status == "running"
    os.kill(pid, signal.SIGINT)
    assert shell.end() == 130
    said = shell.said.read_text()
    assert "python -m explorer train --resume --out" in said and "Traceback" not in said
    state = RunDirectory(run).state()
    assert state.current_status == "stopped"
    assert state.step >= 20
    assert load(run).model.latents == 4


def test_a_run_that_turns_nan_says_when_and_why_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    config = TrainConfig(
        data="dsprites", size=32, network="mlp", learning_rate=10, steps=500, batch_size=8, save_every=1, eval_images=16
    )
    with pytest.raises(Diverged, match=r"at step \d+ .*(KL of dimension|reconstruction)"):
        train(config, tmp_path / "run")
    state = RunDirectory(tmp_path / "run").state()
    assert state.status == "failed"
    assert "last good checkpoint is kept" in state.message
    weights = load(tmp_path / "run").model.state_dict()
    assert all(np.isfinite(tensor.numpy()).all() for tensor in weights.values())


def test_a_torn_last_line_of_the_log_is_passed_over(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.append({"step": 1})
    with directory.metrics_file.open("ab") as file:
        file.write(b'{"step": 2, "lo')
    assert [record["step"] for record in directory.metrics()] == [1]


def test_a_pid_that_another_process_took_over_is_not_taken_for_the_run(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.write_state(status="running", step=3, steps=10)
    assert directory.state().current_status == "running"
    state = json.loads(directory.state_file.read_text())
    directory.state_file.write_text(json.dumps(state | {"pid_started": state["pid_started"] - 60}))
    assert directory.state().current_status == "killed"


def tiny(**more: Any) -> TrainConfig:
    settings = {
        "data": "dsprites",
        "size": 32,
        "steps": 3,
        "batch_size": 4,
        "eval_images": 4,
        "threads": 1,
        "network": "linear",
        "latents": 3,
    }
    return TrainConfig(**settings | more)


def test_a_directory_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="is not empty and holds no run"):
        train(tiny(), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_finished_run_is_not_started_over_but_resumes_to_itself(tmp_path: Path) -> None:
    train(tiny(), tmp_path / "run")
    before = (tmp_path / "run" / "checkpoint" / "model.safetensors").read_bytes()
    with pytest.raises(UserError, match="holds a run already"):
        train(tiny(), tmp_path / "run")
    train(tiny(), tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "checkpoint" / "model.safetensors").read_bytes() == before


def test_a_run_resumes_with_its_own_settings_alone(tmp_path: Path) -> None:
    train(tiny(), tmp_path / "run")
    with pytest.raises(UserError, match="other settings"):
        train(tiny(beta=7), tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "beta", "beta_schedule": "factors from=100 over=5", "network": "compact", "clip": 1.0},
        {"objective": "tc", "network": "burgess"},
        {"objective": "capacity", "network": "mlp", "size": 28},
        {"likelihood": "optimal-gaussian", "network": "compact", "precision": "bfloat16"},
        {"data": "scene", "threads": 2},
        {"objective": "any", "network": "compact"},
        {"objective": "hsic", "network": "mlp", "size": 28},
        {"objective": "pairs", "network": "mlp", "size": 28},
        {"objective": "labels", "network": "mlp", "size": 28, "latents": 6},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_every_kind_of_run_resumes_to_the_byte(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(**{"steps": 7, "save_every": 2, "batch_size": 8} | settings)
    train(config, tmp_path / "whole")

    def fail_at_five(
        config: TrainConfig, step: int, rate: Callable[[TrainConfig, int], float] = loop.learning_rate
    ) -> float:
        if step == 5:
            raise RuntimeError("the power went")
        return rate(config, step)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "learning_rate", fail_at_five)
        with pytest.raises(RuntimeError, match="the power went"):
            train(config, tmp_path / "broken")
    assert RunDirectory(tmp_path / "broken").state().current_status == "failed"
    train(config, tmp_path / "broken", resume=True)
    whole, broken = (
        (tmp_path / name / "checkpoint" / "model.safetensors").read_bytes() for name in ("whole", "broken")
    )
    assert whole == broken


def test_a_trained_model_is_never_trained_over(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    train(tiny(), run.path)
    before = (run.checkpoint / "model.safetensors").read_bytes()
    run.resume_file.unlink()
    with pytest.raises(UserError, match="can't be resumed"):
        train(tiny(), run.path, resume=True)
    with pytest.raises(UserError, match="holds a run already"):
        train(tiny(steps=1), run.path)
    assert (run.checkpoint / "model.safetensors").read_bytes() == before


def test_a_resume_that_fails_leaves_a_finished_run_finished(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.zeros((40, 32, 32), dtype=np.uint8))
    config = tiny(data="npz", root=str(tmp_path / "images.npy"), size=None)
    run = RunDirectory(tmp_path / "run")
    train(config, run.path)
    (tmp_path / "images.npy").rename(tmp_path / "elsewhere.npy")
    with pytest.raises(UserError, match="images.npy"):
        train(config, run.path, resume=True)
    assert (run.state().current_status, run.state().step) == ("finished", 3)
    moved = config.model_copy(update={"root": str(tmp_path / "elsewhere.npy")})
    train(moved, run.path, resume=True)  # the same images in another place are the same run


def test_what_a_killed_process_was_writing_is_swept_up(tmp_path: Path) -> None:
    (tmp_path / "run" / "checkpoint").mkdir(parents=True)
    (tmp_path / "run" / ".config.json.abc.partial").write_text("{")
    (tmp_path / "run" / ".lock").touch()
    (tmp_path / "run" / "checkpoint").rmdir()
    train(tiny(), tmp_path / "run")
    assert not list((tmp_path / "run").rglob("*.partial"))


def test_a_run_is_evaluated_on_the_images_it_was_trained_on(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    images = dice.integers(0, 2, (50, 64, 64), dtype=np.uint8)
    classes = np.stack([np.zeros(50, int), *(dice.integers(0, 3, 50) for _ in range(5))], axis=1)
    np.savez(tmp_path / "few.npz", imgs=images, latents_classes=classes)
    train(tiny(root=str(tmp_path / "few.npz"), size=64), tmp_path / "run")
    recipe = load(tmp_path / "run").config.training
    assert recipe is not None
    assert recipe["root"] == str(tmp_path / "few.npz")
    data = open_dataset("dsprites", root=recipe["root"])
    assert evaluate(load(tmp_path / "run").model, data).count == 50


def test_time_adds_up_over_a_resume(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    train(tiny(), run.path)
    with safe_open(run.resume_file, framework="pt") as file:
        saved = json.loads(file.metadata()["about"])["seconds"]
    train(tiny(), run.path, resume=True)
    assert run.state().seconds > saved > 0


def test_a_run_does_not_go_on_with_other_images(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    np.save(tmp_path / "images.npy", dice.integers(0, 255, (40, 32, 32), dtype=np.uint8))
    config = tiny(data="npz", root=str(tmp_path / "images.npy"), size=None)
    train(config, tmp_path / "run")
    np.save(tmp_path / "images.npy", dice.integers(0, 255, (40, 32, 32), dtype=np.uint8))
    with pytest.raises(UserError, match="no longer those"):
        train(config, tmp_path / "run", resume=True)


def test_a_torn_resume_file_is_named(tmp_path: Path) -> None:
    train(tiny(), tmp_path / "run")
    file = RunDirectory(tmp_path / "run").resume_file
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"state\.safetensors can't be resumed from"):
        train(tiny(), tmp_path / "run", resume=True)


def test_the_seed_alone_decides(tmp_path: Path) -> None:
    def weights(name: str, seed: int) -> bytes:
        train(tiny(seed=seed), tmp_path / name)
        return (tmp_path / name / "checkpoint" / "model.safetensors").read_bytes()

    once, again, other = weights("a", 1), weights("b", 1), weights("c", 2)
    assert once == again != other
