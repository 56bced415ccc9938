"""Every model in short, for lists: what its config.json and notes say, read once until they change.

Weights are not opened here: of thousands of models a page describes only those that it shows.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from explorer.checkpoints.catalogue import Entry, catalogue
from explorer.checkpoints.config import CheckpointConfig
from explorer.checkpoints.description import WEIGHTS, read_config
from explorer.checkpoints.notes import FILE as NOTES
from explorer.checkpoints.notes import Notes, notes_file, read_notes
from explorer.checkpoints.recipe import price
from explorer.errors import UserError

MOST = 50_000


@dataclass(frozen=True)
class Overview:
    """A model in a list. What it does not say of itself is None, or empty.

    Attributes:
        config: what config.json says; None where it can't be used, and `error` says why.
        bytes: of its weights.
        saved: when its weights were written, in seconds since 1970.
    """

    entry: Entry
    config: CheckpointConfig | None
    notes: Notes
    bytes: int
    saved: float
    error: str = ""

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def data(self) -> str:
        """The data set's name, as `open_dataset` knows it."""
        return self._text("data") or getattr(self.config, "data", None) or ""

    @property
    def objective(self) -> str:
        """The objective's name."""
        return self._text("objective")

    @property
    def beta(self) -> float | None:
        """β as `price` has it: set, found, or the weight of one term; None where there is none, or none is known."""
        if self.config is None:
            return None
        try:
            return price(self.config, self.entry.path).value
        except UserError:  # a recipe that can't be read; the card says why
            return None

    @property
    def latents(self) -> int | None:
        return self.config.latents if self.config else None

    @property
    def reconstruction(self) -> float | None:
        """−E[log p(x|z)] in nats an image, as the checkpoint says."""
        value: float | None = self._measured("reconstruction")
        return value

    @property
    def kl(self) -> float | None:
        """KL in nats an image, as the checkpoint says."""
        value: float | None = self._measured("kl")
        return value

    @property
    def active(self) -> int | None:
        """Active units, as the checkpoint says."""
        value: int | None = self._measured("active_units")
        return value

    @property
    def mig(self) -> float | None:
        value: float | None = self._measured("mig")
        return value

    def _training(self) -> dict[str, Any]:
        return (self.config.training if self.config else None) or {}

    def _text(self, name: str) -> str:
        value = self._training().get(name)
        return value if isinstance(value, str) else ""

    def _measured(self, name: str) -> Any:
        return getattr(self.config.evaluation if self.config else None, name, None)


_read: dict[str, tuple[tuple[object, ...], Overview]] = {}


def overviews() -> list[Overview]:
    """All models at hand, as `catalogue` lists them."""
    return [overview_of(entry) for entry in catalogue()]


def overview_of(entry: Entry) -> Overview:
    """One model in short; where its config can't be used, with the sentence on it."""
    folder = str(entry.path)  # texts, not Paths: they are joined three times for each of thousands
    notes = str(notes_file(entry.path)) if entry.origin == "shipped" else f"{folder}/{NOTES}"
    stamp = tuple(map(_stamp, (f"{folder}/config.json", f"{folder}/{WEIGHTS}", notes)))
    known = _read.get(folder)
    if known is not None and known[0] == stamp and known[1].entry == entry:
        return known[1]
    config, error = None, ""
    try:
        config = read_config(entry.path)
    except UserError as complaint:
        error = str(complaint)
    saved, _, size = stamp[1] or (0, 0, 0)
    found = Overview(entry, config, read_notes(entry.path), size, saved / 1e9, error)
    if len(_read) >= MOST:
        _read.clear()
    _read[folder] = stamp, found
    return found


def passes(model: Overview, search: str) -> bool:
    """Whether name, data set, objective, tags and notes together hold every word of a search."""
    words = search.casefold().split()
    if not words:
        return True
    text = " ".join((model.name, model.data, model.objective, model.notes.text, *model.notes.tags))
    text = text.casefold()
    return all(word in text for word in words)


def _stamp(file: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(file)  # noqa: PTH116
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
