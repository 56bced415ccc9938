"""Images to train on and to look at, and the factors behind them: `open_dataset(name, ...)`.

Importing this costs nothing: torch is imported when a data set is opened.
"""

from __future__ import annotations

import importlib
import operator
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import access
from explorer.datasets.names import DATASETS, DatasetInfo, Request
from explorer.errors import UserError

if TYPE_CHECKING:
    import torch

    from explorer.datasets.base import ArrayDataset, Dataset, FactorGrid
    from explorer.datasets.dsprites import DSprites
    from explorer.datasets.scene import Scene

__all__ = ["DATASETS", "ArrayDataset", "DSprites", "Dataset", "DatasetInfo", "FactorGrid", "Scene", "open_dataset"]

_LAZY = {"ArrayDataset": "base", "Dataset": "base", "FactorGrid": "base", "DSprites": "dsprites", "Scene": "scene"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"explorer.datasets.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def open_dataset(
    name: str,
    size: int | None = None,
    root: str | os.PathLike[str] | None = None,
    split: str = "train",
    download: bool = False,
    channels: int | None = None,
    device: str | torch.device = "cpu",
) -> Dataset:
    """Open a data set by its name; `DATASETS` says which there are.

    Args:
        name: "dsprites", "scene", "mnist", "fashion-mnist", "cifar10", "celeba", "folder", "npz",
            or own images that were stored: "own:NAME".
        size: height and width of the images in pixels; None is the data set's own.
        root: where it lies, a folder or a file; `DATASETS[name].root` says what is meant.
        split: which part of it.
        download: fetch it if it isn't there. Without this nothing ever leaves the machine.
        channels: 1 for grey (ITU-R 601 luma), 3 for colour; None is the data set's own.
        device: where images are held or drawn.

    Raises:
        UserError: any of these can't be used or isn't allowed, or the data isn't there; one sentence.
    """
    info = _info(name)
    size = _size(size, info)
    place = _root(root, info)
    if place is not None:
        access.check_folder(place)
    if download:
        access.require("download")
    if split not in info.splits:
        raise UserError(f"{info.title} has no split {split!r}, only {', '.join(info.splits)}")
    if channels is not None and (isinstance(channels, bool) or channels not in (1, 3)):
        raise UserError(f"channels is 1 for grey or 3 for colour, not {channels!r}")
    chosen = _device(device)
    request = Request(name, size, place, split, bool(download), channels, chosen)
    module = importlib.import_module(f"explorer.datasets.{info.module}")
    data: Dataset = module.opened(request)
    try:
        return data.to(chosen)
    except RuntimeError as error:
        raise UserError(f"{info.title} doesn't fit on {chosen}: open it on the cpu or at a smaller size") from error


def _info(name: object) -> DatasetInfo:
    if not isinstance(name, str) or name not in DATASETS:
        raise UserError(f"there is no data set {name!r:.80}; there are {', '.join(DATASETS)}")
    return DATASETS[name]


def _size(size: object, info: DatasetInfo) -> int | None:
    if size is None:
        return None
    low, high = info.sizes
    wanted = f"a whole number of pixels from {low} to {high}"
    if isinstance(size, bool):
        raise UserError(f"size is {wanted}, not {size!r}")
    try:
        number = operator.index(size)  # type: ignore[arg-type]
    except TypeError:
        raise UserError(f"size is {wanted}, not {size!r}") from None
    if not low <= number <= high:
        raise UserError(f"{info.title} can be opened at {wanted}, not {number}")
    return number


def _root(root: object, info: DatasetInfo) -> Path | None:
    if root is not None and not isinstance(root, str | os.PathLike):
        raise UserError(f"root is a path, not {root!r}")
    text = "" if root is None else os.fspath(root)
    if isinstance(text, bytes) or "\0" in text:
        raise UserError(f"root is a path, not {text!r}")
    if not text.strip():
        if info.root_needed:
            raise UserError(f"{info.title} can't be opened without root: {info.root}")
        return None
    if not info.root:
        raise UserError(f"{info.title} is drawn on the spot and reads no files: leave root out")
    try:
        return Path(text).expanduser()
    except RuntimeError:  # a home folder of nobody
        raise UserError(f"there is no folder {text}") from None


def _device(device: object) -> torch.device:
    import torch

    try:
        chosen: torch.device = torch.device(device)  # type: ignore[call-overload]
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError):
        raise UserError(f"there is no device {str(device)!r} on this machine; cpu always works") from None
    return chosen
