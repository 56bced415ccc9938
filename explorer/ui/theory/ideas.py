"""What follows from the objective, on the page Theory: the linear case, capacity, TC, β_norm and σ."""

from __future__ import annotations

import math

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.checkpoints import Description, catalogue, describe, recipe
from explorer.errors import UserError
from explorer.ui import loss_panel, page_cache
from explorer.ui.text import plain, sentence
from explorer.ui.theory import linear as theory_linear
from explorer.ui.theory import state as page
from explorer.ui.theory.family import Family, ties
from explorer.ui.theory.panels import READ_ON, STILL, chosen_family
from explorer.ui.theory.state import LEAST, MOST
from explorer.ui.waiting import busy
from explorer.words import number
from models.kinds import LIKELIHOODS


def linear_panel(side: DeltaGenerator) -> None:
    """The linear Beta-VAE: controls beside the pictures, which wait for their dots."""
    with side:
        theory_linear.linear_controls()
    theory_linear.show_when_trained(theory_linear.linear_charts)


def capacity(family: Family, side: DeltaGenerator) -> None:
    """How models of the family share out the nats they have, the most first."""
    from explorer.figures import theory_charts as figures

    state = page.state()
    members = family.members
    rates = [m.point.rate for m in members]
    kl = [sorted(m.evaluation.kl_per_dimension, reverse=True) for m in members]
    top = float(math.ceil(max(*rates, state.capacity, 25) / 5) * 5)
    side.slider("C in nats", 0.0, top, step=0.1, **page.entry("capacity"))
    side.page_link(
        "pages/train.py",
        label="Train with a capacity",
        icon=":material/model_training:",
        query_params={"objective": "capacity"},
    )
    st.plotly_chart(
        figures.shares(rates, kl, state.capacity),
        key="theory.shares",
        config=STILL,
        alt="KL of the dimension with the most, the second and so on, over the KL in all of the models",
    )
    awake = [sum(value > 0.1 for value in row) for row in kl]
    near = min(range(len(rates)), key=lambda i: abs(rates[i] - state.capacity))
    st.markdown(
        f"The model nearest to C = {state.capacity:.3g} is **{plain(members[near].point.name)}**: {rates[near]:.2f} "
        f"nats, spent on {awake[near]} of {len(kl[near])} dimensions (those with more than 0.1 nats)."
    )
    st.caption(
        plain(
            f"Dots are the models of this family, measured on {family.measured_on}; dotted lines only join them. They "
            "were trained with a β or an ε: with a large γ, C picks the same kind of model as ε does, except that it "
            "also holds from below."
        )
    )


def correlation(side: DeltaGenerator) -> None:
    """Two correlated dimensions, and their total correlation."""
    from explorer.figures import theory_charts as figures

    state = page.state()
    with side:
        st.slider("ρ, correlation of two dimensions", -0.99, 0.99, step=0.01, **page.entry("rho"))
        family = chosen_family()
        if family is not None:
            st.toggle("Measure the models' own", **page.entry("read"))
        st.page_link(
            "pages/train.py", label="Train with TC", icon=":material/model_training:", query_params={"objective": "tc"}
        )
    st.metric("Total correlation", f"{-0.5 * math.log(1 - state.rho**2):.3f} nats")
    st.plotly_chart(
        figures.correlated(state.rho),
        key="theory.tc",
        config=STILL,
        alt=f"Contours of two dimensions with correlation {state.rho:g}, and of their product",
    )
    st.markdown(
        "The colour is q(z), averaged over images; grey is what it would be if its dimensions were independent. For "
        "a normal q(z) the total correlation is −½ ln(1 − ρ²): 0 only without correlation."
    )
    st.caption("Rings hold one and two standard deviations; drawn from the formula, no model takes part.")
    if family is not None and state.read:
        dependence(family)


