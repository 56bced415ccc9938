"""The codes on the page Measure: the scatter, what a lasso holds, and the neighbours of an image."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.ui import pictures
from explorer.ui.measure import state as page
from explorer.ui.measure.models import MeasureView, factor_words, nearest
from explorer.ui.measure.scatter import inside, scatter, show_under_pointer
from explorer.ui.text import plain

if TYPE_CHECKING:
    from explorer.analysis.measurement import Encoded


HUES = [
    (15, 110, 106), (200, 100, 27), (91, 91, 181), (168, 50, 79), (111, 127, 42), (122, 106, 88),
    (43, 120, 184), (184, 71, 155), (63, 143, 79), (138, 143, 147),
]  # fmt: skip
COLD, WARM = (52, 78, 190), (236, 132, 44)
SHOWN_IN_LASSO = 24


def colours(size: int) -> list[tuple[int, int, int]]:
    """A colour for each class: different ones for few, from cold to warm for many."""
    if size <= len(HUES):
        return HUES[:size]
    steps = np.linspace(0, 1, size)[:, None] * (np.array(WARM) - COLD) + COLD
    return [(int(r), int(g), int(b)) for r, g, b in steps]


@st.fragment
def cloud(view: MeasureView, number: int) -> None:
    """The scatter of two latents, with pictures under the pointer, a lasso, and neighbours."""
    found = view.codes(number)
    if found is None:
        return
    state, names = page.state(), view.data.factor_names
    codes = found.codes(state.representation, state.seed)
    latents = codes.shape[1]
    live = np.argsort(-found.means.var(axis=0), kind="stable")
    x = int(live[0]) if state.x is None else min(state.x, latents - 1)
    y = int(live[min(1, latents - 1)]) if state.y is None else min(state.y, latents - 1)
    colour = min(state.colour, len(names) - 1) if names else 0
    st.header("Codes")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for field, label, value in (("x", "Across", x), ("y", "Up", y)):
            st.selectbox(label, **page.option(field, range(latents), value), format_func=lambda d: f"z{d}", width=110)
        if names:
            st.selectbox(
                "Colour", **page.option("colour", range(len(names)), colour), format_func=lambda k: names[k], width=180
            )
        st.number_input(
            "Neighbours of image number",
            min_value=0,
            max_value=len(view.data) - 1,
            **page.entry("image"),
            width=220,
            placeholder="click a point",
        )
    kind, palette, legend = coloured(view, found, colour)
    place = {int(index): row for row, index in enumerate(found.indices)}
    picked = place.get(state.image) if state.image is not None else None
    near = nearest(codes, picked) if picked is not None else []
    touched = scatter(
        codes[:, x], codes[:, y], kind, palette, legend, (f"z{x}", f"z{y}"),
        f"{len(codes):,} codes, z{x} across and z{y} up", picked, near,
        lambda point: page.put(image=int(found.indices[point])), key="measure.scatter",
    )  # fmt: skip
    words = partial(image_words, view, found)
    picture, about = b"", ""
    if touched.hover is not None:
        image = view.data.unit([int(found.indices[touched.hover])])[0].cpu().numpy()
        picture, about = pictures.thumb(image, 96, view.data.samples).file, words(touched.hover)
    show_under_pointer(touched.hover, picture, about, "measure.thumb")
    st.caption(
        f"{len(codes):,} images. Rest on a point to see its image, click it for its neighbours, or draw "
        "around points with the lasso."
    )
    if state.image is not None and picked is None:
        st.caption(f"Image {state.image:,} is not among those shown: choose more, or click a point.")
    if picked is not None:
        st.markdown(f"**Neighbours of image {state.image:,}** :gray[{plain(words(picked))}]")
        gallery(view, found, [picked, *near])
        st.caption("The image itself, then the nearest codes by Euclidean distance over all latents.")
    if touched.lasso is not None:
        in_lasso(view, found, np.flatnonzero(inside(touched.lasso, codes[:, x], codes[:, y])))


def coloured(
    view: MeasureView, found: Encoded, factor: int
) -> tuple[np.ndarray, list[tuple[int, int, int]], list[tuple[str, tuple[int, int, int]]]]:
    """The class of each point `(n,)` by a factor, the classes' colours, and a legend; one class without factors."""
    names, sizes = view.data.factor_names, view.data.factor_sizes
    if not names or found.factors is None or not sizes:
        return np.zeros(len(found.indices), dtype=np.int64), [HUES[0]], []
    size = sizes[factor]
    palette = colours(size)
    every = range(size) if size <= len(HUES) else (0, size // 2, size - 1)
    return found.factors[:, factor], palette, [(f"{names[factor]} {k}", palette[k]) for k in every]


def in_lasso(view: MeasureView, found: Encoded, members: np.ndarray) -> None:
    """The images of the points that a lasso was drawn around, and their factors."""
    st.markdown(f"**{len(members):,} images in the lasso** of {len(found.indices):,}")
    if not len(members):
        return
    gallery(view, found, members[:SHOWN_IN_LASSO].tolist())
    if len(members) > SHOWN_IN_LASSO:
        st.caption(f"The first {SHOWN_IN_LASSO} of them.")
    lasso_summary(view, found, members)


def image_words(view: MeasureView, found: Encoded, row: int) -> str:
    """The number and the factors of an image."""
    text = f"image {int(found.indices[row]):,}"
    if found.factors is None or view.data.factor_names is None:
        return text
    return f"{text}: {factor_words(view.data.factor_names, found.factors[row])}"


def gallery(view: MeasureView, found: Encoded, rows: list[int]) -> None:
    """Images side by side."""
    images = view.data.unit([int(found.indices[row]) for row in rows]).cpu().numpy()
    with st.container(horizontal=True, gap="xsmall"):
        for row, image in zip(rows, images, strict=True):
            pictures.thumb(image, 72, view.data.samples).show(image_words(view, found, row))


def lasso_summary(view: MeasureView, found: Encoded, members: np.ndarray) -> None:
    """Which values of each factor lie in a selection."""
    if found.factors is None or view.data.factor_names is None or view.data.factor_sizes is None:
        return
    said = []
    for k, (name, size) in enumerate(zip(view.data.factor_names, view.data.factor_sizes, strict=True)):
        values = np.unique(found.factors[members, k])
        span = f"{values[0]} to {values[-1]}" if len(values) > 1 else f"{values[0]}"
        said.append(f"{name}: {len(values)} of {size} values ({span})")
    st.caption(plain(" · ".join(said)))
