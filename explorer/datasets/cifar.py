"""CIFAR-10, from the published binary files or through torchvision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from explorer import paths
from explorer.datasets.base import ArrayDataset
from explorer.datasets.downloads import fetch_file, not_found
from explorer.datasets.in_memory import check_fits, digest, kind_of, resized
from explorer.datasets.names import Request
from explorer.errors import UserError
from explorer.files import printable

TITLE = "CIFAR-10"
BINARY, PYTHON = "cifar-10-batches-bin", "cifar-10-batches-py"
FILES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
ROW = 1 + 3 * 32 * 32  # a label and an image, in bytes
CLASSES = 10


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it."""
    return open_cifar10(request.root, request.split, request.size, request.channels, request.download)


def open_cifar10(
    root: Path | None = None,
    split: str = "train",
    size: int | None = None,
    channels: int | None = None,
    download: bool = False,
) -> ArrayDataset:
    """CIFAR-10 in memory; its labels are its one factor, "class".

    `root` holds the folder cifar-10-batches-bin (plain bytes) or cifar-10-batches-py, or is one.

    Raises:
        UserError: the files aren't there, or aren't the published ones; one sentence.
    """
    home = root or paths.data()
    found = _find(home)
    if found is None and download:
        fetch_file(TITLE, "CIFAR10", home)
        found = _find(home)
    if found is None:
        raise not_found(TITLE, [home], f"the folder {BINARY} or {PYTHON}")
    if found.name == PYTHON:
        pixels, labels = _read_python(found.parent, split)
    else:
        pixels, labels = _read_binary(found, split)
    images = resized(torch.from_numpy(pixels), size, channels, f"{TITLE} at {size} px")
    factors = torch.from_numpy(labels.astype(np.int64))[:, None]
    identity = f"cifar10/{split}/{digest(images, factors)}"
    return ArrayDataset("cifar10", images, identity, factors, ("class",), (CLASSES,))


def _find(home: Path) -> Path | None:
    """The folder with the batches; the one that needs no unpickling comes first."""
    for folder in (home / BINARY, home / PYTHON):
        if kind_of(folder) == "folder":
            return folder
    resolved = home.resolve()
    return resolved if resolved.name in (BINARY, PYTHON) and resolved.is_dir() else None


def _read_binary(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    batches = []
    for name in FILES[split]:
        path = folder / f"{name}.bin"
        try:
            length = path.stat().st_size
            check_fits(length, printable(path))
            batches.append(np.fromfile(path, np.uint8))
        except OSError as error:
            raise UserError(f"{printable(path)} can't be read: {error.strerror or error}") from error
        if length == 0 or length % ROW:
            raise UserError(f"{printable(path)} is {length:,} bytes long; a multiple of {ROW:,} is wanted")
    rows = np.concatenate(batches).reshape(-1, ROW)
    labels = rows[:, 0]
    if labels.max() >= CLASSES:
        raise UserError(f"{printable(folder)} has a label {labels.max()}; labels are 0 to {CLASSES - 1}")
    return np.ascontiguousarray(rows[:, 1:]).reshape(-1, 3, 32, 32), labels


def _read_python(root: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The form that torchvision downloads: pickles, each of which torchvision opens only after its
    MD5 has proved to be that of the published file. No stranger's pickle is ever opened."""
    # Slow to import: only here.
    from torchvision.datasets import (  # type: ignore[import-untyped, unused-ignore]
        CIFAR10,
    )

    try:
        batches = CIFAR10(root, train=split == "train", download=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(
            f"{printable(root / PYTHON)} lacks files or has other ones than the published CIFAR-10: "
            f"remove it and fetch it with download=True (--download)"
        ) from error
    return np.ascontiguousarray(batches.data.transpose(0, 3, 1, 2)), np.array(batches.targets)
