"""A guided path over the pages: a few steps, each on a page in a state that shows something.

The step that a person is at stands in the address beside what the page itself writes there, so that it can be linked to
and come back to. On any other page it stays where it is until the person goes on or leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from explorer.ui import address


@dataclass(frozen=True)
class Step:
    """A page, with the parameters of its address, and what is to be seen and done there."""

    title: str
    page: str
    words: str
    params: dict[str, str | list[str]] = field(default_factory=dict)


NEWCOMER = "tour.newcomer"  # whether the person came to the first page and asked for nothing
ONE = "dsprites-any-beta"
STEPS = (
    Step(
        "A picture in six numbers",
        "explore",
        "This model has learned to draw from six numbers, its **latents**; each slider is one of them. Drag *floor "
        "hue*: the floor changes, and nothing else. Try *shape* and *view*. A code in which each number does one thing "
        "is called **disentangled**. (This model was told the factors of 1,000 of its 480,000 pictures; "
        "dsprites-disentangled was told nothing.)",
        {"model": "scene-disentangled"},
    ),
    Step(
        "What a number costs",
        "explore",
        "A number that tells something about the picture carries information. It is counted in **nats** (a nat is 1.44 "
        "bits) and stands under each name: the **KL**. **β** is the price of a nat. Drag β up: what goes first? A "
        "number that is no longer worth its price falls asleep, at 0 nats.",
        {"model": ONE, "beta": "1"},
    ),
    Step(
        "Why they fall asleep",
        "theory",
        "Training weighs two costs: how far the picture is off, **D**, and how many nats the code takes, **R**. The "
        "curve is the best that can be had of both. Drag β along it: where the curve has slope −β, another nat is "
        "worth just its price.",
        {"topic": "beta"},
    ),
    Step(
        "Four prices side by side",
        "compare",
        "One model at four β, from the same image, under the same sliders. Drag the first slider: all of them answer. "
        "Drag the last one: at a high β nothing happens, since that number sleeps.",
        {"model": [f"{ONE}@{beta}" for beta in (1, 4, 16, 32)]},
    ),
    Step(
        "Make your own",
        "train",
        "Press *Launch* for a small model of small pictures, with a β of your choice, and watch it learn; when it has "
        "finished, open it in Explore. Your own pictures and models go in on the page Library; Measure tells how "
        "disentangled a model is.",
        {"data": "dsprites", "size": "32", "steps": "3000", "objective": "beta", "beta": "4"},
    ),
)


def follow() -> None:
    """Take the step from the address, where it says one; asked before a page is shown."""
    if address.PAGE not in st.session_state and not st.query_params:
        st.session_state.setdefault(NEWCOMER, True)
    said = st.query_params.get(address.TOUR, "")
    if said.isascii() and said.isdigit() and 1 <= int(said) <= len(STEPS):
        st.session_state[address.TOUR] = int(said)


def show(page: str) -> None:
    """The step that the person is at, on the page of that name; nothing where there is none."""
    number = st.session_state.get(address.TOUR)
    if number is None:
        return
    step = STEPS[number - 1]
    with st.container(border=True, key="tour"):
        words, ways = st.columns([4, 1], gap="small")
        words.markdown(f"**{number} of {len(STEPS)} · {step.title}.** {step.words}")
        with ways.container(horizontal=True, gap="small", horizontal_alignment="right"):
            if page != step.page:
                way(page, number, "Back to this step", "replay")
            elif number < len(STEPS):
                way(page, number + 1, "Next", "arrow_forward")
            if page == step.page and number > 1:
                way(page, number - 1, "Before", "arrow_back")
            st.button("Leave", icon=":material/close:", type="tertiary", key="tour.leave", on_click=leave)


def way(page: str, number: int, label: str, icon: str) -> None:
    """The way from a page to a step: a link, on the step's own page a button, since Streamlit follows no link there."""
    step, symbol = STEPS[number - 1], f":material/{icon}:"
    params = {**step.params, address.TOUR: str(number)}
    if page == step.page:
        st.button(
            label, icon=symbol, type="tertiary", key=f"tour.{icon}", on_click=st.query_params.from_dict, args=(params,)
        )
    else:
        st.page_link(f"pages/{step.page}.py", label=label, icon=symbol, query_params=params, width="content")


def offer() -> None:
    """A link to the first step, for who has just come and asked for nothing."""
    if address.TOUR not in st.session_state and st.session_state.get(NEWCOMER):
        with st.container(horizontal=True, vertical_alignment="center", key="tour-offer"):
            way("explore", 1, "New here? Five steps show what a Beta-VAE is", "school")


def leave() -> None:
    """Take the step away, from the address too."""
    st.session_state.pop(address.TOUR, None)
    st.session_state[NEWCOMER] = False
    st.query_params.pop(address.TOUR, None)
