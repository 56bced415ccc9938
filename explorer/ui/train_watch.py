"""A run on the page: how it stands, its curves and pictures while it learns, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer import access, launch, paths
from explorer.datasets.names import DATASETS
from explorer.errors import UserError
from explorer.launch import Standing
from explorer.launch.places import last_step, tail
from explorer.training.config import TrainConfig
from explorer.training.directory import RunDirectory, find_runs
from explorer.training.pictures import EIGHT, Progress, picture_files
from explorer.ui import train_cached as cached
from explorer.ui import train_session as session
from explorer.ui.pictures import sheet
from explorer.ui.text import number, plain, sentence, size
from explorer.ui.train_form import duration
from explorer.ui.train_state import draft_of

COLOURS = {
    "starting": "blue", "waiting": "gray", "running": "blue", "finished": "green", "stopped": "orange",
    "failed": "red", "killed": "red",
}  # fmt: skip
ICONS = {
    "starting": ":material/hourglass_top:", "waiting": ":material/schedule:",
    "running": ":material/model_training:", "finished": ":material/check:",
    "stopped": ":material/pause:", "failed": ":material/error:", "killed": ":material/skull:",
}  # fmt: skip
LISTED = 15  # runs that are listed before the rest is asked for
CELL = 62
STILL = {"displayModeBar": False}


def repeating(pace: cached.Pace, show: Callable[[], bool], going: bool = True) -> None:
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
    """A standing as Markdown."""
    return f":{COLOURS[word]}-badge[{ICONS[word]} {word}]"


def about(config: TrainConfig) -> str:
    """What a run trains, in a few words."""
    objective = {
        "beta": f"β = {config.beta:g}", "constrained": f"ε = {config.epsilon:g} nats",
        "capacity": f"C = {config.capacity:g} nats, γ = {config.gamma:g}",
        "tc": f"β-TCVAE, β = {config.beta:g}",
    }[config.objective]  # fmt: skip
    data = DATASETS[config.data].title if config.data in DATASETS else config.data
    return f"{data} · {config.network}, D = {config.latents} · {objective} · seed {config.seed}"


# --- the list -----------------------------------------------------------------------------------------


def listing() -> None:
    """The runs at hand, newest first, and the trash."""
    st.subheader("Runs")
    runs = find_runs(paths.runs())
    if not runs:
        st.caption("None yet. Runs that are started in a shell appear here too.")
    wanted, everything = "", False
    if len(runs) > LISTED:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            wanted = st.text_input(
                "Find", key="train.find", width=260, placeholder="part of a name"
            )
            everything = st.toggle(f"All {len(runs)}", key="train.all")

    def show() -> bool:
        found = [run for run in find_runs(paths.runs()) if wanted in launch.name_of(run)]
        shown = found if everything else found[:LISTED]
        going = False
        for run in shown:
            try:
                row = cached.row(run)
            except (UserError, OSError):
                continue  # deleted in this moment
            going |= row.now.going
            _line(row)
        if len(found) > len(shown):
            st.caption(f"and {len(found) - len(shown)} older ones")
        return True

    if runs:
        repeating(cached.LIST_PACE, show)
    _trash()


def _line(row: cached.Row) -> None:
    state = row.now.state
    progress = ""
    if state is not None and row.now.word != "finished":
        progress = f" {state.step:,} of {state.steps:,}"
        if row.now.word == "waiting" and state.place:
            progress = f" number {state.place} in the queue"
    elif row.config is not None:
        progress = f" {row.config.total_steps:,} steps"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.page_link("pages/train.py", label=plain(row.name, 80), query_params={"run": row.name},
                     width=290)  # fmt: skip
        st.markdown(f"{badge(row.now.word)}{plain(progress)}", width=250)
        if row.config is not None:
            st.caption(plain(about(row.config)))


def _trash() -> None:
    items = [item for item in launch.trashed() if access.may("delete", item.path / "run")]
    if not items:
        return
    with st.expander(f"Trash: {len(items)}"):
        for item in items[:50]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(plain(item.name), width=300)
                st.button("Put back", key=f"train.restore.{item.path.name}", on_click=_do,
                          args=(launch.restore, item))  # fmt: skip
        with st.popover("Empty the trash"):
            st.markdown(f"{len(items)} runs are gone for good then.")
            st.button("Delete them for good", key="train.empty", type="primary", on_click=_do,
                      args=(launch.delete_for_good, items))  # fmt: skip


def _do(action: Callable[..., object], *arguments: object) -> None:
    """Do something to runs as a callback; what can't be done is said at the top of the page."""
    try:
        action(*arguments)
    except UserError as error:
        session.complain(error)
    else:
        st.session_state[session.COMPLAINTS] = []


