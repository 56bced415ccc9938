"""Search: the latents whose picture is most like an image, or brightest or darkest in a region."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.ui import page_cache
from explorer.ui.insight.looking import STILL, Looking, choose_image, explain, give, kept, look_into
from explorer.ui.insight.state import page

if TYPE_CHECKING:
    from explorer.analysis.insight.latent_search import Found, Target
    from explorer.analysis.inspection import Inspection

AIMS = {"image": "An image", "bright": "Much ink", "region": "A bright region", "dark": "A dark region"}
AIMS_OF_VALUES = {"image": "A sample", "bright": "High values", "region": "A high stretch", "dark": "A low stretch"}
CELL = 132


def show(looking: Looking) -> None:
    """The whole section."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="insight.controls"):
        number = look_into(looking)
        aims = AIMS if looking.samples(number) is None else AIMS_OF_VALUES
        st.segmented_control("Look for", list(aims), format_func=aims.__getitem__, required=True, **page.choice("aim"))
        choose_image(looking)
        _region(looking, number)
        st.number_input(
            "Penalty κ", min_value=0.0, max_value=1000.0, step=0.1, format="%.3f", width=130, **page.entry("kappa"),
            help="How much a code far from the prior's middle costs: ½κ‖z‖².",
        )  # fmt: skip
        st.number_input("Seed", min_value=0, max_value=2**31 - 1, step=1, width=120, **page.entry("seed"))
    image = page_cache.inspected(looking.descriptions[number], [looking.image(number)])
    target = _target(looking, number, image)
    found = _found(looking, number, target, image)
    _pictures(looking, number, image, found, target)
    explain("search")
    _path(found)


def _region(looking: Looking, number: int) -> None:
    """The square that is to be bright or dark."""
    if looking.state.aim not in ("region", "dark"):
        return
    height, width = looking.descriptions[number].config.shape[1:]
    across = (("left", "Column", width - 1), ("size", "Size", width if height == 1 else height))
    for field, label, most in across if height == 1 else (("top", "Row", height - 1), *across):
        least = 1 if field == "size" else 0
        value = min(max(least, getattr(looking.state, f"aim_{field}")), most)
        st.number_input(
            f"{label}, pixels" if height > 1 else f"{label}, values",
            min_value=least,
            max_value=most,
            width=130,
            **page.entry(f"aim_{field}", value),
        )


def _target(looking: Looking, number: int, image: Inspection) -> Target:
    from explorer.analysis.insight.latent_search import Target, region

    state, shape = looking.state, looking.descriptions[number].config.shape
    if state.aim == "image":
        return Target(image=image.images[0])
    if state.aim == "bright":
        return Target(weights=np.ones(shape, np.float32))
    top, left = min(state.aim_top, shape[1] - 1), min(state.aim_left, shape[2] - 1)
    weights = region(shape, top, left, min(state.aim_size, shape[2] if shape[1] == 1 else shape[1])) * 100
    return Target(weights=weights if state.aim == "region" else -weights)


def _found(looking: Looking, number: int, target: Target, image: Inspection) -> Found:
    from explorer.analysis.insight.latent_search import search

    state, model = looking.state, looking.model(number)
    where = (state.aim_top, state.aim_left, state.aim_size)
    settings = (state.aim, where, state.kappa, state.seed, looking.image(number))
    start = image.mean[0]
    return kept(
        looking.key(number, "search", *settings),
        "Searching among latents",
        lambda tell: search(model, target, state.kappa, start=start, seed=state.seed, tell=tell),
    )


def _pictures(looking: Looking, number: int, image: Inspection, found: Found, target: Target) -> None:
    """The image, what the encoder's mean gives, and the best that was found; then the way there."""
    from explorer.figures.image_grid import grid, png
    from explorer.figures.renderings import render

    name = looking.names[number]
    sheet = np.stack([image.images[0], image.reconstructions[0], found.picture])[None]
    looking.sheet(sheet, CELL, number).show(
        alt=f"The {looking.noun}, what {name} decodes of its code, and the picture that was found",
        caption=f"{looking.noun} · from the encoder's mean · found",
    )
    looking.sheet(found.way[None], 64, number).show(
        alt=f"The best picture so far at {len(found.way)} steps of the search", caption="the best so far"
    )
    begun = "" if found.start is None else f"objective {found.start:,.2f} at the encoder's mean, "
    typical = len(found.z) ** 0.5
    st.caption(
        f"{begun}{found.path[-1]:,.2f} where it ended, score {found.score:,.2f}. ‖z‖ = {found.norm:.2f}, where "
        f"most draws of the prior are near {typical:.2f}; −log p(z) = {found.prior_nats:.2f} nats. "
        f"{found.starts} starts: the encoder's mean and draws with seed {found.seed}."
    )
    from explorer.export.search_files import found_csv

    give(
        ("Pictures, PNG", "search.png", lambda: png(grid(render(sheet, looking.samples(number), 2)))),
        ("Code and path, CSV", "search.csv", partial(found_csv, found)),
    )


def _path(found: Found) -> None:
    """The objective of the best so far against steps."""
    from explorer.figures.insight_lines import lines

    st.plotly_chart(
        lines({"best": (np.arange(len(found.path)), found.path)}, ("step", "objective of the best so far")),
        key="insight.path",
        config=STILL,
        alt=f"The objective of the best so far over {len(found.path)} steps",
    )
