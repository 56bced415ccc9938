"""Whether the parts of the KL still move with the number of images, and on how many they would be at rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from explorer.ui.compare.curves_state import MOST_IMAGES, Page
from explorer.ui.compare.families import CurveModel
from explorer.ui.text import plain

if TYPE_CHECKING:
    from explorer.analysis.decomposition import KLDecomposition
    from explorer.analysis.summary import Summary


def unconverged(found: Sequence[tuple[CurveModel, Summary]], page: Page) -> None:
    """Say whose parts twice the images still changed, and offer as many images as their rate needs."""
    from explorer.analysis.decomposition import ABOVE, images_for

    moving = [(m.name, result) for m, result in found if not result.decomposition.converged]
    if not moving:
        st.caption(
            "Twice the images changed no mutual information and no total correlation by more than its standard error."
        )
        return
    rates = sorted(
        result.evaluation.kl for _, result in moving if images_for(result.evaluation.kl) > result.decomposition.images
    )
    within = [n for rate in rates if (n := images_for(rate)) <= MOST_IMAGES]
    names = ", ".join(name for name, _ in moving)
    most = max(_change(result.decomposition) for _, result in moving)
    last = f"; the last doubling moved up to {most:.2f}" if most else ""
    more = f" A KL of {rates[-1]:.1f} nats needs more than {MOST_IMAGES:,} images." if len(within) < len(rates) else ""
    st.caption(
        plain(
            f"For {names}, more images would still move nats from total correlation to mutual information{last}.{more}"
        )
    )
    count = page.state().count
    more_there = any(result.evaluation.count >= count for _, result in moving)
    if within and within[-1] > count and more_there:
        st.button(
            f"Measure on {within[-1]:,} images",
            icon=":material/add_photo_alternate:",
            key="curves.more",
            on_click=page.put,
            kwargs={"count": within[-1]},
            help=f"So that ln N lies {ABOVE:g} nats above the rate.",
        )


def _change(part: KLDecomposition) -> float:
    """By how many nats the last doubling of the images moved one of the parts, at most; 0 where there was none."""
    return max((abs(change) for change in (part.doubling or {}).values()), default=0.0)
