"""How the dimensions of models go together: correlations of means or of samples, over kinds of dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from explorer.checkpoints import Description
from explorer.errors import UserError
from explorer.ui.compare.curves_state import Page
from explorer.ui.summaries import summaries
from explorer.ui.text import plain, sentence

if TYPE_CHECKING:
    from explorer.analysis.summary import Summary

STILL = {"displayModeBar": False}
KINDS = ("all", "active", "mixed", "passive")


def representations(names: Sequence[str], descriptions: Sequence[Description], page: Page) -> None:
    """A heat-map for each model, with the switches of what is correlated.

    Args:
        names, descriptions: the models that the page is about.
        page: its state, a CurvesState; the images are those of the curves.
    """
    st.header("Means and samples")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for field, label, options, words in (
            ("codes", "Codes", ("mean", "sampled"), "The mean of the posterior, or one sample of it."),
            (
                "kind",
                "Dimensions",
                KINDS,
                "Active: σ² near 0 whatever the image; passive: near 1, as the prior's; "
                "mixed: anything else (Bonheme and Grześ 2021).",
            ),
        ):
            st.segmented_control(label, options, required=True, help=words, **page.choice(field))
    count, seed = page.state().count, page.state().seed
    bar = st.progress(0.0, "Looking up what is known")

    def tell(done: int, of: int) -> None:
        bar.progress(done / of, f"Measuring on {count:,} images: {done} of {of} models done")

    results = summaries(descriptions, count, seed, tell)
    bar.empty()
    for start in range(0, len(results), 2):
        for column, name, result in zip(st.columns(2, gap="large"), names[start:], results[start:], strict=False):
            with column:
                st.markdown(f"**{plain(name)}**")
                if isinstance(result, UserError):
                    st.caption(sentence(result))
                else:
                    _map(name, result, page)
    st.caption(
        f"Pearson correlations over {count:,} images of each model's own data set, or all where there are "
        f"fewer, drawn with seed {seed}. Means of passive dimensions hardly vary, yet may be correlated, and "
        "so raise the total correlation of means; a sample drowns them in the noise of the prior."
    )


def _map(name: str, result: Summary, page: Page) -> None:
    from explorer.figures.correlation_matrix import correlation_heatmap

    codes, kind = page.state().codes, page.state().kind
    found = result.correlations
    dimensions = found.dimensions(kind)
    counts = ", ".join(f"{result.units(k)} {k}" for k in KINDS[1:])
    which = "all" if kind == "all" else f"the {kind}"
    if not dimensions:
        st.caption(f"It has no {kind} dimension: {counts}.")
        return
    st.plotly_chart(
        correlation_heatmap(found.of(codes, kind), [f"z{j}" for j in dimensions]),
        key=f"codes.{name}",
        config=STILL,
        alt=f"Correlations among {which} dimensions of {name}",
    )
    total = {c: found.total_correlation(c, kind) for c in ("mean", "sampled")}
    words = {c: "infinite" if v is None else f"{v:.3f} nats" for c, v in total.items()}
    st.caption(
        f"{counts}. Gaussian total correlation of {which} dimensions: "
        f"means {words['mean']}, samples {words['sampled']}."
    )
