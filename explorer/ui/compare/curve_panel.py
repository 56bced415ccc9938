"""The curves that β draws, over any set of models: rate and distortion, the KL in parts, dimensions, training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer import paths
from explorer.analysis.scores import IMAGES
from explorer.checkpoints import Description, Entry, catalogue
from explorer.errors import UserError
from explorer.ui import address, first_model
from explorer.ui.compare import families
from explorer.ui.compare.converged import unconverged
from explorer.ui.compare.curves_state import MOST_CURVED, Page
from explorer.ui.compare.families import CurveModel
from explorer.ui.summaries import summaries
from explorer.ui.text import plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from explorer.analysis.summary import Summary
    from explorer.ui.compare.state import CompareState
    from explorer.ui.page_state import PageState

    Measured = list[tuple[CurveModel, Summary]]

OPEN = "curves.open"  # the model whose point was clicked
LEFT = "curves.left"  # the model for which the page was left by such a click
STILL = {"displayModeBar": False}
ENOUGH = (
    "No number was chosen, so each mixture has as many posteriors as its model's rate needs, if there are so many. "
    "A sample's own posterior counts 0.3 of its share, which makes the bias smaller."
)
SETS = {"": "The models compared here", "any": "Any models"}


def curve_section(names: Sequence[str], descriptions: Sequence[Description], page: Page) -> None:
    """The whole section: which models, how they are measured, the curves, their table and links.

    Args:
        names, descriptions: the models that the page is about.
        page: its state, a CurvesState.
    """
    st.header("Curves that β draws")
    entries = catalogue()
    compared = [CurveModel(n, d) for n, d in zip(names, descriptions, strict=True)]
    members = _chosen(compared, entries, page)
    planes, absent = families.planes(members)
    _absences(absent)
    if not planes:
        st.info("Choose models that say what they were trained on, to see their curves.")
        return
    shown = planes[_plane(planes, page)]
    found = _measured(shown, page)
    if not found:
        st.info("None of these models can be measured here.")
        return
    _rates(found)
    left, right = st.columns(2, gap="large")
    with left:
        _parts(found, page.state().count == IMAGES)
        unconverged(found, page)
        _units(found)
    with right:
        _dimensions(found, page)
        _training(found)
    _table(found, page.state().count == IMAGES)
    with st.expander("Open one of these models in Explore", icon=":material/tune:"):
        for member, _ in found:
            st.page_link("pages/explore.py", label=plain(member.name), query_params={"model": member.name})


def _chosen(compared: list[CurveModel], entries: Sequence[Entry], page: Page) -> list[CurveModel]:
    """The set picker with how it is measured, and the models that were chosen."""
    sets = families.model_sets(entries)
    titles = SETS | {name: families.title(name, of) for name, of in sets.items()}
    asked = page.state().curve_set
    chosen = asked if asked in titles else ""
    st.selectbox(
        "Curves over",
        **page.option("curve_set", list(titles), chosen),
        format_func=lambda name: titles[name],
        width=480,
    )
    if asked not in titles:
        st.caption(plain(f"There is no set {asked[:80]!r} here; the models compared are shown."))
    if chosen == "":
        return compared
    if chosen == "any":
        known = {entry.name: entry for entry in entries}
        picked = [name for name in page.state().curve_model if name in known]
        st.multiselect(
            "Models on the curves", list(known), max_selections=MOST_CURVED, **page.choice("curve_model", picked)
        )
        of = [known[name] for name in picked]
    else:
        of = sets[chosen]
    if len(of) > families.MOST:
        st.caption(f"The first {families.MOST} of {len(of):,} models are shown.")
    return _described(of[: families.MOST])


def _described(entries: Sequence[Entry]) -> list[CurveModel]:
    found, absent = [], {}
    for entry in entries:
        try:
            found.append(CurveModel(entry.name, first_model.described(entry)))
        except UserError as error:
            absent[entry.name] = str(error)
    _absences(absent)
    return found


def _plane(planes: dict[str, list[CurveModel]], page: Page) -> str:
    """Whose curves are shown: models of other images have other curves."""
    asked = page.state().curve_data
    chosen = asked if asked in planes else next(iter(planes))
    if len(planes) > 1:
        st.selectbox(
            "Images and likelihood",
            **page.option("curve_data", list(planes), chosen),
            width=480,
            format_func=lambda plane: f"{plane} ({len(planes[plane])})",
            help="Nats of other images, or of another likelihood, can't be compared: such models share no curve.",
        )
    return chosen


def _measured(members: Sequence[CurveModel], page: Page) -> Measured:
    """The numbers of each model that can be measured, with a bar while they are computed."""
    count, seed = page.state().count, page.state().seed
    bar = st.progress(0.0, "Looking up what is known")

    def tell(done: int, of: int) -> None:
        bar.progress(done / of, f"Measuring on {count:,} images: {done} of {of} models done")

    results = summaries([member.description for member in members], count, seed, tell)
    bar.empty()
    found, absent = [], {}
    for member, result in zip(members, results, strict=True):
        if isinstance(result, UserError):
            absent[member.name] = str(result)
        else:
            found.append((member, result))
    _absences(absent)
    return found


def _absences(absent: dict[str, str]) -> None:
    """One line for each reason, with the models that it keeps off the curves."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in absent.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        st.caption(plain(f"Not on the curves: {', '.join(names)}. {reason[:1].upper()}{reason[1:]}."))


