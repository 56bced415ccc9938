"""What the page Theory shows below its formulas: for each symbol its control and its numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import paths
from explorer.analysis.rate_distortion import Choice, Point, beaten, cheapest, convex_curve, set_beta_at
from explorer.analysis.scores import IMAGES
from explorer.checkpoints.config import ACTIVE_VARIANCE
from explorer.errors import UserError
from explorer.live.comparison import MOST_MODELS
from explorer.ui import page_cache
from explorer.ui.text import plain, sentence
from explorer.ui.theory import plots
from explorer.ui.theory import state as page
from explorer.ui.theory.family import Family, Member, measured_families, measured_multiplier
from explorer.ui.theory.glossary import RIGHT, SLIPS, WRONG
from explorer.ui.waiting import busy
from explorer.words import number

if TYPE_CHECKING:
    from explorer.analysis.implied_beta import Multiplier

STILL = {"displayModeBar": False}
READ_ON = IMAGES  # images that are looked at where a model itself is asked
LISTED = 4  # dots above the curve that are named


def chosen_family() -> Family | None:
    """The family that the page is about, picked here; None where there is none."""
    known = measured_families()
    if not known:
        st.info(
            "There is no family of models here whose measured numbers lie on a curve: train the same recipe at two "
            "or more β, for instance by a sweep on the page Train.",
            icon=":material/stacked_line_chart:",
        )
        return None
    asked = page.state().family
    family = next((f for f in known if asked in f.names), known[0])
    if asked and asked not in family.names:
        page.correct(
            f"There is no family with a model {asked[:80]!r} here; {family.title} is shown instead.", family=""
        )
    if len(known) > 1:
        labels = {f.names[0]: f.title for f in known}
        st.selectbox(
            "Family of models",
            **page.option("family", list(labels), family.names[0]),
            format_func=labels.__getitem__,
            width=480,
        )
    return family


# --- ε and β ----------------------------------------------------------------------------------------


def epsilon(family: Family, side: DeltaGenerator) -> None:
    """The measured curve with the constraint on it, in words, and the models that really had one."""
    with side:
        found = read_off(family)
    plots.curve_plot(family, "epsilon", {name: read.beta for name, read in found.items()})
    choice = family.curve.choose(page.state().epsilon)
    st.markdown(choice_in_words(family, choice))
    if choice.kind == "beyond":
        recipe = (family.priced or family.members)[0].training.model_dump(exclude_unset=True, exclude_none=True)
        st.page_link(
            "pages/train.py",
            label="Train this recipe with β = 0",
            icon=":material/model_training:",
            query_params={name: str(value) for name, value in (recipe | {"objective": "beta", "beta": 0}).items()},
        )
    st.caption(
        plain(
            f"Dots are measured: {family.measured_on}. The line between them is interpolated: a convex quadratic "
            "spline through the measured rates and distortions (Schumaker 1983), into which no β goes. The band holds "
            "the slopes that a falling convex curve through the same dots can have at each rate, and no others. "
            "Hatched is not measured."
        )
    )
    st.page_link(
        "pages/compare.py",
        label="See these models side by side",
        icon=":material/compare:",
        query_params={"model": family.names[:MOST_MODELS]},
    )
    constraints(family, found)
    table(family, found)


def choice_in_words(family: Family, choice: Choice) -> str:
    """What ε chooses, in sentences for Markdown."""
    state, curve = page.state(), family.curve
    known = {member.point.name: member for member in family.members}

    def called(point: Point) -> str:
        return f"{plain(point.name)} ({known[point.name].chosen}: {point.rate:.2f} nats)"

    least, most = curve.points[0], curve.points[-1]
    at = f"ε = {state.epsilon:.4g} nats"
    if choice.kind == "slack":
        return (
            f"At {at} the constraint is **slack**: from {curve.slack_from:.2f} nats on, more rate bought nothing, so "
            "a nat costs nothing, **β = 0**, and β(KL − ε) = 0."
        )
    if choice.kind == "below":
        return (
            f"{at} is less than any model here spends; the least is {called(least)}. The curve is convex, so "
            f"**β is at least {number(choice.low)}** there; how much more was not measured."
        )
    if choice.kind == "beyond":
        return (
            f"{at} is more than any model on the curve spends; the most is {called(most)}. The curve is convex, so "
            f"**β is at most {number(choice.high or 0.0)}** there. The constraint is slack, and β = 0, from the rate "
            "on that a model trained with β = 0 spends; there is none in this family."
        )
    assert choice.beta is not None and choice.distortion is not None
    bound = (
        f"between {number(choice.low)} and {number(choice.high)}"
        if choice.high is not None
        else f"at least {number(choice.low)}"
    )
    through = "the measured dots" if not curve.above else f"the {len(curve.points)} dots of the hull"
    words = (
        f"{at}: the slope of the curve is **β = −dD/dR ≈ {number(choice.beta)}**, and {bound} on every falling convex "
        f"curve through {through}. D is about {choice.distortion:.1f} nats."
    )
    if choice.kind == "between":
        left = max((p for p in curve.points if p.rate < choice.epsilon), key=lambda p: p.rate)
        right = min((p for p in curve.points if p.rate > choice.epsilon), key=lambda p: p.rate)
        words += f" The nearest dots on it are {called(left)} and {called(right)}."
    words += not_on_it(family)
    trained_with = set_beta_at([m.point for m in family.priced], choice.epsilon)
    if trained_with is not None:
        words += f" The β's that were set, without the curve, give {number(trained_with)} (log β linear in the rate)."
    for point, best in beaten(family.points):
        words += (
            f" {plain(point.name)} is not the best of its β = {point.beta:g}: {plain(best.name)} costs "
            f"{point.cost(point.beta or 0) - best.cost(point.beta or 0):.1f} nats less"
            + (", which bends the curve near it." if point in curve.points else ".")
        )
    return words


def not_on_it(family: Family) -> str:
    """A sentence on the dots that no convex curve through the others passes; empty where there are none."""
    curve = family.curve
    if not curve.above:
        return ""
    over = [
        f"{plain(point.name)} lies {number(curve.excess(point), 2)} nats above it"
        + (f", with more rate than {plain(curve.points[-1].name)}" if point.rate > curve.rates[-1] else "")
        for point in curve.above
    ]
    more = f"; and {len(over) - LISTED} more lie above it" if len(over) > LISTED else ""
    return (
        " **No falling convex curve passes through all dots**, so the line is that of their lower convex hull: "
        f"{'; '.join(over[:LISTED])}{more}."
    )


def constraints(family: Family, found: dict[str, Multiplier]) -> None:
    """Models whose ε was set: what they came to, beside the curve."""
    for member in family.constrained:
        assert member.epsilon is not None
        point = member.point
        words = f"**{plain(point.name)}** was trained with KL < {member.epsilon:g} and spends {point.rate:.2f} nats"
        if point.rate < 0.9 * member.epsilon:
            words += ": the limit is slack, or the run ended before it was reached."
        else:
            over = f"{point.rate - member.epsilon:+.2f}".replace("-", "−")
            words += f": the limit binds (KL − ε = {over}), with D = {point.distortion:.1f}."
        words += beside_the_others(family, point)
        if point.name in found:
            read = found[point.name]
            product = f"{read.beta * (point.rate - member.epsilon):.2f}".replace("-", "−")
            words += (
                f" The multiplier it found, read off its weights: **β = {read_in_words(read)}**; so β(KL − ε) is "
                f"{product} nats, where an exact optimum has 0."
            )
        st.markdown(words)
    if not family.constrained:
        st.caption("No model of this family was trained with a constraint.")


def beside_the_others(family: Family, point: Point) -> str:
    """Where a constrained model lies beside the curve of the models whose β was set; empty where there is none."""
    try:
        others = convex_curve([member.point for member in family.priced])
    except UserError:
        return ""
    if not others.rates[0] <= point.rate <= others.rates[-1]:
        return ""
    gap = others.distortion(point.rate) - point.distortion
    where = f"{abs(gap):.1f} nats {'below' if gap > 0 else 'above'}"
    return (
        f" That is {where} the curve of only the models whose β was set, which has the slope "
        f"{number(others.beta(point.rate))} there."
    )


def read_off(family: Family) -> dict[str, Multiplier]:
    """β and its standard error read off each model, where the person asked for it."""
    state = page.state()
    st.toggle(
        "Read β off the trained models",
        **page.entry("read"),
        help="Widening every posterior of a model a little changes its rate and its distortion; where training came "
        "to rest, dD = −β dR. So each model tells its own β, also one that was found as a multiplier.",
    )
    if not state.read:
        return {}
    found, reasons = {}, []
    with busy(st.container(), "Reading β off the models", 60):
        for member in family.members:
            try:
                found[member.point.name] = measured_multiplier(member.description, READ_ON)
            except UserError as error:
                reasons.append(f"{member.point.name}: no β can be read. {error}")
    for reason in reasons[:3]:
        st.caption(sentence(reason))
    return found


def read_in_words(read: Multiplier) -> str:
    """The β that was read, and what it is worth."""
    error = "" if read.error is None else f" ± {read.error:.2f}"
    return f"{read.beta:.2f}{error}{', not at rest' if read.at_rest is False else ''}"


def table(family: Family, found: dict[str, Multiplier]) -> None:
    """The models of the family, and what each costs at the β that is looked at."""
    members, beta = family.members, page.state().beta
    columns: dict[str, list[str]] = {
        "Model": [m.point.name for m in members],
        "Chosen": [m.chosen for m in members],
        "Rate R": [f"{m.point.rate:.2f}" for m in members],
        "Distortion D": [f"{m.point.distortion:.2f}" for m in members],
    }
    if page.state().topic == "beta":
        columns[f"D + {beta:.3g}·R"] = [f"{m.point.cost(beta):.2f}" for m in members]
    if found:
        read = [found.get(m.point.name) for m in members]
        columns["β read off it"] = ["" if one is None else read_in_words(one) for one in read]
    st.dataframe(columns, hide_index=True, key="theory.table", height="content")
    if found:
        st.caption(
            f"Read off: −(dD/ds)/(dR/ds), s added to every log σ², on {READ_ON:,} images with one sampled z each, "
            f"seed {page_cache.SEED}; "
            f"± one standard error over images. `{paths.COMMAND} multiplier MODEL` prints it."
        )
        for name, one in found.items():
            if not one.at_rest:
                st.caption(plain(f"{name}: {one.rest_in_words}."))


def beta_panel(family: Family, side: DeltaGenerator) -> None:
    """The line of slope −β, the model that it touches, and whether a model is the best at its own β."""
    with side:
        found = read_off(family)
    plots.curve_plot(family, "beta", {name: read.beta for name, read in found.items()})
    state, points = page.state(), family.points
    best = cheapest(points, state.beta)
    cost = best.cost(state.beta)
    words = f"At β = {state.beta:.3g} the cheapest model here is **{plain(best.name)}**: D + βR = {cost:.1f} nats."
    own = [p for p in points if p.beta and math.isclose(p.beta, state.beta, rel_tol=0.01)]
    for point in own[:1]:
        words += (
            " It was trained for that very β."
            if point.name == best.name
            else f" {plain(point.name)} was trained for that β and costs {point.cost(state.beta):.1f}: training "
            "stopped at a solution that is not the best."
        )
    st.markdown(words)
    st.caption(plain(f"Measured on {family.measured_on}."))
    table(family, found)


# --- the other symbols ------------------------------------------------------------------------------


def gaussians(_side: DeltaGenerator) -> None:
    """q and p under the pointer, and what is often printed in place of their KL."""
    plots.gaussians_plot()
    st.markdown("**Two slips that are often printed**")
    wrong, right = st.columns(2)
    wrong.latex(WRONG)
    right.latex(RIGHT)
    st.caption(SLIPS)


def spent(family: Family, side: DeltaGenerator) -> None:
    """What the models of the family cost, on top of one another."""
    from explorer.figures import theory_charts as figures

    names, points = family.names, family.points
    st.plotly_chart(
        figures.cost_bars(names, [p.distortion for p in points], [p.rate for p in points]),
        key="theory.costs",
        config=STILL,
        alt="Distortion and rate: " + "; ".join(f"{p.name} {p.distortion:.1f} and {p.rate:.1f}" for p in points),
    )
    least = min(points, key=lambda p: p.cost(1))
    st.markdown(
        f"D + R is −ELBO, an upper bound on −log p(x): lowest for **{plain(least.name)}**, {least.cost(1):.1f} nats. "
        "A larger β gives some of it away for a cheaper code."
    )
    st.caption(plain(f"Measured on {family.measured_on}."))


def code(family: Family, side: DeltaGenerator) -> None:
    """What each dimension of a model's code costs."""
    from explorer.figures import charts

    members = {m.point.name: m for m in family.members}
    usual = next((name for name in members if members[name].point.beta == 4), next(iter(members)))
    asked = page.state().model
    name = asked if asked in members else usual
    if asked and asked not in members:
        page.correct(f"There is no model {asked[:80]!r} in this family; {name} is shown.", model="")
    side.selectbox("Model", **page.option("model", list(members), name))
    member = members[name]
    kl, activity = member.evaluation.kl_per_dimension, member.evaluation.activity
    order = sorted(range(len(kl)), key=lambda d: -kl[d])
    active = None if activity is None else [v > ACTIVE_VARIANCE for v in activity]
    st.plotly_chart(
        charts.kl_bars(kl, order, active),
        key="theory.z.kl",
        config=STILL,
        alt="KL by dimension: " + ", ".join(f"z{d} {kl[d]:.2f}" for d in order),
    )
    st.caption(plain(f"Measured on {family.measured_on}."))
    with side:
        explore_link(member, f"Move the code of {name}")


def image_panel(family: Family, side: DeltaGenerator) -> None:
    """How large an image is, and what the models pay for it."""
    member = family.members[-1]
    channels, height, width = member.description.config.shape
    count = channels * height * width
    st.markdown(
        f"An image of this family has {channels} × {height} × {width} = **{count:,} values**. What they cost "
        "once the code is known, and what the code costs:"
    )
    spent(family, side)
    with side:
        explore_link(member, "Choose, draw or drop an image", start="image")


def explore_link(member: Member, label: str, **params: str) -> None:
    """A link to the page Explore on that model."""
    st.page_link(
        "pages/explore.py",
        label=plain(label),
        icon=":material/tune:",
        query_params={"model": member.point.name, **params},
    )
