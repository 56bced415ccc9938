"""Where checkpoints are found: shipped ones, the person's library, and finished or running runs.

A folder is looked into once, until its own time changes: thousands of models cost one `stat` each.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from explorer import files, paths
from explorer.checkpoints.notes import read_notes
from explorer.errors import UserError
from explorer.naming import check_name, folder_name

UNSETTLED = 2_000_000_000  # ns in which a folder may change again without another time
MOST_LOOKED = 50_000


@dataclass(frozen=True)
class Entry:
    """A checkpoint's place; `origin` is "shipped", "library" or "run". `beta`: at which one for every β is meant."""

    name: str
    path: Path
    origin: str
    beta: float | None = None


# Of each folder: its time and number when it was looked into; the name kept in it, None for no checkpoint.
_looked: dict[str, tuple[tuple[int, int], str | None]] = {}
_entries: dict[tuple[str, str], Entry] = {}  # made once: a Path takes longer than a stat


def catalogue() -> list[Entry]:
    """Every checkpoint at hand, shipped first. A name that comes twice means its first entry.

    A run of a sweep is called by both names: sweep/run.
    """
    entries: dict[str, Entry] = {}
    for origin, found in (
        ("shipped", _folders(paths.PRETRAINED)),
        ("library", _folders(paths.library())),
        ("run", _checkpoints(paths.runs())),
    ):
        of_origin: dict[str, Entry] = {}
        for folder, own in sorted(found):
            kept = _kept_name(folder)
            if kept is None:
                continue
            name = kept if kept and origin == "library" else own
            if name in entries or name in of_origin:
                name = own
            if name not in entries and name not in of_origin:
                of_origin[name] = _entry(name, folder, origin)
        entries |= {name: of_origin[name] for name in sorted(of_origin)}
    return list(entries.values())


def split_beta(name: str) -> tuple[str, float | None]:
    """A model's name and the β that it says, as "any-beta@4" does; None where it says none."""
    said = re.fullmatch(r"(.+)@(\d+\.?\d*|\.\d+)", name, re.ASCII | re.DOTALL)
    return (name, None) if said is None else (said[1], float(said[2]))


def named(entries: Mapping[str, Entry], name: str) -> Entry | None:
    """The entry of a name, which may say a β, whether or not the model has it; None where there is no such model."""
    if name in entries:
        return entries[name]
    own, beta = split_beta(name)
    found = entries.get(own)
    return None if found is None else replace(found, name=name, beta=beta)


def _entry(name: str, folder: str, origin: str) -> Entry:
    found = _entries.get((folder, name))
    if found is None:
        if len(_entries) >= MOST_LOOKED:
            _entries.clear()
        found = _entries[folder, name] = Entry(name, Path(folder), origin)
    return found


def _folders(root: Path) -> Iterator[tuple[str, str]]:
    """Path and name of every folder in `root` that is not hidden."""
    try:
        with os.scandir(root) as found:
            for item in found:
                if not item.name.startswith(".") and item.is_dir():
                    yield item.path, item.name
    except OSError:
        return


def _checkpoints(root: Path) -> Iterator[tuple[str, str]]:
    """The checkpoint of every run, and of every run of a sweep."""
    for folder, name in _folders(root):
        own = os.path.join(folder, "checkpoint")  # noqa: PTH118
        if os.path.isdir(own):  # noqa: PTH112
            yield own, name
            continue
        for inner, inner_name in _folders(Path(folder)):
            yield os.path.join(inner, "checkpoint"), f"{name}/{inner_name}"  # noqa: PTH118


def _kept_name(folder: str) -> str | None:
    """The name that is kept with the checkpoint in a folder, which may be empty; None without a checkpoint."""
    try:
        status = os.stat(folder)  # noqa: PTH116
    except OSError:
        return None
    stamp = status.st_mtime_ns, status.st_ino
    known = _looked.get(folder)
    if known is not None and known[0] == stamp:
        return known[1]
    path = Path(folder)
    name: str | None = None
    if (path / "config.json").is_file() and (path / "model.safetensors").is_file():
        name = read_notes(path).name
    if abs(time.time_ns() - status.st_mtime_ns) > UNSETTLED:
        if len(_looked) >= MOST_LOOKED:
            _looked.clear()
        _looked[folder] = stamp, name
    return name


