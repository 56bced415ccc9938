"""Insight: what papers on Beta-VAEs have shown, on any model."""

from __future__ import annotations

import math
from importlib import import_module

import streamlit as st

from explorer.analysis.insight.contents import SECTIONS, module_of
from explorer.checkpoints import Description, Entry, catalogue, describe
from explorer.checkpoints.catalogue import named, split_beta
from explorer.errors import UserError
from explorer.ui import doubt_mark, first_model
from explorer.ui.insight.looking import Looking
from explorer.ui.insight.state import page
from explorer.ui.insight_links import MOST_IN_INSIGHT
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
    more = dict.fromkeys([*(name for entry in found for name in at_betas(entries, entry)), *names])
    options = [*entries, *(name for name in more if name not in entries)]
    st.multiselect("Models", options, max_selections=MOST_IN_INSIGHT, **page.choice("models", names))
    return found


def at_betas(entries: dict[str, Entry], entry: Entry) -> list[str]:
    """Names of a model for every β at each octave of its range; none of others."""
    own = entries.get(split_beta(entry.name)[0], entry)
    try:
        betas = describe(own.path).config.betas
    except UserError:
        return []  # said where its section would be
    if betas is None:
        return []
    octaves = range(math.ceil(math.log2(betas[0])), math.floor(math.log2(betas[1])) + 1)
    return [f"{own.name}@{2.0**octave:g}" for octave in octaves]


def described(entries: list[Entry]) -> dict[str, Description]:
    """What the models say of themselves, by name; one that can't be used is said to be so and left out."""
    found = {}
    for entry in entries:
        try:
            found[entry.name] = first_model.described(entry)
        except UserError as error:
            st.error(sentence(f"{entry.name}: {error}"))
    return found


def chosen(models: dict[str, Description]) -> None:
    """The section that is chosen. No fragment: a touch of one would wait until all is computed; so it ends that."""
    name = page.state().section
    st.header(SECTIONS[name].title)
    if page.complaints():
        st.warning("  \n".join(plain(complaint) for complaint in page.complaints()))
    try:
        with busy(st.container(), "Loading", PLACE):
            section = import_module(f"explorer.ui.insight.{module_of(name)}")
            looking = Looking(tuple(models), tuple(models.values()), page.state())
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
st.pills(
    "What to look at",
    list(SECTIONS),
    format_func=lambda name: SECTIONS[name].title,
    required=True,
    **page.choice("section"),
)
models = described(entries)
doubt_mark.show_doubts(models.values())
if models:
    chosen(models)
