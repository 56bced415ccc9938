"""Insight: what papers on Beta-VAEs have shown, on any model."""

from __future__ import annotations

from importlib import import_module

import streamlit as st

from explorer.analysis.insight.contents import SECTIONS, module_of
from explorer.checkpoints import Description, Entry, catalogue
from explorer.checkpoints.catalogue import named, split_beta
from explorer.errors import UserError
from explorer.ui import doubt_mark, first_model
from explorer.ui.insight.looking import Looking
from explorer.ui.insight.state import MOST_MODELS, page
from explorer.ui.text import plain, sentence
from explorer.ui.waiting import busy

PLACE = 420  # height of a section's place while it is not there yet


def pick() -> list[Entry]:
    """The models to look at, from the state or the one shown first; a name may say a β."""
    entries = {entry.name: entry for entry in catalogue()}
    asked = page.state().models
    found = [entry for name in asked if (entry := named(entries, name))]
    lost = [name for name in asked if named(entries, name) is None]
    if lost:
        kept = tuple(entry.name for entry in found)
        page.correct(f"There is no model {', '.join(repr(n[:80]) for n in lost)} here.", models=kept)
    if not found:
        first = first_model.first(list(entries.values()))
        if first is None:
            return []
        found = [first]
        page.correct("", models=(first.name,))
    names = [entry.name for entry in found]
    at_betas = [name for name in names if name not in entries]
    st.multiselect("Models", [*entries, *at_betas], max_selections=MOST_MODELS, **page.choice("models", names))
    if any(split_beta(name)[1] is not None for name in at_betas):
        st.caption("NAME@4 is a model for every β at β = 4; such a name can be written into the address.")
    return found


def described(entries: list[Entry]) -> tuple[Description, ...]:
    """What the models say of themselves; one that can't be used is said to be so and left out."""
    found = []
    for entry in entries:
        try:
            found.append(first_model.described(entry))
        except UserError as error:
            st.error(sentence(f"{entry.name}: {error}"))
    return tuple(found)


@st.fragment
def chosen(descriptions: tuple[Description, ...]) -> None:
    """The section that is chosen: only this runs again when something in it is touched."""
    page.settle()
    name = page.state().section
    st.header(SECTIONS[name].title)
    if page.complaints():
        st.warning("  \n".join(plain(complaint) for complaint in page.complaints()))
    try:
        with busy(st.container(), "Loading", PLACE):
            section = import_module(f"explorer.ui.insight.{module_of(name)}")
            looking = Looking(descriptions, page.state())
            looking.prepare()
        section.show(looking)
    except UserError as error:
        st.error(sentence(error))
        if "found" in str(error) or "download" in str(error):
            st.caption("The page Explore offers to download the images where that is possible.")


page.follow_url()
st.title("Insight")
entries = pick()
if not entries:
    st.info("There is no model on this machine yet: train one, or import one.")
    st.stop()
st.segmented_control(
    "What to look at",
    list(SECTIONS),
    format_func=lambda name: SECTIONS[name].title,
    required=True,
    **page.choice("section"),
)
descriptions = described(entries)
doubt_mark.show_doubts(descriptions)
if descriptions:
    chosen(descriptions)
