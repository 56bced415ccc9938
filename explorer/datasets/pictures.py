"""One picture file of any kind to one square of RGB pixels, and many of them on several threads.

A file is judged by what is in it, not by its name; what can't be used is refused with a reason.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from explorer.datasets.archives import Refused
from explorer.datasets.resident import check_fits
from explorer.files import shown

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
MAX_PIXELS = 40_000_000  # that are decoded, at four bytes each
MAX_JPEG = 160_000_000  # of a JPEG, which can be decoded at a part of its size
LARGE = 4_000_000  # pixels; of pictures with more, one at a time is decoded
REDUCIBLE = ("L", "RGB", "RGBA", "CMYK", "LA")
_large = threading.Lock()
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
SIDEWAYS = (
    Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_270, Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
)  # fmt: skip
NO_PICTURE = "is not a PNG, JPEG, WebP, BMP, GIF or TIFF picture"


def read_picture(file: Path | IO[bytes], size: int) -> np.ndarray:
    """The central square of a picture, `size` x `size`: uint8 `(size, size, 3)`, RGB.

    Turned upright as its EXIF says; alpha laid on white; 16-bit, CMYK, palette and grey pictures to
    8-bit RGB; the first frame of an animation. Resized bilinearly with antialiasing.

    Raises:
        Refused: no picture of the known kinds, damaged, or of more than `MAX_PIXELS` pixels (fewer in
            kinds that take more memory), which is seen in its header, before it is decoded.
    """
    return look_at_picture(file, size)[0]


def look_at_picture(file: Path | IO[bytes], size: int) -> tuple[np.ndarray, tuple[int, int]]:
    """The same, and the picture's own width and height, upright. Raises Refused."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            plain_jpeg = image.format == "JPEG" and not image.info.get("progressive")
            most = _most(image)
            _check_pixels(image, MAX_JPEG if plain_jpeg else most)
            turned = _turn(image) in SIDEWAYS
            full = (image.height, image.width) if turned else image.size
            # A JPEG can be decoded at a half, a quarter or an eighth; twice the size is kept.
            image.draft(None, (2 * size, 2 * size))
            _check_pixels(image, most)
            large = image.width * image.height > LARGE
            with _large if large else nullcontext():
                return _square(image, size), full
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


def _check_pixels(image: Image.Image, most: int) -> None:
    if image.width * image.height > most:
        raise Refused(f"has more than {most // 1_000_000} million pixels")


def _most(image: Image.Image) -> int:
    """Pixels that are decoded, so that it takes less than 200 MB: some kinds are copied on the way."""
    if image.mode[:1] in ("I", "F"):
        return MAX_PIXELS // 4
    if image.format == "WEBP":
        return MAX_PIXELS // 3
    return MAX_PIXELS // 2 if image.has_transparency_data else MAX_PIXELS


def _square(image: Image.Image, size: int) -> np.ndarray:
    turn = _turn(image)
    upright = _to_rgb(_reduced(image, size), size)
    if turn is not None:
        upright = upright.transpose(turn)
    side = min(upright.size)
    left, top = (upright.width - side) / 2, (upright.height - side) / 2
    square = (left, top, left + side, top + side)
    return np.asarray(upright.resize((size, size), Image.Resampling.BILINEAR, square))


def _reduced(image: Image.Image, size: int) -> Image.Image:
    """A large picture at a whole part of its size that is at least twice `size`, so that copies are small."""
    factor = min(image.size) // (2 * size)
    if image.width * image.height <= LARGE or factor < 2 or image.mode not in REDUCIBLE:
        return image
    return image.reduce(factor)


def _to_rgb(image: Image.Image, size: int) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _reduced(Image.fromarray(_eight_bits(np.asarray(image))), size).convert("RGB")
    if image.has_transparency_data:
        picture = _reduced(image.convert("RGBA"), size)
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


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What the picture's EXIF asks for."""
    try:
        return TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # unreadable EXIF says nothing
        return None


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
