"""Pixel arrays as pictures: 8-bit images, grids, labelled grids, PNG and GIF files."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

# Pillow's own font has the letters of ASCII; names in other letters are drawn with one of the system's.
FONTS = ("", "DejaVuSans.ttf", "NotoSans-Regular.ttf", "arial.ttf", "Arial Unicode.ttf")


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Pixel means `(..., C, H, W)` in [0, 1] as uint8 `(..., H, W, 3)`; one channel becomes grey."""
    levels = np.clip(np.nan_to_num(images) * 255 + 0.5, 0, 255).astype(np.uint8)
    last = np.moveaxis(levels, -3, -1)
    return np.repeat(last, 3, axis=-1) if last.shape[-1] == 1 else last


def enlarge(image: np.ndarray, factor: int) -> np.ndarray:
    """Each pixel of `(H, W, 3)` as a square of `factor` x `factor`: nothing is smoothed."""
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def grid(images: np.ndarray, gap: int = 2, background: int = 128) -> np.ndarray:
    """Pictures `(rows, columns, H, W, 3)` side by side on one uint8 sheet, `gap` pixels apart."""
    rows, columns, height, width, _ = images.shape
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), background, np.uint8)
    for row in range(rows):
        for column in range(columns):
            y, x = row * (height + gap), column * (width + gap)
            sheet[y : y + height, x : x + width] = images[row, column]
    return sheet


def labelled_grid(images: np.ndarray, labels: list[str], scale: int = 1, gap: int = 2) -> Image.Image:
    """A grid with a label at the left of each row.

    Args:
        images: uint8 `(rows, columns, H, W, 3)`.
        labels: one text a row.
        scale: how many pixels each pixel becomes.
    """
    rows = images.shape[0]
    large = images.repeat(scale, axis=2).repeat(scale, axis=3)
    sheet = grid(large, gap, background=255)
    size = max(11, min(16, large.shape[2] // 5))
    fonts = [font_for(label, size) for label in labels]
    lengths = [font.getlength(label) for font, label in zip(fonts, labels, strict=True)]
    margin = int(max(lengths)) + 16 if labels else 0
    picture = Image.new("RGB", (sheet.shape[1] + margin, sheet.shape[0]), "white")
    picture.paste(Image.fromarray(sheet), (margin, 0))
    draw = ImageDraw.Draw(picture)
    pitch = large.shape[2] + gap
    for row, label in enumerate(labels[:rows]):
        draw.text((8, row * pitch + large.shape[2] / 2), label, fill="black", font=fonts[row], anchor="lm")
    return picture


def drawn(text: str, instead: str) -> str:
    """`text` if a font of this machine has every letter of it, else `instead`."""
    return text if any(_has(name, text) for name in FONTS) else instead


def font_for(text: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The first font that has every letter of `text`."""
    font = _font(next((name for name in FONTS if _has(name, text)), ""), size)
    assert font is not None  # Pillow's own is always there
    return font


@lru_cache(maxsize=64)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont | None:
    try:
        return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)
    except OSError:
        return None


def _has(name: str, text: str) -> bool:
    font = _font(name, 14)
    if not isinstance(font, ImageFont.FreeTypeFont):  # not here, or a Pillow without FreeType
        return font is not None and text.isascii() and text.isprintable()
    missing = bytes(font.getmask("\uffff"))
    letters = set(text) - {" "}
    return text.isprintable() and all(bytes(font.getmask(letter)) != missing for letter in letters)


def png(picture: Image.Image | np.ndarray, comment: str = "") -> bytes:
    """A picture as the bytes of a PNG file, with a comment in it where there is one."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    noted = PngInfo()
    if comment:
        noted.add_itxt("Comment", comment)
    image.save(buffer, "PNG", optimize=True, pnginfo=noted)
    return buffer.getvalue()


def address(pixels: np.ndarray) -> str:
    """A picture, uint8 `(H, W, 3)`, as the address of a PNG that lies in the address itself."""
    return f"data:image/png;base64,{base64.b64encode(png(pixels)).decode()}"


def gif(film: Iterator[Image.Image], milliseconds: int = 80, comment: str = "") -> bytes:
    """Pictures, taken one by one, as the bytes of an endless GIF, with a comment in it where there is one."""
    buffer = io.BytesIO()
    noted = {"comment": comment.encode()} if comment else {}
    next(film).save(buffer, "GIF", save_all=True, append_images=film, duration=milliseconds, loop=0, **noted)
    return buffer.getvalue()
