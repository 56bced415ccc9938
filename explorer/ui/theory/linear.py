"""The linear Beta-VAE on the page Theory: lines at once, dots from models that are trained in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.analysis import linear_oracle as oracle
from explorer.ui.theory import state as page
from explorer.ui.theory.state import LEAST, MOST
from explorer.words import number

if TYPE_CHECKING:
    from explorer.training.linear_models import LinearRun

DOTS = 8  # models trained, over the range of β that is drawn
KEPT = 64
STILL = {"displayModeBar": False}
ASKED = "theory.asked"  # the trainings that this session waits for
Key = tuple[tuple[float, ...], float, tuple[float, ...]]


class _Trainings:
    """Trainings, one at a time, each settings once; those that nobody waits for any more don't begin."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1, "linear")
        self.known: dict[Key, Future[LinearRun]] = {}
        self.lock = threading.Lock()

    def of(self, key: Key) -> Future[LinearRun]:
        """The training with these settings, begun where there is none."""
        with self.lock:
            if key not in self.known:
                for other in [k for k, future in self.known.items() if future.cancel()]:
                    del self.known[other]
                for other in list(self.known)[:-KEPT]:
                    del self.known[other]
                self.known[key] = self.pool.submit(_train, key)
            return self.known[key]


def _train(key: Key) -> LinearRun:
    from explorer.training.linear_models import train_linear

    return train_linear(*key)


@st.cache_resource(show_spinner=False)
def _trainings() -> _Trainings:
    return _Trainings()


def trained(eigenvalues: Sequence[float], variance: float, betas: Sequence[float]) -> LinearRun | None:
    """What models trained with these settings cost; None while they are being trained."""
    future = _trainings().of((tuple(eigenvalues), variance, tuple(betas)))
    return future.result() if future.done() and not future.cancelled() else None


def asked(*keys: Key) -> list[LinearRun | None]:
    """The trainings of these settings, where the person wants any; None for each that is not there."""
    if not page.state().trained:
        return [None for _ in keys]
    st.session_state[ASKED] = keys
    return [trained(*key) for key in keys]


def linear_controls() -> None:
    """Eigenvalues, σ², β, and whether models are trained."""
    state = page.state()
    eigenvalues = ", ".join(f"{value:g}" for value in state.eigenvalues)
    st.text_input(
        "Eigenvalues λⱼ of the data's covariance",
        **page.entry("eigenvalues", eigenvalues),
        help="One to eight, with commas between them; as many pixels and as many latents.",
    )
    choice = sorted({0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, state.variance})
    st.select_slider("σ² of the decoder", choice, **page.entry("variance"), format_func=lambda v: f"{v:g}")
    deaths = oracle.deaths(state.eigenvalues, state.variance)
    ladder = np.geomspace(deaths[-1] / 4, deaths[0] * 2, 60)
    rungs = {float(f"{rung:.3g}") for rung in ladder if LEAST <= rung <= MOST} | {state.beta}
    st.select_slider("β", sorted(rungs), **page.entry("beta"), format_func=lambda v: f"{v:g}")
    st.toggle(
        f"Train {DOTS + 1} such models",
        **page.entry("trained"),
        help="In the background, some seconds; again whenever a setting changes.",
    )


def show_when_trained(show: Callable[[], bool]) -> None:
    """Show what models are trained for; `show` says whether all is there, and is asked again until it is."""
    place = st.container()
    with place:
        ready = show()

    def look() -> None:
        if all(trained(*key) is not None for key in st.session_state.get(ASKED, ())):
            st.rerun()

    if not ready:
        st.fragment(look, run_every=0.7)()


def _betas() -> tuple[float, ...]:
    """β of the models that are trained: over the range, and the one that is looked at."""
    state = page.state()
    spread = oracle.beta_grid(state.eigenvalues, state.variance, DOTS)
    return tuple(sorted({*(float(f"{beta:.4g}") for beta in spread), state.beta}))


