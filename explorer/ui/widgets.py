"""Widgets that show a value of a page's state.

A widget is given its value where it is made, never by its key in st.session_state: such a value is told to
the browser once, and where a rerun overtakes the telling, the browser shows a value of its own and brings
it back as the person's. A value that something else has changed is shown by a new widget, by another key.
"""

from __future__ import annotations

from typing import Any

import streamlit as st


def key_of(name: str, wanted: Any) -> str:
    """The key under which the widget called `name` shows `wanted`."""
    turn = f"{name}.turn"
    key = _key(name)
    if key in st.session_state and st.session_state[key] != wanted:
        st.session_state[turn] = st.session_state.get(turn, 0) + 1
    return _key(name)


def value_of(name: str) -> Any:
    """What the person gave the widget called `name`; None where it is not on the page."""
    return st.session_state.get(_key(name))


def _key(name: str) -> str:
    turn = st.session_state.get(f"{name}.turn", 0)
    return f"{name}.{turn}" if turn else name
