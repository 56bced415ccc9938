"""Concepts: classes of a factor as Gaussians on one latent; classified, combined and decoded."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.checkpoints.doubts import sentence_of
from explorer.errors import UserError
from explorer.ui.insight.looking import STILL, Looking, choose_images, explain, give, kept, look_into
from explorer.ui.insight.state import page
from explorer.ui.text import plain, sentence

if TYPE_CHECKING:
    from explorer.analysis.insight.bells import Concept, Concepts


def show(looking: Looking) -> None:
    """The whole section."""
    state = looking.state
    with st.container(horizontal=True, vertical_alignment="bottom", key="insight.controls"):
        number = look_into(looking)
        choose_images(looking, one=False)
        st.number_input("Classes at most", min_value=2, max_value=16, width=150, **page.entry("concept_classes"))
    try:
        best = _concepts(looking, number, None)
    except UserError as error:
        st.info(sentence(f"absent: {error}"))
        explain("concepts")
        return
    names = [of.factor for of in best.concepts]
    order = sorted(range(len(names)), key=lambda k: -best.concepts[k].score)
    first = order[0] if state.concept_factor is None else min(state.concept_factor, len(names) - 1)
    others = [k for k in order if k != first] or [first]
    second = others[0] if state.concept_with < 0 else min(state.concept_with, len(names) - 1)
    latents = looking.model(number).latents
    axis = best.concepts[first].axis if state.concept_axis is None else min(state.concept_axis, latents - 1)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        options = list(range(len(names)))
        chosen = page.option("concept_factor", options, first, concept_axis=None)
        st.selectbox("Factor", **chosen, format_func=names.__getitem__, width=200)
        axes = page.option("concept_axis", list(range(latents)), axis)
        st.selectbox("On latent", **axes, format_func="z{}".format, width=120)
        st.selectbox(
            "Combined with", **page.option("concept_with", options, second), format_func=names.__getitem__, width=200
        )
    found = best if axis == best.concepts[first].axis else _concepts(looking, number, {names[first]: axis})
    _combinations(looking, number, [found.concepts[k] for k in dict.fromkeys((first, second))])
    explain("concepts")
    _axis(found, first)
    _all(found)


def _concepts(looking: Looking, number: int, axes: dict[str, int] | None) -> Concepts:
    from explorer.analysis.insight.bells import concepts

    state, count = looking.state, looking.images(number)
    model, data, most = looking.model(number), looking.data(number), state.concept_classes
    key = looking.key(number, "concepts", count, state.seed, most, axes)
    return kept(
        key,
        f"Fitting classes of {count:,} {looking.nouns}",
        lambda t: concepts(model, data, count, state.seed, most, axes, t),
    )


def _combinations(looking: Looking, number: int, chosen: list[Concept]) -> None:
    """A picture for each combination of the classes of two factors."""
    from explorer.analysis.insight.bells import combined
    from explorer.analysis.insight.ways import decoded
    from explorer.export.concept_files import rows_png

    model = looking.model(number)
    found = combined(chosen, model.latents)
    z = np.stack([of.z for of in found])
    key = looking.key(number, "combinations", z.tobytes())
    pictures = kept(key, "Decoding", lambda _: decoded(model, z))
    across = len({of.classes[-1] for of in found})
    sheet = pictures.reshape(len(found) // across, across, *pictures.shape[1:])
    words = " × ".join(f"{plain(of.factor)} on z{of.axis}" for of in chosen)
    looking.sheet(sheet, 84, number).show(
        alt=f"Decoded pictures of each combination of classes: {words}",
        caption=f"{words}: the first grows downwards, the last to the right; other latents are 0",
    )
    if len({of.axis for of in chosen}) < len(chosen):
        agreements = [of.agreement for of in found]
        st.caption(
            f"Both stand on one latent, so that their Gaussians are multiplied; agreement ∫N₁N₂ from "
            f"{min(agreements):.3g} to {max(agreements):.3g} for one unit of it."
        )
    rows = list(dict.fromkeys(of.classes[0] for of in found)) if len(chosen) > 1 else [""]
    note = sentence_of(looking.descriptions[number].config)
    give(("Pictures, PNG", "concepts.png", partial(rows_png, sheet, rows, note, looking.samples(number))))


def _axis(found: Concepts, place: int) -> None:
    """The Gaussians of a factor over the histogram of its latent, and its confusion table."""
    from explorer.figures.heatmaps import matrix
    from explorer.figures.insight_points import bells

    of = found.concepts[place]
    left, right = st.columns([3, 2], gap="large")
    curves = {name: (b.mean, b.variance) for name, b in zip(of.classes, of.bells, strict=True) if b is not None}
    left.plotly_chart(
        bells(found.means[:, of.axis], curves, f"z{of.axis}, posterior mean"),
        key="insight.bells",
        config=STILL,
        alt=f"Gaussians of {len(curves)} classes of {of.factor} on z{of.axis}",
    )
    right.plotly_chart(
        matrix(of.confusion.astype(float), list(of.classes), list(of.classes), "images",
               row_title=of.factor, column_title="classified as"),
        key="insight.confusion",
        config=STILL,
        alt=f"Held-out images by their class of {of.factor} and the class they are given",
    )  # fmt: skip
    few = [name for name, count in zip(of.classes, of.counts, strict=True) if count < 10]
    st.caption(
        f"{plain(of.factor)} on z{of.axis}: {of.correct:.0%} of {found.tested:,} held-out images right by density, "
        f"{of.by_mean:.0%} by the nearest mean; the largest class is {of.chance:.0%} of them."
        + (f" Fewer than ten images were there to fit {', '.join(few)}." if few else "")
    )


def _all(found: Concepts) -> None:
    """Every factor with its latent."""
    from explorer.export.concept_files import concepts_csv

    rows = {
        "Factor": [of.factor for of in found.concepts],
        "Latent": [f"z{of.axis}" for of in found.concepts],
        "Separation": [of.score for of in found.concepts],
        "Right": [of.correct for of in found.concepts],
        "By nearest mean": [of.by_mean for of in found.concepts],
        "Largest class": [of.chance for of in found.concepts],
    }
    numbers = {name: st.column_config.NumberColumn(format="percent") for name in list(rows)[3:]}
    numbers["Separation"] = st.column_config.NumberColumn(format="%.3f")
    st.dataframe(rows, hide_index=True, column_config=numbers, key="insight.concepts")
    st.caption(
        f"Fitted to {found.fitted:,} images, tested on {found.tested:,} others. A factor that goes round, such as an "
        "angle, or has classes without an order, need not lie along one latent."
    )
    give(("Classes, CSV", "concepts.csv", partial(concepts_csv, found)))
