"""A slider for each latent dimension, with its number beside it and a way back."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor

import streamlit as st

from explorer.ui import session
from explorer.ui.cached import Measured

SCROLL_FROM = 13  # dimensions; more than that scroll beside the picture
SCROLL_HEIGHT = 720
REACH = 1000.0  # of the number entry, as of the URL


def sliders(
    start: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    measured: Measured | None,
) -> None:
    """A row for each dimension, ordered by KL where it is known; call it in a fragment.

    Args:
        start: where the dimensions return to, `(D,)`.
        low, high: ends of the sliders, `(D,)`; a slider reaches further where its value does.
        measured: the KL of each dimension.
    """
    state = session.state()
    here = state.place(start)
    order = measured.order if measured else range(len(here))
    st.button(
        "Reset all", icon=":material/restart_alt:", key="explore.reset", on_click=session.put,
        kwargs={"z": ()}, disabled=not any(state.is_moved(d) for d in order),
        help="Put every dimension back where the start has it.",
    )  # fmt: skip
    many = len(here) >= SCROLL_FROM
    with st.container(height=SCROLL_HEIGHT if many else "content", border=many, key="latents"):
        for dimension in order:
            about = measured.describe(dimension) if measured else "KL not known"
            _row(dimension, here[dimension], low[dimension], high[dimension], about, state)


def _row(
    dimension: int, value: float, low: float, high: float, about: str, state: session.ExploreState
) -> None:
    lowest = min(floor(low * 100) / 100, value)
    highest = max(ceil(high * 100) / 100, value, lowest + 0.01)
    with st.container(horizontal=True, wrap=False, vertical_alignment="bottom", gap="xsmall"):
        st.slider(
            f"z{dimension} · {about}", lowest, highest, step=0.01, format="%.2f",
            key=session.mirror_z("slider", dimension, value),
            on_change=session.take_z, args=("slider", dimension),
        )  # fmt: skip
        st.number_input(
            f"Value of z{dimension}", -REACH, REACH, step=0.1, format="%.2f", width=88,
            label_visibility="collapsed", key=session.mirror_z("number", dimension, value),
            on_change=session.take_z, args=("number", dimension),
        )  # fmt: skip
        st.button(
            f"Reset z{dimension}", key=f"explore.reset.{dimension}", type="tertiary",
            on_click=session.move, args=(dimension, None), disabled=not state.is_moved(dimension),
        )  # fmt: skip
