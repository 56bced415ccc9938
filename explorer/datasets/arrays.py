"""Images from a `.npz` or `.npy` file, whose headers are read before any memory is taken."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt, prod
from pathlib import Path
from typing import IO

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

from explorer.datasets.archives import MAX_ENTRIES, check_overlaps
from explorer.datasets.base import ArrayDataset
from explorer.datasets.in_memory import check_fits, digest, kind_of, resized
from explorer.datasets.names import Request
from explorer.errors import UserError
from explorer.files import check_directory, printable

IMAGE_KEYS = ("images", "imgs")
FACTOR_KEYS = ("factors", "latents_classes")
NAMES_KEY = "factor_names"
# What the images of each part of a file are called, as Keras, MedMNIST and others do.
PARTS = {
    "train": ("x_train", "train_x", "train_images", "images_train", "train"),
    "val": ("x_val", "x_valid", "val_x", "valid_x", "val_images", "valid_images", "images_val", "val"),
    "test": ("x_test", "test_x", "test_images", "images_test", "test"),
}
DIM = 128  # of 255: images without any brighter value may have been meant to fill the range
CHUNK_BYTES = 2**26
MAX_HEADER = 2**16
MAX_ARRAYS = 1000  # in one file
MAX_RATIO, SMALL = 300, 2**26  # how far an array of more than SMALL bytes may be compressed


@dataclass(frozen=True)
class Header:
    """What an array says of itself: its shape and dtype, and how long the header is, in bytes."""

    shape: tuple[int, ...]
    dtype: np.dtype
    length: int

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it."""
    assert request.root is not None  # the table says that it is needed
    return open_arrays(request.root, request.size, request.channels, request.split)


def open_arrays(path: Path, size: int | None = None, channels: int | None = None, split: str = "train") -> ArrayDataset:
    """The images of an array file, held in memory.

    The images are the array "images" or "imgs", or else the only one with three or four dimensions, or
    in a file of several parts that of `split` (`PARTS`):
    `(N, H, W)`, `(N, H, W, C)` or `(N, C, H, W)` with C 1 or 3. `uint8` is taken as 0 to 255, or
    as 0 and 1 where nothing is above 1; floats must lie in [0, 1]. "factors" or "latents_classes"
    are whole numbers `(N, K)`, named by "factor_names"; a factor that never changes is left out.
    With `size`, an image that isn't square is cropped to its central square and resized bilinearly.

    Raises:
        UserError: the file can't be used; one sentence.
    """
    file = ArrayFile(path)
    key = _image_key(file, split)
    values = file.read(key)
    whole = as_images(values, file.called(key))
    notes = _dim(whole, values.dtype)
    del values
    images = resized(whole, size, channels, printable(path))
    del whole
    factors, names, said = _factors(file, len(images))
    notes += [*said, *_unused(file, key, split, len(images))]
    sizes = None if factors is None else tuple(int(top) + 1 for top in factors.amax(0))
    return ArrayDataset(
        "npz",
        images,
        f"npz/{digest(images, factors, names)}",
        factors,
        None if factors is None else tuple(names),
        sizes,
        tuple(notes),
    )


