"""The plane of rate and distortion: models as points, what their β stands for, and the way of training."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from explorer.figures.charts import FAINT, MARGIN

WRITTEN_UP_TO = 14  # models; the names of more lie on one another
TANGENT = 0.09  # of the plot's width or height: the half of a tangent
ISO_LINES = 7
POINT, SLOPE = "#1f8a84", "#c8641b"  # seen on light and on dark
WAYS = ("#1f8a84", "#c8641b", "#7d6bc4", "#b5497a", "#4c86c6", "#7c8f2a", "#a0762c", "#5f7f8c")


@dataclass(frozen=True)
class Rated:
    """A model in the plane: KL and reconstruction in nats an image, their standard errors, and β or None."""

    name: str
    rate: float
    distortion: float
    rate_error: float = 0.0
    distortion_error: float = 0.0
    beta: float | None = None


def rate_distortion(models: Sequence[Rated], lines: Sequence[Sequence[int]] = ()) -> go.Figure:
    """Distortion over rate (Alemi et al. 2018), one point a model; `customdata` is its number.

    Grey lines join models of the same negative ELBO, D + R, which has slope −1. Through each point
    whose β is known goes its tangent of slope −β: where D + β·R, which it was trained for, is as low
    as at the point.

    Args:
        models: of one data set and one likelihood, or their distortions can't be compared.
        lines: numbers of models that belong together, in the order in which a line joins them.
    """
    rates = np.array([model.rate for model in models], dtype=np.float64)
    costs = np.array([model.distortion for model in models], dtype=np.float64)
    across, down = _span(rates, floor=0.0), _span(costs)
    inside = across[0] + 0.8 * (across[1] - across[0])  # names further right would leave the plot
    figure = go.Figure()
    _iso_lines(figure, across, down)
    _tangents(figure, models, across, down)
    for line in lines:
        figure.add_scatter(
            x=[float(rates[i]) for i in line],
            y=[float(costs[i]) for i in line],
            mode="lines",
            line={"width": 1.5, "color": POINT},
            hoverinfo="skip",
            showlegend=False,
        )
    figure.add_scatter(
        x=rates.tolist(),
        y=costs.tolist(),
        customdata=list(range(len(models))),
        name="models",
        mode="markers+text" if len(models) <= WRITTEN_UP_TO else "markers",
        text=[_short(model.name) for model in models],
        textposition=["top right" if rate < inside else "bottom left" for rate in rates],
        marker={"size": 11, "color": POINT, "line": {"width": 1, "color": "#ffffff"}},
        hovertext=[_words(model) for model in models],
        hovertemplate="%{hovertext}<extra></extra>",
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )
    for corner, x, y, anchor in (
        ("auto-decoding: R → 0", 0.01, 0.99, ("left", "top")),
        ("auto-encoding: D as low as it goes", 0.99, 0.01, ("right", "bottom")),
    ):
        figure.add_annotation(
            text=corner, x=x, y=y, xref="paper", yref="paper", showarrow=False,
            xanchor=anchor[0], yanchor=anchor[1], font={"size": 12}, opacity=0.75,
        )  # fmt: skip
    figure.update_xaxes(title="rate R: KL, nats", range=list(across), zeroline=False)
    figure.update_yaxes(title="distortion D: reconstruction, nats", range=list(down), zeroline=False)
    figure.update_layout(
        height=460,
        margin=MARGIN,
        dragmode=False,
        clickmode="event+select",
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
    )
    return figure


def ways(paths: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> go.Figure:
    """Reconstruction over KL through training, a line a model; each ends in a point, `customdata` its number.

    Args:
        paths: KL and reconstruction of each model in nats an image, from the first record to the last.
    """
    figure = go.Figure()
    for number, (name, (rates, costs)) in enumerate(paths.items()):
        colour, last = WAYS[number % len(WAYS)], len(rates) - 1
        label = html.escape(name, quote=False)
        figure.add_scatter(
            x=[float(v) for v in rates],
            y=[float(v) for v in costs],
            mode="lines+markers",
            name=_short(name),
            line={"width": 1.5, "color": colour},
            customdata=[number] * len(rates),
            marker={"size": [3] * last + [11], "color": colour},
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            hovertemplate=f"{label}: R %{{x:.2f}}, D %{{y:.2f}}<extra></extra>",
        )
    figure.update_xaxes(title="rate R: KL, nats", rangemode="tozero")
    figure.update_yaxes(title="distortion D: reconstruction, nats")
    figure.update_layout(
        height=380,
        margin=MARGIN,
        dragmode=False,
        clickmode="event+select",
        hovermode="closest",
        showlegend=len(paths) <= WRITTEN_UP_TO,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
    )
    return figure


def tangent(
    model: Rated, across: tuple[float, float], down: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Both ends (R, R'), (D, D') of the piece of slope −β through a model, as long as fits the plot."""
    assert model.beta is not None
    reach = TANGENT * (across[1] - across[0])
    if model.beta > 0:
        reach = min(reach, TANGENT * (down[1] - down[0]) / model.beta)
    return (
        (model.rate - reach, model.rate + reach),
        (model.distortion + model.beta * reach, model.distortion - model.beta * reach),
    )


