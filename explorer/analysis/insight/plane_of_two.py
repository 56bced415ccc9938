"""The plane of two latents: grids of pictures, and how outputs of the decoder change along both latents."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.evaluation import whole_floats
from explorer.analysis.insight.progress import Tell, quiet
from explorer.analysis.traversal import hold_small
from explorer.errors import UserError
from models.beta_vae import BetaVAE
from models.likelihoods import Gaussian
from models.turns import leave

Layout = Literal["square", "polar"]
ROWS = 25  # points at a time: all pixels and their derivatives are held
FLAT = 1e-6  # of the largest gradient; below it a direction says nothing
OUTERMOST = 0.95  # of the prior's mass, inside the last ring


@dataclass(frozen=True)
class Grid:
    """Points of a plane, `(n, 2)`: the value of the first axis (across) and of the second (up).

    layout: "square": `rows` × `columns`, row by row from the top. "polar": a ring after the other from the inside,
    `columns` rays each, the centre before them where there is one.
    """

    layout: Layout
    points: np.ndarray
    rows: int
    columns: int

    @property
    def centre(self) -> bool:
        """Whether a polar grid has its middle."""
        return len(self.points) > self.rows * self.columns


def square(side: int, reach: float | None = None) -> Grid:
    """`side`² points: at even quantiles of the prior from 5 % to 95 % (pyroVED), or evenly from −reach to reach."""
    if reach is None:
        values = np.array([NormalDist().inv_cdf(p) for p in np.linspace(0.05, 0.95, side)])
    else:
        values = np.linspace(-reach, reach, side)
    if side == 1:
        values = np.zeros(1)
    across, up = np.meshgrid(values, values[::-1])
    return Grid("square", np.stack([across.ravel(), up.ravel()], axis=1), side, side)


def radius(mass: float) -> float:
    """Of the circle about 0 that holds `mass`, below 1, of a standard Gaussian of two dimensions: √(−2 ln(1 − p))."""
    return math.sqrt(-2 * math.log1p(-mass))


def polar(rings: int, rays: int, centre: bool = True) -> Grid:
    """Points on `rings` circles with equal mass of the prior between them, the last around 95 % of it."""
    radii = [radius(OUTERMOST * (ring + 1) / rings) for ring in range(rings)]
    angles = 2 * np.pi * np.arange(rays) / rays
    points = [[r * np.cos(a), r * np.sin(a)] for r in radii for a in angles]
    return Grid("polar", np.array(([[0.0, 0.0]] if centre else []) + points), rings, rays)


def latents_on(grid: Grid, axes: tuple[int, int], start: np.ndarray) -> np.ndarray:
    """Latents `(n, D)` of the points, the others as in `start` `(D,)`; with both axes the same the second counts."""
    z = np.tile(np.asarray(start, dtype=np.float32), (len(grid.points), 1))
    z[:, list(axes)] = grid.points
    return z


def pictures_on(model: BetaVAE, z: np.ndarray) -> np.ndarray:
    """Pixel means `(n, C, H, W)` in [0, 1] of latents `(n, D)`. Raises UserError where they take too much memory."""
    hold_small(f"{len(z):,} pictures take", 4 * len(z) * math.prod(model.shape), "take a smaller grid")
    with whole_floats(), torch.inference_mode():
        return model.decode(torch.from_numpy(z).to(model.device)).float().cpu().numpy()


@dataclass(frozen=True)
class Output:
    """The mean of all channels over a rectangle of pixels; both ends of `rows` and `columns` are inside."""

    rows: tuple[int, int]
    columns: tuple[int, int]

    def mean(self, pixels: Tensor) -> Tensor:
        """Of pixels `(n, C, H, W)`: `(n,)`."""
        part = pixels[:, :, self.rows[0] : self.rows[1] + 1, self.columns[0] : self.columns[1] + 1]
        return part.flatten(1).mean(1)


def region(shape: tuple[int, int, int], row: int, column: int, side: int = 1) -> Output:
    """A square of `side` pixels about a pixel, cut at the border of the picture."""
    if not (0 <= row < shape[1] and 0 <= column < shape[2]):
        raise UserError(f"pixels have rows 0 to {shape[1] - 1} and columns 0 to {shape[2] - 1}, not {row}, {column}")
    low, high = (side - 1) // 2, side // 2
    return Output(
        (max(0, row - low), min(shape[1] - 1, row + high)), (max(0, column - low), min(shape[2] - 1, column + high))
    )


@dataclass(frozen=True)
class PlaneGradients:
    """Derivatives along two latents at n points of a plane, for k outputs.

    values: `(k, n)`, the outputs, as pixel values. gradients: `(k, n, 2)`, pixel values for one unit of a latent.
    cos, cross: `(n,)`, of the angle θ between the gradients of the first two outputs: cos θ and sin θ, signed; NaN
    where one of both is flat, and all over where there is one output. magnification: `(n,)`, √det G of G = JᵀJ over all
    pixels: the area of pictures for an area of latents.
    """

    values: np.ndarray
    gradients: np.ndarray
    cos: np.ndarray
    cross: np.ndarray
    magnification: np.ndarray

    def as_json(self) -> dict[str, Any]:
        """Plain values; None in place of what is absent."""
        plain = {name: getattr(self, name).tolist() for name in ("values", "gradients", "magnification")}
        absent = {
            name: [float(v) if np.isfinite(v) else None for v in getattr(self, name)] for name in ("cos", "cross")
        }
        return plain | absent


def plane_gradients(
    model: BetaVAE, z: np.ndarray, axes: tuple[int, int], outputs: Sequence[Output], tell: Tell = quiet
) -> PlaneGradients:
    """Derivatives of the decoder at `z` `(n, D)` along two latents, exact.

    A Gaussian's outputs are taken before they are cut to [0, 1]: beyond, the gradient would be 0.
    """
    surface = _surface(model)
    values: list[Tensor] = []
    slopes: list[Tensor] = []
    areas: list[Tensor] = []
    parts = torch.from_numpy(z).split(max(1, min(ROWS, model.rows)))
    with whole_floats(), torch.inference_mode(mode=False):
        for number, own in enumerate(parts):
            leave()
            pixels, along = _along(surface, own.to(model.device).clone(), axes)
            values.append(torch.stack([output.mean(pixels) for output in outputs]))
            slopes.append(torch.stack([torch.stack([o.mean(s) for s in along], dim=1) for o in outputs]))
            first, second = (slope.flatten(1).double() for slope in along)
            det = first.square().sum(1) * second.square().sum(1) - (first * second).sum(1).square()
            areas.append(det.clamp(min=0).sqrt())
            tell((number + 1) / len(parts))
    gradients = torch.cat(slopes, dim=1).double().cpu().numpy()
    cos, cross = angle(gradients[0], gradients[1]) if len(outputs) > 1 else (np.full(len(z), np.nan),) * 2
    return PlaneGradients(
        torch.cat(values, dim=1).double().cpu().numpy(), gradients, cos, cross, torch.cat(areas).cpu().numpy()
    )


def _along(surface: Callable[[Tensor], Tensor], z: Tensor, axes: tuple[int, int]) -> tuple[Tensor, list[Tensor]]:
    """Pixels `(n, C, H, W)` at `z`, and their derivatives along each axis, of the same shape.

    uᵀJ is linear in u, so that its derivative with respect to u along v is Jv: two passes backwards, and none of
    forward mode, whose rules torch needs seconds to load.
    """
    with torch.enable_grad():
        z = z.requires_grad_(True)
        pixels = surface(z)
        weights = torch.ones_like(pixels, requires_grad=True)
        (back,) = torch.autograd.grad(pixels, z, weights, create_graph=True)
        along = [torch.autograd.grad(back[:, axis].sum(), weights, retain_graph=True)[0].detach() for axis in axes]
    return pixels.detach(), along


def angle(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """cos θ and sin θ `(n,)` from `first` to `second`, both `(n, 2)`; NaN where one is below 1e-6 of its largest."""
    lengths = [np.hypot(*of.T) for of in (first, second)]
    steep = np.logical_and(*((length > FLAT * length.max(initial=0.0)) & (length > 0) for length in lengths))
    product = np.where(steep, lengths[0] * lengths[1], np.nan)
    cross = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return (first * second).sum(1) / product, cross / product


def _surface(model: BetaVAE) -> Callable[[Tensor], Tensor]:
    """What is differentiated: pixel means, and of a Gaussian its uncut ones."""
    if isinstance(model.likelihood, Gaussian):
        return model.network.decode

    def pixels(z: Tensor) -> Tensor:
        return model.likelihood.images(model.network.decode(z))

    return pixels
