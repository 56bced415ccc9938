"""The runs at hand on the page Train: how each stands, those of a sweep together, and the trash."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer import access, launch, paths
from explorer.datasets.names import DATASETS
from explorer.errors import UserError
from explorer.recipe.run import TrainConfig
from explorer.training.directory import RunDirectory, find_runs
from explorer.trash import empty
from explorer.ui.text import plain
from explorer.ui.train import run_cache, session
from models.kinds import OBJECTIVES

COLOURS = {
    "starting": "blue",
    "waiting": "gray",
    "running": "blue",
    "finished": "green",
    "stopped": "orange",
    "failed": "red",
    "killed": "red",
}
ICONS = {
    "starting": ":material/hourglass_top:",
    "waiting": ":material/schedule:",
    "running": ":material/model_training:",
    "finished": ":material/check:",
    "stopped": ":material/pause:",
    "failed": ":material/error:",
    "killed": ":material/skull:",
}
LISTED = 12  # runs that are listed before the rest is asked for


def repeating(pace: run_cache.Pace, show: Callable[[], bool], going: bool = True) -> None:
    """Show something again and again as long as it says that it goes on; once, where it does not.

    Both in a fragment: a button that is pressed just when the run ends is still the same button.
    """
    context = get_script_run_ctx()
    who = context.session_id if context else ""
    interval = pace.interval(who)

    again = False

    def once() -> None:
        nonlocal again
        with pace.timed():
            goes = show()
        now = pace.interval(who)
        if again and (goes != going or max(now, interval) > 1.5 * min(now, interval)):
            st.rerun()  # another pace, or none
        again = True

    st.fragment(once, run_every=interval if going else None)()


def badge(word: str) -> str:
    """A status as Markdown."""
    return f":{COLOURS[word]}-badge[{ICONS[word]} {word}]"


def about_run(config: TrainConfig) -> str:
    """What a run trains, in a few words."""
    objective = OBJECTIVES[config.objective].short.format(**config.of_objective)
    data = DATASETS[config.data].title if config.data in DATASETS else config.data
    return f"{data} · {config.network}, D = {config.latents} · {objective} · seed {config.seed}"


def try_action(action: Callable[..., object], *arguments: object) -> None:
    """Do something to runs as a callback; what can't be done is said at the top of the page."""
    try:
        action(*arguments)
    except UserError as error:
        session.complain(error)
    else:
        session.complain()


def resume(run: RunDirectory) -> None:
    """Resume a run where it ran before: as a job like the last one, or here."""
    before = launch.run_status(run).launch
    job = None
    if before is not None and before.where == "slurm" and launch.has_slurm():
        job = before.asked or launch.SlurmJob()
    launch.resume(run, job)


# --- all of them --------------------------------------------------------------------------------------


def listing() -> None:
    """The runs at hand, newest first, and the trash."""
    st.header("Runs")
    runs = find_runs(paths.runs())
    if not runs:
        st.caption("None yet. Runs that are started in a shell appear here too.")
    wanted, everything = "", False
    if len(runs) > LISTED:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            wanted = st.text_input("Find", key="train.find", width=220, placeholder="part of a name")
            everything = st.toggle(f"All {len(runs)}", key="train.all")

    def show() -> bool:
        found = [run for run in find_runs(paths.runs()) if wanted in launch.name_of(run)]
        shown = found if everything else found[:LISTED]
        for row in run_rows(shown):
            run_line(row)
        if len(found) > len(shown):
            st.caption(f"and {len(found) - len(shown)} older ones")
        return True

    if runs:
        repeating(run_cache.LIST_PACE, show)
    deleted_runs()


def run_rows(runs: Iterable[RunDirectory]) -> list[run_cache.RunRow]:
    """The runs in short; those that are deleted in this moment are left out."""
    found = []
    for run in runs:
        try:
            found.append(run_cache.row(run))
        except (UserError, OSError):
            continue
    return found


def run_line(row: run_cache.RunRow, called: str = "", width: int | Literal["stretch"] = "stretch") -> None:
    """One run: its name as a link, how it stands, what it trains and what came of it."""
    state = row.now.state
    progress = ""
    if state is not None and row.now.word != "finished":
        progress = f" {state.step:,} of {state.steps:,}"
        if row.now.word == "waiting" and state.place:
            progress = f" number {state.place} in line"
    elif row.config is not None:
        progress = f" {row.config.total_steps:,} steps"
    with st.container(gap=None):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(
                "pages/train.py", label=plain(called or row.name, 80), width=width, query_params={"run": row.name}
            )
            st.markdown(f"{badge(row.now.word)}{plain(progress)}", width="content")
        told = [about_run(row.config)] if row.config is not None else []
        if row.evaluation is not None:
            told.append(result(row.evaluation))
        if told:
            st.caption(plain(" · ".join(told)))