def dependence(family: Family) -> None:
    """The total correlation of the family's own codes."""
    rows: list[tuple[str, str, str]] = []
    chance = 0.0
    with busy(st.container(), "Encoding images", 60):
        for member in family.members:
            try:
                total, rho, by_chance = ties(member.description, READ_ON)
                chance = max(chance, by_chance or 0.0)
                rows.append((f"{total:.3f}" if total is not None else "infinite", f"{rho:.2f}", ""))
            except UserError as error:
                rows.append(("", "", str(error)))
    st.dataframe(
        {
            "Model": family.names,
            "Gaussian TC, nats": [row[0] for row in rows],
            "largest |ρ| of two dimensions": [row[1] for row in rows],
        },
        hide_index=True,
        key="theory.tc.table",
        height="content",
    )
    for reason in sorted({row[2] for row in rows if row[2]})[:3]:
        st.caption(sentence(reason))
    st.caption(
        f"Of one sampled code of each of {READ_ON:,} images, seed {page_cache.SEED}: the total correlation of a normal "
        "with the same covariance, which sees linear dependence only. It is biased upwards: independent dimensions "
        f"would have {chance:.3f} on average with so many images."
    )


def beta_norm_panel(side: DeltaGenerator) -> None:
    """β_norm of numbers of one's own, and of every model at hand."""
    state = page.state()
    with side:
        for name, label, kind in (
            ("beta", "β", float),
            ("latents", "Latents M", int),
            ("values", "Values N = C·H·W", int),
        ):
            st.number_input(label, step=kind(1), format="%.4g" if kind is float else None, **page.entry(name))
    norm = state.beta * state.latents / state.values
    same = norm * 3 * 64 * 64 / 10
    st.metric("β_norm = β·M/N", f"{norm:.4g}")
    st.markdown(f"The same pressure on colour images of 64 × 64 with 10 latents needs β = {number(same)}.")
    rows = []
    for name, description in trained_checkpoints():
        try:
            which = recipe.price(description.config, description.path)
        except UserError:
            continue  # the library says what is wrong with its recipe
        if which.whole is not None:
            shape = description.config.shape
            rows.append((name, which, description.config.latents, math.prod(shape)))
    if rows:
        st.dataframe(
            {
                "Model": [row[0] for row in rows],
                "β": [number(row[1].whole or 0.0, 4) for row in rows],
                "M": [str(row[2]) for row in rows],
                "N": [f"{row[3]:,}" for row in rows],
                "β_norm": [number(row[1].normalised or 0.0) for row in rows],
            },
            hide_index=True,
            key="theory.norm.table",
        )


def variance(side: DeltaGenerator) -> None:
    """The cost of a pixel over σ, and trained models that show that only βσ² counts."""
    from explorer.figures import theory_charts as figures

    state = page.state()
    for name, label, low, high, step in (
        ("error", "Mean squared error of a pixel", 1e-6, 1.0, 0.005),
        ("decoder", "σ of the decoder", 0.005, 2.0, 0.01),
        ("beta", "β", LEAST, MOST, 1.0),
    ):
        side.number_input(label, low, high, step=step, format="%.4g", **page.entry(name))
    st.plotly_chart(
        figures.pixel_cost(state.error, state.decoder),
        key="theory.pixel",
        config=STILL,
        alt=f"Cost of a pixel over σ, lowest at σ = {state.error**0.5:.3g}",
    )
    product = state.beta * state.decoder**2
    st.markdown(
        f"With β = {state.beta:.3g} and σ = {state.decoder:.3g} the model is the β = 1 model of variance βσ² = "
        f"**{number(product)}**, that is σ = {number(product**0.5)}. The best σ for this error is "
        f"{number(state.error**0.5)}, which a β of {number(state.error / state.decoder**2)} comes to."
    )
    theory_linear.show_when_trained(theory_linear.same_product)
    gaussian = [(n, d) for n, d in trained_checkpoints() if LIKELIHOODS[d.config.likelihood].variance != "none"]
    for name, description in gaussian[:20]:
        st.markdown(plain(f"{name}: {recipe.implied_variance(description)}"))
    if not gaussian:
        st.caption("No model at hand has Gaussian pixels; with Bernoulli pixels β implies no σ².")


def other_code_panel(side: DeltaGenerator) -> None:
    """What a KL weight of other code is as β, and the form to train with it."""
    found = loss_panel.calculator(page.PAGE)
    if found is not None:
        state = page.state()
        settings = found.settings() | {"latents": state.latents}
        side.page_link(
            "pages/train.py",
            label="Train with this β",
            icon=":material/model_training:",
            query_params={name: str(value) for name, value in settings.items()},
        )


def trained_checkpoints() -> list[tuple[str, Description]]:
    """Every checkpoint that can be read and that says how it was trained."""
    found = []
    for entry in catalogue():
        try:
            description = describe(entry.path)
            if description.config.recipe is not None:
                found.append((entry.name, description))
        except UserError:
            continue
    return found
