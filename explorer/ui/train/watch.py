"""A run on the page: how it stands, its curves and pictures while it learns, and what can be done with it."""

from __future__ import annotations

import math
import shlex
from dataclasses import replace

import streamlit as st

from explorer import access, launch, paths
from explorer.analysis.collapse import verdict_of_run
from explorer.errors import UserError
from explorer.export.origin_record import origin
from explorer.export.run_table import CURVES, curves_table
from explorer.export.stamps import stamped
from explorer.files import tail
from explorer.launch import RunStatus
from explorer.launch.status import last_step
from explorer.recipe.run import TrainConfig
from explorer.training.directory import RunDirectory
from explorer.training.progress_pictures import EIGHT, picture_files
from explorer.ui import collapsed, widgets
from explorer.ui.text import plain, sentence
from explorer.ui.train import run_cache, session
from explorer.ui.train.runs import about_run, badge, repeating, result, resume, try_action
from explorer.ui.train.state import draft_of
from explorer.words import duration, number, size

STILL = {"displayModeBar": False}
BELOW = 2  # nats below ln(batch), up to which mutual information of a batch is right to a few tenths


# --- a run --------------------------------------------------------------------------------------------


def watch(name: str) -> None:
    """The page of one run."""
    st.page_link(
        "pages/train.py", label="All runs, and a new one", icon=":material/arrow_back:", query_params={"run": ""}
    )
    sweep = name.rpartition("/")[0]
    if sweep:
        label = f"All runs of the sweep {plain(sweep, 80)}"
        st.page_link("pages/train.py", label=label, icon=":material/stacked_line_chart:", query_params={"run": sweep})
    try:
        run = launch.find(name)
        config = run.config()
    except UserError as error:
        st.warning(sentence(error))
        return
    st.header(plain(name, 120))
    st.caption(plain(about_run(config)))
    going = launch.run_status(run).going
    repeating(run_cache.STATE_PACE, lambda: _state(run, config).going, going)
    _actions(run, name, config)
    repeating(run_cache.CURVES_PACE, lambda: _learning(run, config), going)


def _state(run: RunDirectory, config: TrainConfig) -> RunStatus:
    """How it stands: bar, numbers, the sentence on what happened, stop or resume."""
    now = launch.run_status(run)
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


def _doings(run: RunDirectory, now: RunStatus) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        allowed = access.may("train", run.path)
        if now.going and allowed:
            asked = now.launch is not None and now.launch.stopped
            st.button(
                "Stopping …" if asked else "Stop",
                icon=":material/stop:",
                key="train.stop",
                on_click=try_action,
                args=(launch.stop, run),
                disabled=asked,
                help="It saves what it has and can be resumed. One that does not end within half a minute is killed.",
            )
        elif not now.going and now.word != "finished" and allowed:
            st.button(
                "Resume",
                icon=":material/play_arrow:",
                type="primary",
                key="train.resume",
                on_click=try_action,
                args=(resume, run),
                help="From its last save, with the result that an unbroken run would have had.",
            )
        if (run.checkpoint / "model.safetensors").is_file():
            st.page_link(
                "pages/explore.py",
                label="Explore it now",
                icon=":material/tune:",
                query_params={"model": launch.name_of(run)},
            )


def _actions(run: RunDirectory, name: str, config: TrainConfig) -> None:
    with st.container(horizontal=True, key="train-actions"):
        widgets.leaving(
            "Restart with changes",
            icon=":material/edit:",
            key="train.restart",
            on_click=session.change,
            args=(lambda: draft_of(config, launch.free_run_name(name.rpartition("/")[2])),),
            help="The form, filled with the settings of this run.",
        )
        if not access.may("rename", run.path):
            return
        with st.popover("Rename", icon=":material/label:"):
            new = st.text_input("New name", name.rpartition("/")[2], key=f"train.rename.{name}")
            widgets.leaving("Rename", key="train.rename.do", on_click=_renamed, args=(run, new))
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown("The run goes to the trash; from there it can be put back.")
            widgets.leaving("Move to the trash", key="train.delete.do", type="primary", on_click=_deleted, args=(run,))


def _renamed(run: RunDirectory, new: str) -> None:
    try:
        moved = launch.rename(run, launch.run_name_from(new) or new)
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


