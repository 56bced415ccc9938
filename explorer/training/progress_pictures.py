"""What a run shows of itself while it learns: the same images reconstructed, and traversals, as files.

pictures/STEP.png holds a grid of EIGHT columns: the images, their reconstructions, and a row for each of
the dimensions with the highest KL, from the prior's 5 % to its 95 %. The file names the dimensions. The
process that trains draws it, since model and images are in its memory, and spends a fiftieth of its time
on it at the most.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, PngImagePlugin

from explorer.errors import UserError
from explorer.files import write_atomic
from explorer.training.directory import RunDirectory

if TYPE_CHECKING:
    from torch import Tensor

    from explorer.datasets.base import Dataset
    from models.beta_vae import BetaVAE

EIGHT = 8
ROWS = 6  # traversals in a picture
KEPT = 48  # pictures of a run, evenly thinned
PART = 0.02  # of a run's time
EVERY = 2.0  # seconds between pictures, at the least


@dataclass(frozen=True)
class Progress:
    """One picture file: pixels `(rows, EIGHT, H, W, 3)`, uint8, and the dimensions of the rows after two."""

    step: int
    pixels: np.ndarray
    dimensions: tuple[int, ...]


class Painter:
    """Draws the pictures of one run, at moments that cost it little."""

    def __init__(self, run: RunDirectory, data: Dataset, held_out: Tensor, start: int) -> None:
        """`held_out` are the images' indices; pictures later than `start` will be drawn again."""
        self.run, self.data, self.held_out = run, data, held_out
        self.rest = 0.0  # no picture before this moment
        for step, path in picture_files(run):
            if step > start:
                path.unlink(missing_ok=True)

    def paint_if_cheap(self, model: BetaVAE, step: int) -> None:
        """Draw, where the last picture was long enough ago for its cost."""
        if time.monotonic() >= self.rest:
            self.paint(model, step)

    def paint(self, model: BetaVAE, step: int) -> None:
        """Draw the picture of `step`. Raises UserError where it can't be written."""
        began = time.monotonic()
        pixels, dimensions = _drawn(model, self.data, self.held_out)
        about = PngImagePlugin.PngInfo()
        height, width = pixels.shape[2:4]
        about.add_text("cell", f"{height},{width}")
        about.add_text("dimensions", ",".join(map(str, dimensions)))
        rows, columns = pixels.shape[:2]
        sheet = pixels.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)
        buffer = io.BytesIO()
        Image.fromarray(sheet).save(buffer, "PNG", pnginfo=about)
        write_atomic(self.run.pictures / f"{step:09d}.png", buffer.getvalue())
        for _, path in _superfluous(picture_files(self.run)):
            path.unlink(missing_ok=True)
        now = time.monotonic()
        self.rest = now + max(EVERY, (now - began) / PART)


def picture_files(run: RunDirectory) -> list[tuple[int, Path]]:
    """Step and file of every picture of a run, in order."""
    return sorted((int(path.stem), path) for path in run.pictures.glob("*.png") if path.stem.isdecimal())


def read_progress(path: Path) -> Progress:
    """The picture in a file that `Painter` wrote. Raises UserError where it can't be read."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            image.load()
            text = getattr(image, "text", {})
            height, width = (int(side) for side in text["cell"].split(","))
            dimensions = tuple(int(number) for number in text["dimensions"].split(",") if number)
            levels = np.asarray(image.convert("RGB"))
        rows, columns = 2 + len(dimensions), levels.shape[1] // width
        cells = levels.reshape(rows, height, columns, width, 3).transpose(0, 2, 1, 3, 4)
        return Progress(int(path.stem), cells, dimensions)
    except (OSError, ValueError, KeyError, ZeroDivisionError, Image.DecompressionBombError) as error:
        raise UserError(f"the picture {path} can't be read: {error}") from error


def _superfluous(files: list[tuple[int, Path]]) -> list[tuple[int, Path]]:
    """Every second picture but the newest, once there are more than are kept."""
    return files[1:-1:2] if len(files) > KEPT else []


def _drawn(model: BetaVAE, data: Dataset, held_out: Tensor) -> tuple[np.ndarray, tuple[int, ...]]:
    import torch

    from explorer.analysis.ranges import value_range
    from explorer.analysis.traversal import traverse
    from explorer.figures.renderings import render

    model = model.eval().usual()
    images = data.unit(held_out[:EIGHT].to(model.device))
    with torch.inference_mode():
        posterior = model.encode(images)
        made = model.decode(posterior.mean)
    kl = posterior.kl().mean(0)
    dimensions = [int(d) for d in kl.argsort(descending=True)[:ROWS]]
    low, high = value_range("prior", model.latents)
    moved = traverse(model, np.zeros(model.latents), dimensions, low, high, EIGHT)
    columns = len(images)
    rows = [images.cpu().numpy(), made.float().cpu().numpy(), *moved]
    blank = np.zeros((EIGHT - columns, *model.shape), np.float32)
    whole = [np.concatenate([row, blank]) if len(row) < EIGHT else row for row in rows]
    return render(np.stack(whole), data.samples), tuple(dimensions)
