"""The state of the page Explore in a person's session: from the URL, from widgets, and back to the URL.

The state is the one truth. A widget is shown at the state's value and gives a new state when it is
touched; the URL is read when it is not the one written last: on arrival, or after the back button.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from pydantic import ValidationError

from explorer.errors import in_words
from explorer.ui import address, widgets
from explorer.ui.explore.state import ExploreState, from_params

STATE = "explore.state"
WRITTEN = "explore.written"
COMPLAINTS = "explore.complaints"
PRESENT = "explore.present"
TOUCHED = "explore.touched"  # by a widget, in this very run: the URL is older than the state


def follow_url() -> None:
    """Take the state from the URL where the person asked for another one by it."""
    arrived = address.visit("explore")
    asked = {name: st.query_params.get_all(name) for name in st.query_params}
    if settle() or asked == st.session_state.get(WRITTEN):
        return
    if not asked and arrived and STATE in st.session_state:
        _write()
        return
    state, complaints = from_params(asked)
    st.session_state[STATE] = state
    st.session_state[COMPLAINTS] = complaints
    st.session_state[WRITTEN] = asked


def settle() -> bool:
    """Whether a widget changed the state in this run; asked once a run."""
    if address.untold("explore"):
        _write()
    return bool(st.session_state.pop(TOUCHED, False))


def state() -> ExploreState:
    """What the person looks at."""
    return st.session_state.get(STATE) or ExploreState()


def complaints() -> list[str]:
    """Sentences on what could not be used as it was given."""
    return list(st.session_state.get(COMPLAINTS, ()))


def put(**values: Any) -> None:
    """Change the state by a callback, and the URL with it. What can't be used changes nothing."""
    st.session_state[TOUCHED] = True
    try:
        st.session_state[STATE] = state().changed(**values)
        st.session_state[COMPLAINTS] = []
    except ValidationError as error:
        st.session_state[COMPLAINTS] = [f"That can't be used: {in_words(error)}."]
        return
    _write()


def restart(**values: Any) -> None:
    """Change where the sliders start, which moves all of them but the locked ones."""
    here, locked = st.session_state.get(PRESENT, ()), state().locked
    put(z=tuple(value if d in locked else None for d, value in enumerate(here)), **values)


def present(z: Sequence[float]) -> None:
    """Note the latents that are shown."""
    st.session_state[PRESENT] = tuple(z)


def correct(sentence: str, **values: Any) -> None:
    """Change what was asked for and can't be had, with a sentence; the URL stays as it was given."""
    st.session_state[STATE] = state().changed(**values)
    if sentence:
        st.session_state[COMPLAINTS] = [*complaints(), sentence]


def entry(field: str, change: Callable[..., None] = put, **others: Any) -> dict[str, Any]:
    """Key, value and callback of the number that shows `field` of the state.

    Its touch calls `change`, which is `put` or `restart`; `others` change along with it.
    """
    wanted = getattr(state(), field)
    return {
        "key": widgets.key_of(f"explore.{field}", wanted),
        "value": wanted,
        "on_change": _take,
        "args": (field, change),
        "kwargs": others,
    }


def choice(field: str, change: Callable[..., None] = put) -> dict[str, Any]:
    """The same of a segmented control."""
    bound = entry(field, change)
    return bound | {"default": bound.pop("value")}


def option(field: str, options: Sequence[Any], **others: Any) -> dict[str, Any]:
    """The same of one choice from a list of `options`."""
    bound = entry(field, **others)
    return bound | {"options": options, "index": options.index(bound.pop("value"))}


def _take(field: str, change: Callable[..., None], **others: Any) -> None:
    value = widgets.value_of(f"explore.{field}")
    if value is not None:
        change(**{field: value}, **others)


def _write() -> None:
    params = state().to_params()
    st.session_state[WRITTEN] = {name: [value] for name, value in params.items()}
    address.tell("explore", params)
