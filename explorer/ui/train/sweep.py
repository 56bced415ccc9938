"""A sweep on the page: the curves of all its runs in one chart, a table over seeds, and each run with its state."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import streamlit as st

from explorer import access, launch, paths
from explorer.errors import UserError
from explorer.export.origin_record import origin
from explorer.export.run_table import CURVES, curves_table
from explorer.export.stamps import stamped
from explorer.training.directory import RunDirectory, find_runs
from explorer.training.sweep_groups import Group, groups, spread
from explorer.ui.text import plain
from explorer.ui.train import run_cache, session
from explorer.ui.train.runs import about_sweep, badge, counted, repeating, resume, run_line, run_rows, try_action
from explorer.words import duration

STILL = {"displayModeBar": False}
TABLES = {"csv": ("CSV", ".csv"), "markdown": ("Markdown", ".md"), "latex": ("LaTeX", ".tex")}
COSTS = {"reconstruction": "Reconstruction", "kl": "KL"}  # of a run's log, in nats an image


def members(sweep: str) -> list[RunDirectory]:
    """The runs of a sweep by their names, numbers in them by size; empty where there is no such sweep."""
    if not sweep:
        return []
    found = [run for run in find_runs(paths.runs()) if launch.name_of(run).rpartition("/")[0] == sweep]
    return sorted(
        found,
        key=lambda run: [
            (0, float(part), "") if part[:1].isdecimal() else (1, 0.0, part)
            for part in re.split(r"(\d+(?:\.\d+)?)", run.path.name)
            if part
        ],
    )


def sweep_page(sweep: str, runs: list[RunDirectory]) -> None:
    """The page of a sweep, of which these are the runs."""
    st.page_link(
        "pages/train.py", label="All runs, and a new one", icon=":material/arrow_back:", query_params={"run": ""}
    )
    st.header(plain(sweep, 120))
    rows = run_rows(runs)
    configs = [row.config for row in rows if row.config is not None]
    if configs:
        st.caption(plain(about_sweep(configs)))
    going = any(row.now.going for row in rows)
    repeating(run_cache.LIST_PACE, partial(_state, sweep, _first(rows, sweep)), going)
    repeating(run_cache.CURVES_PACE, partial(_learning, sweep, _first(rows, sweep)), going)


def _first(rows: list[run_cache.RunRow], sweep: str) -> Callable[[], list[run_cache.RunRow]]:
    """Gives the rows that the page has listed, and from the second call on, when a part repeats itself, fresh ones."""
    listed = iter([rows])
    return lambda: next(listed, None) or run_rows(members(sweep))


def _state(sweep: str, listed: Callable[[], list[run_cache.RunRow]]) -> bool:
    """How far it is, and what can be done with all of it; whether something of it goes on."""
    rows = listed()
    if not rows:
        st.rerun()  # they were deleted: this is no page of theirs any more
    going = any(row.now.going for row in rows)
    steps = [(row.now.state.step, row.now.state.steps) for row in rows if row.now.state is not None]
    whole = sum(row.config.total_steps for row in rows if row.config is not None)
    done = sum(step for step, _ in steps)
    count = counted(rows)
    others = [badge(word, f"{number} {word}") for word, number in count.items() if word != "finished"]
    st.markdown(" ".join([f"{count.get('finished', 0)} of {len(rows)} runs finished", *others]))
    st.progress(min(done / whole, 1.0) if whole else 0.0)
    spent = sum(row.now.state.seconds for row in rows if row.now.state is not None)
    st.caption(f"{done:,} of {whole:,} steps, {duration(spent)} of training so far")
    _for_all(sweep, rows, going)
    return going


def _learning(sweep: str, listed: Callable[[], list[run_cache.RunRow]]) -> bool:
    """The curves, the table, and the runs; whether something goes on."""
    rows = [row for row in listed() if row.config is not None]
    found = groups([row.config for row in rows if row.config is not None])
    for column, (name, title) in zip(st.columns(2, gap="large"), COSTS.items(), strict=True):
        with column:
            st.markdown(f"**{title}, nats an image**")
            figure = run_cache.sweep_curves([(group.label, [rows[n] for n in group.runs]) for group in found], name)
            if figure is None:
                st.caption("No step has been logged yet.")
            else:
                told = f"{title} of {len(rows)} runs over steps, a colour for each of {len(found)} settings"
                st.plotly_chart(figure, key=f"train.sweep.{name}", config=STILL, alt=told)
    _table(found, rows)
    st.subheader("Its runs")
    for group in found:
        for number in group.runs:
            config = rows[number].config
            seed = f"seed {config.seed}" if config is not None and len(group.runs) > 1 else ""
            run_line(rows[number], ", ".join(filter(None, [group.label, seed])) or rows[number].run.path.name)
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Curves, CSV",
            lambda: _stamped(sweep, curves_table({row.name: row.run.metrics_file for row in rows}), CURVES),
            f"{sweep}{CURVES}",
            "text/csv",
            icon=":material/download:",
            key="train.sweep.csv",
            on_click="ignore",
            help="Every logged step of every run, with its costs and the KL of each dimension.",
        )
        for form, (title, ending) in TABLES.items():
            st.download_button(
                f"Table, {title}",
                partial(_study, sweep, form),
                f"{sweep}{ending}",
                icon=":material/download:",
                key=f"train.sweep.table.{form}",
                on_click="ignore",
                help="A row for each setting: means over seeds of the runs that have finished, with 95 % intervals.",
            )
    return any(row.now.going for row in rows)


def _study(sweep: str, form: str) -> bytes:
    """The table of a sweep as a file."""
    from explorer.export.study_files import FORMATS
    from explorer.training.sweep_study import study_of

    return _stamped(sweep, FORMATS[form](study_of(paths.runs() / sweep)), TABLES[form][1])


def _stamped(sweep: str, content: bytes, ending: str) -> bytes:
    return stamped(content, ending, origin("train", {"run": sweep}, []))


def _table(found: list[Group], rows: list[run_cache.RunRow]) -> None:
    """A row for each setting: the costs on held-out images, mean ± standard deviation over seeds."""
    lines = []
    for group in found:
        finished = [n for n in group.runs if rows[n].now.word == "finished"]
        records = [run_cache.newest_held_out(rows[n].run) for n in finished or group.runs]
        known = [record for record in records if record is not None]
        lines.append(
            {
                "Runs of": group.label or "this recipe",
                "Finished": f"{len(finished)} of {len(group.runs)}",
                "Reconstruction": spread([record["reconstruction"] for record in known]),
                "KL": spread([record["kl"] for record in known]),
                "Active dimensions": spread([record["active_units"] for record in known], ".1f"),
            }
        )
    st.markdown("**On held-out images**")
    st.table(lines)
    st.caption(
        "Costs in nats an image, of the runs that have finished; where none has, of the newest evaluation of each. "
        "Of several seeds: mean ± standard deviation."
    )


# --- all of them at once --------------------------------------------------------------------------------


def _for_all(sweep: str, rows: list[run_cache.RunRow], going: bool) -> None:
    if not all(access.may("train", row.run.path) for row in rows):
        return
    with st.container(horizontal=True):
        if going:
            st.button(
                "Stop all",
                icon=":material/stop:",
                key="train.sweep.stop",
                on_click=try_action,
                args=(stop_all, sweep),
                help="Each saves what it has.",
            )
        if any(row.now.word in ("stopped", "killed") for row in rows):
            st.button(
                "Resume all",
                icon=":material/play_arrow:",
                key="train.sweep.resume",
                on_click=try_action,
                args=(resume_all, sweep),
            )
        if not going:
            with st.popover("Delete the sweep", icon=":material/delete:"):
                st.markdown(f"Its {len(rows)} runs go to the trash; from there they can be put back.")
                st.button(
                    "Move all to the trash",
                    key="train.sweep.delete",
                    type="primary",
                    on_click=try_action,
                    args=(_discard_all, sweep),
                )
        finished = [row.name for row in rows if row.now.word == "finished"]
        if len(finished) > 1:
            st.page_link(
                "pages/compare.py",
                label="Compare its models",
                icon=":material/compare:",
                query_params={"model": finished[:4]},
            )


def stop_all(sweep: str) -> None:
    """Stop the runs of a sweep that go on, those that wait first, so that none begins meanwhile."""
    going = [row for row in run_rows(members(sweep)) if row.now.going]
    _each(launch.stop, [row.run for row in sorted(going, key=lambda row: row.now.word == "running")])


def resume_all(sweep: str) -> None:
    """Resume the runs of a sweep that were stopped or killed, in order."""
    over = [row.run for row in run_rows(members(sweep)) if row.now.word in ("stopped", "killed")]
    _each(resume, over)


def _discard_all(sweep: str) -> None:
    _each(launch.discard, members(sweep))
    session.put(run="")


def _each(action: Callable[[RunDirectory], object], runs: list[RunDirectory]) -> None:
    """Do it to all of them; what could not be done is said after."""
    failed = []
    for run in runs:
        try:
            action(run)
        except UserError as error:
            failed.append(error)
    if failed:
        raise failed[0]
