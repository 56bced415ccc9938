"""The pictures of the page Theory that move under the pointer: two components, and what they are given.

They compute nothing but what a drag changes; what was let go of comes back as one value, is checked like a
URL, and lives in the page's state.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import streamlit as st

from explorer import paths
from explorer.analysis.rate_distortion import Curve
from explorer.live.wire import CurveData, GaussiansData, Wire
from explorer.ui.theory import state as page
from explorer.ui.theory.family import Family

FRONT = paths.PROJECT / "explorer" / "front"
SEQ = "theory.seq"
STEPS = 24  # of the curve, between two measured points


def _component(name: str) -> Any:
    script = paths.PROJECT / "static" / f"theory_{name}.mjs"
    return st.components.v2.component(
        f"theory_{name}", css=(FRONT / "theory.css").read_text(encoding="utf-8"), js=script.read_text(encoding="utf-8")
    )


_gaussians, _curve = _component("gaussians"), _component("curve")


def gaussians_plot() -> None:
    """q = N(µ, σ²) and p = N(0, 1), and the integrand of their KL."""
    state = page.state()
    label = (
        f"q(z|x) is N({state.mu:g}, {state.sigma:g}²), the prior N(0, 1), and below what is integrated to their "
        "KL. The sliders µ and σ move q."
    )
    data = {"mu": state.mu, "sigma": state.sigma, "label": label}
    _show(_gaussians, "theory.gaussians", GaussiansData, data)


def curve_plot(family: Family, mode: Literal["epsilon", "beta"], found: dict[str, float]) -> None:
    """The measured curve of a family with ε or β on it; `found` holds the β read off the models."""
    state, curve = page.state(), family.curve
    value = state.epsilon if mode == "epsilon" else state.beta
    betas = [p.beta for p in family.points if p.beta] + [curve.chords[0], curve.chords[-1]]
    betas += [beta for beta in found.values() if beta > 0]
    drawn = (min(betas) / 1.6, max(betas) * 1.6)
    rates, distortions = [p.rate for p in family.points], [p.distortion for p in family.points]
    most = max(rates) * 1.25
    limits = (0.0, max(most, state.epsilon)) if mode == "epsilon" else drawn
    if mode == "beta":
        limits = (min(drawn[0], value), max(drawn[1], value))
    above = (max(distortions) - min(distortions)) * 0.12
    data = {
        "name": mode,
        "value": value,
        "limits": limits,
        "rates": [0.0, max(most, state.epsilon if mode == "epsilon" else 0.0)],
        "distortions": [min(distortions) - above, max(distortions) + above],
        "betas": drawn,
        "table": _table(curve),
        "knots": curve.rates.tolist(),
        "chords": curve.chords.tolist(),
        "points": [
            {"name": p.name, "rate": p.rate, "distortion": p.distortion, "beta": p.beta}
            for p in (member.point for member in family.priced)
        ],
        "constrained": [
            {
                "name": m.point.name,
                "rate": m.point.rate,
                "distortion": m.point.distortion,
                "epsilon": m.epsilon,
                "beta": found.get(m.point.name),
            }
            for m in family.constrained
        ],
        "slack": curve.slack_from,
        "label": f"Distortion over rate of {', '.join(family.names)}; the slider moves "
        f"{'ε' if mode == 'epsilon' else 'β'}, and the curve's slope there is −β",
    }
    _show(_curve, f"theory.curve.{mode}", CurveData, data)


def _table(curve: Curve) -> list[list[float]]:
    """[R, D, β] along the curve, finely."""
    rates = [
        float(rate)
        for left, right in zip(curve.rates[:-1], curve.rates[1:], strict=True)
        for rate in np.linspace(left, right, STEPS, endpoint=False)
    ]
    return [[r, curve.distortion(r), curve.beta(r)] for r in [*rates, float(curve.rates[-1])]]


def _show(component: Any, key: str, kind: type[Wire], data: dict[str, Any]) -> None:
    """Show a picture, and take what was let go of in it."""
    numbers = st.session_state.setdefault(SEQ, {})

    def moved() -> None:
        value = st.session_state[key].get("moved")
        if not isinstance(value, dict) or type(value.get("seq")) is not int:
            return
        numbers[key] = value["seq"]
        names = {"theory.gaussians": ("mu", "sigma")}.get(key, ("value",))
        given = {name: value.get(name) for name in names}
        if all(isinstance(v, int | float) and math.isfinite(v) for v in given.values()):
            page.put(**({data["name"]: given["value"]} if "value" in given else given))

    sent = kind.model_validate(data | {"seq": numbers.get(key, 0)})
    component(key=key, data=sent.model_dump(mode="json"), on_moved_change=moved)
