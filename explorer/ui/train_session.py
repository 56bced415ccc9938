"""The state of the page Train in a person's session: from the URL, from widgets, and back to the URL."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from explorer.errors import UserError
from explorer.ui import session
from explorer.ui.train_state import USUAL, Preset, TrainState, from_params

STATE, WRITTEN, COMPLAINTS = "train.state", "train.written", "train.complaints"
TOUCHED = "train.touched"  # by a widget, in this very run: the URL is older than the state
TOKEN = "train.token"  # of the button to launch; a double click comes with one that is spent
BEFORE = "train.before"  # the address before the one written last, and when it was replaced
LATE = 3.0  # seconds in which the browser may still send what was changed by the server


def follow_url() -> None:
    """Take the state from the URL where the person asked for another one by it."""
    arrived = session.visit("train")
    asked = {name: st.query_params.get_all(name) for name in st.query_params}
    if st.session_state.pop(TOUCHED, False) or asked == st.session_state.get(WRITTEN):
        return
    before, when = st.session_state.get(BEFORE, (None, 0.0))
    if asked == before and time.monotonic() - when < LATE:
        st.query_params.from_dict(
            state().to_params()
        )  # sent before the browser knew the new address, as the second half of a double click is
        return
    if not asked and arrived and STATE in st.session_state:
        write()
        return
    found, said = from_params(asked)
    st.session_state[STATE], st.session_state[COMPLAINTS] = found, said
    st.session_state[WRITTEN] = asked


def state() -> TrainState:
    """What the person looks at."""
    return st.session_state.get(STATE) or TrainState()


def complaints() -> list[str]:
    """Sentences on what could not be used or done."""
    return list(st.session_state.get(COMPLAINTS, ()))


def complain(error: Exception | str) -> None:
    """Say why the last touch did nothing."""
    st.session_state[COMPLAINTS] = [str(error)]


def change(to: Callable[[], TrainState]) -> None:
    """Another state by a callback, and the URL with it; one that can't be used is complained about."""
    st.session_state[TOUCHED] = True
    try:
        st.session_state[STATE] = to()
        st.session_state[COMPLAINTS] = []
    except UserError as error:
        complain(error)
        return
    write()


def put(**values: Any) -> None:
    """Change what is the page's own: run, name, vary, values, seeds."""
    change(lambda: replace(state(), **values))


def preset(chosen: Preset) -> None:
    """Take a preset's settings; the name and the machine stay."""
    local = {k: v for k, v in state().settings.items() if k in ("device", "threads", "root")}
    settings = {k: v for k, v in chosen.settings.items() if v != getattr(USUAL, k)}
    change(lambda: replace(state(), settings=local | settings, vary=""))


def mirror(name: str) -> str:
    """The key of the widget that shows a setting, or one of the page's own values, which is put there."""
    value = getattr(state(), name) if hasattr(state(), name) else state().value(name)
    key = f"train.{name}"
    if key not in st.session_state or st.session_state[key] != value:
        if key in st.session_state:
            st.session_state[f"{key}.before"] = st.session_state[key], time.monotonic()
        st.session_state[key] = value
    return key


def take(name: str) -> None:
    """The callback of that widget."""
    value = st.session_state.get(f"train.{name}")
    before, when = st.session_state.get(f"train.{name}.before", (None, 0.0))
    if value == before and time.monotonic() - when < LATE:
        return  # the clock of a fragment was sent before the browser knew what a preset has put there
    if hasattr(state(), name):
        put(**{name: "" if value is None else value})
    elif value is None and USUAL.model_dump()[name] is not None:
        return  # a field that was emptied: as it was
    else:
        change(lambda: state().with_setting(name, value if value != "" else None))


def token() -> str:
    """What the button to launch carries now."""
    return st.session_state.setdefault(TOKEN, secrets.token_hex(8))


def spend(carried: str) -> bool:
    """Whether this click is the first with its token."""
    if carried != st.session_state.get(TOKEN):
        return False
    st.session_state[TOKEN] = secrets.token_hex(8)
    return True


def write() -> None:
    """Put the state into the URL."""
    params = state().to_params()
    st.session_state[BEFORE] = st.session_state.get(WRITTEN), time.monotonic()
    st.session_state[WRITTEN] = {name: [value] for name, value in params.items()}
    st.query_params.from_dict(params)
