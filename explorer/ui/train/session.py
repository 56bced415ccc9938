"""The state of the page Train in a person's session: from the URL, from widgets, and back to the URL."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from explorer.errors import UserError
from explorer.ui import address
from explorer.ui.train.state import USUAL, Preset, TrainState, draft_from, from_params

STATE, WRITTEN, COMPLAINTS = "train.state", "train.written", "train.complaints"
TOUCHED = "train.touched"  # by a widget, in this very run: the URL is older than the state
GENERATION = "train.generation"  # of the widgets
TOKEN = "train.token"  # of the button to launch; a double click comes with one that is spent
BEFORE = "train.before"  # the address before the one written last, and when it was replaced
LOCAL = ("device", "threads", "root")  # of the machine, which a preset leaves as they are
LATE = 3.0  # seconds in which the browser may still send what was changed by the server


def follow_url() -> None:
    """Take the state from the URL where the person asked for another one by it."""
    arrived = address.visit("train")
    asked = {name: st.query_params.get_all(name) for name in st.query_params}
    if address.untold("train"):
        write()
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
    if STATE in st.session_state:
        renew()
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
    if _apply(to):
        renew()
        write()


def _apply(to: Callable[[], TrainState]) -> bool:
    """Take another state; whether it can be used. The URL is written last: see session.tell."""
    st.session_state[TOUCHED] = True
    try:
        st.session_state[STATE] = to()
        st.session_state[COMPLAINTS] = []
    except UserError as error:
        complain(error)
        return False
    return True


def put(**values: Any) -> None:
    """Change what is the page's own: run, name, vary, values, seeds."""
    change(lambda: replace(state(), **values))


def preset(chosen: Preset) -> None:
    """Take a preset's settings; the name and the machine stay."""
    local = {k: v for k, v in state().settings.items() if k in LOCAL}
    change(lambda: replace(state(), settings=local | _unusual(chosen), vary=""))


def shows(chosen: Preset) -> bool:
    """Whether the settings are those of a preset."""
    return {k: v for k, v in state().settings.items() if k not in LOCAL} == _unusual(chosen)


def _unusual(chosen: Preset) -> dict[str, Any]:
    return {k: v for k, v in chosen.settings.items() if v != getattr(USUAL, k)}


def key(name: str) -> str:
    """The key of the widget that shows a setting, or one of the page's own values, from its state on.

    A value that something else has changed is shown by a new widget: an old one would be told of it by
    the server and, where the clock of a fragment strikes meanwhile, give its old value back.
    """
    generation = st.session_state.get(GENERATION, 0)
    return f"train.{name}.{generation}" if generation else f"train.{name}"


def take(name: str) -> None:
    """The callback of that widget."""
    value = st.session_state.get(key(name))
    if hasattr(state(), name):
        taken = _apply(lambda: replace(state(), **{name: value or ""}))  # type: ignore[arg-type]
    elif value is None and getattr(USUAL, name) is not None:
        taken = False
    else:
        taken = _apply(lambda: state().with_setting(name, value if value != "" else None))
    if taken:
        write()
    else:
        renew()  # a field that was emptied, or was given what can't be, is as it was


def start_from() -> None:
    """The callback of the field that names a model to start from: its recipe comes with it."""
    name = st.session_state.get(key("start")) or ""
    if name:
        change(lambda: replace(draft_from(name), name=state().name))
    else:  # the settings stay, but those that only the model had
        own = {k: v for k, v in state().settings.items() if k != "start" and v != "layers"}
        change(lambda: replace(state(), settings=own))
    renew()


def renew() -> None:
    """Show every value anew."""
    st.session_state[GENERATION] = st.session_state.get(GENERATION, 0) + 1


def token() -> str:
    """What the button to launch carries now."""
    carried: str = st.session_state.setdefault(TOKEN, secrets.token_hex(8))
    return carried


def spend(carried: str) -> bool:
    """Whether this click is the first with its token."""
    if carried != st.session_state.get(TOKEN):
        return False
    st.session_state[TOKEN] = secrets.token_hex(8)
    return True


def write() -> None:
    """Put the state into the URL."""
    params = state().to_params()
    before = st.session_state.get(WRITTEN)
    st.session_state[WRITTEN] = {name: [value] for name, value in params.items()}
    if before != st.session_state[WRITTEN]:
        st.session_state[BEFORE] = before, time.monotonic()
    address.tell("train", params)
