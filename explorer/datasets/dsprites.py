"""dSprites (Matthey et al. 2017): 737,280 images of three shapes, rendered from their factors.

The published images are drawn again from geometry that was measured on 112 of them: a pixel is
on when its centre lies inside the shape, with no anti-aliasing. The grid of factors and the order
of the indices are the published ones.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.datasets.arrays import ArrayFile, read_factors
from explorer.datasets.base import ArrayDataset, FactorGrid
from explorer.datasets.in_memory import check_fits, digest, kind_of, recoloured
from explorer.datasets.names import Request
from explorer.errors import UserError
from explorer.files import printable

NATIVE = 64  # the size of the published images, in pixels
PUBLISHED_FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"

# At scale 1, in pixels of the 64-pixel image, in the shape's own frame (u right, v down).
SQUARE_HALF_SIDE = 9.595  # 9.6 would draw a row too many where an edge meets pixel centres
ELLIPSE_SEMI_AXES = (12.725, 7.235)
HEART_CENTRE_V = -2.0
# Distance of the heart's outline from (0, HEART_CENTRE_V) at 1.875°, 5.625°, … 178.125° from
# straight down; the outline is symmetric about the vertical.
HEART_RADII = (
    10.80, 9.60, 9.25, 8.57, 8.35, 8.00, 7.95, 7.70, 7.45, 7.40, 7.35, 7.35,
    7.32, 7.40, 7.40, 7.60, 7.65, 7.90, 8.05, 8.15, 8.45, 8.57, 8.85, 9.00,
    9.25, 9.45, 9.70, 9.85, 10.0, 10.02, 10.02, 10.05, 10.05, 10.05, 9.90, 9.70,
    9.52, 9.15, 9.05, 8.67, 8.27, 7.85, 7.10, 6.65, 6.00, 5.25, 4.05, 3.55,
)  # fmt: skip


class DSprites(FactorGrid):
    """dSprites at any size: exact at 64 px, drawn finer above, area-averaged from 64 px below."""

    factor_names = ("shape", "scale", "orientation", "posX", "posY")
    # square, ellipse, heart; 0.5 … 1; 0 … 2π, both ends included; 0 … 1
    factor_sizes = (3, 6, 40, 32, 32)

    def __init__(self, size: int = NATIVE, device: torch.device | str = "cpu", channels: int = 1) -> None:
        """`size`: height and width of the images in pixels; `channels`: 1, or 3 equal ones."""
        self.name = "dsprites"
        self.shape = (channels, size, size)
        self.identity = f"dsprites-rendered-1/{channels}x{size}"
        self.device = torch.device(device)

    def render(self, factors: Tensor) -> Tensor:
        """Images `(n, C, size, size)` of 0 and 255, uint8 (grey steps below 64 px)."""
        channels, size, _ = self.shape
        inside = _inside(factors.to(self.device), max(size, NATIVE))[:, None]
        images = inside.to(torch.uint8) * 255
        if size < NATIVE:
            images = _area_resized(images, size)
        return images.repeat(1, channels, 1, 1) if channels > 1 else images


def opened(request: Request) -> ArrayDataset | DSprites:
    """As the table of data sets asks for it."""
    size, channels = request.size or NATIVE, request.channels or 1
    if request.root is not None:
        return from_npz(request.root, size, channels)
    return DSprites(size, request.device, channels)


def from_npz(path: Path, size: int = NATIVE, channels: int = 1) -> ArrayDataset:
    """The published images, or some of them, from a `.npz` file or the folder that holds it.

    Reads its arrays `imgs` `(N, 64, 64)` and `latents_classes` `(N, 6)` and nothing else: the
    published file also holds a pickle, which is not opened. The constant colour is no factor.
    Other sizes than 64 are area-averaged from the 64-pixel images.

    Raises:
        UserError: no such file, or other arrays than these; one sentence.
    """
    if kind_of(path) == "folder":
        path = path / PUBLISHED_FILE
    file = ArrayFile(path)
    missing = [key for key in ("imgs", "latents_classes") if key not in file.headers]
    if missing:
        raise UserError(
            f"{printable(path)} has no array {missing[0]!r}; the published dSprites file has imgs and latents_classes"
        )
    shape, dtype = file.headers["imgs"].shape, file.headers["imgs"].dtype
    if len(shape) != 3 or shape[1:] != (NATIVE, NATIVE) or shape[0] == 0 or dtype != np.uint8:
        raise UserError(f"'imgs' in {printable(path)} is {dtype} {shape}; uint8 (N, 64, 64) is wanted")
    check_fits(shape[0] * channels * size * size, f"{printable(path)} at {size} px")
    pixels = file.read("imgs")
    if pixels.max() > 1:
        raise UserError(f"'imgs' in {printable(path)} has values above 1; dSprites has 0 and 1")
    images = torch.from_numpy(pixels)[:, None].mul_(255)
    if size != NATIVE:
        images = torch.cat([_area_resized(chunk, size) for chunk in images.split(1024)])
    classes = read_factors(file, "latents_classes", len(images))[:, 1:]
    sizes = DSprites.factor_sizes
    if classes.shape[1] != len(sizes) or bool((classes >= torch.tensor(sizes)).any()):
        raise UserError(
            f"'latents_classes' in {printable(path)} are not those of dSprites: colour, shape, scale, "
            f"orientation, x and y, with 1, 3, 6, 40, 32 and 32 classes"
        )
    images = recoloured(images, channels).contiguous()
    identity = f"dsprites/{digest(images, classes)}"
    return ArrayDataset("dsprites", images, identity, classes, DSprites.factor_names, sizes)


def _area_resized(images: Tensor, size: int) -> Tensor:
    return F.interpolate(images.float(), size=size, mode="area").round().to(torch.uint8)


def _inside(factors: Tensor, size: int) -> Tensor:
    """Which pixels of a `size` x `size` image lie inside the sprite: bool `(n, size, size)`.

    Reads classes (shape, scale, orientation, posX, posY). A shape is a polar outline: a pixel at
    angle φ from straight down and distance r from the shape's centre is inside when r ≤ outline(φ).
    """
    shape, (u, v) = factors[:, 0], _placed(factors, size)
    if u.device.type != "cpu":  # to count the images of each shape, the device would be waited for
        return _in_any(shape, u, v)
    inside = torch.empty_like(u, dtype=torch.bool)
    for kind, test in enumerate((_in_square, _in_ellipse, _in_heart)):
        chosen = torch.nonzero(shape == kind)[:, 0]
        inside[chosen] = test(u[chosen], v[chosen])
    return inside


def _placed(factors: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Where the pixels lie in the frame of each sprite: u right and v down, `(n, size, size)`."""
    _, scale_class, turn, pos_x, pos_y = factors.unbind(1)
    pixel = (torch.arange(size, device=factors.device) + 0.5) * (NATIVE / size) - 0.5
    scale = (0.5 + scale_class / 10)[:, None]
    x = (pixel - (15.5 + 32 * pos_x[:, None] / 31)) / scale  # (n, size), columns
    y = (pixel - (15.5 + 32 * pos_y[:, None] / 31)) / scale  # rows, downwards
    angle = (turn * (2 * math.pi / 39))[:, None]
    cos, sin = angle.cos(), angle.sin()
    u = (cos * x)[:, None, :] - (sin * y)[:, :, None]
    v = (sin * x)[:, None, :] + (cos * y)[:, :, None]
    return u, v


