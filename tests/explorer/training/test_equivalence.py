"""A fast way of running the networks is held against plain steps first; one that differs leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import explorer.training.loop as loop
from explorer.training import TrainConfig, train
from explorer.training.directory import RunDirectory


def tiny(**more: Any) -> TrainConfig:
    settings = {
        "data": "dsprites",
        "size": 32,
        "steps": 6,
        "batch_size": 8,
        "eval_images": 8,
        "latents": 3,
        "threads": 1,
        "log_every": 1,
        "save_every": 3,
    }
    return TrainConfig.model_validate(settings | more)


Forward = Callable[[Tensor], Tensor]
Fault = Callable[[Forward, Tensor], Forward]


class Recorder:
    """make_graphed_callables of a faked CUDA; `fault` makes of each part's own forward what is replayed."""

    def __init__(self, fault: Fault) -> None:
        self.fault, self.recorded = fault, 0

    def __call__(self, parts: Any, samples: Any) -> Any:
        self.recorded += 1
        for part, (sample,) in zip(parts, samples, strict=True):
            forward = self.fault(part.forward, sample)
            part.forward = lambda x, p=part.forward, f=forward, part=part: (f if part.training else p)(x)
        return parts


def right(forward: Forward, sample: Tensor) -> Forward:
    return forward


def stale(forward: Forward, sample: Tensor) -> Forward:
    """Every replay computes what was recorded: the input is not copied into its place."""
    return lambda x: forward(sample.to(x.dtype)) + 0 * x.sum()


def frozen(forward: Forward, sample: Tensor) -> Forward:
    """Nothing flows back."""
    return lambda x: forward(x).detach().requires_grad_()


def lost_once(forward: Forward, sample: Tensor) -> Forward:
    """Right in the first two replays, and then an old result."""
    made = []

    def replay(x: Tensor) -> Tensor:
        made.append(forward(x))
        return made[-1] if len(made) < 3 else made[0].detach() + 0 * made[-1]

    return replay


def slightly_off(forward: Forward, sample: Tensor) -> Forward:
    return lambda x: forward(x) * 1.02


def not_a_number(forward: Forward, sample: Tensor) -> Forward:
    return lambda x: forward(x) * float("nan")


def falls_at_recording(forward: Forward, sample: Tensor) -> Forward:
    raise RuntimeError("CUDA error: operation not permitted when stream is capturing")


def falls_at_replay(forward: Forward, sample: Tensor) -> Forward:
    def replay(x: Tensor) -> Tensor:
        torch.randn(3)  # what it drew is put back, too
        raise RuntimeError("an illegal memory access was encountered")

    return replay


FAULTS = [stale, frozen, lost_once, slightly_off, not_a_number, falls_at_recording, falls_at_replay]


@pytest.fixture
def on_cuda(monkeypatch: pytest.MonkeyPatch) -> Callable[[Fault], Recorder]:
    """A run that takes itself for one of CUDA; gives what says how its recorder is at fault."""
    monkeypatch.setattr(loop, "choose_step", lambda wanted, device: "graphed")

    def use(fault: Fault) -> Recorder:
        recorder = Recorder(fault)
        monkeypatch.setattr(torch.cuda, "make_graphed_callables", recorder)
        return recorder

    return use


def kept(run: Path) -> list[bytes]:
    """All that a run leaves, but for times and what was said."""
    from safetensors.torch import load_file, save

    state = load_file(RunDirectory(run).resume_file)
    return [(run / "checkpoint" / "model.safetensors").read_bytes(), save(state), (run / "metrics.jsonl").read_bytes()]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_recorder_at_fault_is_not_used_and_the_run_is_the_plain_run_to_the_byte(
    tmp_path: Path, on_cuda: Callable[[Fault], Recorder], fault: Callable[..., Any]
) -> None:
    recorder = on_cuda(fault)
    before = torch.get_rng_state()
    train(tiny(objective="constrained", likelihood="optimal-gaussian"), tmp_path / "fell")
    assert recorder.recorded == 1 and torch.equal(torch.get_rng_state(), before)
    log = (tmp_path / "fell" / "log.txt").read_text()
    assert "the graphed step is not used: " in log and "plain step\n" in log
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "choose_step", lambda wanted, device: "plain")
        train(tiny(objective="constrained", likelihood="optimal-gaussian"), tmp_path / "never")
    assert kept(tmp_path / "fell") == kept(tmp_path / "never")
    assert "not used" not in (tmp_path / "never" / "log.txt").read_text()


def test_a_right_recorder_is_used_and_leaves_no_trace_of_the_trial(
    tmp_path: Path, on_cuda: Callable[[Fault], Recorder]
) -> None:
    on_cuda(right)
    train(tiny(clip=1.0), tmp_path / "graphed")
    assert "graphed step\n" in (tmp_path / "graphed" / "log.txt").read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "choose_step", lambda wanted, device: "plain")
        train(tiny(clip=1.0), tmp_path / "plain")
    assert kept(tmp_path / "graphed") == kept(tmp_path / "plain")


@pytest.mark.parametrize("fault", [right, slightly_off])
def test_a_resumed_run_is_tried_again_or_stays_refused_and_ends_in_the_same_bytes(
    tmp_path: Path, on_cuda: Callable[[Fault], Recorder], fault: Callable[..., Any]
) -> None:
    recorder = on_cuda(fault)
    train(tiny(), tmp_path / "whole")
    with pytest.raises(RuntimeError, match="power"):
        train_until(4, tiny(), tmp_path / "broken")
    train(tiny(), tmp_path / "broken", resume=True)
    assert kept(tmp_path / "whole") == kept(tmp_path / "broken")
    assert recorder.recorded == (3 if fault is right else 2)  # what was refused is not tried again
    if fault is slightly_off:
        assert "it was not used before" in (tmp_path / "broken" / "log.txt").read_text()


def train_until(step: int, config: TrainConfig, run: Path) -> None:
    def power(done: int) -> None:
        if done == step:
            raise RuntimeError("the power went")

    train(config, run, after_step=power)


def test_a_step_that_can_not_be_compiled_goes_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_compiler(function: Any, dynamic: bool) -> Forward:
        def compiled(values: Tensor) -> Tensor:
            raise RuntimeError("Failed to find C compiler.\nSet CC.")

        return compiled

    monkeypatch.setattr(torch, "compile", no_compiler)
    train(tiny(step="compiled"), tmp_path / "fell")
    train(tiny(step="plain"), tmp_path / "plain")
    assert kept(tmp_path / "fell") == kept(tmp_path / "plain")
    assert "Failed to find C compiler. Set CC.; plain steps" in (tmp_path / "fell" / "log.txt").read_text()


def test_what_a_plain_step_raises_is_said_as_it_is(
    tmp_path: Path, on_cuda: Callable[[Fault], Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_cuda(right)
    monkeypatch.setattr(loop, "learning_rate", lambda config, step: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(tiny(), tmp_path / "run")