def _learning(run: RunDirectory, config: TrainConfig) -> bool:
    """Curves, pictures and log. Whether the run goes on."""
    found = run_cache.run_curves(run.path, config)
    now = launch.run_status(run)
    log = run_cache.follower(run.path)
    done = now.word == "finished"
    collapsed.show_collapsed(
        verdict_of_run(log.records("train"), log.records("eval"), config.model_dump(), config.total_steps, done)
    )
    left, right = st.columns(2, gap="large")
    with left:
        drawn = _drawn(run)
    if drawn is not None:
        names = ", ".join(f"z{d}" for d in drawn.dimensions)
        with left:
            st.markdown(f"**{EIGHT} held-out images, reconstructed** at step {drawn.step:,}")
            drawn.reconstructions.show(f"Images over their reconstructions at step {drawn.step}")
        with right:
            st.markdown(f"**Traversals** at step {drawn.step:,}")
            drawn.traversals.show(f"Traversals of {names} at step {drawn.step}")
            st.caption(f"{names}: the highest KL first, each from the prior's 5 % to its 95 %.")
    if found is None:
        st.caption("No step has been logged yet.")
    else:
        newest = found.trained
        with left:
            st.markdown("**Loss and its terms**")
            st.plotly_chart(
                found.loss,
                key="train.loss",
                config=STILL,
                alt=f"Loss over steps, at last {number(newest.get('loss') or 0)} nats an image",
            )
            if "mutual_information" in newest:
                _of_a_batch(config.batch_size, newest["mutual_information"])
        with right:
            st.markdown("**KL of each dimension**")
            values = newest.get("kl_per_dimension") or []
            listed = ", ".join(f"z{d} {value:.2f}" for d, value in enumerate(values[:20]))
            st.plotly_chart(
                found.kl, key="train.kl", config=STILL, alt=f"KL in nats of each dimension over steps, at last {listed}"
            )
        with left:
            if found.schedule is not None:
                st.markdown(f"**{found.schedule_title}**")
                st.plotly_chart(
                    found.schedule, key="train.schedule", config=STILL, alt=f"{found.schedule_title} over steps"
                )
        with right:
            _held_out(found)
    _papers(run, found is not None)
    if now.word != "finished":
        with st.expander("Go on with it in a shell"):
            st.code(_resuming(run), language="bash", wrap_lines=True)
    return now.going


def _papers(run: RunDirectory, logged: bool) -> None:
    """What the run wrote: its curves as a table, its log, what its process said."""
    name = launch.name_of(run)
    where = origin("train", {"run": name}, [])
    if logged:
        st.download_button(
            "Curves, CSV",
            lambda: stamped(curves_table({name: run.metrics_file}), CURVES, where),
            f"{run.path.name}{CURVES}",
            "text/csv",
            icon=":material/download:",
            key="train.csv",
            on_click="ignore",
            help="Every logged step, with its costs and the KL of each dimension.",
        )
    with st.expander("Log"):
        said = tail(run.log_file) or "nothing yet"
        st.code(said, language=None, wrap_lines=True)
        output = tail(run.output_file)
        if output.strip():
            st.caption("What its process wrote:")
            st.code(output, language=None, wrap_lines=True)


def _of_a_batch(images: int, information: float | None) -> None:
    """Say how far mutual information and total correlation of a batch can be read."""
    most = max(0.0, math.log(images) - BELOW)
    st.caption(
        f"Mutual information and total correlation are estimates from a batch of {images:,} images (Chen et al. "
        f"2018, S.6), right up to about ln {images:,} − {BELOW} = {most:.1f} nats of mutual information. Above, mutual "
        "information comes out too high, and total correlation as much too low, even below 0. The page Compare "
        "measures both on more images, and says whether they have converged."
    )
    if information is not None and information > most:
        st.warning(
            f"Mutual information reads {information:.1f} nats, above the {most:.1f} that {images:,} images can "
            "tell: it is less, and total correlation is more.",
            icon=":material/vertical_align_top:",
        )


def _resuming(run: RunDirectory) -> str:
    return f"{paths.COMMAND} train --resume --out {shlex.quote(str(run.path))}"


def _held_out(found: run_cache.Curves) -> None:
    if found.held_out is None:
        return
    told = result(found.held_out)
    if told:
        st.markdown("**On held-out images**")
        st.caption(
            plain(f"At step {found.held_out['step']:,}, {told}; sampled latents, images that no step trains on.")
        )


def _drawn(run: RunDirectory) -> run_cache.Drawn | None:
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
        return run_cache.run_picture(files[step], files[step].stat().st_mtime_ns)
    except (UserError, OSError) as error:
        st.caption(sentence(error))
        return None
