"""Correlations from −1 to 1 as a heat-map, legible in the light and the dark theme."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures.charts import MARGIN
from explorer.figures.heatmaps import CHALK, INK, STRONG

SCALE = [[0.0, "#a34a0e"], [0.5, "#f1efe9"], [1.0, "#0b5f5b"]]
WRITTEN_UP_TO = 12  # dimensions
NAMED_UP_TO = 40


def correlation_heatmap(values: np.ndarray, names: Sequence[str]) -> go.Figure:
    """A square of correlations `(k, k)` among dimensions with these names; NaN stays empty."""
    shown = np.asarray(values, dtype=np.float64)
    count = len(names)
    figure = go.Figure(
        go.Heatmap(
            z=[[None if np.isnan(v) else float(v) for v in row] for row in shown],
            x=list(names),
            y=list(names),
            zmin=-1,
            zmax=1,
            colorscale=SCALE,
            xgap=2 if count <= WRITTEN_UP_TO else 0,
            ygap=2 if count <= WRITTEN_UP_TO else 0,
            hovertemplate="%{y}, %{x}: %{z:.3f}<extra></extra>",
            hoverongaps=False,
            colorbar={"thickness": 10, "outlinewidth": 0},
        )
    )
    if count <= WRITTEN_UP_TO:
        for row, column in np.argwhere(np.isfinite(shown)):
            value = shown[row, column]
            figure.add_annotation(
                x=int(column),
                y=int(row),
                text=f"{value:.2f}",
                showarrow=False,
                font={"size": 10, "color": CHALK if abs(value) > STRONG else INK},
            )
    figure.update_xaxes(type="category", side="top", showgrid=False, visible=count <= NAMED_UP_TO)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, visible=count <= NAMED_UP_TO)
    figure.update_layout(height=min(460, 110 + 32 * count), margin=MARGIN, dragmode=False)
    return figure
