"""One picture file of any kind to one square of RGB pixels, and many of them on several threads.

A file is judged by what is in it, not by its name; what can't be used is refused with a reason.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from explorer.datasets.resident import check_fits, shown

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
MAX_PIXELS = 50_000_000
ORIENTATION = 0x0112  # EXIF's tag, and what its values ask for
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
NO_PICTURE = "is not a PNG, JPEG, WebP, BMP, GIF or TIFF picture"


class Refused(Exception):
    """A picture can't be used; the message is a reason that goes on after "it"."""


def read_picture(path: Path, size: int) -> np.ndarray:
    """The central square of a picture, `size` x `size`: uint8 `(size, size, 3)`, RGB.

    Turned upright as its EXIF says; alpha laid on white; 16-bit, CMYK, palette and grey pictures to
    8-bit RGB; the first frame of an animation. Resized bilinearly with antialiasing.

    Raises:
        Refused: no picture of the known kinds, damaged, or of more than `MAX_PIXELS` pixels, which
            is seen in its header, before it is decoded.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            # A JPEG can be decoded at a half, a quarter or an eighth; twice the size is kept.
            image.draft(None, (2 * size, 2 * size))
            upright = _upright(_to_rgb(image), image)
            side = min(upright.size)
            left, top = (upright.width - side) / 2, (upright.height - side) / 2
            square = (left, top, left + side, top + side)
            return np.asarray(upright.resize((size, size), Image.Resampling.BILINEAR, square))
    except Refused:
        raise
    except Image.DecompressionBombError:
        raise Refused(f"has more than {MAX_PIXELS // 1_000_000} million pixels") from None
    except UnidentifiedImageError:
        raise Refused(NO_PICTURE) from None
    except PermissionError:
        raise Refused("can't be opened: permission denied") from None
    except (
        Exception
    ) as error:  # decoders of strangers' files raise anything: SyntaxError, KeyError, …
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise Refused(f"is damaged ({shown(reason)})") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert(
            "RGB"
        )
    return image.convert("RGB")


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Grey values of 16 bits, or floats in [0, 1], as uint8."""
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f":
        if not (low >= 0 and high <= 1):  # a NaN is refused too
            raise Refused(f"has float values from {low:.3g} to {high:.3g}, not in [0, 1]")
        return np.rint(values * 255).astype(np.uint8)
    if low < 0 or high > 65535:
        raise Refused("has grey values of more than 16 bits")
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _upright(picture: Image.Image, original: Image.Image) -> Image.Image:
    """`picture` turned as the EXIF of `original` says."""
    try:
        turn = TURNS.get(original.getexif().get(ORIENTATION, 1))
    except Exception:  # unreadable EXIF says nothing
        turn = None
    return picture if turn is None else picture.transpose(turn)


def read_pictures(
    paths: Sequence[Path], size: int, what: str
) -> tuple[Tensor, list[int], list[tuple[int, str]]]:
    """Read many pictures, on as many threads as there are cores.

    Returns:
        uint8 `(M, 3, size, size)` of those that could be read, their numbers in `paths`, and the
        numbers of the others, each with the reason. All in the order of `paths`.

    Raises:
        UserError: so many pictures of this size don't fit into memory.
    """
    check_fits(len(paths) * 3 * size * size, what)
    pixels = np.empty((len(paths), 3, size, size), np.uint8)
    kept: list[int] = []
    refused: list[tuple[int, str]] = []

    def attempt(path: Path) -> np.ndarray | str:
        try:
            return read_picture(path, size)
        except Refused as reason:
            return str(reason)

    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")  # Pillow's, of odd EXIF and large pictures: told as notes
        for number, result in enumerate(pool.map(attempt, paths)):
            if isinstance(result, str):
                refused.append((number, result))
            else:
                pixels[len(kept)] = result.transpose(2, 0, 1)
                kept.append(number)
    return torch.from_numpy(pixels[: len(kept)]), kept, refused
