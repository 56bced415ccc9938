"""The model picker of the page Explore."""

from __future__ import annotations

import streamlit as st

from explorer.checkpoints import Entry, catalogue
from explorer.checkpoints.catalogue import split_beta
from explorer.ui import open_model
from explorer.ui.explore import session
from explorer.ui.first_model import first


def pick() -> Entry | None:
    """Show the picker and give the model picked; the first one where the one asked for is not there.

    One that was open and is no longer there stays picked; one that was renamed is followed.
    """
    entries = catalogue()
    known = {entry.name: entry for entry in entries}
    asked = session.state().model
    if asked not in known and split_beta(asked)[0] in known:  # a link to a model for every β at one of them
        asked, beta = split_beta(asked)
        session.correct("", model=asked, beta=beta)
    held = open_model.open_now(asked) if asked and asked not in known else None
    if held is not None:
        other = open_model.renamed(held)
        if other is None:
            known[asked] = held.entry
        else:
            session.correct(f"{asked[:100]!r} is called {other.name[:100]!r} now.", model=other.name)
            asked = other.name
    entry = known.get(asked) or first(entries)
    if entry is None:
        return None
    if asked and asked not in known:
        session.correct(
            f"There is no model {asked[:100]!r} here; {entry.name} is shown instead.", model=entry.name, z=()
        )
    elif not asked:
        session.correct("", model=entry.name)
    st.selectbox(
        "Model",
        **session.option("model", list(known), z=(), locked=(), beta=None),
        width=220,
        label_visibility="collapsed",
    )
    return entry
