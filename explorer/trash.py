"""What was deleted, to be put back or to go for good: one trash for models, runs and images.

A thing in the trash is a folder called by the time, with a marker that says what the thing was called, and the thing
itself. It goes in and comes out by one rename, so that a process that is killed leaves it before or after; a folder
that has a marker alone is what such a process left, and is taken away when the trash is looked at.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from explorer import access, paths
from explorer.errors import UserError
from explorer.files import folder_lock, move, read_json, write_json

LOCK = ".trash"  # in the home folder: an empty trash is an empty folder
GONE = ".gone-"  # begins the names of folders that are being deleted for good


@dataclass(frozen=True)
class TrashKind:
    """What lies in the trash: the names of its marker and of its folder, and a file without which it is nothing."""

    marker: str
    folder: str
    proof: str


MODEL = TrashKind("model.json", "model", "config.json")
RUN = TrashKind("name.json", "run", "config.json")
IMAGES = TrashKind("images.json", "images", "set.json")
KINDS = (MODEL, RUN, IMAGES)


@dataclass(frozen=True)
class Item:
    """A thing in the trash: the folder it lies in, and its name before; of a sweep's run such as sweep/beta-4."""

    kind: TrashKind
    path: Path
    name: str

    @property
    def inside(self) -> Path:
        """The folder that was somebody's."""
        return self.path / self.kind.folder


def root() -> Path:
    """Where deleted things lie."""
    return paths.home() / "trash"


def put(kind: TrashKind, path: Path, name: str, about: Any = None) -> Item:
    """Move a folder into the trash, with its name, or all that is to be known of it.

    Raises:
        UserError: it can't be moved, or who asks may not; nothing has changed.
    """
    access.require("delete", path)
    with _alone():
        folder = _new()
        try:
            write_json(folder / kind.marker, about or name)
            move(path, folder / kind.folder)
        except UserError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return Item(kind, folder, name)


def take(item: Item, to: Path) -> None:
    """Move a thing out of the trash to a place that is free. Raises UserError where that can't be."""
    with _alone():
        if not _is(item.kind, item.path):
            raise UserError(f"{item.name!r} is no longer in the trash")
        move(item.inside, to)
        shutil.rmtree(item.path, ignore_errors=True)


def empty(items: Iterable[Item]) -> None:
    """Delete things for good. Raises UserError where one can't be deleted, or who asks may not."""
    doomed = list(items)
    for item in doomed:
        access.require("delete", item.inside)
    with _alone():
        for item in doomed:
            gone = item.path.with_name(GONE + item.path.name)
            try:
                item.path.rename(gone)  # one half deleted is in the trash no more
                shutil.rmtree(gone)
            except OSError as error:
                raise UserError(f"{item.path} can't be deleted: {error.strerror or error}") from error


def items(kind: TrashKind, called: Callable[[Any, Path], str]) -> list[Item]:
    """The things of that kind in the trash, newest first.

    Args:
        called: the name of one, from what its marker says and its folder; "" where neither tells.
    """
    _heal()
    folders = sorted((folder for folder in _all() if _is(kind, folder)), reverse=True)
    named = ((folder, called(about(kind, folder), folder / kind.folder)) for folder in folders)
    return [Item(kind, folder, name or f"{kind.folder} {folder.name}") for folder, name in named]


def about(kind: TrashKind, folder: Path) -> Any:
    """What is known of a thing in the trash; None where its marker is lost."""
    try:
        return read_json(folder / kind.marker)
    except UserError:
        return None


def _alone() -> AbstractContextManager[None]:
    """One at a time changes the trash."""
    return folder_lock(paths.home(), "the trash", LOCK)


def _heal() -> None:
    """Take away what killed processes have left; where another process changes the trash, the next look does."""
    if not any(_is_left(path) for path in _all()):
        return
    with suppress(OSError, Timeout), FileLock(paths.home() / LOCK, timeout=0):
        for path in filter(_is_left, _all()):
            shutil.rmtree(path, ignore_errors=True)


def _is_left(path: Path) -> bool:
    return path.name.startswith(GONE) or not any(_is(kind, path) for kind in KINDS)


def _is(kind: TrashKind, folder: Path) -> bool:
    return (folder / kind.folder / kind.proof).is_file()


def _all() -> list[Path]:
    """The folders that are ours."""
    try:
        found = list(root().iterdir())
    except OSError:
        return []
    return [
        path for path in found if path.name.removeprefix(GONE).isdecimal() and path.is_dir() and not path.is_symlink()
    ]


def _new() -> Path:
    """An empty folder called by the time, or by the next number that is free."""
    number = time.time_ns()
    while True:
        folder = root() / f"{number:020d}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1
        except OSError as error:
            raise UserError(f"{folder} can't be made: {error.strerror or error}") from error
