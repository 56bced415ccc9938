"""What can be done with any model at hand, a run's or the library's: rename, delete, put back, annotate."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from explorer import access, paths, trash
from explorer.checkpoints import Entry, catalogue, shelf
from explorer.checkpoints.notes import Notes, write_notes
from explorer.datasets import own
from explorer.errors import UserError
from explorer.launch import lifecycle
from explorer.naming import MAX_NAME
from explorer.training.directory import RunDirectory


def find(name: str) -> Entry:
    """The model of that name. Raises UserError where there is none."""
    for entry in catalogue():
        if entry.name == name:
            return entry
    raise UserError(f"there is no model {name[:100]!r} any more")


def rename(name: str, to: str) -> str:
    """Call a model otherwise, and return its whole name. A run keeps the sweep that it is in.

    Raises:
        UserError: it is shipped, still trains, is not there, or the name is taken or can't be one.
    """
    entry = find(name)
    _own(entry)
    if entry.origin == "run":
        return lifecycle.name_of(lifecycle.rename(RunDirectory(entry.path.parent), to))
    return shelf.rename(entry, to).name


def duplicate(name: str, to: str = "") -> str:
    """Copy a model into the library; without `to` under a name that is free. Raises UserError."""
    to = to or shelf.free_name(f"{name[: MAX_NAME - 20]} copy")
    return shelf.duplicate(find(name), to).name


def annotate(name: str, tags: Sequence[str] | None = None, text: str | None = None) -> Notes:
    """Put other tags or notes to a model, shipped ones too. Raises UserError on what can't be used."""
    entry = find(name)
    access.require("label", entry.path)
    given = {"tags": tags if tags is None else tuple(tags), "text": text}
    return write_notes(entry.path, **{k: v for k, v in given.items() if v is not None})


def discard(names: Iterable[str]) -> list[trash.Item]:
    """Put models into the trash, a run with all that it has.

    Raises:
        UserError: one is shipped, still trains, or can't be moved; those before it are in the trash.
    """
    entries = [find(name) for name in names]
    for entry in entries:
        _own(entry)
    return [
        lifecycle.discard(RunDirectory(entry.path.parent)) if entry.origin == "run" else shelf.discard(entry)
        for entry in entries
    ]


def restore(item: trash.Item) -> str:
    """Take what is in the trash out of it; its name. Raises UserError where that is taken now."""
    if item.kind == trash.RUN:
        return lifecycle.name_of(lifecycle.restore(item))
    return (shelf.restore(item) if item.kind == trash.MODEL else own.restore(item)).name


def trashed() -> list[trash.Item]:
    """All that is in the trash, newest first: models, runs and images."""
    items = [*shelf.trashed(), *lifecycle.trashed(), *own.trashed()]
    return sorted(items, key=lambda item: item.path.name, reverse=True)


def disk_used() -> dict[str, int]:
    """Bytes of what the person's home holds, by kind."""
    kinds = {
        "library": paths.library(),
        "runs": paths.runs(),
        "trash": trash.root(),
        "data": paths.data(),
        "cache": paths.cache(),
    }
    return {kind: _bytes(folder) for kind, folder in kinds.items()}


def _bytes(root: Path) -> int:
    total = 0
    for folder, _, files in os.walk(root):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118
            except OSError:
                continue  # gone in this moment
    return total


def _own(entry: Entry) -> None:
    if entry.origin == "shipped":
        raise UserError(f"{entry.name!r} comes with the program and stays as it is; duplicate it and change that")
