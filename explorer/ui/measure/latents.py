"""What lies behind the scores on the page Measure: matrices, carriers, regimes, responses, alignment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.analysis.scores import SCORES
from explorer.ui.measure import state as page
from explorer.ui.measure.models import MeasureView, answer
from explorer.ui.text import plain

if TYPE_CHECKING:
    from explorer.analysis.measurement import Encoded
    from explorer.analysis.metrics import MetricResult

    Results = dict[str, dict[str, MetricResult]]


MATRICES = {
    "information": ("Mutual information", "mig", "mutual_information", "nats"),
    "importance": ("DCI importance", "dci", "importance", ""),
    "accuracy": ("SAP accuracy", "sap", "accuracy", ""),
}
STILL = {"displayModeBar": False}


def click(key: str, factors: list[int]) -> None:
    """The callback of a heat-map: its cell becomes the latent and the factor that are shown."""
    event = st.session_state.get(key) or {}
    points = event.get("selection", {}).get("points", [])
    if points:
        row, column = points[0]["customdata"][:2]
        page.put(latent=int(row), factor=factors[int(column)])


def matrices(view: MeasureView, of: dict[str, MetricResult], found: Encoded | None, latents: int) -> None:
    """Heat-maps of latents by factors, and the latent against the factor of the cell that was clicked."""
    names = view.data.factor_names
    if names is None:
        return
    st.header("Latents by factors")
    kind = page.state().matrix
    st.segmented_control(
        "Matrix",
        list(MATRICES),
        format_func=lambda key: MATRICES[key][0],
        required=True,
        **page.choice("matrix"),
        label_visibility="collapsed",
    )
    latent = min(page.state().latent, latents - 1)
    factor = min(page.state().factor, len(names) - 1)
    left, right = st.columns(2, gap="large")
    with left:
        factor_matrix(kind, of, names, latents, latent, factor)
    with right:
        with st.container(horizontal=True):
            st.number_input("Latent", min_value=0, max_value=latents - 1, width=120, **page.entry("latent", latent))
            st.selectbox(
                "Factor", **page.option("factor", range(len(names)), factor), format_func=lambda k: names[k], width=200
            )
        response(found, latent, factor, names[factor])


def factor_matrix(
    kind: str, of: dict[str, MetricResult], names: tuple[str, ...], latents: int, latent: int, factor: int
) -> None:
    """One heat-map of latents by factors, the cell of `latent` and `factor` framed."""
    from explorer.figures import heatmaps

    title, metric, part, unit = MATRICES[kind]
    if metric not in of:
        st.caption(f"{SCORES[metric].title} is not measured with these settings yet.")
        return
    if part not in of[metric].parts:
        st.caption(plain(f"Absent: {of[metric].reason}"))
        return
    values = np.array(of[metric].parts[part], dtype=np.float64)
    used = [int(k) for k in of[metric].parts["factors_used"]]
    factors = list(range(len(names))) if values.shape[1] == len(names) else used
    chosen = (latent, factors.index(factor)) if factor in factors else None
    key = f"measure.matrix.{kind}"
    st.plotly_chart(
        heatmaps.matrix(values, [f"z{d}" for d in range(latents)], [names[k] for k in factors], unit, chosen=chosen),
        key=key,
        config=STILL,
        on_select=lambda: click(key, factors),
        selection_mode="points",
        alt=f"{title} of {latents} latents and {len(factors)} factors",
    )
    st.caption("A click on a cell shows that latent against that factor.")


def response(found: Encoded | None, latent: int, factor: int, name: str) -> None:
    """Quantiles of a latent for each value of a factor."""
    from explorer.figures import responses

    if found is None or found.factors is None:
        st.caption("The codes of its images are not computed yet: press Measure.")
        return
    codes = found.codes(page.state().representation, page.state().seed)
    st.plotly_chart(
        responses.against(codes[:, latent], found.factors[:, factor], (f"z{latent}", name)),
        key="measure.against",
        config=STILL,
        alt=f"Quantiles of z{latent} for each value of {name}",
    )
    st.caption(
        f"z{latent} for each class of {plain(name)} over {len(codes):,} images: median, quartiles, and 5 % to 95 %."
    )


def carriers(view: MeasureView, of: dict[str, MetricResult]) -> None:
    """For each factor the latent that carries it, and by how much it leads."""
    names = view.data.factor_names
    result = of.get("mig")
    if names is None or result is None or result.value is None:
        return
    parts = result.parts
    information = np.array(parts["mutual_information"], dtype=np.float64)
    entropy = np.array(parts["factor_entropy"], dtype=np.float64)
    rows: dict[str, list[Any]] = {
        "Factor": [],
        "Carried by": [],
        "Share told": [],
        "Second": [],
        "Share told by it": [],
        "Gap": [],
    }
    for k in (int(k) for k in parts["factors_used"]):
        best, second = int(parts["best_latent"][k]), int(parts["second_latent"][k])
        told = information[[best, second], k] / entropy[k]
        for column, value in zip(
            rows, (names[k], f"z{best}", told[0], f"z{second}", told[1], told[0] - told[1]), strict=True
        ):
            rows[column].append(value)
    st.header("Which latent carries a factor")
    st.dataframe(
        rows,
        hide_index=True,
        key="measure.carriers",
        column_config={
            name: st.column_config.NumberColumn(format="%.3f") for name in ("Share told", "Share told by it", "Gap")
        },
    )
    st.caption("Shares of the factor's entropy, in 20 bins; the mean of the gaps is MIG.")


def latents_table(of: dict[str, MetricResult]) -> None:
    """What each latent costs and does, known without any factor."""
    if not {"kl_per_dimension", "active_units", "polarised_regime"} <= set(of):
        return
    kl, active, regime = (of[n].parts for n in ("kl_per_dimension", "active_units", "polarised_regime"))
    if not (kl and active and regime):
        return
    st.header("What each latent does")
    st.dataframe(
        {
            "Latent": [f"z{d}" for d in range(len(kl["kl"]))],
            "KL, nats": kl["kl"],
            "Var(µ)": active["activity"],
            "Mean of σ²": regime["mean_variance"],
            "Regime": regime["regime"],
        },
        hide_index=True,
        key="measure.latents",
        column_config={
            name: st.column_config.NumberColumn(format="%.3f") for name in ("KL, nats", "Var(µ)", "Mean of σ²")
        },
    )
    st.caption(
        "Active: σ² near 0 whatever the image; passive: σ² near 1, as the prior; mixed: anything else "
        "(Bonheme and Grześ 2021)."
    )


def response_curves(view: MeasureView, found: Encoded) -> None:
    """How all latents answer along one factor."""
    from explorer.figures import responses

    names, factors = view.data.factor_names, found.factors
    if names is None or factors is None:
        return
    factor = min(page.state().factor, len(names) - 1)
    codes = found.codes(page.state().representation, page.state().seed)
    order = np.argsort(-answer(codes, factors[:, factor]), kind="stable").tolist()
    st.header(f"Latents along {plain(names[factor])}")
    st.plotly_chart(
        responses.along(codes, factors[:, factor], names[factor], order),
        key="measure.along",
        config=STILL,
        alt=f"Mean of each latent over the values of {names[factor]}",
    )
    st.caption("The factor is the one chosen above; the latents that answer most come first.")


def seeds(view: MeasureView, results: Results, number: int) -> None:
    """UDR and how the latents of two models align."""
    from explorer.figures import heatmaps

    st.header("Models side by side")
    if len(view.names) < 2:
        st.caption(
            "Choose a second model above to see which of its latents match. Best are models that were trained alike "
            "from other seeds: a sweep over seeds makes them."
        )
        return
    result = results.get("", {}).get("udr")
    if result is None:
        st.caption("UDR is not measured with these settings yet.")
        return
    if result.value is None:
        st.caption(plain(f"UDR is undefined. {result.reason}"))
        return
    scores = ", ".join(
        f"{plain(name)} {float(value):.3f}"
        for name, value in zip(view.names, result.parts["model_scores"], strict=True)
    )
    st.markdown(f"UDR **{result.value:.3f}**: {scores}")
    others = [name for name in view.names if name != view.names[number]]
    partner = page.state().partner if page.state().partner in others else others[0]
    st.selectbox("Aligned with", **page.option("partner", others, partner), width=400)
    other = view.names.index(partner)
    values = np.array(result.parts["likeness"][number][other], dtype=np.float64)
    st.plotly_chart(
        heatmaps.matrix(
            values,
            [f"z{d}" for d in range(values.shape[0])],
            [f"z{d}" for d in range(values.shape[1])],
            "",
            top=1.0,
            row_title=view.names[number][:40],
            column_title=partner[:40],
        ),
        key="measure.alignment",
        config=STILL,
        width="content" if values.shape[1] < 8 else "stretch",
        alt=f"How the latents of {view.names[number]} match those of {partner}",
    )
    st.caption("Lasso weights of one model's latents for the other's; one bright cell a row is a match.")
