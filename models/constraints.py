"""Objectives whose β moves by what is measured: the multiplier of a constraint, or a rule for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor

from models.beta_vae import Posterior
from models.objectives import Objective, Terms
from models.shapes import Float

SETTLING = 1 / 3  # the part of a constrained run, at its end, in which it comes to rest


def settling(step: int, steps: int) -> float:
    """The pace of a constrained run at `step` of `steps`: 1, and in its last third in a straight line to 0."""
    return min(1.0, (1 - step / steps) / SETTLING) if steps else 1.0


class Constrained(Objective):
    """Form 1 (Higgins et al. 2017, eq. 3): maximise E[log p(x|z)] subject to KL < ε.

    The loss is −F = −E[log p(x|z)] + β(KL − ε), and β is the constraint's multiplier. Dual ascent
    finds it: β grows while the KL is above ε, falls while it is below, and is never negative,
    so that at the end either KL = ε, or the constraint is slack and β = 0; β(KL − ε) = 0 both ways.

    What moves is log(β + FLOOR), by `rate` a step and a nat that the batch's own KL is off, where ε is 16.
    An e-fold of β changes the KL by half a nat a dimension in use (½ ln(λ/βσ²) each, in the linear model),
    and more nats are shared by more dimensions: so β moves by 20 / (4 + ε) of that, and is as quick for all ε.
    An average of the last batches in place of the batch would be smoother, but late, and what comes late
    makes β and the KL swing; the sum over steps smooths by itself.

    With the rate at which weights learn held up, the KL of the weights of any one step is some per cent
    off, however well the average over steps is kept. So the run comes to rest: over the last third the
    weights' rate falls to 0 (in the training loop). The KL drifts on the way, which β has to follow, so
    that its own rate falls as the square root.
    """

    name = "constrained"
    FLOOR = 0.1  # below it β moves by nats, not by parts of itself, so that it reaches 0
    MOST = 0.1  # the most by which a step moves log β: a batch may cost thousands of nats at first

    def __init__(self, epsilon: float, rate: float = 0.002, steps: int = 0, smoothing: float = 0.98) -> None:
        """`epsilon` in nats; `rate` as above, and the `steps` of the whole run, in the last third of which it
        falls (never, where that is 0); `smoothing` is the decay of the average that `violation` shows."""
        super().__init__()
        self.epsilon, self.rate, self.steps, self.smoothing = epsilon, rate, steps, smoothing
        self.register_buffer("beta", torch.ones(()))
        self.register_buffer("kl_average", torch.full((), math.nan))
        self.beta: Tensor
        self.kl_average: Tensor

    @classmethod
    def of(cls, settings: Mapping[str, Any], steps: int, dataset_size: int) -> Self:
        return cls(settings["epsilon"], settings["dual_rate"], steps)

    def forward(self, nll: Float[Tensor, " n"], posterior: Posterior, z: Float[Tensor, "n D"], step: int) -> Terms:
        reconstruction, kl = nll.mean(), posterior.kl().mean(0)
        beta = self.beta.clone()
        loss = reconstruction + beta * (kl.sum() - self.epsilon)
        if self.training:
            pace = self.rate * 20 / (4 + self.epsilon) * settling(step, self.steps) ** 0.5
            self._ascend(kl.sum().detach(), pace)
        extra = {"beta": beta, "violation": self.kl_average - self.epsilon}
        return Terms(loss, reconstruction, kl, extra)

    def _ascend(self, kl: Tensor, pace: float) -> None:
        average = torch.where(self.kl_average.isnan(), kl, self.kl_average)
        self.kl_average.copy_(torch.lerp(kl, average, self.smoothing))
        move = (pace * (kl - self.epsilon)).clamp(-self.MOST, self.MOST)
        self.beta.add_(self.FLOOR).mul_(move.exp()).sub_(self.FLOOR).clamp_(min=0)


def _relative(cost: Tensor, target: float) -> Tensor:
    """How far a cost is above its target, as a part of the target: nats an image would make any step explode."""
    return (cost - target) / max(abs(target), 1.0)


class _Measured(Objective):
    """Base of those that look at an average of the cost, and keep β and that average as buffers."""

    def __init__(self, beta: float, memory: float) -> None:
        """`memory` is the part of the average that stays when a batch comes in."""
        super().__init__()
        self.memory = memory
        self.register_buffer("beta", torch.full((), beta))
        self.register_buffer("cost", torch.full((), math.nan))
        self.beta: Tensor
        self.cost: Tensor

    def forward(self, nll: Float[Tensor, " n"], posterior: Posterior, z: Float[Tensor, "n D"], step: int) -> Terms:
        reconstruction, kl = nll.mean(), posterior.kl().mean(0)
        beta = self.beta.clone()
        loss = reconstruction + beta * kl.sum()
        if self.training:
            with torch.no_grad():
                now = reconstruction.detach()
                before = torch.where(self.cost.isnan(), now, self.cost)
                self.cost.copy_(torch.lerp(now, before, self.memory))
                self.move(now, kl.sum().detach(), step)
        return Terms(loss, reconstruction, kl, {"beta": beta, "average_cost": self.cost.clone()})

    def move(self, cost: Tensor, kl: Tensor, step: int) -> None:
        """Move β by what this batch cost, after the average has taken it in."""
        raise NotImplementedError


class Geco(_Measured):
    """GECO (Rezende and Viola 2018): minimise the KL subject to −E[log p(x|z)] ≤ κ.

    Its loss is KL + λ(C − κ), where C is the reconstruction cost; here it is divided by λ, so that it is
    C + β·KL in nats with β = 1/λ, which leaves its minimum where it is. λ grows by the factor exp(η·δ) a step, where
    δ = (Ĉ − κ)/|κ| is how far the average cost is above the target, as a part of it, and at most 1 either way: a
    fresh network's cost must not wind λ up. So the run ends at C = κ.
    """

    name = "geco"

    def __init__(self, kappa: float, rate: float = 0.02, steps: int = 0) -> None:
        """`kappa` in nats an image; `rate` is η, which falls over the last third of `steps`, if any."""
        super().__init__(1.0, 0.99)
        self.kappa, self.rate, self.steps = kappa, rate, steps

    @classmethod
    def of(cls, settings: Mapping[str, Any], steps: int, dataset_size: int) -> Self:
        return cls(settings["kappa"], settings["geco_rate"], steps)

    def move(self, cost: Tensor, kl: Tensor, step: int) -> None:
        pace = self.rate * settling(step, self.steps) ** 0.5
        self.beta.mul_(torch.exp(-pace * _relative(self.cost, self.kappa).clamp(-1, 1)))


class Rewo(_Measured):
    """REWO (Klushyn et al. 2019, algorithm 1): −E[log p(x|z)] + β·KL, where β rises to at most 1 once C < κ.

    First β is the smallest number there is, until the average cost Ĉ is below κ once. From then on
    β ← β·exp(ν·[(1 − H(δ))·tanh(τ(β − 1)) − H(δ)]·δ) each step, at most 1, with H(0) = ½ and δ = (Ĉ − κ)/|κ|: below
    the target β goes to 1, above it falls. It comes to rest at C = κ, or at β = 1 where that costs less than κ.
    """

    name = "rewo"
    LEAST = float(torch.finfo(torch.float32).tiny)

    def __init__(self, kappa: float, rate: float = 0.1, slope: float = 1.0) -> None:
        """`kappa` in nats an image; `rate` is ν, `slope` is τ."""
        super().__init__(self.LEAST, 0.9)
        self.kappa, self.rate, self.slope = kappa, rate, slope
        self.register_buffer("reached", torch.zeros(()))
        self.reached: Tensor

    @classmethod
    def of(cls, settings: Mapping[str, Any], steps: int, dataset_size: int) -> Self:
        return cls(settings["kappa"], settings["rewo_rate"], settings["rewo_slope"])

    def move(self, cost: Tensor, kl: Tensor, step: int) -> None:
        off = _relative(self.cost, self.kappa)
        self.reached.copy_(torch.maximum(self.reached, (off < 0).float()))
        above = torch.heaviside(off, torch.full_like(off, 0.5))
        pull = (1 - above) * torch.tanh(self.slope * (self.beta - 1)) - above
        moved = (self.beta * torch.exp(self.rate * pull * off)).clamp(self.LEAST, 1.0)
        self.beta.copy_(torch.where(self.reached > 0, moved, self.beta))


class Dynamic(_Measured):
    """The rule of the Dynamic β-VAE (Rydhmer and Selvan 2021): β goes up and down by what a window's means allow.

    A window is `window` steps, in place of the paper's epoch. β is 0 for 24 windows and 0.001 for two. Then,
    where it is below 2 and more than ten windows have passed since it last moved, with R and K the window's mean
    cost and KL, R* the cost at the last move, and s the sign,

        ΔR = s(R − 1.2 min R),  ΔK = s(K − 1.2 min K),  Λ = s(R − 0.9 R*) + s(R − 1.1 R*)
        β ← β − (b/4)(1 − ΔK)(1 + ΔR + Λ) + (b/4)(1 − ΔR)(1 − ΔK − Λ)

    and 0.05 where that is not above 0; minima are those since window 25. Margins are parts of a cost's size, so
    that they keep their meaning where a density makes costs negative.
    """

    name = "dynamic"
    WAIT, FIRST, RULE, PAUSE = 24, 0.001, 26, 10
    MARGIN, NEAR, MOST, FLOOR = 0.2, 0.1, 2.0, 0.05

    def __init__(self, window: int, stride: float = 0.05) -> None:
        """`window` in steps; `stride` is b."""
        super().__init__(0.0, 0.99)
        self.window, self.stride = window, stride
        for name, value in (
            ("costs", 0.0),
            ("kls", 0.0),
            ("least_cost", math.inf),
            ("least_kl", math.inf),
            ("last_cost", math.nan),
            ("last_move", 0.0),
        ):
            self.register_buffer(name, torch.full((), value))
        self.costs: Tensor
        self.kls: Tensor
        self.least_cost: Tensor
        self.least_kl: Tensor
        self.last_cost: Tensor
        self.last_move: Tensor

    @classmethod
    def of(cls, settings: Mapping[str, Any], steps: int, dataset_size: int) -> Self:
        return cls(settings["window"], settings["dynamic_step"])

    def move(self, cost: Tensor, kl: Tensor, step: int) -> None:
        self.costs.add_(cost)
        self.kls.add_(kl)
        number, place = divmod(step + 1, self.window)
        if place:
            return
        self.act(number - 1, self.costs / self.window, self.kls / self.window)
        self.costs.zero_()
        self.kls.zero_()

    def act(self, window: int, cost: Tensor, kl: Tensor) -> None:
        """Move β at the end of a window, counted from 0, with these means."""
        if window >= self.WAIT + 1:
            self.least_cost.copy_(torch.minimum(self.least_cost, cost))
            self.least_kl.copy_(torch.minimum(self.least_kl, kl))
        if window == self.WAIT - 1:  # from the next window on
            self.beta.fill_(self.FIRST)
            self.last_cost.copy_(cost)
            self.last_move.fill_(window)
        if window < self.RULE:
            return
        changed = self.beta + self.change(*self.signs(cost, kl), self.stride)
        changed = torch.where(changed > 0, changed, torch.full_like(changed, self.FLOOR))
        may = (self.beta < self.MOST) & (window - self.last_move > self.PAUSE)
        moves = may & (changed != self.beta)
        self.beta.copy_(torch.where(moves, changed, self.beta))
        self.last_cost.copy_(torch.where(moves, cost, self.last_cost))
        self.last_move.copy_(torch.where(moves, torch.full_like(cost, window), self.last_move))

    def signs(self, cost: Tensor, kl: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """ΔR, ΔK and Λ of a window's means."""
        high = cost - self.least_cost - self.MARGIN * self.least_cost.abs()
        long = kl - self.least_kl - self.MARGIN * self.least_kl.abs()
        near = self.NEAR * self.last_cost.abs()
        since = torch.sign(cost - self.last_cost + near) + torch.sign(cost - self.last_cost - near)
        return torch.sign(high), torch.sign(long), since

    @staticmethod
    def change(high: Tensor, long: Tensor, since: Tensor, stride: float) -> Tensor:
        """By how much β moves where ΔR is `high`, ΔK is `long` and Λ is `since`."""
        down = (1 - long) * (1 + high + since)
        up = (1 - high) * (1 - long - since)
        return stride / 4 * (up - down)
