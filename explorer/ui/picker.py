"""The model picker, and which model is shown first."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer.checkpoints import Description, Entry, catalogue, describe
from explorer.errors import UserError
from explorer.ui import session

FIRST = ("dsprites-disentangled", "dsprites-beta4", "dsprites-beta1")


def first(entries: Sequence[Entry]) -> Entry | None:
    """The model that is shown before anybody has chosen one; None where there is none at all."""
    known = {entry.name: entry for entry in entries}
    return next((known[name] for name in FIRST if name in known), next(iter(entries), None))


def described(entry: Entry) -> Description:
    """What a checkpoint says of itself. Raises UserError where it is damaged, or was there before."""
    if not (entry.path / "config.json").is_file():
        raise UserError(f"the model {entry.name!r} is no longer in {entry.path}: pick another one")
    return describe(entry.path)


def pick() -> Entry | None:
    """Show the picker and give the model picked; the first one where the one asked for is not there."""
    entries = catalogue()
    known = {entry.name: entry for entry in entries}
    asked = session.state().model
    entry = known.get(asked) or first(entries)
    if entry is None:
        return None
    if asked and asked not in known:
        session.correct(
            f"There is no model {asked[:100]!r} here; {entry.name} is shown instead.",
            model=entry.name, z=(),
        )  # fmt: skip
    elif not asked:
        session.correct("", model=entry.name)
    st.selectbox(
        "Model", list(known), width=480, key=session.mirror("model"), on_change=session.take,
        args=("model",), kwargs={"z": (), "locked": ()},
    )  # fmt: skip
    return entry
