"""Pictures on a page: enlarged by whole factors, so that every pixel of the model stays a square."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from math import ceil

import numpy as np
import streamlit as st

from explorer.figures.image_grid import enlarge, grid, png, to_uint8

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


def large_size(shape: tuple[int, int, int]) -> tuple[int, int]:
    """Width and height on the page of a large picture of an image of `shape` (C, H, W)."""
    factor = max(1, round(LARGE / max(shape[1:])))
    return factor * shape[2], factor * shape[1]


def large(image: np.ndarray) -> Picture:
    """An image `(C, H, W)` in [0, 1], a whole number of times as large."""
    width, _ = large_size((image.shape[0], image.shape[1], image.shape[2]))
    return Picture(png(enlarge(to_uint8(image), width // image.shape[2])), width)


def image_sheet(images: np.ndarray, cell: int = THUMB) -> Picture:
    """Images `(rows, columns, C, H, W)` in [0, 1] side by side, each about `cell` pixels wide.

    The file has at least that many pixels; Streamlit shrinks one that is more than 1460 wide.
    """
    width = images.shape[-1]
    factor = max(1, ceil(cell / width))
    levels = to_uint8(images).repeat(factor, axis=2).repeat(factor, axis=3)
    pixels = grid(levels, gap=max(1, round(2 * factor * width / cell)))
    return Picture(png(pixels), round(pixels.shape[1] * cell / (factor * width)))


def thumb(image: np.ndarray, cell: int = THUMB) -> Picture:
    """One image `(C, H, W)` in [0, 1], small."""
    return image_sheet(image[None, None], cell)
