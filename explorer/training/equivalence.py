"""A fast way of running the networks is held against the plain one before a run goes by it.

Three steps are taken plain and three the fast way, from the same weights, moments and noise, on the same batches.
Where they differ by more than other kernels' rounding can make, or the fast way fails, the run goes plain. Either
way everything is put back as it was, so a run that went plain is a plain run to the byte.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.recipe.run import TrainConfig
from explorer.training import speed
from explorer.training.stepper import Stepper

STEPS = 3
# Relative. float32 may be computed as TF32 by one way and not by the other; bfloat16 has 8 bits.
COSTS = {"float32": 1e-3, "bfloat16": 1e-2}  # of reconstruction and KL, of at least a nat
GRADIENTS = {"float32": 5e-3, "bfloat16": 5e-2}  # of each weight's gradient, as norms
DRIFT = 4  # times as much in later steps: Adam makes a step's rounding into steps of its own
LEAST = 1e-3  # of the whole gradient: a weight whose own is less is measured against this


@dataclass(frozen=True)
class StepResult:
    """What a step made: its costs, and the gradient of each weight."""

    costs: dict[str, float]
    gradients: dict[str, Tensor]


def prove(stepper: Stepper, how: str, config: TrainConfig, start: int) -> str:
    """Have the model run as `how` says, if that does what plain steps do; else leave it plain.

    Returns:
        Why it was left plain, in a few words; empty where the fast way is in force.

    Raises:
        Whatever a plain step raises.
    """
    device = stepper.model.device
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        put_back = stepper.keep()
        try:
            plain = watched(stepper, start)
        finally:
            put_back()
        why = ""
        try:
            speed.hasten(stepper.model, how, config)
            why = difference(watched(stepper, start), plain, config.precision)
        except Exception as error:  # a compiler that is not there, a recording that fails
            why = f"it failed with {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        if why:
            speed.slow(stepper.model)
        put_back()
    return why


def difference(fast: list[StepResult], plain: list[StepResult], precision: str) -> str:
    """In a few words, the first thing in which the fast steps differ from the plain ones; empty where none."""
    for number, (one, other) in enumerate(zip(fast, plain, strict=True), start=1):
        for name, value in other.costs.items():
            most = COSTS[precision] * max(abs(value), 1.0)
            if math.isfinite(value) and not abs(one.costs[name] - value) <= most:
                return f"in step {number} the {name} is {one.costs[name]:.6g}, and {value:.6g} in a plain one"
        norms = {name: float(g.norm()) for name, g in other.gradients.items()}
        whole = math.hypot(*norms.values())
        most = GRADIENTS[precision] * (1 if number == 1 else DRIFT)
        if one.gradients.keys() != norms.keys():
            return f"in step {number} other weights have gradients than in a plain one"
        for name, norm in norms.items():
            off = float((one.gradients[name] - other.gradients[name]).norm())
            size = max(norm, LEAST * whole)
            if math.isfinite(norm) and not off <= most * size:
                part = off / size if size else math.inf
                return f"in step {number} the gradient of {name} is {part:.1%} off that of a plain one"
    return ""


def watched(stepper: Stepper, start: int) -> list[StepResult]:
    """Take three steps from `start`, and see what each made."""
    seen: list[StepResult] = []
    for step in range(start, start + STEPS):
        terms = stepper.take(step)
        costs = {"reconstruction": terms.reconstruction.item(), "KL": terms.kl.item()}
        gradients = {
            name: parameter.grad.detach().float().cpu()
            for name, parameter in stepper.model.named_parameters()
            if parameter.grad is not None
        }
        seen.append(StepResult(costs, gradients))
    return seen
