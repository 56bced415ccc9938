"""Own images on their way in: unpacked into a folder beside their place, and looked at before they are kept.

Everything is decoded once here, so that what is kept can be trained on; what is refused is named with the reason.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import time
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from PIL import Image

from explorer import access
from explorer.datasets import own
from explorer.datasets.archives import MAX_ENTRY, Refused, entries, open_zip, read_entry
from explorer.datasets.arrays import open_arrays
from explorer.datasets.folder import SUFFIXES, listed
from explorer.datasets.pictures import NO_PICTURE, look_at_picture
from explorer.datasets.resident import fitted
from explorer.errors import UserError
from explorer.files import new_stage, open_regular, shown

THUMB, THUMBS = 64, 24  # pixels of a small picture, and how many are shown
COLUMNS, GAP = 12, 2
MAX_TOTAL = 8 << 30  # bytes of one set
AT_ONCE, BYTES_AT_ONCE = 64, 64 << 20  # files that are in memory together
MAX_NAMED = 200  # refused files that are named one by one

Item = tuple[str, Callable[[], bytes]]


@dataclass(frozen=True)
class Found:
    """What was looked at, and lies in `stage` until it is kept or let go.

    Attributes:
        file: what the content is called in `stage`.
        smallest, largest: width and height of pictures, upright; equal for arrays.
        cropped: pictures that are not square, and `lost` the mean part of their area that is cut off.
        copies: files with the same bytes as another one, stored once.
        refused: names of files with the reasons, the first `MAX_NAMED`; `refusals` counts all.
        sheet: a PNG file with the first `shown` images as they will be seen, cropped and made small.
        notes: what else the person should read.
    """

    stage: Path
    kind: str
    file: str
    digest: str
    count: int
    total: int
    smallest: tuple[int, int]
    largest: tuple[int, int]
    cropped: int
    lost: float
    copies: int
    refused: tuple[tuple[str, str], ...]
    refusals: int
    sheet: bytes
    shown: int
    notes: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """Sizes and crops in words."""
        (width, height), (wide, high) = self.smallest, self.largest
        sizes = f"{width} × {height} px"
        if (width, height) != (wide, high):
            sizes = f"from {sizes} to {wide} × {high} px"
        if not self.cropped:
            return f"{sizes}, all square"
        return (
            f"{sizes}; {self.cropped:,} of {self.count:,} are not square and are cropped to their central "
            f"square, which cuts off {100 * self.lost:.0f} % of their area on average"
        )


def look_at_folder(path: str | Path, progress: Callable[[int], None] = lambda n: None) -> Found:
    """Copy the pictures of a folder that may be read. Raises UserError where it can't be used."""
    access.require("upload")
    folder = access.check_folder(path)
    if not folder.is_dir():
        raise UserError(f"there is no folder {shown(path)}; a folder with pictures is wanted")
    found, refused = listed(folder)

    def items() -> Iterator[Item]:
        for file in found:
            yield os.path.relpath(file, folder), lambda file=file: _read_file(file)  # type: ignore[misc]

    with _staged() as stage:
        return _pictures(items(), stage, progress, refused)


def look_at_files(
    files: Sequence[tuple[str, IO[bytes]]], progress: Callable[[int], None] = lambda n: None
) -> Found:
    """Take pictures, or one zip file of pictures, or one .npz or .npy file.

    Raises:
        UserError: none of them can be used, or they don't go together; nothing is left behind.
    """
    access.require("upload")
    if not files:
        raise UserError("no file was given; pictures, a zip file or a .npz file are wanted")
    name, file = files[0]
    suffix = PurePosixPath(name.lower()).suffix
    alone = next((n for n, _ in files if n.lower().endswith((".zip", ".npz", ".npy"))), None)
    if len(files) > 1 and alone is not None:
        raise UserError(
            f"{shown(alone)} came together with other files: give a zip or an array file by itself"
        )
    with _staged() as stage:
        if suffix in (".npz", ".npy"):
            return _arrays(name, file, stage)
        if suffix == ".zip":
            with open_zip(file, shown(name)) as archive:
                inside = entries(archive)
                return _pictures(_unpacked(archive, inside), stage, progress, [])
        given = ((n, lambda f=f: _read_some(f)) for n, f in files)
        return _pictures(given, stage, progress, [])


