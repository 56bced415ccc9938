"""What stands below the sliders on the page Explore: KL, posterior, traversals, reconstructions, and missing images."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer import access
from explorer.checkpoints import Description, recipe
from explorer.datasets.names import DATASETS
from explorer.errors import UserError
from explorer.ui import page_cache, pictures
from explorer.ui.explore import latents, session
from explorer.ui.insight_links import called, insight_links
from explorer.ui.text import plain, sentence
from explorer.words import number

STEPS = 9  # pictures in a traversal
ROW = 10  # images in the rows of inputs and reconstructions
SCROLL_FROM, SCROLL_HEIGHT = 17, 900  # traversals of more dimensions than that scroll
STILL = {"displayModeBar": False}


def missing_data(description: Description) -> bool:
    """Say which images are missing, and fetch them where a button is pressed; whether any are."""
    try:
        page_cache.dataset(description)
        return False
    except UserError as error:
        st.info(sentence(f"the model's images are not at hand: {error}"), icon=":material/image_not_supported:")
    try:
        info = DATASETS[recipe.source_of(description.config).name]
    except UserError:
        return True
    if (
        info.downloadable
        and access.may("download")
        and st.button(f"Download {info.title} from the internet", icon=":material/download:", key="explore.download")
    ):
        try:
            with st.spinner(f"Downloading {info.title}"):
                page_cache.dataset(description, download=True)
        except UserError as error:
            st.error(sentence(error))
        else:
            st.rerun()
    return True


def kl(description: Description) -> None:
    """Bars of the KL of each dimension, and the posterior of the image that the sliders start from."""
    from explorer.figures import charts  # plotly takes its time, and the picture comes first

    state, (kind, image) = session.state(), session.start_of(description)
    measured = page_cache.measured(description, state.count)
    found = page_cache.starting_point(description, kind, state.seed, image).inspection
    call = latents.labels_of(description).call
    bars, marks = st.columns(2, gap="large") if found else (st.container(), None)
    with bars:
        st.header("KL of each dimension")
        st.number_input(
            "Images to measure on", min_value=10, max_value=100_000, step=1000, width=180, **session.entry("count")
        )
        if isinstance(measured, str):
            st.caption(plain(f"Absent: {measured}."))
            return
        total = f"{sum(measured.kl):.2f} nats in all"
        st.caption(plain(f"KL(q(z|x) || p(z)), {measured.words}; {total}."))
        listed = ", ".join(f"{call(d)} {measured.kl[d]:.2f}" for d in measured.order)
        st.plotly_chart(
            charts.kl_bars(measured.kl, measured.order, measured.active, call),
            key="explore.kl",
            config=STILL,
            alt=f"KL in nats by dimension: {listed}",
        )
        insight_links("kl", [called(description)], "first-k", "groups")
    if marks is None or found is None:
        return
    mean, std = found.mean[0], found.std[0]
    with marks:
        st.header("Posterior of the image")
        st.caption("Mean ± σ of q(z|x) for each dimension; the band is the prior's ± σ.")
        listed = ", ".join(f"{call(d)} {mean[d]:.2f} ± {std[d]:.2f}" for d in measured.order)
        st.plotly_chart(
            charts.posterior_marks(mean, std, measured.order, call),
            key="explore.posterior",
            config=STILL,
            alt=f"Posterior by dimension: {listed}",
        )


def traversal_rows(description: Description) -> None:
    """Every dimension from one end of its slider to the other, a row each."""
    state, (kind, image) = session.state(), session.start_of(description)
    begin = page_cache.starting_point(description, kind, state.seed, image)
    low, high, _ = page_cache.slider_limits(description, state.range, state.quantile, state.span, state.count)
    measured = page_cache.measured(description, state.count)
    known = None if isinstance(measured, str) else measured
    order = latents.dimension_order(description, known)
    strips = page_cache.traversals(description, begin.z, order, (low, high), STEPS)
    st.header("Traversals")
    st.caption(
        f"Each row moves one dimension in {STEPS} even steps over the range of its slider; "
        f"the others stay at the start ({begin.words})."
    )
    call = latents.labels_of(description).call
    many = len(order) >= SCROLL_FROM
    with st.container(height=SCROLL_HEIGHT if many else "content", border=many, key="traversals"):
        for strip, dimension in zip(strips, order, strict=True):
            ends = f"{low[dimension]:.2f} to {high[dimension]:.2f}"
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                known_kl = "not known" if isinstance(measured, str) else f"{measured.kl[dimension]:.2f}"
                name = plain(call(dimension))
                st.markdown(f"**{name}**  \nKL {known_kl}  \n:gray[{ends}]", width=112)
                strip.show(f"Traversal of {call(dimension)} from {ends}")
    here = image if kind == "image" else None
    insight_links("traversals", [called(description)], "intervene", "plane", image=here)


def reconstructions(description: Description) -> None:
    """Images of the data set over what the model makes of them."""
    indices = page_cache.image_numbers(description, ROW)
    found = page_cache.inspected(description, indices)
    st.header("Reconstructions")
    value = "pixel" if description.config.samples is None else "value"
    st.caption(
        f"Above {len(indices)} inputs, below their reconstructions from the posterior mean. On average: "
        f"squared error {number(found.squared_error.mean())} a {value}, −log p(x|z) "
        f"{found.nll.mean():.2f} nats. Images {', '.join(str(i) for i in indices)}, "
        f"drawn with seed {page_cache.SEED}."
    )
    both = pictures.image_sheet(np.stack([found.images, found.reconstructions]), samples=description.config.samples)
    both.show(f"{len(indices)} inputs over their reconstructions")
    insight_links("reconstructions", [called(description)], "anomalies", "search", image=indices[0])