def linear_charts() -> bool:
    """KL over β and the rate-distortion curve, with the trained models on them, and how far they are off."""
    from explorer.figures import theory_charts as figures

    state = page.state()
    eigenvalues, variance = state.eigenvalues, state.variance
    betas = oracle.beta_grid(eigenvalues, variance, 400)
    if not betas[0] <= state.beta <= betas[-1]:
        betas = np.sort(np.append(betas, state.beta))
    lines = [oracle.optimum(eigenvalues, beta, variance) for beta in betas]
    here = oracle.optimum(eigenvalues, state.beta, variance)
    deaths = oracle.deaths(eigenvalues, variance)
    [run] = asked((eigenvalues, variance, _betas()))
    dots = None if run is None else (run.betas, run.kl)
    st.plotly_chart(
        figures.linear_kl(betas, np.array([line.kl for line in lines]), eigenvalues, deaths, state.beta, dots),
        key="theory.linear.kl",
        config=STILL,
        alt="KL of each dimension over β; they die at β = " + ", ".join(f"{d:.3g}" for d in deaths),
    )
    alive = int((here.kl > 0).sum())
    st.markdown(
        f"At β = {state.beta:g} the water stands at βσ² = **{state.beta * variance:.3g}**: {alive} of "
        f"{len(eigenvalues)} dimensions are alive, with {here.rate:.3f} nats in all. They die at β = "
        f"{', '.join(f'{death:.4g}' for death in sorted(deaths))}."
    )
    if state.trained and run is None:
        st.caption(":material/model_training: Training, some seconds (the first time torch is loaded) …")
    if run is not None:
        deviations(run)
    dots = None if run is None else (run.kl.sum(1), run.distortion)
    rates, distortions = (np.array([getattr(line, name) for line in lines]) for name in ("rate", "distortion"))
    st.plotly_chart(
        figures.linear_curve(rates, distortions, (state.beta, here.rate, here.distortion), dots),
        key="theory.linear.curve",
        config=STILL,
        alt=f"Distortion over rate; at β = {state.beta:g} the rate is {here.rate:.3f} and the slope −β",
    )
    st.caption(
        "Lines are the closed form; here β = −dD/dR holds exactly. Where the lines bend sharply, a dimension dies."
    )
    if run is not None:
        trained_table(run)
    return run is not None or not state.trained


def deviations(run: LinearRun) -> None:
    """How far the trained models are from the closed form."""
    off = _off(run)
    st.markdown(
        f"**{len(run.betas)} trained models** (dots) are off by at most **{off.max():.3f} nats** in the KL of a "
        f"dimension, {off.mean():.4f} on average."
    )
    st.caption(
        f"Each trained for {run.steps:,} steps of Adam on {run.images} images whose covariance has exactly these "
        f"eigenvalues, one sampled z an image and step, seed {run.seed}; KL measured on the same images."
    )


def trained_table(run: LinearRun) -> None:
    """The trained models, each beside its closed form."""
    theory = [oracle.optimum(page.state().eigenvalues, beta, page.state().variance) for beta in run.betas]
    off = _off(run)
    st.dataframe(
        {
            "β": [number(beta, 4) for beta in run.betas],
            "KL, trained": [f"{kl.sum():.3f}" for kl in run.kl],
            "KL, closed form": [f"{each.rate:.3f}" for each in theory],
            "largest deviation": [f"{worst:.3f}" for worst in off.max(1)],
        },
        hide_index=True,
        key="theory.linear.table",
        height="content",
    )


def _off(run: LinearRun) -> np.ndarray:
    """How far each KL is from its closed form, nats, `(B, D)`."""
    state = page.state()
    theory = [oracle.optimum(state.eigenvalues, beta, state.variance).kl for beta in run.betas]
    errors: np.ndarray = np.abs(run.kl - np.array(theory))
    return errors


def same_product() -> bool:
    """Two trained linear models with the same βσ²: the same code."""
    state = page.state()
    eigenvalues, beta, variance = (1.0, 0.3, 0.1), state.beta, 0.05
    theory = oracle.optimum(eigenvalues, beta, variance)
    st.toggle("Train two linear models with the same βσ²", **page.entry("trained"))
    pair = [(variance, beta), (variance * beta, 1.0)]
    runs = asked(*((eigenvalues, v, (b,)) for v, b in pair))
    if not state.trained:
        return True
    if any(run is None for run in runs):
        st.caption(":material/model_training: Training, some seconds …")
        return False
    rows = {f"β = {b:g}, σ² = {v:.3g}": run.kl[0] for (v, b), run in zip(pair, runs, strict=True) if run}
    rows["closed form"] = theory.kl
    st.dataframe(
        {"model": list(rows)}
        | {f"KL, λ = {e:g}": [f"{kl[j]:.3f}" for kl in rows.values()] for j, e in enumerate(eigenvalues)},
        hide_index=True,
        key="theory.sigma.table",
        height="content",
    )
    st.caption("Nats, of two trained models: what the code keeps is the same.")
    return True
