"""CelebA: aligned faces, and forty attributes of each where their list is there."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from explorer import paths
from explorer.datasets.base import ArrayDataset
from explorer.datasets.downloads import fetch_file, not_found
from explorer.datasets.folder import refusals
from explorer.datasets.in_memory import digest, kind_of, recoloured
from explorer.datasets.names import Request
from explorer.datasets.picture_files import read_pictures
from explorer.errors import UserError
from explorer.files import printable

TITLE = "CelebA"
NATIVE = 64
IMAGES, SPLITS, ATTRIBUTES = "img_align_celeba", "list_eval_partition.txt", "list_attr_celeba.txt"
SPLIT_CODES = {"train": {"0"}, "valid": {"1"}, "test": {"2"}, "all": {"0", "1", "2"}}
MAX_LIST_BYTES = 2**28


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it."""
    size = request.size or NATIVE
    return open_celeba(request.root, request.split, size, request.channels, request.download)


def open_celeba(
    root: Path | None = None,
    split: str = "train",
    size: int = NATIVE,
    channels: int | None = None,
    download: bool = False,
) -> ArrayDataset:
    """CelebA in memory: the central 178 x 178 pixels of each face, resized bilinearly to `size`.

    `root` holds celeba/ as torchvision lays it out, or img_align_celeba/ and the published lists.

    Raises:
        UserError: images or lists aren't there, or can't be read; one sentence.
    """
    home = root or paths.data()
    found = _find(home)
    if found is None and download:
        fetch_file(TITLE, "CelebA", home, split="all", target_type=[])
        found = _find(home)
    if found is None:
        raise not_found(TITLE, [home / "celeba", home], f"the folder {IMAGES} and {SPLITS}")
    names = [row[0] for row in _rows(found / SPLITS, 2) if row[1] in SPLIT_CODES[split]]
    for name in names:
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise UserError(f"{printable(found / SPLITS)} names {printable(name)!r}, which is no plain file name")
    files = [found / IMAGES / name for name in names]
    images, kept, refused, _ = read_pictures(files, size, f"{TITLE} at {size} px")
    if not kept:
        raise UserError(f"no image of CelebA's {split} split can be read in {printable(found / IMAGES)}")
    images = recoloured(images, channels or 3).contiguous()
    notes = list(refusals([(names[number], reason) for number, reason in refused]))
    factors, factor_names = None, None
    if kind_of(found / ATTRIBUTES) == "file":
        factors, factor_names = _attributes(found / ATTRIBUTES, [names[number] for number in kept])
    else:
        notes.append(f"CelebA's attributes are unknown: there is no {ATTRIBUTES}.")
    sizes = None if factor_names is None else (2,) * len(factor_names)
    return ArrayDataset(
        "celeba", images, f"celeba/{split}/{digest(images, factors)}", factors, factor_names, sizes, tuple(notes)
    )


def _find(home: Path) -> Path | None:
    for folder in (home / "celeba", home):
        if kind_of(folder / IMAGES) == "folder" and kind_of(folder / SPLITS) == "file":
            return folder
    return None


def _attributes(path: Path, names: list[str]) -> tuple[Tensor, tuple[str, ...]]:
    """Attributes `(n, K)` of the named images, 0 or 1, and what they are called."""
    lines = _lines(path)
    titles = tuple(lines[1].split()) if len(lines) > 1 else ()
    known = {row[0]: row[1:] for row in _rows(path, 1 + len(titles), skip=2)}
    try:
        values = [[{"-1": 0, "0": 0, "1": 1}[code] for code in known[name]] for name in names]
    except KeyError as error:
        raise UserError(
            f"{printable(path)} has no line, or a value other than 1 and -1, "
            f"for an image of the split: {printable(str(error))}"
        ) from None
    if not titles:
        raise UserError(f"{printable(path)} names no attributes on its second line")
    return torch.tensor(values, dtype=torch.int64), titles


def _rows(path: Path, columns: int, skip: int = 0) -> list[list[str]]:
    rows = [line.split() for line in _lines(path)[skip:] if line.strip()]
    wrong = next((row for row in rows if len(row) != columns), None)
    if wrong is not None:
        raise UserError(f"{printable(path)} has a line of {len(wrong)} words; {columns} are wanted")
    return rows


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise UserError(f"{printable(path)} is too long to be a list of CelebA's")
        return path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{printable(path)} can't be read: {error}") from error
