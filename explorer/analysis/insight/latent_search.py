"""The latents whose picture scores best: most like an image, or brightest in a region, and not far from the prior."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.evaluation import whole_floats
from explorer.analysis.insight.progress import Tell, quiet
from explorer.errors import UserError
from models.beta_vae import BetaVAE
from models.turns import leave

STEPS, STARTS = 150, 8
RATE = 0.15  # of Adam at the start; it falls to nothing along half a cosine
SHOWN = 10  # pictures of the way


@dataclass(frozen=True)
class Target:
    """What is looked for: score S(x̂) of pictures, quadratic or linear.

    image: `(C, H, W)`: S = −½‖x̂ − image‖². weights: `(C, H, W)`: S = Σ weights · x̂. One of them is given.
    """

    image: np.ndarray | None = None
    weights: np.ndarray | None = None

    def score(self, pictures: Tensor) -> Tensor:
        """S of pictures `(n, C, H, W)`; `(n,)`."""
        if self.image is not None:
            wanted = torch.as_tensor(self.image, dtype=pictures.dtype, device=pictures.device)
            return -0.5 * (pictures - wanted).square().flatten(1).sum(1)
        weights = torch.as_tensor(self.weights, dtype=pictures.dtype, device=pictures.device)
        return (pictures * weights).flatten(1).sum(1)


@dataclass(frozen=True)
class Found:
    """The best that was met.

    z: `(D,)`; picture: `(C, H, W)`; way: `(m, C, H, W)`, the best so far at steps evenly from the first to the last.
    path: `(steps + 1,)`, the objective S − ½κ‖z‖² of the best so far. score: S alone.
    start: the objective of the given start; None where there was none.
    """

    z: np.ndarray
    picture: np.ndarray
    way: np.ndarray
    path: np.ndarray
    score: float
    start: float | None
    starts: int
    seed: int

    @property
    def norm(self) -> float:
        """‖z‖; that of most draws of the prior is near √D."""
        return float(np.linalg.norm(self.z))

    @property
    def prior_nats(self) -> float:
        """−log p(z) under N(0, I), in nats."""
        return 0.5 * self.norm**2 + 0.5 * len(self.z) * math.log(2 * math.pi)

    def as_json(self) -> dict[str, Any]:
        """Plain values, without pictures."""
        return {
            "z": self.z.tolist(),
            "score": self.score,
            "objective": float(self.path[-1]),
            "start": self.start,
            "path": self.path.tolist(),
            "norm": self.norm,
            "minus_log_prior": self.prior_nats,
            "starts": self.starts,
            "seed": self.seed,
        }


def region(shape: tuple[int, int, int], top: int, left: int, size: int) -> np.ndarray:
    """Weights `(C, H, W)` of the mean brightness of a square of `size` pixels, cut at the picture's edge.

    Raises:
        UserError: the square lies outside.
    """
    weights: np.ndarray = np.zeros(shape, np.float32)
    weights[:, max(0, top) : max(0, top + size), max(0, left) : max(0, left + size)] = 1
    if not weights.any():
        raise UserError(f"a square of {size} pixels at row {top}, column {left} lies outside of the picture")
    weights /= weights.sum()
    return weights


def search(
    model: BetaVAE,
    target: Target,
    penalty: float = 1.0,
    radius: float | None = None,
    start: np.ndarray | None = None,
    seed: int = 0,
    steps: int = STEPS,
    tell: Tell = quiet,
) -> Found:
    """Maximise S(g(z)) − ½κ‖z‖² by Adam from several starts: the given one, and draws of the prior with `seed`.

    What is found is never worse than the start, since the best that was met counts.

    Args:
        penalty: κ, 0 at least.
        radius: ‖z‖ is at most this; z = u·min(1, radius/‖u‖) with u free.
        start: latents `(D,)` to begin with, such as an image's mean.

    Raises:
        UserError: the objective is nowhere finite.
    """
    starts = max(1, min(STARTS, model.rows))
    free = torch.randn(starts, model.latents, generator=torch.Generator().manual_seed(seed))
    if start is not None:
        free[0] = torch.as_tensor(np.array(start), dtype=torch.float32)
    with torch.inference_mode(False), whole_floats():
        free = free.to(model.device).requires_grad_(True)
        optimiser = torch.optim.Adam([free], lr=RATE)
        fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, steps))
        best, path, way = -math.inf, [], []
        z_best, first = torch.zeros(model.latents), None
        kept = set(np.linspace(0, steps, min(SHOWN, steps + 1)).round().astype(int).tolist())
        for step in range(steps + 1):
            leave()
            with torch.enable_grad():
                z = free if radius is None else free * (radius / free.norm(dim=1, keepdim=True)).clamp(max=1)
                value = target.score(model.decode(z)) - 0.5 * penalty * z.square().sum(1)
                optimiser.zero_grad()
                (-value.sum()).backward()
            values = torch.nan_to_num(value.detach(), nan=-math.inf)
            first = float(values[0]) if first is None else first
            place = int(values.argmax())
            if float(values[place]) > best:
                best, z_best = float(values[place]), z.detach()[place].cpu().clone()
            path.append(best)
            if step in kept:
                way.append(z_best)
            optimiser.step()
            fall.step()
            tell((step + 1) / (steps + 1))
    if not math.isfinite(best):
        raise UserError("the objective is nowhere finite: choose a smaller penalty")
    with torch.inference_mode(), whole_floats():
        pictures = model.decode(torch.stack([*way, z_best]).to(model.device))
        score = float(target.score(pictures[-1:]))
    shown = pictures.float().cpu().numpy()
    given = first if start is not None else None
    return Found(z_best.double().numpy(), shown[-1], shown[:-1], np.array(path), score, given, starts, seed)