def look_at_path(path: str | Path, progress: Callable[[int], None] = lambda n: None) -> Found:
    """A folder, a zip file or an array file of this machine. Raises UserError where it can't be used."""
    access.require("upload")
    place = access.check_folder(path)
    if place.is_dir():
        return look_at_folder(place, progress)
    with open_regular(place, MAX_TOTAL) as file:
        try:
            return look_at_files([(place.name, file)], progress)
        except OSError as error:
            raise UserError(f"{shown(path)} can't be read: {error.strerror or error}") from error


def keep(found: Found, name: str) -> own.OwnSet:
    """Store what was looked at under a name. Raises UserError where that is taken, or can't be one."""
    own.check_name(name, "set of images")
    card = own.Card(
        name=name, kind=found.kind, file=found.file, count=found.count, bytes=found.total,
        added=time.time(), about=found.about,
    )  # fmt: skip
    if not found.stage.is_dir():
        raise UserError("these images were let go meanwhile: give them again")
    return own.keep(found.stage, found.digest, card)


def let_go(found: Found) -> None:
    """Forget what was looked at and not kept."""
    if found.stage.name.startswith(".incoming-"):
        shutil.rmtree(found.stage, ignore_errors=True)


# --- pictures -----------------------------------------------------------------------------------------


def _pictures(
    items: Iterable[Item],
    stage: Path,
    progress: Callable[[int], None],
    refused: list[tuple[str, str]],
) -> Found:
    folder = stage / "images"
    folder.mkdir()
    seen: set[str] = set()
    sizes: list[tuple[int, int]] = []
    thumbs: list[np.ndarray] = []
    copies = total = done = 0
    with warnings.catch_warnings(), ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")  # Pillow's, of odd EXIF and large pictures
        for batch in _batches(items):
            for name, content, result in pool.map(_judged, batch):
                done += 1
                if isinstance(result, str):
                    if result != NO_PICTURE or PurePosixPath(name.lower()).suffix in SUFFIXES:
                        refused.append((name, result))
                    continue
                digest = hashlib.blake2b(content, digest_size=16).hexdigest()
                if digest in seen:
                    copies += 1
                    continue
                seen.add(digest)
                total += len(content)
                if total > MAX_TOTAL:
                    raise UserError(
                        f"these are more than the {MAX_TOTAL >> 30} GB that a set may have"
                    )
                thumb, size = result
                if len(thumbs) < THUMBS:
                    thumbs.append(thumb)
                _write(folder / _file_name(len(sizes), name), content)
                sizes.append(size)
            progress(done)
    if not sizes:
        raise UserError(_nothing(refused))
    by_area = sorted(sizes, key=lambda size: size[0] * size[1])
    uneven = [1 - min(size) / max(size) for size in sizes if size[0] != size[1]]
    return Found(
        stage, "pictures", "images", _digest(sorted(seen)), len(sizes), total, by_area[0], by_area[-1],
        len(uneven), sum(uneven) / max(1, len(uneven)), copies, tuple(refused[:MAX_NAMED]), len(refused),
        *_sheet(stage, thumbs),
    )  # fmt: skip


def _judged(
    item: tuple[str, bytes | str],
) -> tuple[str, bytes, tuple[np.ndarray, tuple[int, int]] | str]:
    name, content = item
    if isinstance(content, str):
        return name, b"", content
    try:
        return name, content, look_at_picture(io.BytesIO(content), THUMB)
    except Refused as reason:
        return name, b"", str(reason)


def _batches(items: Iterable[Item]) -> Iterator[list[tuple[str, bytes | str]]]:
    """Contents, or the reasons why there is none, so many at a time that they take little memory."""
    batch: list[tuple[str, bytes | str]] = []
    size = 0
    for name, read in items:
        try:
            content: bytes | str = read()
        except Refused as reason:
            content = str(reason)
        batch.append((name, content))
        size += len(content)
        if len(batch) >= AT_ONCE or size >= BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    yield batch