# --- a run --------------------------------------------------------------------------------------------


def watch(name: str) -> None:
    """The page of one run."""
    st.page_link("pages/train.py", label="All runs, and a new one", icon=":material/arrow_back:",
                 query_params={"run": ""})  # fmt: skip
    try:
        run = launch.find(name)
        config = run.config()
    except UserError as error:
        st.warning(sentence(error))
        return
    st.subheader(plain(name, 120))
    st.caption(plain(about(config)))
    going = launch.standing(run).going
    repeating(cached.STATE_PACE, lambda: _state(run, config).going, going)
    _actions(run, name, config)
    _siblings(run, name)
    repeating(cached.CURVES_PACE, lambda: _learning(run, config), going)


def _state(run: RunDirectory, config: TrainConfig) -> Standing:
    """How it stands: bar, numbers, the sentence on what happened, stop or resume."""
    now = launch.standing(run)
    state = now.state
    with st.container(key="train-state"):
        if state is None:
            st.markdown(badge(now.word))
            st.progress(0.0)
        else:
            step = max(state.step, last_step(run)) if now.word == "killed" else state.step
            st.markdown(f"{badge(now.word)} step {step:,} of {state.steps:,}")
            st.progress(min(step / state.steps, 1.0))
            rate = state.images_per_second
            left = "–"
            if rate and now.word == "running":
                left = duration((state.steps - state.step) * config.batch_size / rate)
            with st.container(horizontal=True, gap="large", key="train-numbers"):
                st.metric("Images a second", number(rate) if rate else "–", width="content")
                st.metric("Time so far", duration(state.seconds), width="content")
                st.metric("Time left", left, width="content")
                kind = "Device memory" if state.device.startswith(("cuda", "mps")) else "Memory"
                memory = size(state.memory) if state.memory else "–"
                st.metric(kind, memory, width="content")
                st.metric("Device", state.device or "–", width="content")
        if now.why and now.word in ("failed", "killed"):
            st.error(sentence(now.why))
        elif now.why:
            st.caption(sentence(now.why))
        _doings(run, now)
    return now


def _doings(run: RunDirectory, now: Standing) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        allowed = access.may("train", run.path)
        if now.going and allowed:
            asked = now.launch is not None and now.launch.stopped
            st.button(
                "Stopping …" if asked else "Stop", icon=":material/stop:", key="train.stop",
                on_click=_do, args=(launch.stop, run), disabled=asked,
                help="It saves what it has and can be resumed. One that does not end within "
                "half a minute is killed.",
            )  # fmt: skip
        elif not now.going and now.word != "finished" and allowed:
            st.button(
                "Resume", icon=":material/play_arrow:", type="primary", key="train.resume",
                on_click=_do, args=(_resumed, run),
                help="From its last save, with the result that an unbroken run would have had.",
            )  # fmt: skip
        if (run.checkpoint / "model.safetensors").is_file():
            st.page_link(
                "pages/explore.py", label="Explore it now", icon=":material/tune:",
                query_params={"model": launch.name_of(run)},
            )  # fmt: skip


def _resumed(run: RunDirectory) -> None:
    """Resume a run where it ran before: a job of SLURM again, or here."""
    before = launch.standing(run).launch
    job = launch.Job() if before and before.where == "slurm" and launch.has_slurm() else None
    launch.resume(run, job)


def _actions(run: RunDirectory, name: str, config: TrainConfig) -> None:
    with st.container(horizontal=True, key="train-actions"):
        st.button(
            "Restart with changes", icon=":material/edit:", key="train.restart",
            on_click=session.change,
            args=(lambda: draft_of(config, launch.free_name(name.rpartition("/")[2])),),
            help="The form, filled with the settings of this run.",
        )  # fmt: skip
        if not access.may("rename", run.path):
            return
        with st.popover("Rename", icon=":material/label:"):
            new = st.text_input("New name", name.rpartition("/")[2], key=f"train.rename.{name}")
            st.button("Rename", key="train.rename.do", on_click=_renamed, args=(run, new))
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown("The run goes to the trash; from there it can be put back.")
            st.button("Move to the trash", key="train.delete.do", type="primary", on_click=_deleted,
                      args=(run,))  # fmt: skip


