"""Effects over many images, of latents and factors; and by which latents image B comes of image A."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.errors import UserError
from explorer.ui.insight.looking import STILL, Looking, choose_count, give, kept
from explorer.ui.insight.state import page
from explorer.ui.text import plain, sentence

if TYPE_CHECKING:
    from explorer.analysis.insight.effects import Effects

MOST = 16  # latents in a matrix on the page


def many(looking: Looking, number: int) -> None:
    """The mediation from A to B, and all effect matrices."""
    _mediation(looking, number)
    st.subheader(f"Over many {looking.nouns}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose_count(looking)
        st.number_input("Seed", min_value=0, max_value=2**31 - 1, step=1, width=120, **page.entry("seed"))
    try:
        found = _effects(looking, number)
    except UserError as error:
        st.caption(sentence(f"absent: {error}"))
        return
    order = np.argsort(-found.kl, kind="stable")
    _latents(found, order)
    left, right = st.columns(2, gap="large")
    shown = order[:MOST]
    with left:
        _matrix(found.response[np.ix_(shown, shown)], [f"z{j}" for j in shown], shown, "moved", "response")
        st.caption(
            "Response: the row's latent is drawn anew, the column's is read off the picture. A diagonal is a code "
            "that the encoder reads as the decoder writes it."
        )
    with right:
        if found.input is None:
            st.caption("Factors: absent. The data set holds its samples and does not make them from factors.")
        else:
            _matrix(found.input[:, shown], list(found.factor_names), shown, "set", "factor")
            st.caption("Factors: the row's factor is set to another value; how far the codes move, in s.")
    more = f" The {MOST} latents of highest KL are shown; the table has all." if len(order) > MOST else ""
    st.caption(f"{found.count:,} {looking.nouns} of {plain(looking.data(number).name)}, seed {found.seed}.{more}")
    from explorer.export.effect_files import effects_csv

    give(("Effects, CSV", "effects.csv", partial(effects_csv, found)))


def _effects(looking: Looking, number: int) -> Effects:
    from explorer.analysis.insight.effects import effects

    count, seed = looking.images(number), looking.state.seed
    model, data = looking.model(number), looking.data(number)
    key = looking.key(number, "effects", count, seed)
    return kept(key, "Moving each latent", lambda tell: effects(model, data, count, seed, tell))


def _latents(found: Effects, order: np.ndarray) -> None:
    """A bar for each latent, and both means."""
    from explorer.analysis.insight.effects import specificity
    from explorer.figures.insight_lines import bars

    shown = order[: 2 * MOST]
    st.plotly_chart(
        bars([f"z{j}" for j in shown], found.image_effect[shown], "effect on what is decoded"),
        key="insight.effects",
        config=STILL,
        alt=f"Effect of each of {len(shown)} latents on what is decoded",
    )
    alive = found.kl > 0.1
    largest, _ = specificity(found.response)
    words = f"Mean effect over all {len(order)} latents {found.image_effect.mean():.2f}"
    if alive.any():
        words += f", over the {int(alive.sum())} with a KL above 0.1 nats {found.image_effect[alive].mean():.2f}"
    sharp = largest[alive & np.isfinite(largest)]
    words += f"; mean specificity of the response of these {sharp.mean():.2f}." if len(sharp) else "."
    st.caption(f"{words} A mean over all counts latents that sleep.")


def _matrix(values: np.ndarray, rows: list[str], latents: np.ndarray, verb: str, name: str) -> None:
    from explorer.analysis.insight.effects import specificity
    from explorer.figures.heatmaps import matrix

    columns = [f"z{j}" for j in latents]
    st.plotly_chart(
        matrix(values, rows, columns, ""),
        key=f"insight.{name}",
        config=STILL,
        alt=f"How far {len(columns)} latents move for each of {len(rows)} that are {verb}",
    )
    largest, _ = specificity(values)
    said = [
        f"{plain(row)} {'absent' if np.isnan(v) else format(v, '.2f')}" for row, v in zip(rows, largest, strict=True)
    ]
    st.caption(f"Largest share of each row: {', '.join(said)}.")


def _mediation(looking: Looking, number: int) -> None:
    """By which latents the change from A to B goes."""
    from explorer.analysis.insight.patching import images_of, mediate
    from explorer.ui.insight.intervene import ends

    st.subheader("From A to B, by latent")
    model, pair = looking.model(number), ends(looking, number)
    images = images_of(model, looking.data(number), *pair)
    found = kept(looking.key(number, "mediation", pair), "Decoding", lambda _: mediate(model, images))
    if found.indirect is None or found.direct is None:
        st.caption("A and B decode to the same picture: there is no change to share out, and shares are absent.")
        return
    order = np.argsort(-np.abs(found.indirect), kind="stable")
    rows: dict[str, list[Any]] = {
        "Latent": [f"z{j}" for j in order],
        "By it alone": found.indirect[order].tolist(),
        "Without it": found.direct[order].tolist(),
    }
    st.dataframe(
        rows,
        hide_index=True,
        key="insight.mediation",
        height=min(400, 38 + 35 * len(order)),
        column_config={name: st.column_config.NumberColumn(format="percent") for name in ("By it alone", "Without it")},
    )
    st.caption(
        f"Shares of the change ‖B − A‖₂ = {found.total:.3f}. By it alone: z of A, this latent of B. Without it: z "
        f"of B, this latent of A. What the first column leaves of the whole, the interaction: "
        f"{found.interaction:.1%} by projection, {found.interaction_size:.1%} by length."
    )
