"""The scores on the page Measure: settings, the table, the job that fills it, definitions, files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer import access
from explorer.analysis import report
from explorer.analysis.scores import SCORES
from explorer.checkpoints.recipe import source_of
from explorer.errors import UserError
from explorer.export.origin_record import origin
from explorer.export.stamps import stamped
from explorer.ui.measure import state as page
from explorer.ui.measure.models import MeasureView
from explorer.ui.text import plain, sentence

if TYPE_CHECKING:
    from explorer.analysis.metrics import MetricResult

    Results = dict[str, dict[str, MetricResult]]


def measure_settings() -> None:
    """What is measured, and how."""
    with st.container(horizontal=True, vertical_alignment="top", key="settings"):
        st.segmented_control(
            "Preset",
            ["fast", "full"],
            required=True,
            **page.choice("preset"),
            help="full: the sample sizes of Locatello et al. 2019, minutes; fast: smaller ones, seconds. "
            "Fast is off most for DCI, by −0.07 on dsprites-disentangled, and by some 0.02 for others: compare "
            "only scores of one preset.",
        )
        st.segmented_control(
            "Codes",
            ["mean", "sampled"],
            required=True,
            **page.choice("representation"),
            help="A code is the mean of the posterior, as is usual, or one sample of it.",
        )
        for field, label, low, high, step, words in (
            ("seed", "Seed", 0, 2**31 - 1, 1, "Of the choice of images and of all that is drawn."),
            (
                "repeats",
                "Repeats",
                0,
                20,
                1,
                "On random halves of the images, for the 95 % confidence interval; "
                "below 2 there is none. Beside each stands what it is an interval of.",
            ),
            ("points", "Images in the plots", 100, 100_000, 1000, "In the scatter and the curves below."),
        ):
            st.number_input(label, min_value=low, max_value=high, step=step, width=160, help=words, **page.entry(field))


# Wide enough for the longest title, and for a value with its interval; together no wider than a window of 1280.
TITLE_WIDTH, MODEL_WIDTH = 320, 200
COLUMNS = {
    "Score": st.column_config.TextColumn(width=TITLE_WIDTH),
    "95 % interval of": st.column_config.TextColumn(
        help="What the interval in brackets holds in about 95 of 100 draws of images: the value of all "
        "images where the score doesn't move with their number, else the mean score of as many images."
    ),
    "No code exceeds": st.column_config.TextColumn(
        help="A proven bound for codes of as many latents on these images. It need not be reached."
    ),
    "To compare with": st.column_config.TextColumn(
        help="What known codes score on these images: those that number the classes of the factors; for UDR, models "
        "with the same independent latents. It is no bound: other codes can score more."
    ),
    "Images": st.column_config.NumberColumn(help="Images that the score rests on.", format="%d"),
}


def value_words(row: report.Row) -> str:
    """A value with its interval."""
    if row.value is None:
        return "undefined"
    text = row.words(row.value)
    return f"{text}  [{row.words(row.interval[0])}, {row.words(row.interval[1])}]" if row.interval else text


def score_table(view: MeasureView, results: Results) -> None:
    """A line for each score, a column for each model."""
    lines: dict[str, dict[str, Any]] = {}
    reasons: dict[str, str] = {}
    for name in SCORES:
        for model, of in results.items():
            if name not in of:
                continue
            for row in report.score_rows(of[name]):
                line = lines.setdefault(row.name, {"Score": row.title})
                line[model or "all together"] = value_words(row)
                line["No code exceeds"] = "not known" if row.ceiling is None else row.words(row.ceiling)
                if row.yardstick is not None:
                    line["To compare with"] = row.words(row.yardstick)
                if row.interval_of is not None:
                    line["95 % interval of"] = row.interval_of.removesuffix(f" at {row.count:,} rows")
                line["Better"] = SCORES[name].better
                line["Images"] = row.count
                if row.reason:
                    reasons[f"{row.title}, {model or 'all together'}"] = row.reason
    if not lines:
        st.caption("Nothing is measured with these settings yet.")
        return
    together = ["all together"] if results.get("") else []
    columns = [
        "Score",
        *view.names,
        *together,
        *(["95 % interval of"] if view.plan.repeats > 1 else []),
        "No code exceeds",
        "To compare with",
        "Better",
        "Images",
    ]
    st.dataframe(
        {column: [line.get(column, "") for line in lines.values()] for column in columns},
        hide_index=True,
        key="measure.table",
        height="content",
        column_config=COLUMNS
        | {name: st.column_config.TextColumn(width=MODEL_WIDTH) for name in (*view.names, *together)},
    )
    halves = "[95 % confidence interval over repeats on random halves] · " if view.plan.repeats > 1 else ""
    st.caption(
        f"{halves}{view.plan.representation} codes of {plain(view.data.name)}, seed {view.plan.seed}, "
        f"preset {view.plan.preset}"
    )
    for where, reason in reasons.items():
        st.caption(plain(f"{where}: undefined. {reason}"))


def start_measuring(view: MeasureView) -> None:
    """The button's callback."""
    try:
        view.start()
    except (UserError, OSError) as error:
        st.session_state["measure.refused"] = str(error)


