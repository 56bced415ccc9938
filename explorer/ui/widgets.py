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


def leaving(label: str, **look: Any) -> None:
    """A button whose click leads to where it isn't any more; `look` is what st.button takes besides.

    The browser may send a second click after that, the half of a double click, with the address of before: nothing in
    it but the click tells it from a wish to go back. So the button is a fragment of its own, and a click on one that
    has gone is a rerun of a fragment that isn't there, which does nothing, however late it comes. A click that comes
    while the button is still there calls the callback again, with the arguments of the first.
    """

    def button() -> None:
        if st.button(label, **look):
            st.rerun()  # the callback has been called; all of the page has something new to show

    st.fragment(button)()


def _key(name: str) -> str:
    turn = st.session_state.get(f"{name}.turn", 0)
    return f"{name}.{turn}" if turn else name
