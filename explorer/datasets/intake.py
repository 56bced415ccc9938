"""Own images on their way in: unpacked into a folder beside their place, and looked at before they are kept.

Everything is decoded once here, so that what is kept can be trained on; what is refused is named with the reason.
What this takes is bounded (`budget.py`), counted as the person's while it lies there, and gone once nobody wants it.
"""

from __future__ import annotations

import hashlib
import importlib
import math
import os
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
import torch

from explorer import access, stages
from explorer.datasets import own
from explorer.datasets.archives import MAX_ENTRY, FileRefused, entries, open_zip, packed_digest, read_entry
from explorer.datasets.arrays import ArrayFile, open_arrays, parts_in
from explorer.datasets.base import ArrayDataset
from explorer.datasets.budget import ARRAYS, LOOKS, Budget
from explorer.datasets.folder import listed
from explorer.datasets.in_memory import resized
from explorer.datasets.names import Request
from explorer.datasets.picture_set import (
    MAX_TOTAL,
    THUMB,
    THUMBS,
    PictureSet,
    PictureSource,
    collect_pictures,
    contact_sheet,
    digest_of,
)
from explorer.datasets.table_files import SUFFIXES, evenly, read_table
from explorer.errors import UserError
from explorer.figures.renderings import render
from explorer.files import open_regular, printable
from explorer.naming import check_name

__all__ = ["PictureSet", "store_set", "let_go", "look_at_files", "look_at_folder", "look_at_path"]
Progress = Callable[[int], None]
MANY = 16  # values that a row has at least, to be taken for a curve by itself


def _silent(done: int) -> None:
    """Progress that nobody sees."""


def look_at_folder(path: str | Path, progress: Progress = _silent) -> PictureSet:
    """Copy the pictures of a folder that may be read. Raises UserError where it can't be used."""
    access.require("upload")
    folder = access.check_folder(path)
    if not folder.is_dir():
        raise UserError(f"there is no folder {printable(path)}; a folder with pictures is wanted")
    found, refused = listed(folder)

    def items() -> Iterator[PictureSource]:
        for file in found:
            yield PictureSource(os.path.relpath(file, folder), _size(file), partial(_read_file, file))

    with _staged(progress) as (stage, budget):
        return collect_pictures(items(), stage, budget, refused)


def look_at_files(files: Sequence[tuple[str, IO[bytes]]], progress: Progress = _silent) -> PictureSet:
    """Take pictures, or one zip file of pictures, one .npz or .npy file, or one table.

    Args:
        progress: called some times a second with the number of files that were looked at; what it
            raises ends the look.

    Raises:
        UserError: none of them can be used, they don't go together, or they take more than a look
            may; nothing is left behind.
    """
    access.require("upload")
    if not files:
        raise UserError("no file was given; pictures, a zip file or a .npz file are wanted")
    name, file = files[0]
    suffix = PurePosixPath(name.lower()).suffix
    alone = next((n for n, _ in files if n.lower().endswith((".zip", ".npz", ".npy", *SUFFIXES))), None)
    if len(files) > 1 and alone is not None:
        raise UserError(f"{printable(alone)} came together with other files: give a zip, array or table file by itself")
    with _staged(progress) as (stage, budget):
        if suffix in (".npz", ".npy", *SUFFIXES):
            return _numbers(name, file, stage, budget)
        if suffix == ".zip":
            with open_zip(file, printable(name)) as archive:
                return collect_pictures(_unpacked(archive), stage, budget, [])
        given = (PictureSource(n, f.seek(0, 2), partial(_read_some, f)) for n, f in files)
        return collect_pictures(given, stage, budget, [])


def look_at_path(path: str | Path, progress: Progress = _silent) -> PictureSet:
    """A folder, a zip file or an array file of this machine. Raises UserError where it can't be used."""
    access.require("upload")
    place = access.check_folder(path)
    if place.is_dir():
        return look_at_folder(place, progress)
    with open_regular(place, MAX_TOTAL) as file:
        try:
            return look_at_files([(place.name, file)], progress)
        except OSError as error:
            raise UserError(f"{printable(path)} can't be read: {error.strerror or error}") from error


def store_set(found: PictureSet, name: str) -> own.OwnSet:
    """Store what was looked at under a name. Raises UserError where that is taken, or can't be one."""
    check_name(name, "set of images")
    card = own.Card(
        name=name,
        kind=found.kind,
        file=found.file,
        count=found.count,
        bytes=found.total,
        added=time.time(),
        about=found.about,
        splits=found.splits,
        notes=tuple(note[: own.MAX_NOTE] for note in found.notes[: own.MAX_NOTES]),
    )
    if not found.stage.is_dir():
        raise UserError("these images were let go meanwhile: give them again")
    return own.keep(found.stage, found.digest, card)


def let_go(found: PictureSet) -> None:
    """Forget what was looked at and not kept."""
    stages.drop(found.stage)


# --- where they come from -----------------------------------------------------------------------------


def _unpacked(archive: zipfile.ZipFile) -> Iterator[PictureSource]:
    inside = entries(archive)
    alike = Counter((info.CRC, info.file_size, info.compress_size) for info in inside)
    for info in inside:
        several = alike[info.CRC, info.file_size, info.compress_size] > 1
        packed = partial(packed_digest, archive, info) if several else None
        yield PictureSource(info.filename, info.compress_size, partial(read_entry, archive, info), packed)


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _read_some(file)
    except OSError as error:
        raise FileRefused(f"can't be opened: {error.strerror or error}") from None


