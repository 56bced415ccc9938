"""What it does to move one latent, or one factor: on the picture, on the codes, and how specific that is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.evaluation import choose, encode_all, whole_floats
from explorer.analysis.insight.progress import Tell, part, quiet
from explorer.analysis.traversal import aggregate
from explorer.datasets.base import Dataset, FactorGrid, unit
from models.beta_vae import BetaVAE, Posterior
from models.turns import leave

ROWS = 50  # images at a time


@dataclass(frozen=True)
class Effects:
    """Effects over `count` images, and as many draws of the prior; of D latents and K factors.

    image_effect: `(D,)`, the mean of ‖g(µ ± s_j e_j) − g(µ)‖₂ over images and both signs, in pixel values.
    rms: `(D,)`, the same divided by √(C·H·W).
    response: `(D, D)`, row j: how far each latent that is read off the picture moves when z_j is drawn anew, a root of
        mean squares (Leeb et al. 2022).
    input: `(K, D)`, row k: the same of the codes when factor k is set to another value, in units of s_j; None where the
        data set doesn't render factors.
    scale: `(D,)`, s_j, the standard deviation of the aggregate posterior. kl: `(D,)` in nats.
    """

    image_effect: np.ndarray
    rms: np.ndarray
    response: np.ndarray
    input: np.ndarray | None
    scale: np.ndarray
    kl: np.ndarray
    factor_names: tuple[str, ...]
    count: int
    seed: int

    def as_json(self) -> dict[str, Any]:
        """Plain values; None in place of what is absent."""
        arrays = {name: getattr(self, name).tolist() for name in ("image_effect", "rms", "response", "scale", "kl")}
        largest, even = specificity(self.response)
        return arrays | {
            "input": None if self.input is None else self.input.tolist(),
            "specificity": [None if np.isnan(v) else float(v) for v in largest],
            "specificity_by_entropy": [None if np.isnan(v) else float(v) for v in even],
            "factors": list(self.factor_names),
            "count": self.count,
            "seed": self.seed,
        }


def specificity(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each row of `matrix` `(R, L)`, not below 0: the largest share of the row, and 1 − H/ln L of its shares.

    The first lies between 1/L and 1, the second between 0 and 1. NaN of a row of zeros; the second of L = 1, too.
    """
    total = matrix.sum(1, keepdims=True)
    shares = np.divide(matrix, total, out=np.full(matrix.shape, np.nan), where=total > 0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy = -(shares * logs).sum(1)
    length = matrix.shape[1]
    even = 1 - entropy / math.log(length) if length > 1 else np.full(len(matrix), np.nan)
    return shares.max(1), even


def effects(model: BetaVAE, data: Dataset, count: int, seed: int = 0, tell: Tell = quiet) -> Effects:
    """All effect matrices of a model, on `count` images drawn with `seed`.

    Raises:
        UserError: images of another shape, or a count that can't be had.
    """
    indices = choose(data, count, seed)
    posterior = encode_all(model, data, indices)
    scale = aggregate(posterior).std
    renders = isinstance(data, FactorGrid)
    ends = (0.0, 0.4, 0.7 if renders else 1.0, 1.0)
    with whole_floats(), torch.inference_mode():
        on_image = _image_effect(model, posterior, scale, part(tell, ends[0], ends[1]))
        response = _response(model, count, seed, part(tell, ends[1], ends[2]))
        moved = None
        if isinstance(data, FactorGrid):
            moved = _input(model, data, indices, posterior, seed, part(tell, ends[2], ends[3]))
    names = data.factor_names if renders and data.factor_names else ()
    return Effects(
        image_effect=on_image,
        rms=on_image / math.sqrt(math.prod(model.shape)),
        response=response,
        input=None if moved is None else np.divide(moved, scale, out=np.zeros_like(moved), where=scale > 0),
        scale=scale,
        kl=posterior.kl().double().mean(0).numpy(),
        factor_names=tuple(names),
        count=count,
        seed=seed,
    )


def _image_effect(model: BetaVAE, posterior: Posterior, scale: np.ndarray, tell: Tell) -> np.ndarray:
    sums = np.zeros(model.latents)
    parts = posterior.mean.split(max(1, min(ROWS, model.rows)))
    for number, mean in enumerate(parts):
        mean = mean.to(model.device)
        before = model.decode(mean)
        for j in range(model.latents):
            leave()
            for sign in (-1.0, 1.0):
                z = mean.clone()
                z[:, j] += sign * float(scale[j])
                sums[j] += float((model.decode(z) - before).flatten(1).norm(dim=1).double().sum())
            tell((number + (j + 1) / model.latents) / len(parts))
    return sums / (2 * len(posterior.mean))


def _response(model: BetaVAE, count: int, seed: int, tell: Tell) -> np.ndarray:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(count, model.latents, generator=generator)
    anew = torch.randn(count, model.latents, generator=generator)
    squares = torch.zeros(model.latents, model.latents, dtype=torch.float64)
    rows = max(1, min(ROWS, model.rows))
    parts = list(zip(z.split(rows), anew.split(rows), strict=True))
    for number, (own, other) in enumerate(parts):
        own, other = own.to(model.device), other.to(model.device)
        before = _read(model, own)
        for j in range(model.latents):
            leave()
            changed = own.clone()
            changed[:, j] = other[:, j]
            squares[j] += (_read(model, changed) - before).double().square().sum(0).cpu()
            tell((number + (j + 1) / model.latents) / len(parts))
    return (squares / count).sqrt().numpy()


def _read(model: BetaVAE, z: Tensor) -> Tensor:
    """The means that the encoder reads off the pictures at `z`."""
    return model.encode(model.decode(z)).mean


def _input(
    model: BetaVAE, data: FactorGrid, indices: Tensor, posterior: Posterior, seed: int, tell: Tell
) -> np.ndarray:
    """How far codes move when one factor is set to another of its values, each as likely; `(K, D)`."""
    draws = np.random.default_rng(seed)
    classes = data.factors(indices).numpy()
    moved = np.zeros((len(data.factor_sizes), model.latents))
    for k, size in enumerate(data.factor_sizes):
        if size > 1:
            changed = classes.copy()
            changed[:, k] = (classes[:, k] + draws.integers(1, size, len(classes))) % size
            squares = np.zeros(model.latents)
            rows = max(1, min(ROWS, model.rows))
            means = posterior.mean.split(rows)
            for own, mean in zip(torch.from_numpy(changed).split(rows), means, strict=True):
                leave()
                pixels = unit(data.render(own)).to(model.device)
                squares += (model.encode(pixels).mean.cpu() - mean).double().square().sum(0).numpy()
            moved[k] = np.sqrt(squares / len(classes))
        tell((k + 1) / len(data.factor_sizes))
    return moved