def stop_measuring(view: MeasureView) -> None:
    """The other button's callback."""
    try:
        view.job.stop()
    except UserError as error:
        st.session_state["measure.refused"] = str(error)


def progress(view: MeasureView) -> None:
    """The scores, and the job that computes what is missing; repeats itself while it runs."""
    job = view.job.read()
    st.session_state.pop("measure.stage", None)
    every = 1.0 if job is not None and job.running else None
    st.fragment(run_every=every)(now)(view)


def now(view: MeasureView) -> None:
    """How far the job is, and the scores that are there."""
    results = view.results()
    job = view.job.read()
    running = job is not None and job.running
    left, images = view.pending(results), view.uncoded()
    stage = (running, images == 0, "mig" in results[view.names[0]])
    if stage != st.session_state.get("measure.stage", stage):
        st.session_state["measure.stage"] = stage
        st.rerun()  # the rest of the page has something new to show
    st.session_state["measure.stage"] = stage
    if job is not None and running:
        with st.container(horizontal=True, vertical_alignment="center", key="bar"):
            st.progress(min(job.fraction, 1.0), plain(f"{job.doing} · {left} score{'s' * (left != 1)} to go"))
            st.button(
                "Stop",
                icon=":material/stop:",
                key="measure.stop",
                on_click=stop_measuring,
                args=(view,),
                disabled=not access.may("measure"),
                width=110,
            )
    elif left or images:
        if job is not None and job.status == "failed":
            st.error(sentence(f"the measurement failed: {job.message}"))
        elif job is not None and job.status == "lost":
            st.warning(sentence(f"the measurement was lost: {job.message}; what it had finished is kept"))
        elif job is not None and job.status == "stopped":
            st.info("Stopped. What was finished is kept, and the rest can be computed later.")
        if refused := st.session_state.pop("measure.refused", None):
            st.error(sentence(refused))
        why = access.why_not("measure")
        what = [f"{left} score{'s' * (left > 1)}"] * bool(left) + [f"{images:,} images to encode"] * bool(images)
        st.button(
            f"Measure ({', '.join(what)})",
            type="primary",
            icon=":material/straighten:",
            key="measure.start",
            on_click=start_measuring,
            args=(view,),
            disabled=bool(why),
        )
        if why:
            st.caption(sentence(why))
    score_table(view, results)


def definitions() -> None:
    """What each score means."""
    with st.expander("What the scores mean"):
        for score in SCORES.values():
            st.markdown(f"**{plain(score.title)}**. {plain(score.definition)} :gray[{plain(score.source)}]")


def downloads(view: MeasureView, results: Results) -> None:
    """The same numbers as files, as `python -m explorer measure --metrics all` gives them."""
    from explorer.analysis.measurement import complete

    about = {
        "data": view.data.name,
        "split": source_of(view.descriptions[0].config).split,
        "count": view.plan.rows(view.data),
        "seed": view.plan.seed,
        "representation": view.plan.representation,
        "preset": view.plan.preset,
        "repeats": view.plan.repeats,
        "factors": list(view.data.factor_names or ()),
    }
    doubts = {d.name: list(d.config.doubts) for d in view.descriptions if d.config.doubts}
    about |= {"doubts": doubts} if doubts else {}
    together = results.get("", {})
    if not any(results.values()):
        return
    of_each = {
        name: complete(tuple(SCORES), results.get(name, {}), view.data, len(view.names), view.plan)
        for name in view.names
    }
    where = origin("measure", page.to_params(page.state()), view.descriptions, view.data.name)
    with st.container(horizontal=True, key="downloads"):
        st.download_button(
            "CSV",
            stamped(report.as_csv(about, of_each, together).encode(), ".csv", where),
            "scores.csv",
            "text/csv",
            icon=":material/download:",
            key="measure.csv",
            on_click="ignore",
        )
        st.download_button(
            "JSON",
            json.dumps(report.as_json(about, of_each, together, True), indent=1),
            "scores.json",
            "application/json",
            icon=":material/download:",
            key="measure.json",
            on_click="ignore",
        )
