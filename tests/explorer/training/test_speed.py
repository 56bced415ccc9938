"""How a run is made fast changes nothing that it computes; the way on a GPU as far as a CPU can go it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import explorer.training.loop as loop
from explorer.checkpoints import ModelConfig, load
from explorer.checkpoints.store import build_model
from explorer.errors import UserError
from explorer.training import TrainConfig, speed, train
from explorer.training.cost import cost_key, estimate
from explorer.training.directory import RunDirectory
from explorer.training.sampling import Batches
from models.kinds import OBJECTIVES


def tiny(**more: Any) -> TrainConfig:
    settings = {
        "data": "dsprites",
        "size": 32,
        "steps": 5,
        "batch_size": 8,
        "eval_images": 8,
        "latents": 3,
        "threads": 1,
        "log_every": 1,
    }
    return TrainConfig.model_validate(settings | more)


def test_auto_is_plain_on_the_cpu_and_recorded_graphs_on_cuda() -> None:
    assert speed.choose_step("auto", torch.device("cpu")) == "plain"
    assert speed.choose_step("auto", torch.device("mps")) == "plain"
    assert speed.choose_step("auto", torch.device("cuda:1")) == "graphed"
    assert speed.choose_step("plain", torch.device("cuda")) == "plain"


def test_graphs_on_a_cpu_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="step graphed records the launches of CUDA"):
        train(tiny(step="graphed"), tmp_path / "run")


class FakeGraphs:
    """make_graphed_callables as CUDA has it, without recording: the same contract, checked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, parts: Any, samples: Any) -> Any:
        for part, (sample,) in zip(parts, samples, strict=True):
            assert part.training, "graphs are of the training mode"
            plain, shape = part.forward, sample.shape
            assert part(sample).requires_grad

            def forward(
                values: Tensor, part: nn.Module = part, plain: Any = plain, shape: torch.Size = shape
            ) -> Tensor:
                if part.training:
                    assert values.shape == shape, "a graph takes one shape alone"
                    self.calls += 1
                return plain(values)

            part.forward = forward
        return parts


def test_a_graphed_run_is_the_plain_run_to_the_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only thing that differs on a GPU is how the networks are launched: faked here on the CPU."""
    graphs = FakeGraphs()
    train(tiny(), tmp_path / "plain")
    with monkeypatch.context() as patch:
        patch.setattr(torch.cuda, "make_graphed_callables", graphs)
        patch.setattr(loop, "choose_step", lambda wanted, device: "graphed")
        train(tiny(), tmp_path / "graphed")
    # Encoder and decoder, in each step and in the three that are tried; evaluations and pictures went plain.
    assert graphs.calls == 2 * (5 + 3)
    weights = [(tmp_path / n / "checkpoint" / "model.safetensors").read_bytes() for n in ("plain", "graphed")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("network", ["compact", "burgess", "mlp"])
def test_a_step_has_the_same_shapes_on_a_device_that_only_counts(network: str, precision: str) -> None:
    """The loop's step on the device "meta", on which nothing can be read back: no value is waited for."""
    config = tiny(network=network, precision=precision, batch_size=64)
    with torch.device("meta"):
        model = build_model(ModelConfig(network=network, shape=(1, 32, 32), latents=3))
    objective = loop.build_objective(config, 1000).to("meta")
    images = torch.zeros(64, 1, 32, 32, device="meta")
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        posterior = model.encode(images)
        z = posterior.mean + posterior.std
        raw = model.raw(z)
    terms = objective(model.likelihood.nll(raw.float(), images), posterior, z, 0)
    terms.loss.backward()
    assert terms.kl_per_dimension.shape == (3,)
    assert all(p.grad is not None and p.grad.shape == p.shape for p in model.parameters())
    watch = loop._Watch(torch.device("meta"), 3)
    watch.see(0, terms)
    optimiser = torch.optim.Adam(model.parameters(), foreach=False)
    optimiser.step()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_no_objective_waits_for_the_device(objective: str) -> None:
    """On "meta" any .item(), bool() or copy to the CPU raises: a step asks for none."""
    made = loop.build_objective(tiny(objective=objective), 1000).to("meta")
    with torch.device("meta"):
        model = build_model(
            ModelConfig(network="mlp", shape=(1, 32, 32), latents=3, betas=tiny(objective=objective).betas)
        )
    images = torch.zeros(8, 1, 32, 32, device="meta")
    for step in range(2):
        made.prepare(model, len(images), step, torch.Generator())
        posterior = made.share(model.encode(images))
        made.learn(torch.zeros(4, 2, device="meta"))
        z = posterior.mean
        terms = made(model.nll(z, images), posterior, z, step)
        loop._Watch(torch.device("meta"), 3).see(step, terms)
    with pytest.raises((NotImplementedError, RuntimeError)):
        terms.loss.item()


