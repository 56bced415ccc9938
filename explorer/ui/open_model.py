"""The model that a page has open: it stays what it is, however its files change meanwhile.

A model that is deleted, renamed or replaced while it is open is said to be so; what was open goes on, with
what is in memory and in the browser, until the person asks for another one.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar

import streamlit as st

from explorer.checkpoints import Description, Entry, catalogue, describe
from explorer.errors import UserError

HELD = "explore.held"
Kept = TypeVar("Kept")


class LeastRecent(Generic[Kept]):
    """Things in memory, by a key: at most `most`, and at most `most_bytes` if that is more than one.

    Whoever asks waits for one thing at a time to be made, so that there is never more than that, and one.
    """

    def __init__(self, most: int, most_bytes: float = math.inf) -> None:
        self.most, self.most_bytes = most, most_bytes
        self.kept: OrderedDict[str, tuple[Kept, int]] = OrderedDict()
        self._lock, self._making = threading.Lock(), threading.Lock()

    def get(self, key: str, make: Callable[[], tuple[Kept, int]]) -> Kept:
        """The thing of that key; `make` gives it with its size in bytes where it is not there."""
        found = self.used(key)
        if found is not None:
            return found
        with self._making:
            found = self.used(key)  # made while this one waited
            if found is None:
                found, size = make()
                self.put(key, found, size)
            return found

    def put(self, key: str, thing: Kept, size: int = 0) -> None:
        """Have a thing of that many bytes; those that were used longest ago go."""
        with self._lock:
            self.kept[key] = thing, size
            while len(self.kept) > 1 and (
                len(self.kept) > self.most or sum(size for _, size in self.kept.values()) > self.most_bytes
            ):
                self.kept.popitem(last=False)

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return key in self.kept

    def used(self, key: str) -> Kept | None:
        """The thing of that key, if it is there."""
        with self._lock:
            if key not in self.kept:
                return None
            self.kept.move_to_end(key)
            return self.kept[key][0]


@dataclass(frozen=True)
class OpenModel:
    """What a page has open, and what became of its files: `change` is empty while they are as they were."""

    entry: Entry
    description: Description
    file: tuple[int, int]  # the device and the number of its weights: they stay when it is renamed
    change: Literal["", "gone", "replaced"] = ""
    why: str = ""


def open_entry(entry: Entry) -> OpenModel:
    """What this session shows of a model: what it has open, or else what the files say now.

    Raises:
        UserError: it was not open, and can't be used.
    """
    before = st.session_state.get(HELD)
    if not isinstance(before, OpenModel) or before.entry.name != entry.name:
        before = None
    try:
        now = described(entry)
        status = (entry.path / "model.safetensors").stat()
    except (UserError, OSError) as error:
        if before is None:
            raise UserError(str(error)) from error
        return replace(before, change="gone", why=str(error))
    if before is not None and now.hash != before.description.hash:
        return replace(before, change="replaced")
    held = OpenModel(entry, now, (status.st_dev, status.st_ino))
    st.session_state[HELD] = held
    return held


def described(entry: Entry) -> Description:
    """What a checkpoint says of itself. Raises UserError where it is damaged, or was there before."""
    if not (entry.path / "config.json").is_file():
        raise UserError(f"the model {entry.name!r} is no longer there: it was deleted, or moved")
    return describe(entry.path, beta=entry.beta)


def release() -> None:
    """Take what the files say now, from here on."""
    st.session_state.pop(HELD, None)


def open_now(name: str) -> OpenModel | None:
    """What this session has open, if that is the model of this name."""
    held = st.session_state.get(HELD)
    return held if isinstance(held, OpenModel) and held.entry.name == name else None


def renamed(held: OpenModel) -> Entry | None:
    """The model that has the very file which is open, under another name."""
    for entry in catalogue():
        try:
            status = (entry.path / "model.safetensors").stat()
            same = (status.st_dev, status.st_ino) == held.file and entry.name != held.entry.name
            if same and describe(entry.path).hash == held.description.hash:
                return entry
        except (UserError, OSError):
            continue
    return None