def _tangents(
    figure: go.Figure, models: Sequence[Rated], across: tuple[float, float], down: tuple[float, float]
) -> None:
    x: list[float | None] = []
    y: list[float | None] = []
    for model in models:
        if model.beta is not None:
            rates, costs = tangent(model, across, down)
            x += [*rates, None]
            y += [*costs, None]
    if x:
        figure.add_scatter(
            x=x, y=y, mode="lines", line={"width": 2.5, "color": SLOPE}, hoverinfo="skip", name="tangent of slope −β"
        )


def _iso_lines(figure: go.Figure, across: tuple[float, float], down: tuple[float, float]) -> None:
    low, high = across[0] + down[0], across[1] + down[1]
    step = _round_step((high - low) / ISO_LINES)
    x: list[float | None] = []
    y: list[float | None] = []
    for total in np.arange(np.ceil(low / step) * step, high, step):
        left, right = max(across[0], total - down[1]), min(across[1], total - down[0])
        if right - left < 0.02 * (across[1] - across[0]):
            continue
        x += [left, right, None]
        y += [total - left, total - right, None]
        figure.add_annotation(
            x=right,
            y=total - right,
            text=f"{total:g}",
            showarrow=False,
            xanchor="right",
            yanchor="bottom",
            font={"size": 10},
            opacity=0.6,
        )
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"width": 1, "color": FAINT, "dash": "dot"},
        hoverinfo="skip",
        name="same −ELBO = D + R, nats",
    )


def _span(values: np.ndarray, floor: float | None = None) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = 0.14 * (high - low) or 0.1 * abs(high) or 1.0
    low = low - room if floor is None else min(floor, low)
    return low, high + room


def _round_step(step: float) -> float:
    """The nearest of 1, 2, 5, 10 times a power of ten."""
    scale = 10.0 ** np.floor(np.log10(step))
    return float(min((1, 2, 5, 10), key=lambda m: abs(m * scale - step)) * scale)


def _words(model: Rated) -> str:
    beta = "no β on the whole KL" if model.beta is None else f"β = {model.beta:g}"
    return (
        f"{html.escape(model.name, quote=False)}, {beta}<br>"
        f"R = {model.rate:.2f} ± {model.rate_error:.2f}, D = {model.distortion:.2f} ± "
        f"{model.distortion_error:.2f}<br>−ELBO = {model.rate + model.distortion:.2f} nats"
    )


def _short(name: str, limit: int = 32) -> str:
    text = name if len(name) <= limit else name[: limit - 1] + "…"
    return html.escape(text, quote=False)
