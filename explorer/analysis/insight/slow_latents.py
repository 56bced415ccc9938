"""Frames in order: how slowly and how straight the latents go."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import norm
from torch import Tensor

from explorer.analysis.evaluation import encode_all
from explorer.analysis.insight.progress import Tell, quiet
from explorer.datasets.base import Dataset, FactorGrid
from explorer.errors import UserError
from explorer.recipe.samples import noun
from models.beta_vae import BetaVAE

PLACES = ("posX", "posY")  # factors that move
FASTEST = 2  # classes a frame
FRAMES = 20
STEP = 1.0  # Δt of the S-VAE's prior
RATE = 6.0  # λ of SlowVAE's


@dataclass(frozen=True)
class Slowness:
    """What the latents do along `count` sequences of T frames.

    mean, std: `(count, T, D)` of the posteriors. index: `(count, T)`, numbers in the data set.
    slowness: `(D,)`, Δ_j = E[(µ_j(t+1) − µ_j(t))²] / Var(µ_j), the variance over all frames of all sequences; 0
    where nothing moves within a sequence, 2 of white noise, NaN of a latent that is constant.
    straightness: `(count,)`, the length of the way of µ over the distance of its ends; 1 is a line, NaN where both
    ends are the same.
    slow_kl: `(D,)`, nats a pair of frames, KL(N(Δµ, σ_t² + σ_{t+1}²) ‖ N(0, 1)). slow_vae: `(D,)`, the cross-entropy
    of the posterior with a Laplace prior of rate 6 about the neighbour's mean less its own entropy, the mean of both
    ways, in nats. kl: `(D,)`, nats.
    moving: what moves, in words.
    """

    index: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    slowness: np.ndarray
    straightness: np.ndarray
    slow_kl: np.ndarray
    slow_vae: np.ndarray
    kl: np.ndarray
    moving: str
    seed: int

    def as_json(self) -> dict[str, Any]:
        """Plain values; None in place of what is absent."""
        arrays = {
            name: [float(v) if np.isfinite(v) else None for v in getattr(self, name)]
            for name in ("slowness", "straightness", "slow_kl", "slow_vae", "kl")
        }
        return arrays | {"sequences": len(self.mean), "frames": self.mean.shape[1], "moving": self.moving}


def reflected(start: np.ndarray, speed: np.ndarray, frames: int, length: int) -> np.ndarray:
    """Places `(n, frames)` from 0 to length − 1 of what starts at `start` `(n,)` and goes on by `speed` a frame.

    At an end it turns round without losing speed.
    """
    if length < 2:
        return np.zeros((len(start), frames))
    span = length - 1
    there = np.mod(start[:, None] + speed[:, None] * np.arange(frames), 2 * span)
    found: np.ndarray = span - np.abs(there - span)
    return found


def moving_factors(data: FactorGrid, count: int, frames: int, seed: int = 0) -> np.ndarray:
    """Factor classes `(count, frames, K)` of sprites that move evenly and are reflected by the walls.

    Speeds are drawn evenly from −2 to 2 classes a frame, for each direction and sequence; all other factors stay.
    """
    draws = np.random.default_rng(seed)
    sizes = data.factor_sizes
    first = np.stack([draws.integers(0, size, count) for size in sizes], axis=1)
    classes = np.repeat(first[:, None], frames, axis=1)
    for place, (name, size) in enumerate(zip(data.factor_names, sizes, strict=True)):
        if name in PLACES:
            speed = draws.uniform(-FASTEST, FASTEST, count)
            classes[:, :, place] = np.rint(reflected(first[:, place].astype(float), speed, frames, size))
    return classes


def sequences_of(
    data: Dataset, count: int, frames: int = FRAMES, seed: int = 0, first: int = 0
) -> tuple[np.ndarray, str]:
    """Numbers `(count, frames)` of the images of sequences, and what moves in them.

    Where the data set draws sprites at factors posX and posY, those move. Elsewhere the images are taken in their
    order, from `first` on, which means something where they are frames.

    Raises:
        UserError: fewer images than two sequences take.
    """
    if isinstance(data, FactorGrid) and any(name in PLACES for name in data.factor_names):
        classes = moving_factors(data, count, frames, seed)
        index = np.zeros(classes.shape[:2], np.int64)
        for place, size in enumerate(data.factor_sizes):
            index = index * size + classes[:, :, place]
        return index, " and ".join(name for name in data.factor_names if name in PLACES)
    if len(data) < 3:
        raise UserError(f"{data.name} has {len(data)} images: a sequence wants three at the least")
    frames = min(frames, len(data))
    whole = max(1, min(count, (len(data) - min(first, len(data) - frames)) // frames))
    begin = min(first, len(data) - frames)
    return begin + np.arange(whole * frames).reshape(whole, frames), f"{noun(data.samples)}s in their order"


def slowness(
    model: BetaVAE, data: Dataset, count: int = 40, frames: int = FRAMES, seed: int = 0, first: int = 0,
    tell: Tell = quiet,
) -> Slowness:  # fmt: skip
    """Follow the latents of `model` along sequences of `data`; arguments as `sequences_of` has them."""
    index, moving = sequences_of(data, count, frames, seed, first)
    means, stds = [], []
    kl = np.zeros(model.latents)
    for number, row in enumerate(index):
        posterior = encode_all(model, data, torch.from_numpy(row))
        means.append(posterior.mean.double().numpy())
        stds.append(posterior.std.double().numpy())
        kl += posterior.kl().double().mean(0).numpy() / len(index)
        tell((number + 1) / len(index))
    mean, std = np.stack(means), np.stack(stds)
    before, after = (mean[:, :-1], std[:, :-1]), (mean[:, 1:], std[:, 1:])
    apart, both = after[0] - before[0], before[1] ** 2 + after[1] ** 2
    entropy = 0.5 * np.log(2 * np.pi * np.e) + np.log(std)
    ways = [
        laplace_cross_entropy(apart, width) - own
        for width, own in ((before[1], entropy[:, :-1]), (after[1], entropy[:, 1:]))
    ]
    return Slowness(
        index=index,
        mean=mean,
        std=std,
        slowness=delta(mean),
        straightness=straightness(mean),
        slow_kl=slow_kl(apart, both).mean((0, 1)),
        slow_vae=np.mean(ways, axis=(0, 1, 2)),
        kl=kl,
        moving=moving,
        seed=seed,
    )


def delta(mean: np.ndarray) -> np.ndarray:
    """Δ_j `(D,)` of ways `(n, T, D)`, as slow feature analysis has it (Wiskott and Sejnowski 2002)."""
    variance = mean.reshape(-1, mean.shape[-1]).var(0)
    squares = np.diff(mean, axis=1) ** 2
    known = variance > 1e-20
    absent = np.full(len(variance), np.nan)
    found: np.ndarray = np.divide(squares.mean((0, 1)), variance, out=absent, where=known)
    return found


def straightness(mean: np.ndarray) -> np.ndarray:
    """Length of each way `(n, T, D)` over the distance of its ends `(n,)`; NaN where those are the same."""
    length = np.linalg.norm(np.diff(mean, axis=1), axis=2).sum(1)
    apart = np.linalg.norm(mean[:, -1] - mean[:, 0], axis=1)
    found: np.ndarray = np.divide(length, apart, out=np.full(len(length), np.nan), where=apart > 1e-12)
    return found


def slow_kl(apart: np.ndarray, variance: np.ndarray, step: float = STEP) -> np.ndarray:
    """KL(N(apart, variance) ‖ N(0, step)) in nats, the S-VAE's term (2020, arXiv 2012.06279); of any shape."""
    found: np.ndarray = 0.5 * ((variance + apart**2) / step - 1 - np.log(variance / step))
    return found


def laplace_cross_entropy(apart: np.ndarray, std: np.ndarray, rate: float = RATE) -> np.ndarray:
    """−E log of a Laplace density of `rate` about 0 over N(apart, std²), in nats; SlowVAE's (Klindt et al. 2021).

    −ln(λ/2) + λσ√(2/π)·e^{−m²/2σ²} − λm(1 − 2Φ(m/σ)).
    """
    wide = rate * std * math.sqrt(2 / math.pi) * np.exp(-(apart**2) / (2 * std**2))
    found: np.ndarray = -math.log(rate / 2) + wide - rate * apart * (1 - 2 * norm.cdf(apart / std))
    return found


def pictures_of(data: Dataset, index: np.ndarray) -> Tensor:
    """Images of a sequence `(T, C, H, W)` in [0, 1]."""
    return data.unit(torch.from_numpy(index)).cpu()
