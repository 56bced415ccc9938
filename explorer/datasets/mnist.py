"""MNIST and Fashion-MNIST, from their IDX files, gzipped or not."""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np
import torch

from explorer import paths
from explorer.datasets.base import ArrayDataset
from explorer.datasets.downloads import fetch_file, not_found
from explorer.datasets.in_memory import check_fits, digest, kind_of, resized
from explorer.datasets.names import DATASETS, Request
from explorer.errors import UserError
from explorer.files import printable

TORCHVISION = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
FACTOR = {"mnist": "digit", "fashion-mnist": "class"}
DEBIAN = {"fashion-mnist": Path("/usr/share/datasets/fashion-mnist")}  # dataset-fashion-mnist
PREFIX = {"train": "train", "test": "t10k"}
CLASSES = 10


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it."""
    return open_mnist(request.name, request.root, request.split, request.size, request.channels, request.download)


def open_mnist(
    name: str,
    root: Path | None = None,
    split: str = "train",
    size: int | None = None,
    channels: int | None = None,
    download: bool = False,
) -> ArrayDataset:
    """`name` ("mnist" or "fashion-mnist") in memory; its labels are its one factor.

    `root` holds the IDX files, or torchvision's folders with them. Resizing is bilinear, as
    `torchvision.transforms.Resize` does it to these images.

    Raises:
        UserError: the files aren't there, or are damaged; one sentence.
    """
    title, kind = DATASETS[name].title, TORCHVISION[name]
    home = root or paths.data()
    places = [home / kind / "raw", home / name, home]
    if root is None and name in DEBIAN:
        places.append(DEBIAN[name])
    found = _find(places, split)
    if found is None and download:
        fetch_file(title, kind, home)
        found = _find(places, split)
    if found is None:
        names = f"{PREFIX[split]}-images-idx3-ubyte(.gz) and {PREFIX[split]}-labels-idx1-ubyte(.gz)"
        raise not_found(title, places, names)
    pixels, labels = read_idx(found[0], 3), read_idx(found[1], 1)
    if len(pixels) != len(labels):
        raise UserError(
            f"{printable(found[0])} has {len(pixels):,} images and {printable(found[1])} {len(labels):,} "
            f"labels; they must be equal in number"
        )
    if labels.max() >= CLASSES:
        raise UserError(f"{printable(found[1])} has a label {labels.max()}; labels are 0 to {CLASSES - 1}")
    images = resized(torch.from_numpy(pixels)[:, None], size, channels, f"{title} at {size} px")
    factors = torch.from_numpy(labels.astype(np.int64))[:, None]
    identity = f"{name}/{split}/{digest(images, factors)}"
    return ArrayDataset(name, images, identity, factors, (FACTOR[name],), (CLASSES,))


def _find(places: list[Path], split: str) -> tuple[Path, Path] | None:
    """The files of images and of labels, in the first folder that has both."""
    for place in places:
        images = _variant(place, f"{PREFIX[split]}-images", "idx3-ubyte")
        labels = _variant(place, f"{PREFIX[split]}-labels", "idx1-ubyte")
        if images and labels:
            return images, labels
    return None


def _variant(place: Path, stem: str, ending: str) -> Path | None:
    candidates = [place / f"{stem}{dot}{ending}{gz}" for dot in "-." for gz in ("", ".gz")]
    return next((path for path in candidates if kind_of(path) == "file"), None)


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """An IDX file of bytes, gzipped or not: uint8, with that many dimensions.

    Raises:
        UserError: not such a file, cut off, damaged, or larger than memory allows.
    """
    wanted = f"an IDX file of {dimensions}-dimensional bytes is wanted"
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            header = file.read(4 + 4 * dimensions)
            if len(header) < 4 + 4 * dimensions or header[:4] != bytes([0, 0, 8, dimensions]):
                raise UserError(f"{printable(path)} doesn't begin as it should; {wanted}")
            shape = tuple(int(side) for side in np.frombuffer(header, ">u4", offset=4))
            count = prod(shape)
            if count == 0:
                raise UserError(f"{printable(path)} is empty: its shape is {shape}")
            check_fits(count, printable(path))
            content = file.read(count + 1)  # one more, so that the gzip checksum is read as well
    except (OSError, EOFError, zlib.error) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{printable(path)} is damaged or can't be read: {printable(reason)}") from error
    if len(content) != count:
        state = "cut off" if len(content) < count else "longer than it says"
        raise UserError(f"{printable(path)} is {state}: {count:,} bytes of {shape} are wanted")
    return np.frombuffer(bytearray(content), np.uint8).reshape(shape)
