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
    st.warning(
        plain(
            "Not converged; the last doubling of the images changed, in nats, "
            f"{'; '.join(_change(name, result.decomposition) for name, result in moving)}. Total correlation "
            "holds what mutual information lacks: more images move nats from the one to the other, and the "
            "standard errors say nothing of that."
        ),
        icon=":material/trending_down:",
    )
    rates = sorted(
        result.evaluation.kl for _, result in moving if images_for(result.evaluation.kl) > result.decomposition.images
    )
    within = [n for rate in rates if (n := images_for(rate)) <= MOST_IMAGES]
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
    if len(within) < len(rates):
        st.caption(
            f"At a rate of {rates[-1]:.1f} nats no number of images up to {MOST_IMAGES:,} is enough: its total "
            "correlation is too high here, and its mutual information too low."
        )


def _change(name: str, part: KLDecomposition) -> str:
    if part.doubling is None:
        return f"{name}: nothing, of one image"
    changes = (part.doubling["mutual_information"], part.doubling["total_correlation"])
    information, total = (f"{change:+.2f}".replace("-", "−") for change in changes)
    return f"{name}: mutual information {information}, total correlation {total}"
