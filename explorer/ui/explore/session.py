"""The state of the page Explore in a person's session: from the URL, from widgets, and back to the URL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer.checkpoints import Description, catalogue
from explorer.errors import UserError
from explorer.ui.explore.state import ExploreState
from explorer.ui.page_state import PageState

PRESENT = "explore.present"
INSTEAD = {
    "model": "the first model",
    "z": "the start, unmoved,",
    "locked": "none",
    "beta": "a usual one, where the model has several,",
}


class _Explore(PageState[ExploreState]):
    def instead(self, field: str) -> str:
        return INSTEAD.get(field, f"the usual value, {getattr(ExploreState(), field)},")


PAGE = _Explore("explore", ExploreState)
state, complaints, follow_url, settle = PAGE.state, PAGE.complaints, PAGE.follow_url, PAGE.settle
put, correct = PAGE.put, PAGE.correct
entry, choice, option = PAGE.entry, PAGE.choice, PAGE.option
from_params, to_params = PAGE.from_params, PAGE.to_params


def at_beta(description: Description) -> Description:
    """A model for every β at the one that is asked for, any other as it is."""
    try:
        return description.at(state().beta)
    except UserError as error:
        shown = "" if description.beta is None else f"; it is shown at β = {description.beta:g}"
        correct(f"{error}{shown}.", beta=None)
        return description


def step(by: int) -> None:
    """Go to the model before or after the one that is shown, as the picker lists them; from the last to the first."""
    names = [entry.name for entry in catalogue()]
    here = names.index(state().model) if state().model in names else -by
    put(model=names[(here + by) % len(names)], z=(), locked=(), beta=None)


def start_of(description: Description) -> tuple[str, int]:
    """Where the sliders start, "mean", "sample" or "image", and the number of that image."""
    asked, first = state(), description.config.first_image
    if asked.start is not None:
        return asked.start, asked.image
    return ("mean", 0) if first is None else ("image", first.image)


def restart(**values: Any) -> None:
    """Change where the sliders start, which moves all of them but the locked ones."""
    here, locked = st.session_state.get(PRESENT, ()), state().locked
    put(z=tuple(value if d in locked else None for d, value in enumerate(here)), **values)


def present(z: Sequence[float]) -> None:
    """Note the latents that are shown."""
    st.session_state[PRESENT] = tuple(z)
