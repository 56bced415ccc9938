"""Plotly figures of the page Theory: closed forms as lines, what was measured as dots."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures.charts import FAINT, MARGIN

# Seen on light and on dark; a line and its dots have the same.
COLOURS = ("#1b9e94", "#d9731f", "#7a7ad9", "#cc5577", "#8a9a3a", "#9a8a76", "#3f8fd0", "#c565aa")
Array = np.ndarray


def linear_kl(
    betas: Array,
    kl: Array,
    eigenvalues: Sequence[float],
    deaths: Array,
    beta: float,
    trained: tuple[Array, Array] | None = None,
) -> go.Figure:
    """The KL of each dimension of a linear Beta-VAE over β, which dies where λ_j/σ² is.

    Args:
        betas, kl: the closed form, `(n,)` and `(n, D)` in nats.
        deaths: the β at which each dimension dies, `(D,)`.
        beta: where the person looks.
        trained: β `(B,)` and KL `(B, D)` of trained models.
    """
    figure = go.Figure()
    for j, eigenvalue in enumerate(eigenvalues):
        name, colour = f"λ = {eigenvalue:g}", COLOURS[j % len(COLOURS)]
        figure.add_scatter(
            x=betas,
            y=kl[:, j],
            mode="lines",
            name=name,
            legendgroup=name,
            line={"color": colour, "width": 2},
            hovertemplate="closed form %{y:.3f} nats<extra>" + name + "</extra>",
        )
        figure.add_scatter(
            x=[deaths[j]],
            y=[0],
            mode="markers",
            legendgroup=name,
            showlegend=False,
            marker={"color": colour, "symbol": "x-thin", "size": 10, "line": {"color": colour, "width": 2}},
            hovertemplate="dies at β = %{x:.4g}<extra>" + name + "</extra>",
        )
        if trained is not None:
            figure.add_scatter(
                x=trained[0],
                y=trained[1][:, j],
                mode="markers",
                legendgroup=name,
                showlegend=False,
                marker={"color": colour, "size": 9, "line": {"color": "white", "width": 1}},
                hovertemplate="trained %{y:.3f} nats at β = %{x:.4g}<extra>" + name + "</extra>",
            )
    figure.add_vline(x=beta, line={"color": FAINT, "width": 2})
    figure.add_annotation(
        x=math.log10(beta), y=1, yref="paper", text=f"β = {beta:.3g}", showarrow=False, xanchor="left"
    )
    _log_axis(figure, betas, "β")
    return _finished(figure, "KL of a dimension, nats")


def linear_curve(
    rates: Array, distortions: Array, chosen: tuple[float, float, float], trained: tuple[Array, Array] | None = None
) -> go.Figure:
    """The rate-distortion curve of a linear Beta-VAE, and its tangent of slope −β.

    Args:
        rates, distortions: the closed form, nats, `(n,)`.
        chosen: β, rate and distortion where the person looks.
        trained: rates and distortions of trained models, `(B,)`.
    """
    beta, rate, distortion = chosen
    figure = go.Figure()
    figure.add_scatter(
        x=rates,
        y=distortions,
        mode="lines",
        name="closed form",
        line={"color": COLOURS[0], "width": 2},
        hovertemplate="R %{x:.3f}, D %{y:.3f}<extra></extra>",
    )
    reach = 0.25 * float(rates.max() - rates.min())
    ends = [max(0.0, rate - reach), rate + reach]
    figure.add_scatter(
        x=ends,
        y=[distortion - beta * (end - rate) for end in ends],
        mode="lines",
        name=f"slope −β = −{beta:.3g}",
        line={"color": COLOURS[1], "width": 2, "dash": "dot"},
        hoverinfo="skip",
    )
    if trained is not None:
        figure.add_scatter(
            x=trained[0],
            y=trained[1],
            mode="markers",
            name="trained",
            marker={"color": COLOURS[0], "size": 9, "line": {"color": "white", "width": 1}},
            hovertemplate="trained: R %{x:.3f}, D %{y:.3f}<extra></extra>",
        )
    figure.add_scatter(
        x=[rate],
        y=[distortion],
        mode="markers",
        showlegend=False,
        marker={"color": COLOURS[1], "size": 11, "symbol": "circle-open", "line": {"width": 3}},
        hoverinfo="skip",
    )
    room = 0.05 * float(distortions.max() - distortions.min())
    figure.update_yaxes(range=[float(distortions.min()) - room, float(distortions.max()) + 2 * room])
    figure.update_xaxes(title="rate R, nats", rangemode="tozero")
    return _finished(figure, "distortion D, nats")


def shares(rates: Sequence[float], kl: Sequence[Sequence[float]], capacity: float) -> go.Figure:
    """How models of rising rate share it out: the KL of the dimension with the most, the second, and so on.

    Args:
        rates: KL in all of each model, nats, rising `(n,)`.
        kl: KL of each dimension of each model, sorted within a model, the most first, `(n, D)`.
        capacity: C, where the person looks.
    """
    figure = go.Figure()
    for rank, values in enumerate(zip(*kl, strict=True)):
        figure.add_scatter(
            x=list(rates),
            y=list(values),
            mode="lines+markers",
            name=f"{rank + 1}.",
            line={"color": COLOURS[rank % len(COLOURS)], "width": 2, "dash": "dot"},
            marker={"size": 7},
            hovertemplate="%{y:.3f} of %{x:.2f} nats<extra>" + f"{rank + 1}." + "</extra>",
        )
    figure.add_vline(x=capacity, line={"color": FAINT, "width": 2}, annotation_text=f"C = {capacity:.3g}")
    figure.update_xaxes(title="KL in all, nats", range=[0, max(*rates, capacity) * 1.08])
    return _finished(figure, "KL of a dimension, nats")


def correlated(rho: float) -> go.Figure:
    """Two dimensions of an aggregate posterior, normal with correlation ρ, and the product of their marginals."""
    angle = np.linspace(0, 2 * math.pi, 121)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    joint = np.linalg.cholesky([[1, rho], [rho, 1]]) @ circle
    figure = go.Figure()
    for name, ring, colour in (("∏ q(zⱼ)", circle, FAINT), ("q(z)", joint, COLOURS[0])):
        for size in (1, 2):
            figure.add_scatter(
                x=size * ring[0],
                y=size * ring[1],
                mode="lines",
                name=name,
                showlegend=size == 1,
                line={"color": colour, "width": 2.5 if size == 1 else 1.2},
                hoverinfo="skip",
            )
    figure.update_xaxes(title="z₁", range=[-2.7, 2.7], constrain="domain")
    figure.update_yaxes(scaleanchor="x", range=[-2.4, 2.4])
    return _finished(figure, "z₂")


def pixel_cost(error: float, sigma: float) -> go.Figure:
    """−log p of a pixel under N(x̂, σ²), for a mean squared error, over σ; lowest where σ² is that error."""
    sigmas = np.geomspace(0.005, 2, 200)

    def cost(s: Array | float) -> Array:
        return np.asarray(error / (2 * np.square(s)) + 0.5 * np.log(2 * math.pi * np.square(s)))

    best = error**0.5
    figure = go.Figure()
    figure.add_scatter(
        x=sigmas,
        y=cost(sigmas),
        mode="lines",
        name="−log p(x|z)",
        showlegend=False,
        line={"color": COLOURS[0], "width": 2},
        hovertemplate="σ %{x:.3f}: %{y:.3f} nats<extra></extra>",
    )
    for name, at, colour in (
        (f"σ = {sigma:.3g}", sigma, COLOURS[1]),
        (f"best: σ = √error = {best:.3g}", best, COLOURS[0]),
    ):
        figure.add_scatter(x=[at], y=[float(cost(at))], mode="markers", name=name, marker={"color": colour, "size": 11})
    lowest = float(cost(best))
    figure.update_yaxes(range=[lowest - 0.3, max(lowest + 4, float(cost(sigma)) + 0.3)])
    _log_axis(figure, sigmas, "σ of the decoder")
    return _finished(figure, "nats a pixel")


def cost_bars(names: Sequence[str], distortions: Sequence[float], rates: Sequence[float]) -> go.Figure:
    """Distortion and rate of models on top of one another: their sum is −ELBO, a bound on −log p(x)."""
    figure = go.Figure()
    for title, values, colour in (("distortion D", distortions, COLOURS[0]), ("rate R", rates, COLOURS[1])):
        figure.add_bar(
            x=list(names),
            y=list(values),
            name=title,
            marker={"color": colour},
            hovertemplate="%{y:.2f} nats<extra>" + title + "</extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.35)
    figure.update_xaxes(type="category")
    return _finished(figure, "nats an image")


def _log_axis(figure: go.Figure, values: Array, title: str) -> None:
    low, high = math.log10(values.min()), math.log10(values.max())
    few = high - low < 3.5  # decades: there is room for 2 and 5 between the powers of ten
    figure.update_xaxes(type="log", title=title, range=[low - 0.03, high + 0.03], dtick="D2" if few else 1)


def _finished(figure: go.Figure, unit: str) -> go.Figure:
    figure.update_yaxes(title=unit)
    figure.update_layout(
        height=360,
        margin={**MARGIN, "t": 40},
        dragmode=False,
        uirevision="theory",
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
    )
    return figure
