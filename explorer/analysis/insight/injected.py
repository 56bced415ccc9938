"""Anomalies that are put into images, and which pixels they changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

Kind = Literal["bright", "dark", "erased", "noise", "blob"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LEVEL = 1 / 255  # a change below one level of a pixel is none
SEEN = 0.25  # a pixel that differs by as much from what is put over it would show


@dataclass(frozen=True)
class Anomaly:
    """What is put into an image.

    kind: "bright" or "dark" square, "erased" (a square of the background), "noise" (uniform, each pixel and channel
        its own), "blob" (a bright bump: a Gaussian whose standard deviation is a quarter of the side, cut at two).
    size: side of the square as a share of the shorter side of the image, at least one pixel; of a signal, as a share of
        its length.
    strength: how far pixels go to the new value: 1 is all the way, 0 changes nothing.
    place: (row, column) of the centre as shares of the image; None: drawn for each image. A dark or erased square is
        then drawn about a pixel where it changes something, where there is one.
    """

    kind: Kind = "bright"
    size: float = 1 / 7
    strength: float = 1.0
    place: tuple[float, float] | None = None

    def side(self, shape: tuple[int, int, int]) -> int:
        """The side in pixels."""
        return max(1, round(self.size * (shape[2] if shape[1] == 1 else min(shape[1:]))))


def background(images: Tensor) -> Tensor:
    """The median of the border's pixels of each image and channel, `(n, C, 1, 1)`."""
    rows = torch.cat([images[..., 0, :], images[..., -1, :], images[..., :, 0], images[..., :, -1]], dim=-1)
    return rows.median(dim=-1).values[..., None, None]


def inject(images: Tensor, anomaly: Anomaly, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Put an anomaly into each of `images` `(n, C, H, W)`, floats in [0, 1] on the CPU.

    Returns:
        The changed images, and which pixels changed by a level of 255 at least in some channel, bool `(n, H, W)`.
    """
    shape = (images.shape[1], images.shape[2], images.shape[3])
    generator = torch.Generator().manual_seed(seed)
    side = anomaly.side(shape)
    new = _new(images, anomaly.kind, generator)
    rows, columns = _centres(images, new, anomaly, side, generator)
    vertical = torch.arange(shape[1])[None, :, None] - rows[:, None, None]
    across = torch.arange(shape[2])[None, None, :] - columns[:, None, None]
    if anomaly.kind == "blob":
        squares = (vertical.square() + across.square()).float()
        weight = torch.exp(-squares / (2 * (side / 4) ** 2)) * (squares <= (side / 2) ** 2)
    else:
        inside = (vertical >= -(side // 2)) & (vertical < side - side // 2)
        weight = (inside & (across >= -(side // 2)) & (across < side - side // 2)).float()
    changed = images + anomaly.strength * weight[:, None] * (new - images)
    changed = torch.where(weight[:, None] > 0, changed, images).clamp(0, 1)
    return changed, ((changed - images).abs() >= LEVEL - 1e-6).any(dim=1)


def _new(images: Tensor, kind: Kind, generator: torch.Generator) -> Tensor:
    """What stands in the square, of the shape of `images`."""
    if kind == "noise":
        return torch.rand(images.shape, generator=generator)
    if kind == "erased":
        return background(images).expand_as(images)
    return torch.zeros_like(images) if kind == "dark" else torch.ones_like(images)


def _inside(side: int, length: int) -> slice:
    """Where the centre of what is `side` long may lie along `length`, so that all of it is inside where that can be."""
    low, up = min(side, length) // 2, min(side, length) - min(side, length) // 2
    return slice(low, max(low + 1, length - up + 1))


def _centres(
    images: Tensor, new: Tensor, anomaly: Anomaly, side: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Row and column of each centre, `(n,)`."""
    height, width = images.shape[2:]
    if anomaly.place is not None:
        row, column = (round(share * (size - 1)) for share, size in zip(anomaly.place, (height, width), strict=True))
        return torch.full((len(images),), row), torch.full((len(images),), column)
    possible = torch.zeros(height, width)
    possible[_inside(side, height), _inside(side, width)] = 1
    weights = possible.expand(len(images), -1, -1).flatten(1)
    if anomaly.kind in ("dark", "erased"):
        seen = ((new - images).abs().amax(1) > SEEN).float().flatten(1)
        weights = torch.where(seen.any(dim=1, keepdim=True), seen, weights)
    drawn = torch.multinomial(weights, 1, generator=generator)[:, 0]
    return drawn // width, drawn % width
