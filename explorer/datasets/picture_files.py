"""One picture file of any kind to one square of RGB pixels, and many of them on several threads.

A file is judged by what is in it, not by its name; what can't be used is refused with a reason.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from explorer.datasets.archives import MAX_ENTRY, FileRefused
from explorer.datasets.fair_queue import Turns
from explorer.datasets.frames import MAX_MEMORY, FileParts, parts_of
from explorer.datasets.in_memory import check_fits
from explorer.errors import UserError
from explorer.files import printable

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
MAX_PIXELS = 40_000_000  # that are decoded, at four bytes each
MAX_JPEG = 160_000_000  # of a JPEG, which can be decoded at a part of its size
MAX_SIDE = 65_535  # pixels: each row takes memory of its own, however short it is
MAX_FRAME = MAX_PIXELS // 4  # pixels of a frame, which is held several times while it is made
LARGE = 4_000_000  # pixels; of pictures with more, one at a time is decoded
REDUCIBLE = ("L", "RGB", "RGBA", "CMYK", "LA")
_large = Turns(1)
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
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
)
NO_PICTURE = "is not a PNG, JPEG, WebP, BMP, GIF or TIFF picture"


@dataclass(frozen=True)
class Looked:
    """What was seen of a picture.

    Attributes:
        pixels: its central square, uint8 `(size, size, 3)`, RGB.
        size: its own width and height, upright.
        parts: its frames or pages; `pixels` are the first.
        top: its brightest grey value of 16 bits; None where it has other values.
        decoded: pixels that were decoded.
    """

    pixels: np.ndarray
    size: tuple[int, int]
    parts: FileParts
    top: int | None
    decoded: int

    @property
    def takeable(self) -> bool:
        """Whether each of its frames can be taken as a picture by itself."""
        return self.parts.frames > 1 and self.parts.alike and self.size[0] * self.size[1] <= MAX_FRAME


@dataclass(frozen=True)
class Frame:
    """One frame as a picture file by itself, with a digest of its pixels, and what was seen of it."""

    content: bytes
    suffix: str
    digest: str
    looked: Looked


def read_picture(file: Path | io.BytesIO, size: int) -> np.ndarray:
    """The central square of a picture, `size` x `size`: uint8 `(size, size, 3)`, RGB.

    Turned upright as its EXIF says; alpha laid on white; 16-bit, CMYK, palette and grey pictures to
    8-bit RGB; the first frame of an animation. Resized bilinearly with antialiasing.

    Raises:
        FileRefused: no picture of the known kinds, damaged, of more than `MAX_PIXELS` pixels (fewer in
            kinds that take more memory) or with a side of more than `MAX_SIDE`, or of very many parts,
            which is seen in its headers, before it is decoded.
    """
    return look_at_picture(file, size).pixels


def look_at_picture(
    file: Path | io.BytesIO, size: int, whose: Hashable = None, wanted: Callable[[], None] = lambda: None
) -> Looked:
    """The same, with what was seen of it. Raises FileRefused.

    Args:
        whose: for whom: large pictures take turns among all who have some.
        wanted: called while one waits for that; what it raises ends the waiting.
    """
    with _refusing():
        content, parts = _content(file)
        with Image.open(content, formats=FORMATS) as image:
            plain_jpeg = image.format == "JPEG" and not image.info.get("progressive")
            most = _most(image)
            _check_pixels(image, MAX_JPEG if plain_jpeg else most)
            turned = _turn(image) in SIDEWAYS
            full = (image.height, image.width) if turned else image.size
            # A JPEG can be decoded at a half, a quarter or an eighth; twice the size is kept.
            image.draft(None, (2 * size, 2 * size))
            _check_pixels(image, most)
            pixel = 1 if image.mode in ("1", "L", "P") else 4  # bytes
            if parts.held and parts.held + image.width * image.height * pixel > MAX_MEMORY:
                raise FileRefused(f"takes more than {MAX_MEMORY >> 20} MB to be read, as it is packed")
            with _place(image, whose, wanted):
                pixels, top = _square(image, size)
            return Looked(pixels, full, parts, top, image.width * image.height)
    raise AssertionError("unreachable")


def frames_of(content: bytes, size: int, whose: Hashable, wanted: Callable[[], None]) -> Iterator[Frame]:
    """Each frame or page of a picture as a file by itself: PNG, or TIFF where its values need it.

    Raises:
        FileRefused: a frame is damaged, or of another size than the first; those before it were given.
    """
    with _refusing():
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    with image:
        first = image.size
        for number in range(parts_of(content).frames):
            with _place(image, whose, wanted), _refusing():  # what ends the waiting is no damage
                try:
                    image.seek(number)
                except EOFError:
                    return
                if image.size != first:
                    raise FileRefused("has frames of different sizes")
                frame = _frame(image, size)
            yield frame


def _frame(image: Image.Image, size: int) -> Frame:
    turn = _turn(image)
    wide = image.mode in ("I", "F") or image.mode.startswith("I;16")
    if wide:
        frame = image.copy()
    elif image.has_transparency_data:
        frame = image.convert("RGBA")
    else:
        frame = image.convert("L" if image.mode in ("1", "L") else "RGB")
    if turn is not None:
        frame = frame.transpose(turn)
    frame.info = {}
    made = io.BytesIO()
    if wide:
        frame.save(made, "TIFF")
    else:
        frame.save(made, "PNG", compress_level=1)
    digest = hashlib.blake2b(f"{frame.mode} {frame.size}".encode(), digest_size=16)
    digest.update(frame.tobytes())
    pixels, top = _square(frame, size)
    looked = Looked(pixels, frame.size, FileParts(), top, frame.width * frame.height)
    return Frame(made.getvalue(), ".tiff" if wide else ".png", digest.hexdigest(), looked)


@contextmanager
def _refusing() -> Iterator[None]:
    """Says in a reason whatever a decoder raises."""
    try:
        yield
    except (FileRefused, UserError):
        raise
    except Image.DecompressionBombError:
        raise FileRefused(f"has more than {MAX_PIXELS // 1_000_000} million pixels") from None
    except UnidentifiedImageError:
        raise FileRefused(NO_PICTURE) from None
    except PermissionError:
        raise FileRefused("can't be opened: permission denied") from None
    except Exception as error:  # decoders of strangers' files raise anything: SyntaxError, KeyError, …
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise FileRefused(f"is damaged ({printable(reason)})") from error


def _content(file: Path | io.BytesIO) -> tuple[Path | io.BytesIO, FileParts]:
    """What is to be decoded, and its parts; of a file that is very long those in its beginning."""
    if not isinstance(file, Path):
        return file, parts_of(file.getvalue())
    with file.open("rb") as opened:
        content = opened.read(MAX_ENTRY + 1)
    parts = parts_of(content)
    return (file if len(content) > MAX_ENTRY else io.BytesIO(content)), parts


@contextmanager
def _place(image: Image.Image, whose: Hashable, wanted: Callable[[], None]) -> Iterator[None]:
    """Room in memory to decode a picture: of large ones for one at a time."""
    large = image.width * image.height > LARGE
    with _large.turn(whose, wanted) if large else nullcontext():
        yield


def _check_pixels(image: Image.Image, most: int) -> None:
    if image.width * image.height > most:
        raise FileRefused(f"has more than {most // 1_000_000} million pixels")
    if max(image.size) > MAX_SIDE:
        raise FileRefused(f"is {image.width} x {image.height} pixels, and a side has at most {MAX_SIDE:,}")


def _most(image: Image.Image) -> int:
    """Pixels that are decoded, so that it takes less than 200 MB: some kinds are copied on the way."""
    if image.mode[:1] in ("I", "F"):
        return MAX_PIXELS // 4
    if image.format == "WEBP":
        return MAX_PIXELS // 3
    return MAX_PIXELS // 2 if image.has_transparency_data else MAX_PIXELS


def _square(image: Image.Image, size: int) -> tuple[np.ndarray, int | None]:
    """The central square, upright, and the brightest grey value of 16 bits, where it has such."""
    turn = _turn(image)
    upright, top = _to_rgb(_reduced(image, size), size)
    if turn is not None:
        upright = upright.transpose(turn)
    side = min(upright.size)
    left, above = (upright.width - side) / 2, (upright.height - side) / 2
    square = (left, above, left + side, above + side)
    return np.asarray(upright.resize((size, size), Image.Resampling.BILINEAR, square)), top


def _reduced(image: Image.Image, size: int) -> Image.Image:
    """A large picture at a whole part of its size that is at least twice `size`, so that copies are small."""
    factor = min(image.size) // (2 * size)
    if image.width * image.height <= LARGE or factor < 2 or image.mode not in REDUCIBLE:
        return image
    return image.reduce(factor)


def _to_rgb(image: Image.Image, size: int) -> tuple[Image.Image, int | None]:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image)
        grey = _reduced(Image.fromarray(_eight_bits(values)), size)
        return grey.convert("RGB"), None if image.mode == "F" else int(values.max())
    if image.has_transparency_data:
        picture = _reduced(image.convert("RGBA"), size)
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB"), None
    return image.convert("RGB"), None


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Grey values of 16 bits, or floats in [0, 1], as uint8."""
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f":
        if not (low >= 0 and high <= 1):  # a NaN is refused too
            raise FileRefused(f"has float values from {low:.3g} to {high:.3g}, not in [0, 1]")
        rounded: np.ndarray = np.rint(values * 255).astype(np.uint8)
        return rounded
    if low < 0 or high > 65535:
        raise FileRefused("has grey values of more than 16 bits")
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What the picture's EXIF asks for."""
    try:
        return TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # unreadable EXIF says nothing
        return None