def _renamed(run: RunDirectory, new: str) -> None:
    try:
        moved = launch.rename(run, new)
    except UserError as error:
        session.complain(error)
        return
    session.put(run=launch.name_of(moved))


def _deleted(run: RunDirectory) -> None:
    try:
        launch.discard(run)
    except UserError as error:
        session.complain(error)
        return
    session.change(lambda: replace(session.state(), run=""))


def _siblings(run: RunDirectory, name: str) -> None:
    """The other runs of the same sweep."""
    group, _, _ = name.rpartition("/")
    if not group:
        return
    rows = [cached.row(other) for other in find_runs(paths.runs())
            if launch.name_of(other).startswith(f"{group}/")]  # fmt: skip
    rows.sort(key=lambda row: row.name)
    over = sum(row.now.word == "finished" for row in rows)
    with st.expander(
        f"Sweep {plain(group)}: {over} of {len(rows)} finished", expanded=len(rows) < 9
    ):
        for row in rows:
            _line(row)


def _learning(run: RunDirectory, config: TrainConfig) -> bool:
    """Curves, pictures and log. Whether the run goes on."""
    found = cached.curves(run.path, config.total_steps)
    left, right = st.columns(2, gap="large")
    with left:
        drawn = _drawn(run)
    if drawn is not None:
        rows = np.moveaxis(drawn.pixels, -1, 2).astype(np.float32) / 255
        names = ", ".join(f"z{d}" for d in drawn.dimensions)
        with left:
            st.markdown(f"**{EIGHT} held-out images, reconstructed** at step {drawn.step:,}")
            sheet(rows[:2], CELL).show(f"Images over their reconstructions at step {drawn.step}")
        with right:
            st.markdown(f"**Traversals** at step {drawn.step:,}")
            sheet(rows[2:], CELL).show(f"Traversals of {names} at step {drawn.step}")
            st.caption(f"{names}: the highest KL first, each from the prior's 5 % to its 95 %.")
    if found is None:
        st.caption("No step has been logged yet.")
    else:
        newest = found.trained
        with left:
            st.markdown("**Loss and its terms**")
            st.plotly_chart(
                found.loss, key="train.loss", config=STILL,
                alt=f"Loss over steps, at last {number(newest.get('loss') or 0)} nats an image",
            )  # fmt: skip
        with right:
            st.markdown("**KL of each dimension**")
            values = newest.get("kl_per_dimension") or []
            listed = ", ".join(f"z{d} {value:.2f}" for d, value in enumerate(values[:20]))
            st.plotly_chart(found.kl, key="train.kl", config=STILL,
                            alt=f"KL in nats of each dimension over steps, at last {listed}")  # fmt: skip
        with left:
            if found.schedule is not None:
                st.markdown(f"**{found.schedule_title}**")
                st.plotly_chart(found.schedule, key="train.schedule", config=STILL,
                                alt=f"{found.schedule_title} over steps")  # fmt: skip
        with right:
            _held_out(found)
    with st.expander("Log"):
        said = tail(run.log_file) or "nothing yet"
        st.code(said, language=None, wrap_lines=True)
        output = tail(run.output_file)
        if output.strip():
            st.caption("What its process wrote:")
            st.code(output, language=None, wrap_lines=True)
    return launch.standing(run).going


def _held_out(found: cached.Curves) -> None:
    if found.held_out is None:
        return
    cost = {name: found.held_out.get(name) for name in ("reconstruction", "kl")}
    if not all(isinstance(value, int | float) for value in cost.values()):
        return
    st.markdown("**On held-out images**")
    st.caption(
        plain(
            f"At step {found.held_out['step']:,}: reconstruction {cost['reconstruction']:.2f} nats, "
            f"KL {cost['kl']:.2f} nats, {found.held_out.get('active_units', '?')} active dimensions; "
            "sampled latents, images that no step trains on."
        )
    )


def _drawn(run: RunDirectory) -> Progress | None:
    """What the run drew of itself at a step of the person's choice; the newest at first."""
    files = dict(picture_files(run))
    if not files:
        return None
    steps, key = list(files), "train.picture"
    options = [*map(str, steps[:-1]), "newest"]
    if st.session_state.get(key) not in options:
        st.session_state[key] = "newest"
    chosen = st.select_slider("Pictures of step", options, key=key) if steps[1:] else "newest"
    step = steps[-1] if chosen == "newest" else int(chosen)
    try:
        return cached.picture(files[step], files[step].stat().st_mtime_ns)
    except (UserError, OSError) as error:
        st.caption(sentence(error))
        return None
