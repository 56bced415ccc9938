"""Points of two numbers, arrows on a plane, bells on an axis: figures of the page Insight. Knows no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures.charts import FAINT, MARGIN, tint
from explorer.figures.image_grid import to_uint8
from explorer.figures.renderings import render
from explorer.recipe.samples import Samples

SHORTEST = 0.03  # of the longest arrow; a shorter one would hide its place
WARM = np.array([[0.0, 0.02, 0.05], [0.45, 0.05, 0.25], [0.9, 0.35, 0.1], [1.0, 0.95, 0.6]])  # from nothing to most


def heat(values: np.ndarray) -> np.ndarray:
    """Maps `(..., H, W)` as pictures `(..., 3, H, W)`: each map's least is dark, its most bright."""
    low, high = (f(values, axis=(-2, -1), keepdims=True) for f in (np.min, np.max))
    share = (values - low) / np.where(high > low, high - low, 1)
    places = np.linspace(0, 1, len(WARM))
    return np.stack([np.interp(share, places, WARM[:, channel]) for channel in range(3)], axis=-3)


def map_pictures(values: np.ndarray, samples: Samples | None) -> np.ndarray:
    """Maps `(..., H, W)`, a number for each value of a sample, as pictures uint8 `(..., h, w, 3)`.

    Of images: dark to bright. Of signals: a curve over the same axis. Each map from its least to its most.
    """
    if samples is None:
        return to_uint8(heat(values))
    low, high = (f(values, axis=(-2, -1), keepdims=True) for f in (np.min, np.max))
    share = (values - low) / np.where(high > low, high - low, 1)
    one = samples.model_copy(update={"channels": samples.channels[:1]})
    return render(share[..., None, :, :], one)


def points(x: np.ndarray, y: np.ndarray, names: Sequence[str], titles: tuple[str, str]) -> go.Figure:
    """A point for each of `names`."""
    figure = go.Figure()
    figure.add_scatter(
        x=np.asarray(x, float).tolist(),
        y=np.asarray(y, float).tolist(),
        mode="markers",
        text=list(names),
        marker={"size": 7, "color": tint(0.0), "opacity": 0.7},
        hovertemplate="%{text}: %{x:.4g}, %{y:.4g}<extra></extra>",
    )
    figure.update_xaxes(title=titles[0])
    figure.update_yaxes(title=titles[1])
    figure.update_layout(height=340, margin=MARGIN, dragmode=False, showlegend=False)
    return figure


def arrows(
    places: np.ndarray,
    series: Mapping[str, np.ndarray],
    colour: np.ndarray,
    titles: tuple[str, str],
    words: str,
    span: tuple[float, float] | None = None,
) -> go.Figure:
    """Arrows `(n, 2)` of each series at `places` `(n, 2)`, the longest of each as long as places are apart.

    Very short ones are left out.

    Args:
        colour: a number of each place, shown as a dot; NaN is grey. words: what it is called.
        span: its least and its most; those of the numbers if left out.
    """
    figure = go.Figure()
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    nearest = np.where(apart > 1e-9, apart, np.inf).min(1)
    step = float(np.median(nearest)) if np.isfinite(nearest).all() else 1.0
    known = np.isfinite(colour)
    figure.add_scatter(
        x=places[:, 0].tolist(),
        y=places[:, 1].tolist(),
        mode="markers",
        name=words,
        showlegend=False,
        marker={
            "size": 11,
            "color": [float(v) if k else None for v, k in zip(colour, known, strict=True)],
            "colorscale": "Viridis",
            "cmin": span[0] if span else None,
            "cmax": span[1] if span else None,
            "colorbar": {"title": {"text": words, "side": "right"}, "thickness": 10, "outlinewidth": 0},
            "line": {"width": 1, "color": FAINT},
        },
        text=[f"{v:.4g}" if k else "absent" for v, k in zip(colour, known, strict=True)],
        hovertemplate=f"%{{x:.3g}}, %{{y:.3g}}: {words} %{{text}}<extra></extra>",
    )
    for number, (name, slopes) in enumerate(series.items()):
        longest = float(np.linalg.norm(slopes, axis=1).max(initial=0.0))
        slopes = np.where(np.linalg.norm(slopes, axis=1, keepdims=True) > SHORTEST * longest, slopes, np.nan)
        ends = places + (0.9 * step / longest if longest > 0 else 0.0) * slopes
        colour_of = "#c8641b" if number else tint(0.0)
        lines = np.stack([places, ends, np.full_like(ends, np.nan)], axis=1).reshape(-1, 2)
        figure.add_scatter(
            x=_plain(lines[:, 0]), y=_plain(lines[:, 1]), mode="lines", name=name, hoverinfo="skip",
            line={"width": 2, "color": colour_of},
        )  # fmt: skip
        turned = np.nan_to_num(np.degrees(np.arctan2(slopes[:, 0], slopes[:, 1])))
        figure.add_scatter(
            x=_plain(ends[:, 0]), y=_plain(ends[:, 1]), mode="markers", showlegend=False, hoverinfo="skip",
            marker={"symbol": "triangle-up", "size": 7, "angle": turned.tolist(), "color": colour_of},
        )  # fmt: skip
    figure.update_xaxes(title=titles[0], zeroline=False)
    figure.update_yaxes(title=titles[1], zeroline=False, scaleanchor="x")
    legend = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
    figure.update_layout(height=480, margin=MARGIN, dragmode=False, legend=legend)
    return figure


def _plain(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(v) else float(v) for v in values]


def bells(values: np.ndarray, curves: Mapping[str, tuple[float, float]], title: str) -> go.Figure:
    """A histogram of `values` `(n,)` as a density, and over it Gaussians: their mean and variance by name."""
    figure = go.Figure()
    heights, edges = np.histogram(values, bins=40, density=True)
    figure.add_bar(
        x=((edges[1:] + edges[:-1]) / 2).tolist(), y=heights.tolist(), name="all images", hoverinfo="skip",
        marker={"color": FAINT}, width=float(edges[1] - edges[0]),
    )  # fmt: skip
    reach = [float(edges[0]), float(edges[-1])]
    for mean, variance in curves.values():
        reach = [min(reach[0], mean - 3 * variance**0.5), max(reach[1], mean + 3 * variance**0.5)]
    at = np.linspace(reach[0], reach[1], 200)
    for place, (name, (mean, variance)) in enumerate(curves.items()):
        density = np.exp(-((at - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance) / len(curves)
        figure.add_scatter(
            x=at.tolist(), y=density.tolist(), mode="lines", name=name,
            hovertemplate=f"{name}: %{{x:.3g}}<extra></extra>",
            line={"width": 2, "color": tint(place / max(1, len(curves) - 1))},
        )  # fmt: skip
    figure.update_xaxes(title=title)
    figure.update_yaxes(title="density")
    legend = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
    figure.update_layout(height=300, margin=MARGIN, dragmode=False, bargap=0, legend=legend)
    return figure
