"""What β does to a family of models: stacked bars a model, and lines over β."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from explorer.figures.charts import FAINT, MARGIN, tint

PARTS = {"mutual information": "#4c86c6", "total correlation": "#c8641b", "dimension-wise KL": "#7d6bc4"}
UNITS = {"active": "#1f8a84", "mixed": "#c8641b", "passive": FAINT}
NAMED = 10  # lines with a colour of the theme; the others are grey
ANGLED_FROM = 5  # bars


def stacked(
    labels: Sequence[str],
    parts: Mapping[str, Sequence[float]],
    colours: Mapping[str, str],
    unit: str,
    cap: tuple[float, str] | None = None,
    form: str = ".3f",
) -> go.Figure:
    """A bar for each model, of parts on one another; `customdata` is the model's number.

    Args:
        labels: one a model, from left to right; `<br>` begins a line, anything else is escaped by the
            caller's `label`.
        parts: values of each part, `(models,)`; negative ones hang below 0.
        unit: title of the vertical axis.
        cap: a height with words for it, drawn as a line.
    """
    figure = go.Figure()
    places = list(range(len(labels)))
    for name, values in parts.items():
        figure.add_bar(
            x=places,
            y=[float(v) for v in values],
            name=name,
            marker={"color": colours[name]},
            customdata=places,
            hovertext=list(labels),
            hovertemplate=f"%{{hovertext}}<br>{name}: %{{y:{form}}} {unit}<extra></extra>",
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
        )
    if cap is not None:
        height, words = cap
        figure.add_scatter(
            x=[-0.5, len(labels) - 0.5],
            y=[height, height],
            mode="lines",
            name=words,
            line={"width": 2, "dash": "dash", "color": PARTS["mutual information"]},
            hoverinfo="skip",
        )
    figure.update_xaxes(
        tickvals=places,
        ticktext=list(labels),
        range=[-0.5, len(labels) - 0.5],
        tickangle=-60 if len(labels) >= ANGLED_FROM else 0,
    )
    return _finished(figure, unit, barmode="relative", bargap=0.25)


def label(name: str, beta: float | None, limit: int = 24) -> str:
    """A model under its bar: β where it has one, and its name."""
    short = name if len(name) <= limit else name[: limit - 1] + "…"
    text = html.escape(short, quote=False)
    return text if beta is None else f"β = {beta:g}<br>{text}"


def kl_by_rank(betas: Sequence[float], kl: Sequence[Sequence[float]]) -> go.Figure:
    """The largest KL of a dimension, the second largest and so on, over β: lines that die one by one.

    Models of the same β, such as other seeds, are points at one place, and the line goes through
    their mean. `customdata` is the model's number.

    Args:
        betas: `(models,)`.
        kl: nats by dimension, `(models, D)`, in any order.
    """
    ranked = [sorted(map(float, values), reverse=True) for values in kl]
    places = sorted(set(betas))
    figure = go.Figure()
    for rank in reversed(range(len(ranked[0]) if ranked else 0)):
        of = {beta: [r[rank] for b, r in zip(betas, ranked, strict=True) if b == beta] for beta in places}
        grey = rank >= NAMED
        style = {"color": FAINT} if grey else {"color": tint(rank / max(1, NAMED - 1))}
        name = _ordinal(rank)
        figure.add_scatter(
            x=places,
            y=[sum(values) / len(values) for values in of.values()],
            mode="lines",
            line={"width": 1 if grey else 2, **style},
            name=name,
            legendrank=rank,
            legendgroup=name,
            showlegend=not grey,
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=list(betas),
            y=[r[rank] for r in ranked],
            mode="markers",
            marker={"size": 7, **style},
            customdata=list(range(len(betas))),
            legendgroup=name,
            showlegend=False,
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            hovertemplate=f"{name}: %{{y:.3f}} nats at β = %{{x:g}}<extra></extra>",
        )
    if places and places[0] > 0:
        figure.update_xaxes(type="log", tickvals=places, ticktext=[f"{beta:g}" for beta in places])
    figure.update_xaxes(title="β")
    return _finished(figure, "KL of a dimension, nats")


def _ordinal(rank: int) -> str:
    number = rank + 1
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending} largest"


def _finished(figure: go.Figure, unit: str, **layout: object) -> go.Figure:
    figure.update_yaxes(title=unit, rangemode="tozero")
    figure.update_layout(
        height=380,
        margin=MARGIN,
        dragmode=False,
        clickmode="event+select",
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        **layout,
    )
    return figure
