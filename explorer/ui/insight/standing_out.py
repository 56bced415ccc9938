"""Which images of the data set stand out, by two scores side by side."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from explorer.ui.insight.looking import STILL, Looking, give, kept
from explorer.ui.text import plain

if TYPE_CHECKING:
    import numpy as np

    from explorer.datasets import Dataset

SHOWN = 8


def standing_out(looking: Looking, number: int) -> None:
    """Pictures of those that stand out most, both scores as points, and the table of all."""
    from explorer.analysis.insight.outliers import outliers
    from explorer.export.anomaly_files import outliers_csv
    from explorer.figures.insight_points import points

    things = f"{looking.nouns}"
    st.subheader(f"{things.capitalize()} that stand out")
    state, count = looking.state, looking.images(number)
    model, data = looking.model(number), looking.data(number)
    key = looking.key(number, "outliers", count, state.seed)
    found = kept(
        key, f"Looking for {things} that stand out", lambda tell: outliers(model, data, count, state.seed, tell)
    )
    for by, words in (("latent", "farthest among the latents"), ("reconstruction", "dearest to reconstruct")):
        first = found.order(by)[:SHOWN]
        indices = [int(found.index[place]) for place in first]
        own = looking.key(number, "pictures", tuple(indices))
        pictures = kept(own, "Opening", partial(_opened, data, indices))
        looking.sheet(pictures[None], 84, number).show(
            alt=f"The {len(first)} {things} that are {words}",
            caption=f"{words}: " + ", ".join(f"{i:,}" for i in indices),
        )
    left, right = st.columns(2, gap="large")
    left.plotly_chart(
        points(
            found.latent,
            found.reconstruction,
            [f"{looking.noun} {i:,}" for i in found.index],
            ("latent distance d²", "−log p(x|z), nats"),
        ),
        key="insight.outliers",
        config=STILL,
        alt=f"Latent distance and reconstruction cost of each {looking.noun}",
    )
    order = found.order()
    rows = {
        looking.noun.capitalize(): found.index[order].tolist(),
        "d²": found.latent[order].tolist(),
        "Rank": found.latent_rank[order].tolist(),
        "−log p, nats": found.reconstruction[order].tolist(),
        "Rank by it": found.reconstruction_rank[order].tolist(),
    }
    numbers = {name: st.column_config.NumberColumn(format="%.2f") for name in ("d²", "−log p, nats")}
    right.dataframe(rows, hide_index=True, column_config=numbers, height=340, key="insight.outliers.table")
    st.caption(
        f"{len(order):,} {things} of {plain(data.name)}, drawn with seed {found.seed}, against the Gaussian that was "
        f"fitted to the same; its mean d² is {found.latent.mean():.2f}, for {found.latents} latents. A latent that "
        "carries nothing adds nothing to d², since its variance is that of the whole aggregate posterior."
    )
    give((f"{things.capitalize()}, CSV", "outliers.csv", partial(outliers_csv, found)))


def _opened(data: Dataset, indices: list[int], _: object) -> np.ndarray:
    """Samples `(n, C, H, W)` in [0, 1]."""
    return data.unit(indices).cpu().numpy()