def name_of(path: Path) -> str:
    """What the model in a directory is called: as the person named it, else as its folder or its run."""
    if path.name == "checkpoint":
        return path.parent.name
    if path.parent == paths.library():
        return read_notes(path).name or path.name
    return path.name


def find(name_or_path: str | Path) -> Path:
    """The directory of a checkpoint: a name in the catalogue, or a path to it or to its run.

    Raises:
        UserError: there is none; the sentence names those there are.
    """
    text = str(name_or_path)
    if (
        isinstance(name_or_path, Path)
        and (name_or_path / "config.json").is_file()
        and (name_or_path / "model.safetensors").exists()
    ):
        return name_or_path.resolve()
    known = {entry.name: entry.path for entry in catalogue()}
    if text in known and not isinstance(name_or_path, Path):
        return known[text]
    try:
        path = Path(text).expanduser().resolve()
        for candidate in (path, path / "checkpoint"):
            if (candidate / "config.json").is_file() and (candidate / "model.safetensors").exists():
                return candidate
        if (path / "state.json").is_file():
            raise UserError(f"the run in {text} has not saved a model yet")
        if path.is_dir():
            raise UserError(f"{text} is a folder without config.json and model.safetensors in it")
    except UserError:
        raise
    except (OSError, ValueError, RuntimeError):  # names too long, NUL bytes, loops of links
        pass
    names = [name if len(name) <= 60 else f"{name[:59]}…" for name in known]
    listed = ", ".join(names[:30]) + (f" and {len(names) - 30:,} more" if len(names) > 30 else "")
    raise UserError(
        f"there is no model {text[:200]!r}; there are {listed or 'none yet'}, or give the path of a checkpoint"
    )


def checkpoint_place(to: str | Path) -> Path:
    """Where `save` puts a checkpoint: a bare name goes into the library, a path is taken as it is.

    Raises:
        UserError: a text that can't be a name.
    """
    return place_in_library(check_name(str(to))) if is_name(to) else paths.absolute(to)


def is_name(to: str | Path) -> bool:
    """Whether `save` takes this for a name: a text without slashes."""
    return isinstance(to, str) and not ("/" in to or "\\" in to or to in {".", ".."})


def place_in_library(name: str) -> Path:
    """The folder of the library's model of that name, or one that can be made for it."""
    root = paths.library()
    for entry in catalogue():
        if entry.name == name and entry.origin == "library":
            return entry.path
    if folder_name(name) == name and not read_notes(root / name).name:
        return root / name  # as it is called, though a shipped model of the same name may hide it
    return root / folder_name(name, lambda folder: (root / folder).exists())


class NameTaken(UserError):
    """A model or a run has that name."""


def check_free(*names: str) -> None:
    """Raise NameTaken where a model, the library's or a shipped one, or a run has one of these whole names."""
    models = {entry.name for entry in catalogue()}
    for name in names:
        check_no_run(name)
        if name in models:
            raise NameTaken(f"there is a model {name!r} already; choose another name")


def check_no_run(name: str) -> None:
    """Raise NameTaken where a run, also one that has saved no model yet, or a sweep has that name."""
    if is_run(name):
        raise NameTaken(f"there is a run {name!r} already; choose another name")


def is_run(name: str) -> bool:
    """Whether something lies where a run of that name would."""
    parts = name.split("/")
    return all(parts) and ".." not in parts and os.path.lexists(paths.runs() / name)


def library_lock() -> AbstractContextManager[None]:
    """One at a time changes the library. Raises UserError where another one doesn't end."""
    return files.folder_lock(paths.library(), "the library")
