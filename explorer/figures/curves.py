"""Plotly figures of a run while it learns: numbers over optimiser steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.figures.charts import FAINT, MARGIN, tint

Series = tuple[Sequence[int], Sequence[float]]
POINTS = 300  # of a curve: more can't be told apart


def curves(
    lines: Mapping[str, Series], unit: str, marks: Mapping[str, Series] | None = None, end: int | None = None
) -> go.Figure:
    """Lines over steps, each by its name.

    Args:
        lines: steps and values of each line.
        unit: title of the vertical axis.
        marks: series shown as points, such as held-out costs.
        end: the last step of the run, where the axis ends.
    """
    figure = go.Figure()
    for name, series in lines.items():
        figure.add_trace(_scatter(name, series, mode="lines", line={"width": 2}))
    for name, series in (marks or {}).items():
        figure.add_trace(_scatter(name, series, mode="markers", marker={"size": 6}))
    return _finished(figure, unit, end)


Panel = tuple[str, Mapping[str, Series], Mapping[str, float]]


def traces(panels: Sequence[Panel], end: int | None = None) -> go.Figure:
    """What moves while a run trains, on one clock: panels under one another over the same steps.

    Args:
        panels: unit, lines by their names, and levels by theirs, which are dashed.
        end: the last step of the run, where the axis ends.
    """
    figure = make_subplots(rows=len(panels), shared_xaxes=True, vertical_spacing=0.08)
    for row, (_, lines, levels) in enumerate(panels, 1):
        for name, series in lines.items():
            figure.add_trace(_scatter(name, series, mode="lines", line={"width": 2}), row=row, col=1)
        last = max((steps[-1] for steps, _ in lines.values() if steps), default=0)
        for name, value in levels.items():
            figure.add_scatter(
                x=[0, end or last],
                y=[value, value],
                mode="lines",
                name=name,
                row=row,
                col=1,
                line={"width": 1.5, "dash": "dash", "color": FAINT},
                hoverinfo="skip",
            )
    _finished(figure, "", end)
    for row, (unit, _, _) in enumerate(panels, 1):
        figure.update_yaxes(title=unit, row=row, col=1)
        figure.update_xaxes(title="step" if row == len(panels) else "", row=row, col=1)
    figure.update_layout(height=140 + 120 * len(panels))
    return figure


def kl_curves(
    steps: Sequence[int], kl: Sequence[Sequence[float]], end: int | None = None, named: int = 10
) -> go.Figure:
    """The KL of each dimension over steps, so that one sees dimensions wake and die.

    Args:
        steps: `(T,)`.
        kl: nats by dimension, `(T, D)`.
        named: so many of the dimensions with the highest KL have a colour and a name; the others are grey.
    """
    figure = go.Figure()
    latest = kl[-1] if kl else []
    ranked = sorted(range(len(latest)), key=lambda d: -max(values[d] for values in kl[-20:]))
    coloured = sorted(ranked[:named])
    for dimension in [*ranked[named:], *coloured]:
        x, y = _thinned(steps, [values[dimension] for values in kl])
        grey = dimension not in coloured
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            name=f"z{dimension}",
            showlegend=not grey,
            line={"width": 1, "color": FAINT} if grey else {"width": 2},
            hovertemplate="%{y:.3f} nats<extra>" + f"z{dimension}" + "</extra>",
        )
    return _finished(figure, "KL in nats", end)


def family_curves(families: Sequence[tuple[str, Mapping[str, Series]]], unit: str, end: int | None = None) -> go.Figure:
    """One number of many runs over steps, each family of runs in a colour of its own.

    Args:
        families: what a family is called, in the legend, and the series of its runs by their names; the colours go
            from teal to violet in this order.
        unit: title of the vertical axis.
        end: the last step of the longest run, where the axis ends.
    """
    figure = go.Figure()
    for place, (family, runs) in enumerate(families):
        look = {"width": 1.5, "color": tint(place / max(1, len(families) - 1))}
        for number, (name, series) in enumerate(runs.items()):
            line = _scatter(name, series, mode="lines", line=look)
            line.update(legendgroup=family, showlegend=not number, name=family)
            figure.add_trace(line)
    _finished(figure, unit, end)
    figure.update_layout(height=320, hovermode="closest", showlegend=any(family for family, _ in families))
    return figure


def _scatter(name: str, series: Series, **look: Any) -> go.Scatter:
    x, y = _thinned(*series)
    return go.Scatter(x=x, y=y, name=name, hovertemplate="%{y:.4g}<extra>" + name + "</extra>", **look)


def _thinned(steps: Sequence[int], values: Sequence[float]) -> tuple[list[int], list[float]]:
    """At most about POINTS of them, evenly, the last one among them."""
    stride = -(-len(steps) // POINTS) or 1
    places = list(range(len(steps) - 1, -1, -stride))[::-1]
    return [steps[i] for i in places], [round(values[i], 6) for i in places]


def _finished(figure: go.Figure, unit: str, end: int | None) -> go.Figure:
    figure.update_xaxes(title="step", rangemode="tozero")
    if end:
        figure.update_xaxes(range=[0, end])
    figure.update_yaxes(title=unit)
    figure.update_layout(
        height=280,
        margin=MARGIN,
        dragmode=False,
        hovermode="x unified",
        uirevision="run",
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
    )
    return figure