def _read_some(file: IO[bytes]) -> bytes:
    file.seek(0)
    content = file.read(MAX_ENTRY + 1)
    if len(content) > MAX_ENTRY:
        raise FileRefused(f"is larger than {MAX_ENTRY >> 20} MB")
    return content


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # gone in this moment


# --- arrays -------------------------------------------------------------------------------------------


def _numbers(name: str, file: IO[bytes], stage: Path, budget: Budget) -> PictureSet:
    """The file is kept as it is, under the name of what it holds."""
    suffix = PurePosixPath(name.lower()).suffix
    target = stage / f"arrays{suffix}"
    content, total = hashlib.blake2b(digest_size=16), 0
    file.seek(0)
    try:
        with target.open("wb") as out:
            while block := file.read(1 << 20):
                content.update(block)
                total += len(block)
                if total > MAX_TOTAL:
                    raise UserError(f"{printable(name)} has more than {MAX_TOTAL >> 30} GB")
                budget.room.take(len(block))
                budget.tell()
                out.write(block)
    except OSError as error:
        raise UserError(f"{target.parent} can't be written: {error.strerror or error}") from error
    try:
        with ARRAYS.turn(budget.whose, budget.tell):
            splits = ("train",) if suffix in SUFFIXES else _parts(target, budget)
            kind, data = _opened(target)
            few = _looks(data)
    except UserError as error:
        raise UserError(str(error).replace(str(target), printable(name))) from error
    if kind != "arrays":
        target = target.rename(target.with_stem(kind))
    channels, height, width = data.shape
    lost = 1 - min(width, height) / max(width, height)
    notes = list(data.notes)
    if data.factor_names and data.factor_sizes:
        pairs = zip(data.factor_names, data.factor_sizes, strict=True)
        notes.append(f"Factors: {', '.join(f'{name} ({count})' for name, count in pairs)}.")
    return PictureSet(
        stage, kind, target.name, digest_of([content.hexdigest()]), len(data), total, (width, height),
        (width, height), len(data) if lost else 0, lost, 0, (), 0,
        *contact_sheet(stage, few), tuple(notes), splits, data.samples,
    )  # fmt: skip


def _opened(path: Path) -> tuple[str, ArrayDataset]:
    """What a file of numbers is, as `own.Card.kind` has it, and its samples.

    A table whose columns are called by places in equal steps is one of curves, and so is an array of rows that are no
    square images. Raises UserError.
    """
    if path.suffix in SUFFIXES:
        titles = [str(title) for title in read_table(path).select_dtypes("number").columns]
        kind = "signals" if len(titles) >= MANY and evenly(titles) else "table"
        return kind, _reader(kind)(Request(kind, None, path, "train", False, None, torch.device("cpu")))
    file = ArrayFile(path)
    flat = [header.shape for header in file.headers.values() if len(header.shape) == 2 and header.shape[1] >= MANY]
    pictures = [header for header in file.headers.values() if len(header.shape) in (3, 4)]
    if not pictures and any(math.isqrt(width) ** 2 != width for _, width in flat):
        return "signals", _reader("signals")(Request("signals", None, path, "train", False, None, torch.device("cpu")))
    return "arrays", open_arrays(path)


def _reader(kind: str) -> Callable[[Request], ArrayDataset]:
    opened: Callable[[Request], ArrayDataset] = importlib.import_module(f"explorer.datasets.{own.READERS[kind]}").opened
    return opened


def _looks(data: ArrayDataset) -> list[np.ndarray]:
    """The first samples as small pictures, uint8 `(THUMB, THUMB, 3)`."""
    first = data.images(range(min(THUMBS, len(data))))
    if data.samples is None:
        return list(resized(first, THUMB, 3, "a few of the images").permute(0, 2, 3, 1).numpy())
    drawn = torch.from_numpy(render(first.numpy(), data.samples)).permute(0, 3, 1, 2).float()
    small = torch.nn.functional.interpolate(drawn, size=(THUMB, THUMB), mode="bilinear", antialias=True)
    return list(small.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy())


def _parts(path: Path, budget: Budget) -> tuple[str, ...]:
    """The parts of an array file. Raises UserError where one of its arrays is larger than may be opened."""
    file = ArrayFile(path)
    for key, header in file.headers.items():
        if budget.array_bytes is not None and header.nbytes > budget.array_bytes:
            raise UserError(
                f"{file.called(key)} has {header.nbytes / access.MB:,.0f} MB of values, and an array may have "
                f"{budget.array_bytes // access.MB:,} MB on this server"
            )
    parts = tuple(parts_in(file))
    return parts if "train" in parts else ("train",)


@contextmanager
def _staged(progress: Progress) -> Iterator[tuple[Path, Budget]]:
    """A folder beside the sets, which stays where all went well, and what may be taken to fill it."""
    budget = Budget(progress)
    with LOOKS.turn(budget.whose, budget.tell):
        budget.room = access.Room()
        stage = stages.new(own.sets_root())
        try:
            access.mark_owner(stage)
            yield stage, budget
        except BaseException:
            stages.drop(stage)
            raise