def result(evaluation: dict[str, object]) -> str:
    """The costs on held-out images, in words; empty where the log has none that are numbers."""
    values = [evaluation.get(name) for name in ("reconstruction", "kl")]
    if not all(isinstance(value, int | float) for value in values):
        return ""
    return (
        f"held out: reconstruction {values[0]:.2f}, KL {values[1]:.2f} nats, "
        f"{evaluation.get('active_units', '?')} active dimensions"
    )


def deleted_runs() -> None:
    """What was deleted, to be put back or to go for good."""
    items = [item for item in launch.trashed() if access.may("delete", item.inside)]
    if not items:
        return
    with st.expander(f"Trash: {len(items)}"):
        for item in items[:50]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(plain(item.name), width=230)
                st.button(
                    "Put back", key=f"train.restore.{item.path.name}", on_click=try_action, args=(launch.restore, item)
                )
        with st.popover("Empty the trash"):
            st.markdown(f"{len(items)} run{'s are' if len(items) > 1 else ' is'} gone for good then.")
            st.button("Delete for good", key="train.empty", type="primary", on_click=try_action, args=(empty, items))


# --- a sweep ------------------------------------------------------------------------------------------


def sweep_panel(group: str) -> None:
    """The runs of a sweep, and what can be done with all of them at once."""

    def show() -> bool:
        found = run_rows(_members(group))
        if not found:
            st.rerun()  # they were deleted: this is no page of theirs any more
        words = [row.now.word for row in found]
        going = any(row.now.going for row in found)
        over = words.count("finished")
        with st.expander(
            f"Sweep {plain(group)}: {over} of {len(found)} finished", expanded=len(found) < 9, key="train.sweep"
        ):
            _for_all(group, found, going)
            for row in found:
                run_line(row, row.name.rpartition("/")[2], 260)
        return going

    repeating(run_cache.LIST_PACE, show, any(row.now.going for row in run_rows(_members(group))))


def _for_all(group: str, found: list[run_cache.RunRow], going: bool) -> None:
    if not all(access.may("train", row.run.path) for row in found):
        return
    with st.container(horizontal=True):
        if going:
            st.button(
                "Stop all",
                icon=":material/stop:",
                key="train.sweep.stop",
                on_click=try_action,
                args=(stop_all, group),
                help="Each saves what it has.",
            )
        if any(row.now.word in ("stopped", "killed") for row in found):
            st.button(
                "Resume all",
                icon=":material/play_arrow:",
                key="train.sweep.resume",
                on_click=try_action,
                args=(resume_all, group),
            )
        if not going:
            with st.popover("Delete the sweep", icon=":material/delete:"):
                st.markdown(f"Its {len(found)} runs go to the trash; from there they can be put back.")
                st.button(
                    "Move all to the trash",
                    key="train.sweep.delete",
                    type="primary",
                    on_click=try_action,
                    args=(_discard_all, group),
                )


def stop_all(group: str) -> None:
    """Stop the runs of a sweep that go on, those that wait first, so that none begins meanwhile."""
    going = [row for row in run_rows(_members(group)) if row.now.going]
    _each(launch.stop, [row.run for row in sorted(going, key=lambda row: row.now.word == "running")])


def resume_all(group: str) -> None:
    """Resume the runs of a sweep that were stopped or killed, in order."""
    over = [row.run for row in run_rows(_members(group)) if row.now.word in ("stopped", "killed")]
    _each(resume, over)


def _discard_all(group: str) -> None:
    _each(launch.discard, _members(group))
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


def _members(group: str) -> list[RunDirectory]:
    """The runs of a sweep by their names, numbers in them by size."""
    found = [run for run in find_runs(paths.runs()) if launch.name_of(run).startswith(f"{group}/")]
    return sorted(
        found,
        key=lambda run: [
            (0, float(part), "") if part[:1].isdecimal() else (1, 0.0, part)
            for part in re.split(r"(\d+(?:\.\d+)?)", run.path.name)
            if part
        ],
    )
