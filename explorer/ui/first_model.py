"""Which model is shown first."""

from __future__ import annotations

from collections.abc import Sequence

from explorer.checkpoints import Entry
from explorer.ui.open_model import described

__all__ = ["described", "first"]

FIRST = ("scene-disentangled", "dsprites-disentangled", "dsprites-beta4", "dsprites-beta1")


def first(entries: Sequence[Entry]) -> Entry | None:
    """The model that is shown before anybody has chosen one; None where there is none at all."""
    known = {entry.name: entry for entry in entries}
    return next((known[name] for name in FIRST if name in known), next(iter(entries), None))