def _in_any(shape: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """The same without a choice of images: each test for all of them, and the one that counts."""
    shape = shape[:, None, None]
    others = torch.where(shape == 1, _in_ellipse(u, v), _in_heart(u, v))
    return torch.where(shape == 0, _in_square(u, v), others)


def _in_square(u: Tensor, v: Tensor) -> Tensor:
    return torch.maximum(u.abs(), v.abs()) <= SQUARE_HALF_SIDE


def _in_ellipse(u: Tensor, v: Tensor) -> Tensor:
    a, b = ELLIPSE_SEMI_AXES
    return (u / a) ** 2 + (v / b) ** 2 <= 1


@lru_cache(maxsize=16)
def _heart_radii(device: torch.device) -> Tensor:
    return torch.tensor(HEART_RADII, device=device)


def _in_heart(u: Tensor, v: Tensor) -> Tensor:
    v = v - HEART_CENTRE_V
    radii = _heart_radii(u.device)
    step = math.pi / len(HEART_RADII)
    place = (torch.atan2(u.abs(), v) / step - 0.5).clamp(0, len(HEART_RADII) - 1)
    low = place.floor().clamp(max=len(HEART_RADII) - 2).long()
    outline = torch.lerp(radii[low], radii[low + 1], place - low)
    return torch.hypot(u, v) <= outline