def read_pictures(
    paths: Sequence[Path], size: int, what: str
) -> tuple[Tensor, list[int], list[tuple[int, str]], PictureWarnings]:
    """Read many pictures, on as many threads as there are cores.

    Returns:
        uint8 `(M, 3, size, size)` of those that could be read, their numbers in `paths`, and the
        numbers of the others, each with the reason; all in the order of `paths`. And what was seen
        of them together.

    Raises:
        UserError: so many pictures of this size don't fit into memory.
    """
    check_fits(len(paths) * 3 * size * size, what)
    pixels = np.empty((len(paths), 3, size, size), np.uint8)
    kept: list[int] = []
    refused: list[tuple[int, str]] = []
    seen, whose = PictureWarnings(), object()

    def attempt(path: Path) -> Looked | str:
        try:
            return look_at_picture(path, size, whose)
        except FileRefused as reason:
            return str(reason)

    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")  # Pillow's, of odd EXIF and large pictures: told as notes
        for number, result in enumerate(pool.map(attempt, paths)):
            if isinstance(result, str):
                refused.append((number, result))
            else:
                pixels[len(kept)] = result.pixels.transpose(2, 0, 1)
                kept.append(number)
                seen.add(paths[number].name, result)
    return torch.from_numpy(pixels[: len(kept)]), kept, refused, seen


