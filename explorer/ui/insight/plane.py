"""Plane: what is decoded over two latents, and how outputs change along both."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.checkpoints.doubts import sentence_of
from explorer.ui import page_cache
from explorer.ui.insight.looking import STILL, Looking, choose_image, explain, give, kept, look_into
from explorer.ui.insight.state import page
from explorer.ui.pictures import Picture
from explorer.ui.text import plain

if TYPE_CHECKING:
    from explorer.analysis.insight.plane_of_two import Grid, Output, PlaneGradients
    from explorer.recipe.samples import Samples

LAYOUTS = {"square": "Square", "polar": "Polar"}
COLOURS = {"magnification": "√det G", "cos": "cos θ of a and b", "cross": "sin θ of a and b", "value": "output a"}
WIDE = 720  # pixels of the manifold on the page


def show(looking: Looking) -> None:
    """The whole section."""
    state = looking.state
    with st.container(horizontal=True, vertical_alignment="bottom", key="insight.controls"):
        number = look_into(looking)
        axes = _axes(looking, number)
        if axes is None:
            explain("plane")
            return
        layouts = page.choice("plane_layout")
        st.segmented_control("Grid", list(LAYOUTS), format_func=LAYOUTS.__getitem__, required=True, **layouts)
        st.number_input("Points a side", min_value=2, max_value=25, width=140, **page.entry("plane_side"))
        st.number_input("Reach, 0: prior", min_value=0.0, max_value=10.0, width=150, **page.entry("plane_reach"))
        choose_image(looking)
        others = page.choice("plane_others")
        words = {"image": f"As in the {looking.noun}", "zero": "0"}
        st.segmented_control("Other latents", list(words), format_func=words.__getitem__, required=True, **others)
    from explorer.analysis.insight.plane_of_two import latents_on, pictures_on
    from explorer.export.plane_files import plane_picture
    from explorer.figures.image_grid import png

    grid = _grid(looking)
    start = page_cache.inspected(looking.descriptions[number], [looking.image(number)]).mean[0]
    z = latents_on(grid, axes, start if state.plane_others == "image" else np.zeros(len(start)))
    model = looking.model(number)
    where = looking.key(number, "plane", axes, z.tobytes())
    pictures = kept((*where, "pictures"), "Decoding", lambda _: pictures_on(model, z))
    own = looking.samples(number)
    drawn = plane_picture(grid, pictures, own)
    Picture(png(drawn), min(WIDE, drawn.shape[1])).show(
        alt=f"Pictures of {len(z)} points of the plane of z{axes[0]} and z{axes[1]}",
        caption=f"z{axes[0]} grows to the right, z{axes[1]} upwards; {len(z)} points up to "
        f"{np.abs(grid.points).max():.2f}. Beyond about 3 no {looking.noun} of the data has its code.",
    )
    explain("plane")
    found = _gradients(looking, number, grid, axes, z, where)
    note = sentence_of(looking.descriptions[number].config)
    from explorer.export.plane_files import plane_csv, plane_png

    give(
        ("Pictures, PNG", "plane.png", partial(plane_png, grid, pictures, note, own)),
        ("Table, CSV", "plane.csv", partial(plane_csv, grid, axes, found, pictures, own)),
    )


def _axes(looking: Looking, number: int) -> tuple[int, int] | None:
    """Both latents, by KL where none is chosen; None of a model with one."""
    latents = looking.model(number).latents
    if latents < 2:
        st.caption("This model has one latent, and so no plane of two: absent.")
        return None
    found = page_cache.evaluated(looking.descriptions[number], looking.images(number))
    order = np.argsort(-found.kl_per_dimension, kind="stable").tolist()
    state, options = looking.state, list(range(latents))
    across = order[0] if state.plane_across is None else min(state.plane_across, latents - 1)
    first = next(d for d in order if d != across)
    up = first if state.plane_up in (None, across) else min(state.plane_up or 0, latents - 1)
    up = up if up != across else first
    st.selectbox("Across", **page.option("plane_across", options, across), format_func="z{}".format, width=100)
    st.selectbox("Up", **page.option("plane_up", options, up), format_func="z{}".format, width=100)
    return across, up


def _grid(looking: Looking) -> Grid:
    from explorer.analysis.insight.plane_of_two import polar, square

    state = looking.state
    if state.plane_layout == "square":
        return square(state.plane_side, state.plane_reach or None)
    return polar(max(1, state.plane_side // 2), state.plane_side)


def _gradients(
    looking: Looking, number: int, grid: Grid, axes: tuple[int, int], z: np.ndarray, where: tuple[object, ...]
) -> PlaneGradients:
    """Arrows over the plane, and what is known of their angle."""
    from explorer.analysis.insight.plane_of_two import plane_gradients
    from explorer.figures.insight_points import arrows

    st.subheader("How two outputs change")
    model, state, flat = looking.model(number), looking.state, looking.samples(number)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name, label in (("", "a"), ("_b", "b")):
            row = page.entry(f"plane_row{name}")
            column = (
                page.entry("plane_column_b", _column_b(looking, model.shape)) if name else page.entry("plane_column")
            )
            if flat is None:
                st.slider(f"Row of {label}", min_value=0.0, max_value=1.0, step=0.02, width=140, **row)
            across = "Place" if flat is not None and flat.kind == "signal" else "Column"
            st.slider(f"{across} of {label}", min_value=0.0, max_value=1.0, step=0.02, width=140, **column)
        st.number_input(
            "Side, pixels" if flat is None else "Width, values",
            min_value=1,
            max_value=1000,
            width=130,
            **page.entry("plane_region"),
        )
        colours = page.option("plane_colour", list(COLOURS), state.plane_colour)
        st.selectbox("Colour", **colours, format_func=COLOURS.__getitem__, width=190)
    outputs = _outputs(looking, model.shape)
    found = kept(
        (*where, "gradients", tuple(outputs)),
        f"Differentiating at {len(z)} points",
        lambda tell: plane_gradients(model, z, axes, outputs, tell),
    )
    colour = found.values[0] if state.plane_colour == "value" else getattr(found, state.plane_colour)
    span = (-1.0, 1.0) if state.plane_colour in ("cos", "cross") else None
    titles = (f"z{axes[0]}", f"z{axes[1]}")
    st.plotly_chart(
        arrows(grid.points, {"a": found.gradients[0], "b": found.gradients[1]}, colour, titles,
               COLOURS[state.plane_colour], span),
        key="insight.arrows",
        config=STILL,
        alt="Arrows along which the outputs a and b grow, at each point of the plane",
    )  # fmt: skip
    longest = [float(np.linalg.norm(of, axis=1).max()) for of in found.gradients]
    known = found.cos[np.isfinite(found.cos)]
    said = "absent, one of both is flat everywhere" if not len(known) else f"{known.mean():.3f} on the average"
    means = [_words(output, model.shape, flat) for output in outputs]
    st.caption(
        f"a is the mean of {means[0]}, b of {means[1]}. An arrow shows along which way an output grows fastest; the "
        f"longest is {longest[0]:.3g} of a for one unit of a latent, {longest[1]:.3g} of b. "
        f"cos θ: {said}, at {len(known)} of {len(z)} points."
    )
    return found


def _outputs(looking: Looking, shape: tuple[int, int, int]) -> list[Output]:
    from explorer.analysis.insight.plane_of_two import region

    state = looking.state
    places = ((state.plane_row, state.plane_column), (state.plane_row_b, _column_b(looking, shape)))
    height, width = shape[1] - 1, shape[2] - 1
    return [region(shape, round(r * height), round(c * width), state.plane_region) for r, c in places]


def _column_b(looking: Looking, shape: tuple[int, int, int]) -> float:
    """Where output b stands across, so that it is another place than a's."""
    if looking.state.plane_column_b is not None:
        return looking.state.plane_column_b
    return 0.5 if shape[1] > 1 else 0.3


def _words(output: Output, shape: tuple[int, int, int], samples: Samples | None) -> str:
    first, last = output.columns
    if samples is None:
        return f"the pixels in rows {output.rows[0]} to {output.rows[1]}, columns {first} to {last}"
    if samples.axis is None:
        names = [channel.name for channel in samples.channels[first : last + 1]]
        return f"the column{'s' if len(names) > 1 else ''} {plain(', '.join(names[:6]))}{', …' if names[6:] else ''}"
    places = samples.axis.values(shape[2])
    unit = f" {samples.axis.unit}" if samples.axis.unit else ""
    return plain(f"the values at {samples.axis.name} {places[first]:.4g} to {places[last]:.4g}{unit}")
