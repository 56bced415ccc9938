"""Pictures on a page: enlarged by whole factors, so that every pixel of the model stays a square."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from math import ceil

import numpy as np
import streamlit as st

from explorer.figures.image_grid import grid, png
from explorer.figures.renderings import cell_size, picture, render
from explorer.recipe.samples import Samples

LARGE = 384  # pixels on the page that a large picture is near to
THUMB = 116


@dataclass(frozen=True)
class Picture:
    """A PNG file and how wide it is shown."""

    file: bytes
    width: int

    def show(self, alt: str, caption: str | None = None) -> None:
        """Put it on the page.

        It goes with the page and not by an address of the server, which forgets one as soon as another run begins.
        """
        address = f"data:image/png;base64,{base64.b64encode(self.file).decode()}"
        with st.container(width=self.width):  # an image of a fixed width leaves a narrower window
            st.image(address, caption, width="stretch", alt=alt)


def large_size(shape: tuple[int, int, int], samples: Samples | None = None) -> tuple[int, int]:
    """Width and height on the page of a large picture of a sample of `shape` (C, H, W)."""
    height, width = cell_size(shape, samples)
    factor = max(1, round(LARGE / max(height, width)))
    return factor * width, factor * height


def large(image: np.ndarray, samples: Samples | None = None) -> Picture:
    """A sample `(C, H, W)` in [0, 1], a whole number of times as large."""
    shape = (image.shape[0], image.shape[1], image.shape[2])
    width, _ = large_size(shape, samples)
    return Picture(picture(image, samples, width // cell_size(shape, samples)[1]), width)


def image_sheet(images: np.ndarray, cell: int = THUMB, samples: Samples | None = None) -> Picture:
    """Samples `(rows, columns, C, H, W)` in [0, 1] side by side, each about `cell` pixels wide.

    The file has at least that many pixels; Streamlit shrinks one that is more than 1460 wide.
    """
    width = cell_size(images.shape[-3:], samples)[1]
    factor = max(1, ceil(cell / width))
    pixels = grid(render(images, samples, factor), gap=max(1, round(2 * factor * width / cell)))
    return Picture(png(pixels), round(pixels.shape[1] * cell / (factor * width)))


def thumb(image: np.ndarray, cell: int = THUMB, samples: Samples | None = None) -> Picture:
    """One sample `(C, H, W)` in [0, 1], small."""
    return image_sheet(image[None, None], cell, samples)
