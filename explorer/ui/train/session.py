"""The state of the page Train in a person's session: from the URL, from widgets, and back to the URL."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from explorer.ui import widgets
from explorer.ui.page_state import PageState
from explorer.ui.train.state import OWN, USUAL, Preset, TrainState, draft_from, from_params

TOKEN = "train.token"  # of the button to launch; a double click comes with one that is spent
LOCAL = ("device", "threads", "root")  # of the machine, which a preset leaves as they are


class _Train(PageState[TrainState]):
    """The page's own fields, and the settings of the run, each under its own name."""

    def take(self, field: str, change: Callable[..., None], **others: Any) -> None:
        """The callback of a widget; one that is emptied gives None, where the setting can be left out."""
        value = widgets.value_of(f"train.{field}")
        if value is not None or (field not in OWN and getattr(USUAL, field) is None):
            change(**{field: value}, **others)

    def from_params(self, params: Mapping[str, Sequence[str]]) -> tuple[TrainState, list[str]]:
        return from_params(params)

    def to_params(self, shown: TrainState) -> dict[str, list[str]]:
        return {name: [value] for name, value in shown.to_params().items()}

    def _value(self, field: str) -> Any:
        return getattr(self.state(), field) if field in OWN else self.state().value(field)

    def _changed(self, values: Mapping[str, Any]) -> TrainState:
        changed = self.state()
        for name, value in values.items():
            if name in OWN:
                changed = replace(changed, **{name: value})
            else:
                changed = changed.with_setting(name, None if value == "" else value)
        return changed


PAGE = _Train("train", TrainState)
state, complaints, complain, follow_url = PAGE.state, PAGE.complaints, PAGE.complain, PAGE.follow_url
put, change, retell = PAGE.put, PAGE.change, PAGE.retell
entry, choice, option = PAGE.entry, PAGE.choice, PAGE.option


def preset(chosen: Preset) -> None:
    """Take a preset's settings; the name and the machine stay."""
    local = {k: v for k, v in state().settings.items() if k in LOCAL}
    change(lambda: replace(state(), settings=local | _unusual(chosen), vary=""))


def shows(chosen: Preset) -> bool:
    """Whether the settings are those of a preset."""
    return {k: v for k, v in state().settings.items() if k not in LOCAL} == _unusual(chosen)


def _unusual(chosen: Preset) -> dict[str, Any]:
    return {k: v for k, v in chosen.settings.items() if v != getattr(USUAL, k)}


def start_from(start: str | None) -> None:
    """Go on from the model called `start`, whose recipe comes with it; None or "" for fresh weights."""
    if start:
        change(lambda: replace(draft_from(start), name=state().name))
    else:  # the settings stay, but those that only the model had
        own = {k: v for k, v in state().settings.items() if k != "start" and v != "layers"}
        change(lambda: replace(state(), settings=own))


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