# --- the curves ---------------------------------------------------------------------------------------


def _rates(found: Measured) -> None:
    from explorer.figures.rates import Rated, rate_distortion

    models = [
        Rated(
            member.name,
            result.evaluation.kl,
            result.evaluation.reconstruction,
            result.evaluation.kl_error or 0.0,
            result.evaluation.reconstruction_error or 0.0,
            member.beta,
        )
        for member, result in found
    ]
    place = {member.name: number for number, (member, _) in enumerate(found)}
    lines = []
    for family in families.families([member for member, _ in found]):
        betas = [member.beta for member in family]
        if len(set(betas)) == len(betas):
            lines.append([place[member.name] for member in family])
    st.markdown("**Rate and distortion**")
    _chart("rates", rate_distortion(models, lines), found, "Distortion over rate, a point for each model")
    without = [member.name for member, _ in found if member.beta is None]
    st.caption(
        "Each point is a model; a click opens it. Dotted lines join models of the same ELBO. β sets the "
        "exchange rate: at its optimum a model trained with β stands where the best curve has slope −β, the "
        "orange tangent (Alemi et al. 2018). Solid lines join models that differ in β alone."
        + (plain(f" No tangent, since no β weighs the whole KL: {', '.join(without)}.") if without else "")
    )


def _parts(found: Measured, usual: bool) -> None:
    from explorer.figures.betas import PARTS, label, stacked

    parts = [result.decomposition for _, result in found]
    values = {
        "mutual information": [part.mutual_information for part in parts],
        "total correlation": [part.total_correlation for part in parts],
        "dimension-wise KL": [part.dimension_wise_kl for part in parts],
    }
    largest = max(parts, key=lambda part: part.cap)
    cap = f"ln {largest.cap_of:,} = {largest.cap:.2f}"
    st.markdown("**The KL in three parts**")
    _chart(
        "parts",
        stacked([label(m.name, m.beta) for m, _ in found], values, PARTS, "nats", (largest.cap, cap)),
        found,
        "Mutual information, total correlation and dimension-wise KL of each model",
    )
    error = max(part.errors["kl"] or 0.0 for part in parts)
    mixed = _range([part.images for part in parts])
    drawn = _range([part.samples for part in parts])
    st.caption(
        "Index-code mutual information, total correlation and dimension-wise KL (Chen et al. 2018) of the "
        f"mixture of {mixed} posteriors, over {drawn} samples; their sum is "
        f"the KL of these samples, up to ± {error:.2f} (one standard error). {largest.images:,} images show at most "
        f"{cap} nats of mutual information. {ENOUGH if usual else ''}"
    )


