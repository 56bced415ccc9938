"""How latents answer to factors: one latent against one factor, and all latents along one factor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures.charts import MARGIN

HEIGHT = 340


def against(latent: np.ndarray, factor: np.ndarray, names: tuple[str, str]) -> go.Figure:
    """A latent's codes `(n,)` for each value of a factor `(n,)`: quantiles of the codes as boxes."""
    values = np.unique(factor)
    parts = [latent[factor == value] for value in values]
    cuts = np.array([np.quantile(part, [0.05, 0.25, 0.5, 0.75, 0.95]) for part in parts])
    figure = go.Figure()
    figure.add_box(
        x=values.tolist(),
        lowerfence=cuts[:, 0].tolist(),
        q1=cuts[:, 1].tolist(),
        median=cuts[:, 2].tolist(),
        q3=cuts[:, 3].tolist(),
        upperfence=cuts[:, 4].tolist(),
        name=names[0],
        showlegend=False,
    )
    figure.update_xaxes(title=f"{names[1]} (class)", dtick=max(1, len(values) // 10))
    figure.update_yaxes(title=names[0])
    figure.update_layout(height=HEIGHT, margin=MARGIN, dragmode=False)
    return figure


def along(codes: np.ndarray, factor: np.ndarray, name: str, order: Sequence[int], most: int = 10) -> go.Figure:
    """The mean of each latent, codes `(n, D)`, over the values of a factor `(n,)`.

    Each in standard deviations of that latent over all images, so that a flat line is a latent that
    doesn't answer. Only the first `most` latents of `order` are drawn.
    """
    values = np.unique(factor)
    spread = codes.std(axis=0)
    scaled = (codes - codes.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    means = np.stack([scaled[factor == value].mean(axis=0) for value in values])
    figure = go.Figure()
    for latent in list(order)[:most]:
        figure.add_scatter(
            x=values.tolist(),
            y=means[:, latent].tolist(),
            mode="lines+markers",
            name=f"z{latent}",
            marker={"size": 5},
            hovertemplate=f"z{latent} at {name} = %{{x}}: %{{y:.2f}} σ<extra></extra>",
        )
    figure.update_xaxes(title=f"{name} (class)", dtick=max(1, len(values) // 10))
    figure.update_yaxes(title="mean, in σ of the latent")
    figure.update_layout(height=HEIGHT, margin=MARGIN, dragmode=False)
    return figure