class ArrayFile:
    """The arrays of a `.npz` or `.npy` file by name, none of them read until asked for."""

    def __init__(self, path: Path) -> None:
        """Reads the headers only. Raises UserError where `path` is no such file."""
        kind = kind_of(path)
        if kind != "file":
            what = "there is no file" if kind is None else f"this is a {kind}, not a file:"
            raise UserError(f"{what} {printable(path)}; a .npz or .npy file is wanted")
        self.path = path
        self.headers: dict[str, Header] = {}
        try:
            self.zipped = zipfile.is_zipfile(path)
            if self.zipped:
                with path.open("rb") as file:
                    check_directory(file, MAX_ENTRIES)
                    with zipfile.ZipFile(file) as archive:
                        check_overlaps(archive)
                        arrays = [i for i in archive.infolist() if i.filename.endswith(".npy")]
                        if len(arrays) > MAX_ARRAYS:
                            raise ValueError(f"it holds more than {MAX_ARRAYS} arrays")
                        for info in arrays:
                            with archive.open(info) as member:
                                header = _header(member)
                            _check_member(info, header)
                            self.headers[info.filename.removesuffix(".npy")] = header
            else:
                with path.open("rb") as file:
                    self.headers["array"] = _header(file)
                    held = path.stat().st_size - self.headers["array"].length
        except Exception as error:  # strangers' headers make zipfile and numpy raise anything
            raise UserError(f"{printable(path)} can't be read as a .npz or .npy file: {_said(error)}") from error
        if not self.headers:
            raise UserError(f"{printable(path)} holds no arrays; a .npz file made by numpy.savez is wanted")
        if not self.zipped and held < self.headers["array"].nbytes:
            raise UserError(
                f"{printable(path)} is cut off: its array needs {self.headers['array'].nbytes:,} bytes "
                f"and {held:,} are there"
            )

    def called(self, key: str) -> str:
        """The array's name in a sentence."""
        return f"{printable(key)!r} in {printable(self.path)}" if self.zipped else printable(self.path)

    def read(self, key: str) -> np.ndarray:
        """The array `key`: from a `.npz` read into memory, from a `.npy` mapped.

        Raises:
            UserError: it is too large, holds Python objects, or is damaged.
        """
        header = self.headers[key]
        if header.dtype.hasobject:
            raise UserError(
                f"{self.called(key)} holds pickled Python objects, which are never opened: save it as numbers"
            )
        if header.nbytes == 0:
            return np.empty(header.shape, header.dtype)
        if self.zipped:
            check_fits(header.nbytes, self.called(key))
        try:
            if not self.zipped:
                mapped: np.ndarray = np.load(self.path, mmap_mode="r", allow_pickle=False)
                return mapped
            with zipfile.ZipFile(self.path) as archive, archive.open(f"{key}.npy") as member:
                values = npy.read_array(member, allow_pickle=False)
                if member.read(1):
                    raise ValueError("it goes on after its end")
                return values
        except Exception as error:
            raise UserError(f"{self.called(key)} is damaged: {_said(error)}") from error


