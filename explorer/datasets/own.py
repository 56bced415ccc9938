"""Own sets of images: stored once, found by name as "own:NAME". Costs nothing to import.

A set is a folder under `data/own`, called by the hash of its content: `set.json`, and `images/` or `arrays.npz`
(or `.npy`). The same images are never stored twice.
"""

from __future__ import annotations

import importlib
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explorer import access, files, paths, stages, trash
from explorer.errors import UserError
from explorer.files import move, read_json, write_json
from explorer.naming import check_name, read_name

if TYPE_CHECKING:
    from explorer.datasets.base import ArrayDataset
    from explorer.datasets.names import Request

PREFIX = "own:"
THUMBS = "thumbs.png"  # a look at a few, beside set.json
DIGEST = re.compile(r"[\w-][\w.-]{0,127}")  # what the folder of a set may be called
MAX_NOTES, MAX_NOTE = 20, 1000  # sentences that are kept with a set, and letters of each


# What opens a set, by its kind: a module of `explorer.datasets`.
READERS = {"pictures": "folder", "arrays": "arrays", "table": "table_rows", "signals": "own_signals"}


class Card(BaseModel):
    """set.json: what a set is called, and what was found in it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(min_length=1, max_length=300)
    kind: Literal["pictures", "arrays", "table", "signals"]
    file: str = Field(pattern=r"^(images|(arrays|table|signals)\.(np[yz]|csv|tsv|txt|parquet))$")
    count: int = Field(ge=1)
    bytes: int = Field(ge=0)
    added: float
    about: str = Field("", max_length=1000)  # sizes, crops, in a sentence
    notes: tuple[str, ...] = ()  # what else was to be read when it was added
    splits: tuple[str, ...] = ("train",)  # the parts of an array file


@dataclass(frozen=True)
class OwnSet:
    """A set and the folder it lies in."""

    path: Path
    card: Card

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def key(self) -> str:
        """What `open_dataset` and `--data` take."""
        return PREFIX + self.card.name

    @property
    def content(self) -> Path:
        """The folder of pictures, or the file of arrays."""
        return self.path / self.card.file


def sets_root() -> Path:
    """Where the sets lie."""
    return paths.data() / "own"


def sets() -> list[OwnSet]:
    """Every set, by name; one whose card can't be read is not there."""
    found = []
    for file in sets_root().glob("*/set.json"):
        if file.parent.name.startswith("."):
            continue
        try:
            found.append(OwnSet(file.parent, Card.model_validate(read_json(file))))
        except (UserError, ValidationError):
            continue
    return sorted(found, key=lambda one: one.name.casefold())


def find(name: str) -> OwnSet:
    """The set of that name, with or without "own:". Raises UserError where there is none."""
    name = name.removeprefix(PREFIX)
    known = sets()
    for one in known:
        if one.name == name:
            return one
    there = ", ".join(repr(one.name[:60]) for one in known[:20]) or "none yet"
    raise UserError(f"there are no own images called {name[:100]!r}; there are {there}")


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it."""
    one = find(request.name)
    reader = importlib.import_module(f"explorer.datasets.{READERS[one.card.kind]}")
    data: ArrayDataset = reader.opened(replace(request, root=one.content))
    data.name = request.name
    return data


def place_of(data: str) -> str | None:
    """The folder of the set that a data set's name means; None where it means none."""
    try:
        return str(find(data).path) if data.startswith(PREFIX) else None
    except UserError:
        return None


def stored(digest: str) -> OwnSet | None:
    """The set with that content, if it is here."""
    return next((one for one in sets() if one.path.name == digest), None)


def keep(stage: Path, digest: str, card: Card) -> OwnSet:
    """Make a set of the folder `stage`, which is moved. Raises UserError where its name is taken."""
    access.require("upload")
    access.room(card.bytes, besides=stage)
    check_name(card.name, "set of images")
    with sets_lock():
        same = stored(digest)
        if same is not None:
            raise UserError(f"these images are here already, as {same.name!r}")
        if card.name in {one.name for one in sets()}:
            raise UserError(f"there are images called {card.name!r} already; choose another name")
        write_json(stage / "set.json", card.model_dump())
        access.mark_owner(stage)
        stage.chmod(0o755)
        move(stage, sets_root() / digest)
    stages.drop(stage)
    return OwnSet(sets_root() / digest, card)


def rename(name: str, to: str) -> OwnSet:
    """Call a set otherwise. Raises UserError where the name is taken or can't be one."""
    with sets_lock():
        one = find(name)
        access.require("rename", one.path)
        check_name(to, "set of images")
        if to in {other.name for other in sets() if other != one}:
            raise UserError(f"there are images called {to!r} already; choose another name")
        card = one.card.model_copy(update={"name": to})
        write_json(one.path / "set.json", card.model_dump())
    return OwnSet(one.path, card)


def discard(name: str) -> trash.Item:
    """Put a set into the trash. Raises UserError where it is not there, or can't be moved."""
    with sets_lock():
        one = find(name)
        return trash.put(trash.IMAGES, one.path, one.name, {"name": one.name, "digest": one.path.name})


def restore(item: trash.Item) -> OwnSet:
    """Take a set out of the trash. Raises UserError where its name is taken, or its images are here again."""
    access.require("delete", item.inside)
    with sets_lock():
        about = trash.about(trash.IMAGES, item.path)
        digest = about.get("digest") if isinstance(about, dict) else None
        digest = digest if isinstance(digest, str) and DIGEST.fullmatch(digest) else item.path.name
        if item.name in {one.name for one in sets()} or stored(digest) is not None:
            raise UserError(f"there are other images called {item.name!r} now, or the same ones again")
        trash.take(item, sets_root() / digest)
    return find(item.name)


def trashed() -> list[trash.Item]:
    """The sets in the trash, newest first."""
    return trash.items(trash.IMAGES, _name)


def _name(about: object, folder: Path) -> str:
    """What a set in the trash is called; "" where neither its marker nor its card can be read."""
    if name := read_name(about.get("name") if isinstance(about, dict) else None):
        return name
    try:
        return Card.model_validate(read_json(folder / trash.IMAGES.proof)).name
    except (UserError, ValidationError):
        return ""


# --- in words -----------------------------------------------------------------------------------------


def when(one: OwnSet) -> str:
    """The day on which a set was added, in UTC."""
    return datetime.fromtimestamp(one.card.added, UTC).strftime("%Y-%m-%d")


def sets_lock() -> AbstractContextManager[None]:
    """One at a time changes the sets. Raises UserError where another one doesn't end."""
    return files.folder_lock(sets_root(), "the images")
