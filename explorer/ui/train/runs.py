"""The runs at hand on the page Train: how each stands, a sweep as one of them, and the trash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer import access, launch, paths
from explorer.datasets.names import DATASETS
from explorer.errors import UserError
from explorer.recipe.run import TrainConfig
from explorer.training.directory import RunDirectory, find_runs
from explorer.training.sweep_groups import differing, rank, shown, sign_of
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
MOST_VALUES = 8  # of a setting that are told


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


def badge(word: str, said: str = "") -> str:
    """A status as Markdown; `said` in place of its word."""
    return f":{COLOURS[word]}-badge[{ICONS[word]} {said or word}]"


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
        lines = _by_sweep(found)
        shown = lines if everything else lines[:LISTED]
        for sweep, runs in shown:
            if sweep:
                _sweep_line(sweep, run_rows(runs))
            else:
                for row in run_rows(runs):
                    run_line(row)
        if len(lines) > len(shown):
            st.caption(f"and {len(lines) - len(shown)} older ones")
        return True

    if runs:
        repeating(run_cache.LIST_PACE, show)
    deleted_runs()


def _by_sweep(runs: Iterable[RunDirectory]) -> list[tuple[str, list[RunDirectory]]]:
    """The lines of the list: runs of a sweep together by its name, any other run by itself, under ""."""
    lines: dict[str, tuple[str, list[RunDirectory]]] = {}
    for run in runs:
        name = launch.name_of(run)
        sweep = name.rpartition("/")[0]
        lines.setdefault(sweep or name, (sweep, []))[1].append(run)
    return list(lines.values())


def _sweep_line(sweep: str, rows: Sequence[run_cache.RunRow]) -> None:
    with st.container(gap=None):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link("pages/train.py", label=plain(sweep, 80), width="stretch", query_params={"run": sweep})
            said = (badge(word, f"{number} {word}") for word, number in counted(rows).items())
            st.markdown(" ".join(said), width="content")
        st.caption(plain(about_sweep([row.config for row in rows if row.config is not None])))


def counted(rows: Sequence[run_cache.RunRow]) -> dict[str, int]:
    """How many of the runs stand how, in the order of a run's life."""
    count = Counter(row.now.word for row in rows)
    return {word: count[word] for word in COLOURS if count[word]}


def about_sweep(configs: Sequence[TrainConfig]) -> str:
    """What a sweep goes over, in a few words: "Sweep of 6 runs · β = 1, 4, 8 · seeds 0, 1"."""
    tried = {
        name: sorted({getattr(config, name) for config in configs}, key=rank) for name in [*differing(configs), "seed"]
    }
    told = [f"Sweep of {len(configs)} runs"]
    for name, values in tried.items():
        few = [shown(value) for value in values]
        listed = ", ".join(few if len(few) <= MOST_VALUES else [*few[: MOST_VALUES - 1], "…", few[-1]])
        if name != "seed":
            told.append(f"{sign_of(name)} = {listed}")
        elif values:
            told.append(f"seeds {listed}" if len(values) > 1 else f"seed {listed}")
    return " · ".join(told)


def run_rows(runs: Iterable[RunDirectory]) -> list[run_cache.RunRow]:
    """The runs in short; those that are deleted in this moment are left out."""
    found = []
    for run in runs:
        try:
            found.append(run_cache.row(run))
        except (UserError, OSError):
            continue
    return found


def run_line(row: run_cache.RunRow, called: str = "") -> None:
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
            label = plain(called or row.name, 80)
            st.page_link("pages/train.py", label=label, width="stretch", query_params={"run": row.name})
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