def _unpacked(archive: zipfile.ZipFile, inside: Sequence[zipfile.ZipInfo]) -> Iterator[Item]:
    for info in inside:
        yield info.filename, lambda info=info: read_entry(archive, info)  # type: ignore[misc]


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _read_some(file)
    except OSError as error:
        raise Refused(f"can't be opened: {error.strerror or error}") from None


def _read_some(file: IO[bytes]) -> bytes:
    file.seek(0)
    content = file.read(MAX_ENTRY + 1)
    if len(content) > MAX_ENTRY:
        raise Refused(f"is larger than {MAX_ENTRY >> 20} MB")
    return content


def _file_name(number: int, name: str) -> str:
    """Such as 000012-cat.png: numbered as they came, so that image 12 stays image 12."""
    path = PurePosixPath(name.replace("\\", "/"))
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in path.stem)
    suffix = path.suffix.lower()
    return f"{number:06d}-{stem[:40]}{suffix if suffix in SUFFIXES else ''}"


def _nothing(refused: Sequence[tuple[str, str]]) -> str:
    wanted = "PNG, JPEG, WebP, BMP, GIF or TIFF pictures are wanted"
    if not refused:
        return f"there are no pictures in it; {wanted}"
    told = "; ".join(f"{shown(name)[:80]} {reason}" for name, reason in refused[:5])
    more = f"; and {len(refused) - 5:,} more" if len(refused) > 5 else ""
    return f"no picture can be used: {told}{more}; {wanted}"


# --- arrays -------------------------------------------------------------------------------------------


def _arrays(name: str, file: IO[bytes], stage: Path) -> Found:
    target = stage / f"arrays{PurePosixPath(name.lower()).suffix}"
    content, total = hashlib.blake2b(digest_size=16), 0
    file.seek(0)
    try:
        with target.open("wb") as out:
            while block := file.read(1 << 20):
                content.update(block)
                total += len(block)
                if total > MAX_TOTAL:
                    raise UserError(f"{shown(name)} has more than {MAX_TOTAL >> 30} GB")
                out.write(block)
    except OSError as error:
        raise UserError(f"{target.parent} can't be written: {error.strerror or error}") from error
    try:
        data = open_arrays(target)
        few = fitted(data.images(range(min(THUMBS, len(data)))), THUMB, 3, "a few of the images")
    except UserError as error:
        raise UserError(str(error).replace(str(target), shown(name))) from error
    channels, height, width = data.shape
    lost = 1 - min(width, height) / max(width, height)
    notes = list(data.notes)
    if data.factor_names and data.factor_sizes:
        pairs = zip(data.factor_names, data.factor_sizes, strict=True)
        notes.append(f"Factors: {', '.join(f'{name} ({count})' for name, count in pairs)}.")
    return Found(
        stage, "arrays", target.name, _digest([content.hexdigest()]), len(data), total, (width, height),
        (width, height), len(data) if lost else 0, lost, 0, (), 0,
        *_sheet(stage, list(few.permute(0, 2, 3, 1).numpy())), tuple(notes),
    )  # fmt: skip


def _sheet(stage: Path, thumbs: Sequence[np.ndarray]) -> tuple[bytes, int]:
    """Small pictures in full rows as a PNG file, which is kept with them, and how many they are."""
    columns = min(COLUMNS, len(thumbs))
    shown = len(thumbs) // columns * columns
    cells = np.full((shown, THUMB + GAP, THUMB + GAP, 3), 128, np.uint8)
    cells[:, :THUMB, :THUMB] = thumbs[:shown]
    rows = cells.reshape(-1, columns, *cells.shape[1:]).swapaxes(1, 2)
    pixels = rows.reshape(-1, columns * (THUMB + GAP), 3)[:-GAP, :-GAP]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    _write(stage / own.THUMBS, file.getvalue())
    return file.getvalue(), shown


# --- the folder they wait in --------------------------------------------------------------------------


@contextmanager
def _staged() -> Iterator[Path]:
    """A folder beside the sets, which stays where all went well."""
    stage = new_stage(own.root())
    try:
        yield stage
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror or error}") from error


def _digest(parts: Sequence[str]) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()