# --- what of pictures would be lost in silence ----------------------------------------------------------

DIM = 64  # of 255: pictures without any brighter value may have been meant to fill the range


class PictureWarnings:
    """What a person should know of many pictures: values that fill a small part of their range, and frames
    that were taken or left.
    """

    def __init__(self) -> None:
        self.top16: int | None = None  # the brightest grey value of 16 bits
        self.top = 0  # the brightest value of 8 bits, as it was made small
        self.count = 0
        self.taken = Several()
        self.left = Several()

    def add(self, name: str, looked: Looked, taken: bool = False) -> None:
        """Note a picture; `taken` where its frames are pictures by themselves, which are noted as well."""
        if looked.parts.frames > 1:
            (self.taken if taken else self.left).add(name, looked.parts)
        if taken:
            return
        self.count += 1
        if looked.top is not None:
            self.top16 = max(looked.top, self.top16 or 0)
        else:
            self.top = max(self.top, int(looked.pixels.max()))

    def notes(self) -> list[str]:
        """Sentences on all of that."""
        notes = []
        if self.top16 is not None and 0 < self.top16 < 1 << 15:
            notes.append(
                f"The grey values of 16 bits go no higher than {self.top16:,} of 65,535, as those of "
                f"{self.top16.bit_length()} bits do, and are read as they stand, so these pictures are dark: "
                f"multiply them by {65535 // self.top16} before, if {self.top16:,} is white."
            )
        elif self.count and 0 < self.top < DIM:
            notes.append(
                f"No pixel is brighter than {self.top} of 255, so these pictures are nearly black: save them "
                f"with values up to 255, if {self.top} is white."
            )
        if self.taken.files:
            notes.append(f"{self.taken.said()}, which are taken as images each.")
        if self.left.files:
            notes.append(f"{self.left.said()}, of which only the first is taken.")
        return notes


class Several:
    """Files of several frames or pages."""

    def __init__(self) -> None:
        self.files = self.frames = 0
        self.first = self.what = ""

    def add(self, name: str, parts: FileParts) -> None:
        self.first = self.first or printable(name)
        self.what = parts.what if self.what in ("", parts.what) else "frames or pages"
        self.files, self.frames = self.files + 1, self.frames + parts.frames

    def said(self) -> str:
        if self.files == 1:
            return f"{self.first} has {self.frames:,} {self.what}"
        return f"{self.files:,} files, such as {self.first}, have {self.frames:,} {self.what} together"