def test_the_order_of_images_is_the_same_on_every_device_and_drawn_once_an_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tiny(batch_size=4)
    batches = Batches(config, torch.arange(10))
    drawn = []
    monkeypatch.setattr(torch, "randperm", lambda *a, real=torch.randperm, **k: drawn.append(1) or real(*a, **k))
    found = [batches.at(step).tolist() for step in range(6)]
    assert len(drawn) == 3 and found == [Batches(config, torch.arange(10)).at(s).tolist() for s in range(6)]
    far = Batches(config, torch.arange(10, device="meta"))
    assert far.at(1).device.type == "meta" and far.at(1).shape == (4,)


def test_a_gpu_is_chosen_where_there_is_one_and_its_memory_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: 123 << 20)
    assert loop.choose_device("auto") == torch.device("cuda")
    assert loop.choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(UserError, match="device cuda:2 is not on this machine"):
        loop.choose_device("cuda:2")
    assert speed.memory_in_use(torch.device("cuda:1")) == 123 << 20


def test_the_state_says_how_much_memory_and_which_device(tmp_path: Path) -> None:
    train(tiny(), tmp_path / "run")
    state = RunDirectory(tmp_path / "run").state()
    assert state.device == "cpu" and state.memory and state.memory > 50 << 20


def test_a_compiled_step_evaluates_plain_and_resumes_to_the_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = []

    def fake(function: Any, dynamic: bool) -> Callable[..., Any]:
        compiled.append(function)
        return lambda values: function(values)

    monkeypatch.setattr(torch, "compile", fake)
    config = tiny(step="compiled", steps=6, save_every=2)
    train(config, tmp_path / "whole")
    assert len(compiled) == 2

    def fail(config: TrainConfig, step: int, rate: Callable[[TrainConfig, int], float] = loop.learning_rate) -> float:
        if step == 4:
            raise RuntimeError("the power went")
        return rate(config, step)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "learning_rate", fail)
        with pytest.raises(RuntimeError, match="power"):
            train(config, tmp_path / "broken")
    train(config, tmp_path / "broken", resume=True)
    weights = [(tmp_path / n / "checkpoint" / "model.safetensors").read_bytes() for n in ("whole", "broken")]
    assert weights[0] == weights[1]
    assert "step" not in (load(tmp_path / "whole").config.training or {})


def test_an_estimate_counts_the_network_as_it_is(tmp_path: Path) -> None:
    config = tiny(network="linear", latents=2, batch_size=4)
    found = estimate(config, seconds=0.2)
    assert found.parameters == (32 * 32 * 2 + 2) + 2 + (2 * 32 * 32 + 32 * 32)
    assert found.shape == (1, 32, 32) and found.images_per_second > 0
    assert found.seconds(config) == pytest.approx(5 * 4 / found.images_per_second)
    forward = 2 * (32 * 32 * 2) * 2  # two matrix products, a multiplication and an addition each
    assert forward < found.flops <= 3 * forward
    assert cost_key(config) == cost_key(config.model_copy(update={"seed": 5, "beta": 9.0, "steps": 7}))
    assert cost_key(config) != cost_key(config.model_copy(update={"batch_size": 5}))
    assert np.isfinite(found.images_per_second)