def as_images(values: np.ndarray, where: str) -> Tensor:
    """Images `(N, C, H, W)`, uint8, from an array laid out as `open_arrays` says.

    Raises:
        UserError: the shape, the type or the values are not those of images.
    """
    axes = _axes(values.shape, where)
    if values.dtype.kind not in "fub" or (values.dtype.kind == "u" and values.dtype.itemsize > 1):
        raise UserError(
            f"{where} has dtype {values.dtype}; uint8 (0 to 255), bool, or floats in [0, 1] "
            f"are wanted: divide the values by what is white and save them as float32"
        )
    check_fits(prod(values.shape), where)
    pixels = np.empty(values.shape, np.uint8)
    step = max(1, CHUNK_BYTES * len(values) // max(1, values.nbytes))
    for start in range(0, len(values), step):
        part = values[start : start + step]
        if values.dtype.kind == "f":
            _check_unit_range(part, where)
            part = np.rint(part.astype(np.float32) * 255)
        pixels[start : start + step] = part
    if values.dtype.kind != "f" and pixels.max() <= 1:
        pixels *= 255
    if values.ndim == 3:
        pixels = pixels[:, None]
    return torch.from_numpy(pixels).permute(axes)


def _axes(shape: tuple[int, ...], where: str) -> tuple[int, int, int, int]:
    """How to permute the array, once it is 4-dimensional, to `(N, C, H, W)`."""
    wanted = "(N, H, W), (N, H, W, C) or (N, C, H, W) with C 1 or 3 is wanted"
    if len(shape) not in (3, 4):
        side = isqrt(shape[-1]) if len(shape) == 2 else 0
        flat = side > 1 and side * side == shape[-1]
        hint = f": reshape it to ({shape[0]}, {side}, {side})" if flat else ""
        raise UserError(f"{where} has shape {shape}; {wanted}{hint}")
    if 0 in shape:
        raise UserError(f"{where} holds no images: its shape is {shape}")
    if len(shape) == 3:
        if shape[2] in (3, 4) and shape[1] > 4:
            raise UserError(f"{where} has shape {shape}, which is one colour image; {wanted}")
        return 0, 1, 2, 3
    last, first = shape[3] in (1, 3), shape[1] in (1, 3)
    if last and not (first and shape[2] == shape[3]):
        return 0, 3, 1, 2
    if first:
        return 0, 1, 2, 3
    raise UserError(f"{where} has shape {shape}; {wanted}")


def _check_unit_range(part: np.ndarray, where: str) -> None:
    low, high = float(part.min()), float(part.max())  # NaN if any is
    if not np.isfinite(low + high):
        raise UserError(f"{where} has values that are not numbers (NaN or infinite)")
    if low < 0 or high > 1:
        raise UserError(
            f"{where} has values from {low:.4g} to {high:.4g}; floats must lie in [0, 1] "
            f"(save 0 to 255 as uint8{f', or divide them by {high:.4g}' if low >= 0 else ''})"
        )


def _dim(images: Tensor, dtype: np.dtype) -> list[str]:
    """A note where no value is bright: 0 to 16, as scikit-learn's digits have, is nearly black of 255."""
    top = int(images.amax())
    if not 1 < top < DIM:
        return []
    most = f"{top / 255:.2g} of 1" if dtype.kind == "f" else f"{top} of 255"
    return [
        f"No value is above {most}, so these images are dark: if that is white, save them multiplied by "
        f"{255 / top:.4g} before."
    ]


def _unused(file: ArrayFile, key: str, split: str, count: int) -> list[str]:
    """Notes on the other parts of a file, and on arrays in it that nothing is made of."""
    notes = []
    parts = parts_in(file)
    if key in parts.values() and len(parts) > 1:
        sizes = ", ".join(f"{name} ({file.headers[part].shape[0]:,})" for name, part in parts.items())
        notes.append(
            f"The file has several parts: {sizes}. These are those of {split}; "
            "--split, or Split on the page Train, takes another."
        )
    used = {key, *IMAGE_KEYS, *FACTOR_KEYS, NAMES_KEY, *parts.values()}
    rest = {name: header for name, header in file.headers.items() if name not in used}
    alongside = [name for name, header in rest.items() if header.shape[:1] == (count,)]
    if alongside:
        one = len(alongside) == 1
        notes.append(
            f"{_listed(alongside)} {'is' if one else 'are'} not used: whole numbers from 0 up, one row an "
            f"image, are taken as factors where they are called {FACTOR_KEYS[0]!r}."
        )
    others = [name for name in rest if name not in alongside]
    if others:
        notes.append(f"{_listed(others)} {'is' if len(others) == 1 else 'are'} not used.")
    return notes


def parts_in(file: ArrayFile) -> dict[str, str]:
    """The parts that a file has by their names, and what the images of each are called in it."""
    by_name = {name.lower(): name for name in reversed(file.headers)}
    return {
        part: by_name[key]
        for part, keys in PARTS.items()
        for key in reversed(keys)
        if key in by_name and len(file.headers[by_name[key]].shape) in (3, 4)
    }


def _image_key(file: ArrayFile, split: str) -> str:
    plain = next((key for key in IMAGE_KEYS if key in file.headers), None)
    parts = {} if plain else parts_in(file)
    if split in parts:
        return parts[split]
    if split != "train":
        there = ", ".join(parts) or "one array of images"
        raise UserError(f"{printable(file.path)} has no part {split!r}, only {there}")
    if plain:
        return plain
    likely = [key for key, header in file.headers.items() if len(header.shape) in (3, 4)]
    if len(likely) == 1:
        return likely[0]
    if not file.zipped:
        return "array"
    if likely:
        found = f"{len(likely)} arrays that may be images ({_listed(likely)})"
    else:
        found = f"no array of images, only {_listed(list(file.headers))}"
    raise UserError(f"{printable(file.path)} has {found}; call the one that is meant 'images'")


def _factors(file: ArrayFile, count: int) -> tuple[Tensor | None, list[str], list[str]]:
    """Factor classes `(N, K)` as int64 with their names, and notes; None where there are none."""
    key = next((key for key in FACTOR_KEYS if key in file.headers), None)
    if key is None:
        return None, [], []
    factors = read_factors(file, key, count)
    names = _names(file, factors.shape[1])
    varies = (factors != factors[:1]).any(0)
    constant = [name for name, moves in zip(names, varies.tolist(), strict=True) if not moves]
    notes = [f"The factor {printable(name)} never changes and was left out." for name in constant]
    if not bool(varies.any()):
        return None, [], notes
    names = [name for name in names if name not in constant]
    return factors[:, varies].contiguous(), names, notes


def read_factors(file: ArrayFile, key: str, count: int) -> Tensor:
    """Factor classes `(count, K)` as int64.

    Raises:
        UserError: they are not whole numbers from 0 up, one row an image.
    """
    header, where = file.headers[key], file.called(key)
    shape = header.shape if len(header.shape) != 1 else (*header.shape, 1)
    if len(shape) != 2 or shape[0] != count or shape[1] == 0:
        raise UserError(f"{where} has shape {header.shape}; ({count}, K) is wanted, one row an image")
    if header.dtype.kind not in "iub":
        raise UserError(f"{where} has dtype {header.dtype}; factor classes are whole numbers")
    values = file.read(key).reshape(shape)
    if values.min() < 0 or values.max() >= 2**31:
        raise UserError(f"{where} has classes from {values.min()} to {values.max()}; they count from 0")
    return torch.from_numpy(values.astype(np.int64))


def _names(file: ArrayFile, count: int) -> list[str]:
    if NAMES_KEY not in file.headers:
        return [f"factor {number}" for number in range(1, count + 1)]
    where = file.called(NAMES_KEY)
    values = file.read(NAMES_KEY)
    if values.dtype.kind not in "US" or values.shape != (count,):
        raise UserError(f"{where} must be {count} texts, one a factor, not {values.dtype} {values.shape}")
    if values.dtype.kind == "U" and values.dtype.itemsize:
        letters = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="))).view(np.uint32)
        if ((letters > sys.maxunicode) | ((letters >= 0xD800) & (letters < 0xE000))).any():
            raise UserError(f"{where} holds numbers that stand for no letter")
    names = [text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for text in values]
    if len(set(names)) < count:
        raise UserError(f"{where} gives two factors the same name")
    return names


def _check_member(info: zipfile.ZipInfo, header: Header) -> None:
    """Hold what an array says of itself against what the archive says. Raises ValueError."""
    if header.dtype.hasobject:
        return  # refused by whoever asks for it
    if info.file_size != header.length + header.nbytes:
        raise ValueError(f"{info.filename} is not as long as its header says")
    if header.nbytes > max(SMALL, MAX_RATIO * info.compress_size):
        raise ValueError(f"{info.filename} unpacks to more than {MAX_RATIO} times its size")


def _header(file: IO[bytes]) -> Header:
    start = io.BytesIO(file.read(MAX_HEADER))  # a header may claim to be 4 GB long
    version = npy.read_magic(start)
    if version == (1, 0):
        shape, _, dtype = npy.read_array_header_1_0(start)
    elif version == (2, 0):
        shape, _, dtype = npy.read_array_header_2_0(start)
    else:
        raise ValueError(f"version {version[0]}.{version[1]} of the format is not known here")
    if any(side < 0 for side in shape):
        raise ValueError(f"its shape is {shape}")
    if prod(max(side, 1) for side in shape) * max(dtype.itemsize, 1) >= 1 << 62:  # also beside a side of 0
        raise ValueError(f"its shape {shape} is of more numbers than any file holds")
    return Header(shape, dtype, start.tell())


def _listed(keys: Sequence[str], limit: int = 5) -> str:
    more = f" and {len(keys) - limit} more" if len(keys) > limit else ""
    return ", ".join(printable(key) for key in keys[:limit]) + more


def _said(error: BaseException, limit: int = 120) -> str:
    """The reason that a library gives, in one short line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return printable(text if len(text) <= limit else text[:limit] + "…")
