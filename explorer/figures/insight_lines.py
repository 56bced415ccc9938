"""Figures of the page Insight: numbers of several models along an axis, and bars of a model's latents or units."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures.charts import FAINT, MARGIN, tint

Line = tuple[Sequence[float] | np.ndarray, Sequence[float] | np.ndarray]


def lines(
    series: Mapping[str, Line], titles: tuple[str, str], mark: float | None = None, log: bool = False, unit: str = ""
) -> go.Figure:
    """Lines with their points, each by its name, coloured from teal to violet in this order.

    Args:
        series: values along the axis, and of the number, of each line.
        titles: of the horizontal and the vertical axis.
        mark: a place on the horizontal axis with a dashed line.
        log: whether the vertical axis is logarithmic; what is not above 0 is left out then.
        unit: of the number, where one points at it.
    """
    figure = go.Figure()
    for place, (name, (x, y)) in enumerate(series.items()):
        colour = tint(place / max(1, len(series) - 1))
        figure.add_scatter(
            x=[float(v) for v in x],
            y=[float(v) if not log or v > 0 else None for v in y],
            mode="lines+markers",
            name=html.escape(name[:40], quote=False),
            line={"width": 2, "color": colour},
            marker={"size": 6},
            hovertemplate=f"%{{x:.4g}}: %{{y:.4g}} {unit}<extra>%{{fullData.name}}</extra>",
        )
    if mark is not None:
        figure.add_vline(x=mark, line={"width": 1.5, "dash": "dash", "color": FAINT})
    figure.update_xaxes(title=titles[0])
    figure.update_yaxes(title=titles[1], type="log" if log else "linear")
    figure.update_layout(
        height=300,
        margin=MARGIN,
        dragmode=False,
        showlegend=len(series) > 1,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
    )
    return figure


def bars(
    names: Sequence[str], values: Sequence[float] | np.ndarray, title: str, chosen: int | None = None
) -> go.Figure:
    """A bar for each latent or unit, in the given order; the chosen one stands out."""
    colours = [tint(1.0) if place == chosen else tint(0.0) for place in range(len(names))]
    figure = go.Figure()
    figure.add_bar(
        x=list(names),
        y=[float(v) for v in values],
        marker={"color": colours},
        hovertemplate="%{x}: %{y:.4g}<extra></extra>",
    )
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=list(names))
    figure.update_yaxes(title=title)
    figure.update_layout(height=240, margin=MARGIN, dragmode=False, bargap=0.25, showlegend=False)
    return figure
