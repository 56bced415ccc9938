"""What can be done with models of the library: keep a new one, duplicate, rename, delete and put back.

Every change is one rename of a folder, made under one lock: of two who want a name, one gets it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from explorer import access, paths, stages, trash
from explorer.checkpoints.card import card
from explorer.checkpoints.catalogue import Entry, catalogue, check_free, is_run, library_lock, place_in_library
from explorer.checkpoints.description import WEIGHTS, describe
from explorer.checkpoints.labels import Labels, read_labels, write_labels
from explorer.checkpoints.notes import read_notes, write_notes
from explorer.errors import UserError
from explorer.files import move, write_atomic
from explorer.naming import check_name, first_free, folder_name, read_name


@contextmanager
def new_in_library(name: str) -> Iterator[Path]:
    """A folder to fill, which becomes the library's model of that name; on an error it never was there.

    Raises:
        UserError: the name can't be one or is taken, or the library can't be written, or who asks may not,
            or not so much.
    """
    access.require("import")
    root = paths.library()
    check_free(check_name(name))
    access.room(0)
    try:
        with stages.staged(root) as stage:
            access.mark_owner(stage)
            yield stage
            size = sum(file.stat().st_size for file in stage.rglob("*") if file.is_file())
            access.room(size, besides=stage)
            stage.chmod(0o755)
            with library_lock():
                check_free(check_name(name))
                target = free_place(name)
                if target.name != name or read_notes(stage).name:
                    write_notes(stage, name="" if target.name == name else name)
                move(stage, target)
    except OSError as error:
        raise UserError(f"{root / name} can't be written: {error.strerror or error}") from error


def duplicate(entry: Entry, name: str) -> Entry:
    """Copy any model into the library under another name, with its labels, tags and notes.

    Raises:
        UserError: the name is taken or can't be one, or the model can't be read.
    """
    try:
        found = describe(entry.path)
        labels, notes = read_labels(entry.path), read_notes(entry.path)
        access.room((entry.path / WEIGHTS).stat().st_size)
        with new_in_library(name) as stage:
            for part in ("config.json", WEIGHTS):
                shutil.copyfile(entry.path / part, stage / part)
            if describe(stage).hash != found.hash:
                raise UserError(f"{entry.name!r} was replaced while it was copied: try again")
            write_atomic(stage / "README.md", card(name, found.config).encode())
            if labels != Labels():
                write_labels(stage, labels)
            if notes.tags or notes.text:
                write_notes(stage, tags=notes.tags, text=notes.text)
    except (UserError, OSError) as error:
        if not entry.path.exists():
            raise UserError(
                f"{entry.name!r} is no longer there: it was renamed or deleted while it was copied"
            ) from error
        if isinstance(error, OSError):
            raise UserError(f"{entry.name!r} can't be copied: {error.strerror or error}") from error
        raise
    return Entry(name, place_in_library(name), "library")


def rename(entry: Entry, name: str) -> Entry:
    """Call a model of the library otherwise; its folder follows. Raises UserError where that can't be."""
    access.require("rename", entry.path)
    with library_lock():
        _there(entry)
        if name == entry.name:
            return entry
        check_free(check_name(name))
        root = paths.library()
        folder = folder_name(name, lambda other: other != entry.path.name and (root / other).exists())
        target = root / folder
        if folder == name:
            move(entry.path, target)
            if read_notes(target).name:  # it counts before the folder's own name, until it is forgotten
                write_notes(target, name="")
        else:
            write_notes(entry.path, name=name)
            try:
                move(entry.path, target)
            except UserError:
                target = entry.path  # the kept name is what counts
    return Entry(name, target, "library")


def discard(entry: Entry) -> trash.Item:
    """Put a model of the library into the trash. Raises UserError where it can't be moved."""
    with library_lock():
        _there(entry)
        return trash.put(trash.MODEL, entry.path, entry.name)


def restore(item: trash.Item) -> Entry:
    """Take a model out of the trash. Raises UserError where its name is taken now."""
    access.require("delete", item.inside)
    with library_lock():
        if item.name in {entry.name for entry in catalogue()}:
            raise UserError(f"there is another model {item.name!r} now; rename that one first")
        target = free_place(item.name)
        if item.inside.is_dir() and target.name != (read_notes(item.inside).name or item.name):
            write_notes(item.inside, name=item.name)
        trash.take(item, target)
    return Entry(item.name, target, "library")


def trashed() -> list[trash.Item]:
    """The models in the trash, newest first."""
    return trash.items(trash.MODEL, lambda about, folder: read_name(about) or read_notes(folder).name)


def free_name(name: str) -> str:
    """The name itself, or with the first number behind it that no model and no run has."""
    models = {entry.name for entry in catalogue()}
    return first_free(name, lambda other: other in models or is_run(other), " ")


def free_place(name: str) -> Path:
    """A folder of the library that is not there, for a model of that name, which nobody has."""
    root = paths.library()
    return root / folder_name(name, lambda folder: os.path.lexists(root / folder))


def _there(entry: Entry) -> None:
    if entry.origin != "library" or entry.path.parent != paths.library():
        raise UserError(f"{entry.name!r} belongs to the program and stays as it is; duplicate it first")
    if not (entry.path / "config.json").is_file():
        raise UserError(f"the model {entry.name!r} is no longer in {entry.path.parent}")
