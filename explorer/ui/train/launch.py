"""The part of the page Train that starts runs: one or a sweep, what they will cost, where, and the button."""

from __future__ import annotations

import shlex

import streamlit as st
from pydantic import ValidationError

from explorer import access, launch, paths
from explorer.datasets.names import DATASETS
from explorer.errors import UserError, in_words
from explorer.launch.command import settings as options
from explorer.launch.queue import device_of, slots
from explorer.recipe.run import TrainConfig
from explorer.training.cost import Estimate
from explorer.training.directory import RunDirectory
from explorer.ui import widgets
from explorer.ui.text import plain, sentence
from explorer.ui.train import run_cache as train_cached
from explorer.ui.train import session
from explorer.ui.train.state import VARIED, TrainState, check_start
from explorer.words import duration, number
from models.kinds import NETWORKS, OBJECTIVES


def sweep_section() -> None:
    """Lists of values and seeds, as one group."""
    state = session.state()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Sweep",
            **session.option("vary", ["", *VARIED]),
            format_func=lambda name: f"over {VARIED[name]}" if name else "no, one run",
            width=160,
            help="One run for each value and each seed, as one group; they take turns on the device.",
        )
        if state.vary:
            values = session.entry("values")
            st.text_input(f"Values of {VARIED[state.vary]}", **values, width=200, placeholder="1, 4, 8")
            st.text_input("Seeds", **session.entry("seeds"), width=140, placeholder="0, 1, 2")


def problem() -> str:
    """Why the draft can't be launched; empty where it can."""
    state = session.state()
    try:
        planned = state.planned()
        called = launch.check_run_name(state.called())
        if state.name.strip():
            launch.check_free(called)
        if len(planned) > launch.MAX_SWEEP:
            return f"{len(planned):,} runs are more than the {launch.MAX_SWEEP} launched at once"
        for _, config in planned:
            slots(device_of(config))
        config = planned[0][1]
        check_start(config)
        info = DATASETS.get(config.data)
        if info is None:
            return f"there is no data set {config.data!r}"
        if OBJECTIVES[config.objective].paired and info.grid is False:
            return (
                f"the objective {config.objective} needs every combination of known factors, as dsprites and scene have"
            )
        if config.root:
            access.check_folder(config.root)
        if info.root_needed and not config.root:
            return f"give {info.root}"
        size = config.size or info.size
        taken = NETWORKS[config.network]
        if size and not taken.takes(size, size):
            return f"network {config.network} takes {taken.wanted}, not images of {size} pixels"
    except UserError as error:
        return str(error)
    return ""


def cost(found: Estimate | str, count: int, config: TrainConfig, network: str) -> None:
    """What was measured, in words."""
    if isinstance(found, str):
        st.caption(sentence(f"not measured: {found}"))
        return
    seconds = found.seconds(config)
    beside = {0: "", 1: ", while a run trained beside it"}.get(
        found.beside, f", while {found.beside} runs trained beside it"
    )
    whole = f", {count} runs {duration(count * seconds)} one after the other" if count > 1 else ""
    st.markdown(f"**{duration(seconds)}** on this machine{whole}")
    st.caption(
        plain(
            f"Measured: {number(found.images_per_second)} images/s on {found.device} with "
            f"{found.threads} threads{beside}; {config.total_steps * config.batch_size:,} images in all. "
            f"Network {network}: {found.parameters:,} parameters, "
            f"{number(found.flops / 1e6)} MFLOP an image."
        )
    )


def cost_section() -> None:
    """What the run will cost, measured in the background; asked again until it is known."""
    place = session.state()
    try:
        planned = place.planned()
    except UserError:
        return
    config = planned[0][1]
    pending = train_cached.estimated(config) is None

    def show() -> None:
        found = train_cached.estimated(config)
        if found is None:
            st.caption(":material/timer: Measuring on this machine what it will take …")
            return
        if pending:
            st.rerun()
        cost(found, len(planned), config, config.network)
        st.button(
            "Measure again", type="tertiary", key="train.measure", on_click=train_cached.measure_again, args=(config,)
        )

    st.fragment(show, run_every=1.0 if pending else None)()


def launched(token: str, job: launch.SlurmJob | None) -> None:
    """Start what the draft says: the callback of the button, which carries a token that works once."""
    if not session.spend(token):
        session.retell()  # the second half of a double click, with the address of before the first
        return
    state = session.state()
    try:
        runs = _started(state, job)
    except UserError as error:
        session.complain(error)
        return
    name = launch.name_of(runs[0])
    session.put(run=name.rpartition("/")[0] or name)


def _started(state: TrainState, job: launch.SlurmJob | None) -> list[RunDirectory]:
    """Launch what the draft says, by its own name or by the first one that is free."""
    planned, name = state.planned(), state.called()
    while True:
        called = name if state.name.strip() else launch.free_run_name(name)
        try:
            if state.vary:
                return launch.launch(planned, group=called, job=job)
            return launch.launch([(called, planned[0][1])], job=job)
        except launch.NameTaken:
            if state.name.strip():
                raise  # else another click was quicker, and there are more names


def where() -> launch.SlurmJob | None:
    """This machine, or SLURM with what to ask it for, where there is SLURM. Raises UserError."""
    if not launch.has_slurm():
        return None
    chosen = st.segmented_control(
        "Where", ["This machine", "SLURM"], default="This machine", required=True, key="train.where"
    )
    if chosen != "SLURM":
        return None
    with st.container(horizontal=True):
        partition = st.text_input("Partition", key="train.slurm.partition", width=140, placeholder="the usual one")
        minutes = st.number_input("Time limit, minutes", 1, 525_600, 1440, key="train.slurm.minutes", width=150)
        cpus = st.number_input("CPU cores", 1, 1024, 2, key="train.slurm.cpus", width=120)
        gpus = st.number_input("GPUs", 0, 1, 0, key="train.slurm.gpus", width=100)
    try:
        return launch.SlurmJob(partition=partition, minutes=minutes, cpus=cpus, gpus=gpus)
    except ValidationError as error:
        raise UserError(in_words(error)) from error


def launch_section() -> None:
    """Name, cost, the command, and the button."""
    state = session.state()
    sweep_section()
    st.text_input("Name", **session.entry("name"), placeholder=state.called(), max_chars=120)
    if state.name.strip() not in ("", state.called()):
        st.caption(plain(f"It will be called {state.called()}."))
    if why := access.why_not("train"):
        st.info(sentence(why), icon=":material/lock:")
        return
    wrong, job = problem(), None
    try:
        job = where()
    except UserError as error:
        wrong = wrong or str(error)
    if wrong:
        st.warning(sentence(wrong))
    widgets.leaving(
        "Launch" if not state.vary else "Launch the sweep",
        type="primary",
        icon=":material/rocket_launch:",
        key="train.launch",
        on_click=launched,
        args=(session.token(), job),
        disabled=bool(wrong),
    )
    if wrong:
        return
    cost_section()
    with st.expander("The same from a shell"):
        if state.vary:
            st.caption("As a file, such as sweep.toml:")
            st.code(state.recipe(), language="toml", wrap_lines=True)
            words = [*paths.COMMAND.split(), "sweep", "sweep.toml"]
        else:
            words = [*paths.COMMAND.split(), "train", *options(state.planned()[0][1])]
        st.code(shlex.join([*words, "--out", f"runs/{state.called()}"]), language="bash", wrap_lines=True)
