"""Compare: several models side by side, under the same sliders and on the same image."""

from __future__ import annotations

import math
import random

import streamlit as st

from explorer.checkpoints import Entry, catalogue, describe
from explorer.checkpoints.catalogue import named, split_beta
from explorer.checkpoints.recipe import Source
from explorer.errors import UserError
from explorer.live.comparison import MOST_MODELS
from explorer.ui import doubt_mark
from explorer.ui.compare import live, sections
from explorer.ui.compare import models as compared
from explorer.ui.compare.correlation_panel import representations
from explorer.ui.compare.curve_panel import come_back, curve_section, follow_click
from explorer.ui.compare.state import page
from explorer.ui.compare.takeaway import takeaway
from explorer.ui.text import plain, sentence
from explorer.ui.waiting import busy

STARTS = {"image": "Image", "mean": "Prior mean", "sample": "Random sample"}
FIRST = ("dsprites-beta1", "dsprites-beta4", "dsprites-beta16")
PLACE = 620  # height of the comparison's place while it is not there yet


def pick(entries: dict[str, Entry]) -> list[str]:
    """The models to compare, from the state or the ones shown first."""
    names = list(page.state().models)
    if not names:
        names = [name for name in FIRST if name in entries] or list(entries)[:2]
        page.correct("", models=tuple(names))
    own = {split_beta(name)[0]: None for name in names if name in entries or split_beta(name)[0] in entries}
    betas = {name: at_betas(entries[name]) for name in own}
    more = dict.fromkeys([*(name for several in betas.values() for name in several), *names])
    st.multiselect(
        "Models",
        [*entries, *(name for name in more if name not in entries)],
        **page.choice("models", names, t=(), hand=(), link=links_without_hand()),
        max_selections=MOST_MODELS,
        placeholder="Choose two to six models",
    )
    for name, choices in betas.items():
        if name in names and len(choices) > 1:
            offer_betas(name, choices)
    return names


def links_without_hand() -> str | None:
    """How sliders are linked once there are other models: what was linked by hand is no longer."""
    return None if page.state().link == "hand" else page.state().link


def at_betas(entry: Entry) -> list[str]:
    """Names of a model for every β at each octave of its range; none of others."""
    try:
        betas = describe(entry.path).config.betas
    except UserError:
        return []  # said where its pictures would be
    if betas is None:
        return []
    octaves = range(math.ceil(math.log2(betas[0])), math.floor(math.log2(betas[1])) + 1)
    return [f"{entry.name}@{2.0**octave:g}" for octave in octaves]


def offer_betas(of: str, choices: list[str]) -> None:
    """A button that shows one model at four β in place of the models chosen."""
    four = [choices[round(part * (len(choices) - 1) / 3)] for part in range(4)]
    st.button(
        f"{plain(of)} at four β",
        icon=":material/density_small:",
        key=f"compare.betas.{of}",
        on_click=page.put,
        kwargs={"models": tuple(dict.fromkeys(four)), "t": (), "hand": (), "link": links_without_hand()},
    )


def another_image(most: int) -> None:
    """Start from another image, taken at random."""
    page.put(image=random.randrange(most), t=())


def controls(models: list[compared.Model], sources: dict[str, Source]) -> None:
    """Where the sliders start, and how far they reach."""
    state = page.state()
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare.controls"):
        st.segmented_control(
            "Start from", list(STARTS), format_func=STARTS.__getitem__, required=True, **page.choice("start", t=())
        )
        if state.start == "image":
            st.number_input("Image number", min_value=0, max_value=10**9, step=1, width=150, **page.entry("image"))
            most = min((len(model.data) for model in models if model.data is not None), default=1)
            st.button(
                "Another image",
                icon=":material/shuffle:",
                key="compare.another.image",
                on_click=another_image,
                args=(most,),
            )
        elif state.start == "sample":
            st.number_input(
                "Seed",
                min_value=0,
                max_value=2**31 - 1,
                step=1,
                width=150,
                **page.entry("sample"),
                help="A draw from N(0, I) for the first model; linked dimensions share its values.",
            )
            st.button(
                "Another sample",
                icon=":material/casino:",
                key="compare.another.sample",
                on_click=page.put,
                kwargs={"sample": random.randrange(10**6), "t": ()},
            )
        lacking = [m.name for m in models if m.description is not None and m.source is None]
        sections.data_choice(sources, lacking)
        st.number_input(
            "Span of the sliders, ±",
            min_value=0.1,
            max_value=100.0,
            step=0.5,
            format="%.2f",
            width=170,
            **page.entry("span"),
        )


def complain(view: compared.View | None = None) -> None:
    """Say what could not be used."""
    said = [plain(complaint) for complaint in page.complaints()]
    if view is not None and view.complaint:
        said.append(plain(view.complaint if view.complaint.endswith(".") else f"{view.complaint}."))
    if said:
        st.warning("  \n".join(said))


@st.fragment
def touch(asked: list[Entry | str], source: Source | None) -> tuple[compared.View, bool]:
    """The linked sliders: only this runs again when one is let go."""
    if live.needs_the_whole_page():
        st.rerun()
    page.settle()
    place = st.container(key="comparison")
    with busy(place, "Comparing", PLACE):
        models = [compared.opened(entry, source) for entry in asked]  # one may be gone by now
        view = compared.view(models, page.state())
    with place:
        complain(view)
        waiting = live.show(view)
        takeaway(view)
    return view, waiting


@st.fragment(run_every=0.6)
def wait_for_networks(models: list[compared.Model]) -> None:
    """Show the page again once a decoder is ready, or can't be made ready."""
    if live.more_ready(models):
        st.rerun()


come_back(page)
page.follow_url()
follow_click()
st.title("Compare")
entries = {entry.name: entry for entry in catalogue()}
names = pick(entries)
if not names:
    st.info("There is no model on this machine yet: train one, or import one.")
    st.stop()
if len(names) == 1:
    st.info("One model is chosen: choose another one to compare it with.")
asked = [named(entries, name) or name for name in names]
sources = compared.sources(asked)
given = page.state().data
if given and given not in sources:
    page.correct(f"None of these models has images called {given[:80]!r}; each takes its own.", data="")
slot = st.container()
with busy(st.container(), "Opening the models", PLACE):
    models = [compared.opened(entry, sources.get(page.state().data)) for entry in asked]
with slot:
    doubt_mark.show_doubts(model.description for model in models)
    controls(models, sources)
found = touch(asked, sources.get(page.state().data))
if found is not None:
    view, waiting = found
    if waiting:
        wait_for_networks(list(view.models))
    for section in (sections.numbers_table, sections.kl, sections.matching, sections.traversal_rows):
        try:
            section(view)
        except UserError as error:
            st.error(sentence(error))
    readable = {m.name: m.description for m in view.models if m.description is not None}
    curve_section(list(readable), list(readable.values()), page)
    representations(list(readable), list(readable.values()), page)