def _range(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _dimensions(found: Measured, page: Page) -> None:
    from explorer.figures.betas import kl_by_rank

    st.markdown("**KL of each dimension against β**")
    groups = families.families([member for member, _ in found])
    if not groups:
        st.caption(
            "These lines need at least two models that differ in β alone (the objective beta; the seed may "
            "differ too): a sweep with beta = [1, 4, 16] makes such."
        )
        return
    number = min(page.state().curve_family, len(groups) - 1)
    if len(groups) > 1:
        st.selectbox(
            "Models that differ in β alone",
            **page.option("curve_family", range(len(groups)), number),
            width=480,
            format_func=lambda i: f"{groups[i][0].name} and {len(groups[i]) - 1} more",
        )
    results = {member.name: result for member, result in found}
    of = [(member, results[member.name]) for member in groups[number]]
    _chart(
        "dimensions",
        kl_by_rank(
            [float(member.beta or 0.0) for member, _ in of],
            [result.evaluation.kl_per_dimension.tolist() for _, result in of],
        ),
        of,
        "The largest KL of a dimension, the second largest and so on, over β",
    )
    left = [member.name for member, _ in found if member not in groups[number]]
    st.caption(
        "By rank: a model's dimensions have no names that others share. A line that reaches 0 is a dimension "
        "that died." + (plain(f" Trained otherwise, and not on these lines: {', '.join(left)}.") if left else "")
    )


def _units(found: Measured) -> None:
    from explorer.figures.betas import UNITS, label, stacked

    st.markdown("**Active, mixed and passive dimensions**")
    values = {kind: [result.units(kind) for _, result in found] for kind in UNITS}
    _chart(
        "units",
        stacked([label(m.name, m.beta) for m, _ in found], values, UNITS, "dimensions", form="d"),
        found,
        "How many dimensions of each model are active, mixed and passive",
    )
    st.caption(
        "By the posterior's variance σ² over the images: its own variance is below 0.1, and its mean is at most "
        "0.1 (active) or between 0.9 and 1.1 (passive); anything else is mixed (Bonheme and Grześ 2021)."
    )


def _training(found: Measured) -> None:
    from explorer.figures.rates import ways

    st.markdown("**Reconstruction against KL through training**")
    paths, of, without = {}, [], []
    for member, result in found:
        path = families.way(member.description.path)
        if path is None:
            without.append(member.name)
        else:
            paths[member.name] = path
            of.append((member, result))
    if paths:
        _chart("training", ways(paths), of, "Reconstruction over KL through training, a line a model")
        st.caption(
            "From the training logs: batches of training images under the β of the moment, neighbours of long "
            "logs averaged. The large point is the end."
        )
    if without:
        st.caption(plain(f"No training log was kept with {', '.join(without)}."))


def _table(found: Measured, usual: bool) -> None:
    evaluations = [result.evaluation for _, result in found]
    parts = [result.decomposition for _, result in found]
    columns: dict[str, list[Any]] = {
        "Model": [member.name for member, _ in found],
        "β": [member.beta for member, _ in found],
        "Reconstruction": [e.reconstruction for e in evaluations],
        "KL": [e.kl for e in evaluations],
        "ELBO": [e.elbo for e in evaluations],
        "Mutual information": [p.mutual_information for p in parts],
        "Total correlation": [p.total_correlation for p in parts],
        "Dimension-wise KL": [p.dimension_wise_kl for p in parts],
        "Converged": ["yes" if p.converged else "no" for p in parts],
        "KL of the samples": [p.kl for p in parts],
        "Active": [result.units("active") for _, result in found],
        "Mixed": [result.units("mixed") for _, result in found],
        "Passive": [result.units("passive") for _, result in found],
        "Active units": [e.active_units for e in evaluations],
        "Images": [e.count for e in evaluations],
        "Images mixed": [p.images for p in parts],
    }
    st.dataframe(
        columns,
        hide_index=True,
        key="curves.table",
        column_config={
            name: st.column_config.NumberColumn(format="%.3f", help="Nats an image.")
            for name in list(columns)[2:10]
            if name != "Converged"
        }
        | {
            "Converged": st.column_config.TextColumn(
                help="Whether twice the images changed mutual information and total correlation by less than "
                "their standard errors."
            )
        }
        | {"Active units": st.column_config.NumberColumn(help="Var(µ) > 0.01 (Burda et al. 2015).")},
    )
    first = evaluations[0]
    enough = " --enough" if usual else ""
    st.caption(
        f"Means over {first.count:,} images drawn with seed {first.seed}, one sampled z each; "
        f"`{paths.COMMAND} evaluate MODEL --count {first.count} --seed {first.seed}{enough} --json` prints the same "
        "numbers."
    )


# --- clicks -------------------------------------------------------------------------------------------


def _chart(key: str, figure: go.Figure, found: Sequence[tuple[CurveModel, Any]], alt: str) -> None:
    names = [member.name for member, _ in found]
    key = f"curves.{key}"
    st.plotly_chart(
        figure, key=key, config=STILL, alt=alt, selection_mode="points", on_select=lambda: opened(key, names)
    )


def follow_click() -> None:
    """Go to the model whose point was clicked; asked at the page's top."""
    wanted = st.session_state.pop(OPEN, None)
    if wanted is not None:
        st.session_state[LEFT] = wanted
        st.switch_page("pages/explore.py", query_params={"model": wanted})


def come_back(page: PageState[CompareState]) -> None:
    """Show what was left by a click again, for who comes back; asked before the page follows its address.

    Streamlit puts the next page's parameters under this page's name first, and that is what the browser's
    way back leads to.
    """
    left = st.session_state.pop(LEFT, None)
    if left is not None and address.asked() == {"model": [left]}:
        address.write(page.to_params(page.state()))


def opened(key: str, names: Sequence[str]) -> None:
    """The callback of a chart: the model of the point that was clicked is opened in Explore."""
    event = st.session_state.get(key) or {}
    for point in event.get("selection", {}).get("points", []):
        number = point.get("customdata")
        number = number[0] if isinstance(number, list) and number else number
        if type(number) is int and 0 <= number < len(names):
            st.session_state[OPEN] = names[number]
            return
