"""Paths: ways between two images, averages and analogies."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from explorer.checkpoints.doubts import sentence_of
from explorer.ui.insight.looking import Looking, choose_count, choose_image, explain, give, kept, look_into
from explorer.ui.insight.state import page

CELL = 84


def show(looking: Looking) -> None:
    """The whole section."""
    state = looking.state
    with st.container(horizontal=True, vertical_alignment="bottom", key="insight.controls"):
        number = look_into(looking)
        for field, label in (("image", "A"), ("other", "B"), ("path_third", "C")):
            choose_image(looking, label, field)
        st.number_input("Pictures of a way", min_value=3, max_value=15, width=150, **page.entry("path_steps"))
        choose_count(looking, "of the graph")
    data = looking.data(number)
    last = len(data) - 1
    if max(state.image, state.other, state.path_third) > last:
        st.caption(f"There are {looking.nouns} 0 to {last:,}; the last one stands for those beyond.")
    three = [min(image, last) for image in (state.image, state.other, state.path_third)]
    _ways(looking, number, three)
    explain("ways-between")
    _sums(looking, number, three)


def _ways(looking: Looking, number: int, three: list[int]) -> None:
    from explorer.analysis.insight.ways import KINDS, paths
    from explorer.export.concept_files import paths_csv, rows_png

    state, count = looking.state, looking.images(number)
    model, data, steps = looking.model(number), looking.data(number), state.path_steps
    ends = (three[0], three[1])
    found = kept(
        looking.key(number, "paths", ends, steps, count, state.seed),
        f"Looking for a way among {count:,} {looking.nouns}",
        lambda tell: paths(model, data, ends, steps, count, state.seed, tell),
    )
    sheet = np.stack([of.pictures for of in found])
    looking.sheet(sheet, CELL, number).show(
        alt=f"Three ways from {looking.noun} {ends[0]} to {looking.noun} {ends[1]}, a row each",
        caption=" · ".join(KINDS[of.kind] for of in found) + ", a row each, from A to B",
    )
    rows = {
        "Way": [KINDS[of.kind] for of in found],
        "Length in pictures": [of.picture_length for of in found],
        "Length in latents": [of.latent_length for of in found],
        "Largest ‖z‖²/D": [of.unlikely for of in found],
    }
    numbers = {name: st.column_config.NumberColumn(format="%.3f") for name in list(rows)[1:]}
    st.dataframe(rows, hide_index=True, column_config=numbers, key="insight.ways")
    by = list(found[-1].through[1:-1])
    said = ", ".join(f"{image:,}" for image in by[:12]) + (", …" if len(by) > 12 else "")
    met = f"{looking.nouns} {said}" if by else f"no other {looking.noun}"
    st.caption(f"Along the data the way goes by {met}, of {count:,}.")
    note = sentence_of(looking.descriptions[number].config)
    give(
        ("Ways, CSV", "paths.csv", partial(paths_csv, found)),
        (
            "Ways, PNG",
            "paths.png",
            partial(rows_png, sheet, [KINDS[of.kind] for of in found], note, looking.samples(number)),
        ),
    )


def _sums(looking: Looking, number: int, three: list[int]) -> None:
    """The average of A and B, and A − B + C, by codes and by pixels."""
    from explorer.analysis.insight.ways import mixed

    st.subheader("Sums of codes")
    model, data = looking.model(number), looking.data(number)
    key = looking.key(number, "sums", tuple(three))
    half, other = kept(
        key, "Decoding", lambda _: (mixed(model, data, three[:2], (0.5, 0.5)), mixed(model, data, three, (1, -1, 1)))
    )
    pixels = data.unit(three).cpu().numpy()
    row = np.stack([*pixels, half.picture, half.of_pixels, other.picture, other.of_pixels])
    values = "pixels" if looking.samples(number) is None else "values"
    words = f"A · B · C · half A, half B by codes · by {values} · A − B + C by codes · by {values}"
    looking.sheet(row[None], CELL, number).show(alt=f"Pictures: {words}", caption=words)
    length = float((other.z**2).mean())
    st.caption(
        f"‖z‖²/D of A − B + C is {length:.2f}; of draws of the prior it is about 1, and far beyond that no "
        f"{looking.noun} lies. Sums of {values} are cut to what can be shown."
    )
