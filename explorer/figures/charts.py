"""Plotly figures of a model's numbers. Text and background are left to the theme of the page."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import plotly.graph_objects as go

FAINT = "rgba(128, 128, 128, 0.55)"  # seen on light and on dark
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
Call = Callable[[int], str]  # what a dimension is called


def tint(part: float) -> str:
    """A colour between teal, 0, and violet, 1, seen on light and on dark."""
    return f"hsl({175 + 110 * part:.0f}, 45%, {42 + 14 * part:.0f}%)"


def kl_bars(
    kl: Sequence[float], order: Sequence[int], active: Sequence[bool] | None = None, call: Call = "z{}".format
) -> go.Figure:
    """A bar for each latent dimension: its KL in nats, in the given order.

    Args:
        kl: KL(q(z_j|x) || p(z_j)) by dimension, `(D,)`.
        order: the dimensions from left to right.
        active: which dimensions are active, `(D,)`; None where that is not known.
        call: what each dimension is called.
    """
    figure = go.Figure()
    groups = [("KL", list(order))]
    if active is not None:
        groups = [("active", [d for d in order if active[d]]), ("inactive", [d for d in order if not active[d]])]
    for name, dimensions in groups:
        if not dimensions:
            continue
        figure.add_bar(
            x=[_text(call, d) for d in dimensions],
            y=[float(kl[d]) for d in dimensions],
            name=name,
            marker={"color": FAINT} if name == "inactive" else {},
            hovertemplate="%{x}: %{y:.3f} nats<extra>" + name + "</extra>",
        )
    return _finish(figure, [_text(call, d) for d in order], "KL in nats", legend=active is not None)


def posterior_marks(
    mean: Sequence[float], std: Sequence[float], order: Sequence[int], call: Call = "z{}".format
) -> go.Figure:
    """q(z_j|x) of one image: the mean of each dimension with one standard deviation to both sides.

    Args:
        mean, std: of the posterior, `(D,)`.
        order: the dimensions from left to right.
        call: what each dimension is called.
    """
    figure = go.Figure()
    figure.add_hrect(y0=-1, y1=1, fillcolor="rgba(128, 128, 128, 0.15)", line_width=0)
    figure.add_scatter(
        x=[_text(call, d) for d in order],
        y=[float(mean[d]) for d in order],
        error_y={"type": "data", "array": [float(std[d]) for d in order], "thickness": 2},
        mode="markers",
        marker={"size": 9},
        customdata=[float(std[d]) for d in order],
        hovertemplate="%{x}: µ = %{y:.3f}, σ = %{customdata:.3f}<extra></extra>",
        name="µ ± σ",
    )
    return _finish(figure, [_text(call, d) for d in order], "z", legend=False)


def _text(call: Call, dimension: int) -> str:
    """A person's word for a dimension, so that Plotly, which knows some HTML, shows it as it is."""
    return html.escape(call(dimension), quote=False)


def _finish(figure: go.Figure, order: Sequence[str], unit: str, legend: bool) -> go.Figure:
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=list(order))
    figure.update_yaxes(title=unit)
    figure.update_layout(
        height=260,
        margin=MARGIN,
        showlegend=legend,
        dragmode=False,
        bargap=0.25,
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "top"},
    )
    return figure
