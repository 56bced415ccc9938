"""Sequences: the latents as lines along frames in order, and how slow each is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.errors import UserError
from explorer.ui.insight.looking import STILL, Looking, explain, give, kept
from explorer.ui.insight.state import page
from explorer.ui.text import plain, sentence

if TYPE_CHECKING:
    from explorer.analysis.insight.slow_latents import Slowness

SEQUENCES = 40
SHOWN = 6  # latents whose lines are drawn, by KL
FILM = 10  # frames that are shown


def show(looking: Looking) -> None:
    """The whole section."""
    found: dict[int, Slowness] = {}
    with st.container(horizontal=True, vertical_alignment="bottom", key="insight.controls"):
        st.number_input("Frames", min_value=3, max_value=100, width=120, **page.entry("frames"))
        st.number_input("Sequence", min_value=0, max_value=1000, width=120, **page.entry("sequence"))
        st.number_input("Seed", min_value=0, max_value=2**31 - 1, step=1, width=120, **page.entry("seed"))
    for number, name in enumerate(looking.names):
        try:
            found[number] = _slowness(looking, number)
        except UserError as error:
            st.caption(sentence(f"{plain(name)}: absent: {error}"))
    if not found:
        explain("sequences")
        return
    frames = min(of.mean.shape[1] for of in found.values())
    cursor = min(looking.state.frame, frames - 1)
    st.slider("Frame", min_value=0, max_value=frames - 1, step=1, **page.entry("frame", cursor))
    columns = st.columns(min(2, len(found)), gap="large")
    for place, (number, of) in enumerate(found.items()):
        with columns[place % len(columns)]:
            _lines(looking, number, of, cursor)
    explain("sequences")
    _table(looking, found)


def _slowness(looking: Looking, number: int) -> Slowness:
    from explorer.analysis.insight.slow_latents import slowness

    state = looking.state
    model, data = looking.model(number), looking.data(number)
    return kept(
        looking.key(number, "slowness", state.frames, state.seed),
        plain(f"{looking.names[number]}: encoding {SEQUENCES} sequences"),
        lambda tell: slowness(model, data, SEQUENCES, state.frames, state.seed, tell=tell),
    )


def _lines(looking: Looking, number: int, found: Slowness, cursor: int) -> None:
    """The film, and under it a line for each of the latents with most KL."""
    from explorer.analysis.insight.slow_latents import pictures_of
    from explorer.figures.insight_lines import lines

    row = min(looking.state.sequence, len(found.mean) - 1)
    frames = found.mean.shape[1]
    chosen = list(dict.fromkeys([*np.linspace(0, frames - 1, min(FILM, frames)).round().astype(int).tolist(), cursor]))
    chosen.sort()
    index, data = found.index[row][chosen], looking.data(number)
    key = looking.key(number, "film", tuple(index.tolist()))
    pictures = kept(key, "Drawing", lambda _: pictures_of(data, index).numpy())
    st.markdown(f"**{plain(looking.names[number])}**")
    looking.sheet(pictures[None], 52, number).show(
        alt=f"Frames of sequence {row}", caption="frames " + ", ".join(str(frame) for frame in chosen)
    )
    order = np.argsort(-found.kl, kind="stable")[:SHOWN]
    series = {f"z{j}": (np.arange(frames), found.mean[row, :, j]) for j in order}
    st.plotly_chart(
        lines(series, ("frame", "posterior mean"), mark=cursor),
        key=f"insight.sequence.{number}",
        config=STILL,
        alt=f"Posterior means of {len(series)} latents along {frames} frames",
    )
    straight = found.straightness[row]
    said = "absent, it ends where it began" if np.isnan(straight) else f"{straight:.2f}"
    known = found.straightness[np.isfinite(found.straightness)]
    st.caption(
        f"Sequence {row} of {len(found.mean)}; {found.moving}. Length over distance: {said}"
        + (f"; the median of all is {np.median(known):.2f}." if len(known) else ".")
    )


def _table(looking: Looking, found: dict[int, Slowness]) -> None:
    """Every latent's numbers, by KL."""
    from explorer.export.concept_files import slowness_csv

    st.subheader("How slow each latent is")
    for number, of in found.items():
        order = np.argsort(-of.kl, kind="stable")
        rows = {
            "Latent": [f"z{j}" for j in order],
            "KL, nats": of.kl[order].tolist(),
            "Δ": [None if np.isnan(v) else float(v) for v in of.slowness[order]],
            "S-VAE, nats": of.slow_kl[order].tolist(),
            "SlowVAE, nats": of.slow_vae[order].tolist(),
        }
        st.markdown(f"**{plain(looking.names[number])}**")
        numbers = {name: st.column_config.NumberColumn(format="%.3f") for name in list(rows)[1:]}
        key = f"insight.slow.{number}"
        st.dataframe(rows, hide_index=True, column_config=numbers, key=key, height=min(420, 38 + 35 * len(order)))
    st.caption(
        f"Over {SEQUENCES} sequences at most, as many as there are {looking.nouns} for; the variance in Δ is over all."
    )
    give(("Latents, CSV", "slowness.csv", lambda: slowness_csv({looking.names[n]: of for n, of in found.items()})))
