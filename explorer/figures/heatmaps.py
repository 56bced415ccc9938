"""Matrices as heat-maps whose cells can be clicked, their numbers legible in the light and the dark theme."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures.charts import MARGIN

SCALE = [[0.0, "#e3f1ef"], [1.0, "#0b5f5b"]]
INK, CHALK = "#10302e", "#ffffff"  # on pale cells and on strong ones
STRONG = 0.66  # of the top
WRITTEN_UP_TO = 16  # columns; more leave no room for numbers
CELL = 34  # pixels


def matrix(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    unit: str,
    top: float | None = None,
    chosen: tuple[int, int] | None = None,
    row_title: str = "",
    column_title: str = "",
    framed: Sequence[tuple[int, int]] = (),
) -> go.Figure:
    """A heat-map of `values` `(rows, columns)`; NaN stays empty.

    Over each cell lies an invisible point, which is what a click selects; its `customdata` is the row
    and the column.

    Args:
        unit: of the values, for the hover text.
        top: the value that is darkest; the largest one if left out.
        chosen: the cell with a frame around it; framed: more of them.
    """
    shown = np.asarray(values, dtype=np.float64)
    finite = shown[np.isfinite(shown)]
    limit = top if top is not None else float(finite.max(initial=0.0)) or 1.0
    across = [(r, c) for r in range(len(rows)) for c in range(len(columns))]
    figure = go.Figure()
    figure.add_heatmap(
        z=shown.tolist(), x=list(columns), y=list(rows), zmin=0, zmax=limit, colorscale=SCALE,
        xgap=2, ygap=2, hoverinfo="skip", colorbar={"thickness": 10, "outlinewidth": 0},
    )  # fmt: skip
    figure.add_scatter(
        x=[columns[c] for _, c in across],
        y=[rows[r] for r, _ in across],
        mode="markers",
        marker={"size": CELL - 6, "symbol": "square", "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=[[r, c] for r, c in across],
        text=[f"{rows[r]}, {columns[c]}: {shown[r, c]:.3f} {unit}".strip() for r, c in across],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    if len(columns) <= WRITTEN_UP_TO:
        written = [  # all at once: one by one, each would have Plotly look through all before it
            {
                "x": c, "y": r, "text": f"{shown[r, c]:.2f}", "showarrow": False,
                "font": {"size": 11, "color": CHALK if shown[r, c] > STRONG * limit else INK},
            }
            for r, c in across
            if np.isfinite(shown[r, c])
        ]  # fmt: skip
        figure.update_layout(annotations=written)
    for r, c in [*framed, *([] if chosen is None else [chosen])]:
        figure.add_shape(
            type="rect", x0=c - 0.5, x1=c + 0.5, y0=r - 0.5, y1=r + 0.5, xref="x", yref="y",
            line={"color": "#c8641b", "width": 2.5},
        )  # fmt: skip
    figure.update_xaxes(type="category", side="top", title=column_title or None, showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", title=row_title or None, showgrid=False)
    figure.update_layout(height=90 + CELL * len(rows), margin=MARGIN, dragmode=False, clickmode="event+select")
    return figure
