"""Whatever the page Library changes goes through here: one function does it, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from explorer import trash
from explorer.checkpoints import catalogue
from explorer.checkpoints.notes import read_notes
from explorer.errors import UserError
from explorer.launch import model_actions
from explorer.ui.library import state as page
from explorer.ui.text import plain

CHOSEN = "library.chosen"  # names of the models that are ticked, in the order of the ticks
EDITED = "library.edited"  # the name of the model whose card is open for changes


def try_change(action: Callable[..., Any], *arguments: Any) -> Any:
    """Run a change as a callback. What can't be done is said at the top of the page, and None comes back."""
    cached_disk_use.clear()
    try:
        return action(*arguments)
    except UserError as error:
        page.complain(error)
        return None


@st.cache_data(ttl=60, show_spinner=False)
def cached_disk_use() -> dict[str, int]:
    """Bytes by kind; counted anew after a change, or after a minute."""
    return model_actions.disk_used()


def ticked() -> list[str]:
    """The models that are ticked."""
    return list(st.session_state.get(CHOSEN, ()))


def tick_only(names: Sequence[str]) -> None:
    """Tick these and no others."""
    st.session_state[CHOSEN] = list(dict.fromkeys(names))


def tick(name: str, key: str) -> None:
    """The callback of a model's box."""
    others = [other for other in ticked() if other != name]
    tick_only([*others, name] if st.session_state.get(key) else others)


def edit(name: str) -> None:
    """Open a model's card for changes; "" closes it."""
    st.session_state[EDITED] = name


def save_fields(name: str, fields: str) -> None:
    """Take name, tags and notes from the widgets whose keys begin with `fields`."""
    given = {part: st.session_state.get(f"{fields}.{part}") for part in ("name", "tags", "text")}
    if try_change(model_actions.annotate, name, given["tags"] or (), given["text"] or "") is None:
        return
    new = name
    wanted = (given["name"] or "").strip()
    if wanted and wanted != name.rpartition("/")[2] and wanted != name:
        renamed = try_change(model_actions.rename, name, wanted)
        if renamed is None:
            return
        new = renamed
    tick_only([new if other == name else other for other in ticked()])
    edit("")


def duplicate(name: str) -> None:
    """Copy a model into the library."""
    made = try_change(model_actions.duplicate, name)
    if made is not None:
        st.toast(f"{plain(made)} is in your library.")


def add_tag(names: Sequence[str], key: str) -> None:
    """Add the tag in the widget `key` to models."""
    new = str(st.session_state.get(key) or "").strip()
    if not new:
        return
    for name in names:
        try_change(_add_tag, name, new)
    st.session_state[key] = ""


def _add_tag(name: str, new: str) -> None:
    known = read_notes(model_actions.find(name).path)
    model_actions.annotate(name, [*known.tags, new])


def discard(names: Sequence[str]) -> None:
    """Put models into the trash."""
    gone = try_change(model_actions.discard, names)
    if gone is not None:
        count = f"{len(gone)} models are" if len(gone) > 1 else f"{plain(gone[0].name)} is"
        st.toast(f"{count} in the trash.")
        edit("")
    there = {entry.name for entry in catalogue()}
    tick_only([name for name in ticked() if name in there])


def restore(item: trash.Item) -> None:
    """Put back what is in the trash."""
    name = try_change(model_actions.restore, item)
    if name is not None:
        st.toast(f"{plain(name)} is back.")


def empty_trash(items: Sequence[trash.Item]) -> None:
    """Delete what is in the trash for good."""
    try_change(trash.empty, items)
