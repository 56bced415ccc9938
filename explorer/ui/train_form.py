"""The form of a new run: every field from TrainConfig's own bounds and words, and what the run will cost."""

from __future__ import annotations

import shlex
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from explorer import access, launch
from explorer.datasets.names import DATASETS
from explorer.errors import UserError
from explorer.launch.command import settings as options
from explorer.launch.queue import device_of, slots
from explorer.training.config import TrainConfig
from explorer.training.estimate import Estimate
from explorer.ui import pictures, train_cached
from explorer.ui import train_session as session
from explorer.ui.recipe import NETWORKS
from explorer.ui.text import number, plain, sentence
from explorer.ui.train_state import PRESETS, VARIED
from explorer.ui.waiting import busy

SAFE_INTEGER = 2**53 - 1  # the largest that a browser counts to
# What the networks take, as models.networks.SIZES has it; that module needs torch.
SIZES = {"burgess": (32, 64), "locatello": (64,), "compact": (28, 32, 64, 128)}
OBJECTIVES = {
    "beta": "β-VAE",
    "constrained": "Constraint KL < ε",
    "capacity": "Capacity C",
    "tc": "β-TCVAE",
}
FORMULAS = {
    "beta": r"-\mathbb{E}_{q(z|x)}[\log p(x|z)] \;+\; \beta \, \mathrm{KL}(q(z|x)\,\|\,p(z))",
    "constrained": r"-\mathbb{E}_{q(z|x)}[\log p(x|z)] \;+\; \beta \,(\mathrm{KL} - \varepsilon),"
    r"\quad \beta \ge 0 \text{ found by dual ascent}",
    "capacity": r"-\mathbb{E}_{q(z|x)}[\log p(x|z)] \;+\; \gamma \,|\mathrm{KL} - C(t)|",
    "tc": r"-\mathbb{E}_{q(z|x)}[\log p(x|z)] \;+\; \alpha \, I_q(x;z) \;+\; \beta \, \mathrm{TC}(z)"
    r" \;+\; \gamma \sum_j \mathrm{KL}(q(z_j)\,\|\,p(z_j))",
}
MEANING = {
    "beta": "β = 1 is the evidence lower bound; a larger β presses the posterior towards the prior, and "
    "dimensions that are not worth their nats fall asleep (Higgins et al. 2017, eq. 4).",
    "constrained": "You choose how many nats of KL the code may cost; β is the constraint's multiplier "
    "and moves until KL = ε, or falls to 0 where the constraint is slack (Higgins et al. 2017, eq. 3).",
    "capacity": "C rises from 0: the code is given its nats bit by bit, and dimensions wake one after "
    "the other (Burgess et al. 2018, eq. 8).",
    "tc": "The KL in three parts, of which only the total correlation, the dependence between "
    "dimensions, is pressed by β (Chen et al. 2018, eq. 4).",
}
PARAMETERS = {
    "beta": ["beta", "warmup"], "constrained": ["epsilon", "dual_rate"],
    "capacity": ["capacity", "gamma", "capacity_steps"], "tc": ["beta", "tc_alpha", "tc_gamma", "warmup"],
}  # fmt: skip
WARMUP = {
    "linear": ["warmup_steps"], "cyclical": ["cycles"], "falling": ["beta_start", "warmup_steps"],
}  # fmt: skip
ADVANCED = [
    "schedule", "decay_from", "final_rate", "clip", "precision", "step", "threads",
    "log_every", "eval_every", "eval_images", "save_every",
]  # fmt: skip
LABELS = {
    "data": "Data set", "root": "Folder or file", "size": "Size in pixels", "channels": "Colour",
    "split": "Part", "latents": "Latent dimensions D", "beta": "β", "epsilon": "ε in nats",
    "gamma": "γ", "capacity": "C in nats", "capacity_steps": "Steps until C", "dual_rate": "Rate of β",
    "tc_alpha": "α, mutual information", "tc_gamma": "γ, dimension-wise KL", "sigma": "σ of a pixel",
    "warmup": "Warm-up of β", "warmup_steps": "Steps of the warm-up", "beta_start": "β at the start",
    "batch_size": "Batch size", "step": "How the networks run", "threads": "CPU threads",
}  # fmt: skip


def field(name: str, width: int | Literal["stretch"] = "stretch") -> None:
    """The widget of a setting, with the bounds and the description that TrainConfig has."""
    info = TrainConfig.model_fields[name]
    label = LABELS.get(name, name.replace("_", " ").capitalize())
    common: dict[str, Any] = {
        "key": session.key(name), "on_change": session.take, "args": (name,),
        "help": plain(info.description or ""), "width": width,
    }  # fmt: skip
    kinds = (info.annotation, *get_args(info.annotation))
    choices = [c for kind in kinds if get_origin(kind) is Literal for c in get_args(kind)]
    usual, now = info.default, session.state().value(name)
    if choices:
        words = {None: "as the data has it", 1: "grey", 3: "colour"} if name == "channels" else {}
        offered = [*([None] if usual is None else []), *choices]
        st.selectbox(
            label, offered, offered.index(now),
            format_func=lambda choice: words.get(choice, str(choice)), **common,
        )  # fmt: skip
    elif int in kinds and now is not None and now > SAFE_INTEGER:
        st.text_input(label, str(now), **common)
    elif int in kinds or float in kinds:
        whole = int in kinds
        cast: type = int if whole else float
        low = high = None
        for bound in info.metadata:
            low = getattr(bound, "ge", getattr(bound, "gt", low))
            high = getattr(bound, "le", getattr(bound, "lt", high))
        low, high = (None if end is None else cast(end) for end in (low, high))
        if whole and high is not None:
            high = min(high, SAFE_INTEGER)
        step = 1 if whole else STEPS_OF.get(name, 1.0)
        placeholder = "as usual" if usual is None else None
        st.number_input(label, low, high, now, step=step, placeholder=placeholder,
                        format=None if whole else "%.6g", **common)  # fmt: skip
    else:
        st.text_input(label, now or "", **common)


STEPS_OF = {
    "learning_rate": 1e-4, "dual_rate": 1e-3, "sigma": 0.01, "decay_from": 0.05, "final_rate": 0.05,
    "clip": 0.5, "gamma": 50.0,
}  # fmt: skip


def presets() -> None:
    """A button for each preset."""
    with st.container(horizontal=True, key="train-presets"):
        for preset in PRESETS:
            st.button(
                preset.title, help=preset.about, key=f"train.preset.{preset.title}",
                on_click=session.preset, args=(preset,),
            )  # fmt: skip


def data_section() -> None:
    """The data set, where it lies, and a look at it."""
    state = session.state()
    name = state.value("data")
    info = DATASETS.get(name)
    st.subheader("Data")
    offered = [*DATASETS, *([] if info else [name])]
    st.selectbox(
        "Data set", offered, offered.index(name), key=session.key("data"),
        on_change=session.take, args=("data",),
        format_func=lambda key: DATASETS[key].title if key in DATASETS else key,
    )  # fmt: skip
    if info is None:
        st.error(sentence(f"there is no data set {name!r}; there are {', '.join(DATASETS)}"))
        return
    st.caption(plain(f"{info.description}."))
    if info.root:
        field("root")
        st.caption(plain(f"It is {info.root}."))
    with st.container(horizontal=True):
        field("size", 150)
        field("channels", 170)
        if len(info.splits) > 1 or state.value("split") != info.splits[0]:
            field("split", 120)


def look_section() -> None:
    """A few images of the data set, and its factors."""
    state = session.state()
    place = st.container()
    if DATASETS.get(state.value("data")) is None:
        return
    try:
        config = _checked()
        with busy(place, "Opening the images", 130):
            seen = train_cached.look(config)
    except UserError as error:
        place.info(sentence(error), icon=":material/image_not_supported:")
        _download(place)
        return
    with place:
        pictures.sheet(seen.images[None], 62).show("A few of its images")
        factors = (
            "factors: " + ", ".join(f"{name} ({count})" for name, count in seen.factors)
            if seen.factors
            else "no factors known"
        )
        shape = seen.images.shape[1:]
        st.caption(
            plain(f"{seen.count:,} images of {shape[2]} × {shape[1]} px, {shape[0]} channel"
                  f"{'s' if shape[0] > 1 else ''}; {factors}.")
        )  # fmt: skip
        for note in seen.notes[:3]:
            st.caption(sentence(note))


def _checked() -> TrainConfig:
    """The data's part of the settings, whatever the others are."""
    chosen = {n: session.state().value(n) for n in ("data", "root", "size", "channels", "split")}
    return TrainConfig.model_validate(chosen)


def _download(place: Any) -> None:
    info = DATASETS[session.state().value("data")]
    if (
        info.downloadable
        and access.may("download")
        and place.button(
            f"Download {info.title} from the internet",
            icon=":material/download:",
            key="train.download",
        )
    ):
        try:
            with place, st.spinner(f"Downloading {info.title}"):
                train_cached.look(_checked(), download=True)
        except UserError as error:
            place.error(sentence(error))
        else:
            st.rerun()


def model_section() -> None:
    """Network, latents and likelihood."""
    st.subheader("Model")
    with st.container(horizontal=True):
        st.selectbox(
            "Network", list(NETWORKS), list(NETWORKS).index(session.state().value("network")),
            key=session.key("network"), on_change=session.take,
            args=("network",), width=260,
            format_func=lambda name: name if NETWORKS[name] == name else f"{name}: {NETWORKS[name]}",
        )  # fmt: skip
        field("latents", 170)
        field("likelihood", 190)
        if session.state().value("likelihood") == "gaussian":
            field("sigma", 150)


def objective_section() -> None:
    """The objective with its formula, its parameters, and what they mean."""
    st.subheader("Objective")
    chosen = session.state().value("objective")
    st.segmented_control(
        "Minimise", list(OBJECTIVES), default=chosen, format_func=OBJECTIVES.__getitem__, required=True,
        key=session.key("objective"), on_change=session.take, args=("objective",),
    )  # fmt: skip
    st.latex(FORMULAS[chosen])
    st.caption(f"{MEANING[chosen]} Nats an image, summed over pixels and latents.")
    with st.container(horizontal=True):
        for name in PARAMETERS[chosen]:
            field(name, 170)
        if "warmup" in PARAMETERS[chosen]:
            for name in WARMUP.get(session.state().value("warmup"), []):
                field(name, 170)


def training_section() -> None:
    """Steps, batch, rate, seed, device; the rest folded away."""
    st.subheader("Training")
    with st.container(horizontal=True):
        for name in ("steps", "batch_size", "learning_rate", "seed", "device"):
            field(name, 140)
    with st.expander("More settings"), st.container(horizontal=True):
        for name in ADVANCED:
            field(name, 170)


def sweep_section() -> None:
    """Lists of values and seeds, as one group."""
    state = session.state()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Sweep", ["", *VARIED], ["", *VARIED].index(state.vary), key=session.key("vary"),
            on_change=session.take, args=("vary",),
            format_func=lambda name: f"over {VARIED[name]}" if name else "no, one run", width=160,
            help="One run for each value and each seed, as one group; they take turns on the device.",
        )  # fmt: skip
        if state.vary:
            st.text_input(f"Values of {VARIED[state.vary]}", state.values, key=session.key("values"), width=200,
                          on_change=session.take, args=("values",), placeholder="1, 4, 8")  # fmt: skip
            st.text_input("Seeds", state.seeds, key=session.key("seeds"), width=140, on_change=session.take,
                          args=("seeds",), placeholder="0, 1, 2")  # fmt: skip


def problem() -> str:
    """Why the draft can't be launched; empty where it can."""
    state = session.state()
    try:
        planned = state.planned()
        launch.check_name(state.called())
        if len(planned) > launch.MAX_SWEEP:
            return f"{len(planned):,} runs are more than the {launch.MAX_SWEEP} launched at once"
        for _, config in planned:
            slots(device_of(config))
        config = planned[0][1]
        info = DATASETS.get(config.data)
        if info is None:
            return f"there is no data set {config.data!r}"
        if info.root_needed and not config.root:
            return f"{info.title} needs {info.root}"
        size = config.size or info.size
        taken = SIZES.get(config.network)
        if size and taken and size not in taken:
            wanted = " or ".join(str(s) for s in taken)
            return f"network {config.network} takes images of {wanted} pixels, not {size}"
    except UserError as error:
        return str(error)
    return ""


def duration(seconds: float) -> str:
    """Seconds in words, two units at the most."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.1f} days"


def cost(found: Estimate | str, count: int, config: TrainConfig, network: str) -> None:
    """What was measured, in words."""
    if isinstance(found, str):
        st.caption(sentence(f"not measured: {found}"))
        return
    seconds = found.seconds(config)
    whole = f", {count} runs {duration(count * seconds)} one after the other" if count > 1 else ""
    st.markdown(f"**{duration(seconds)}** on this machine{whole}")
    st.caption(
        plain(
            f"Measured: {number(found.images_per_second)} images/s on {found.device} with "
            f"{found.threads} threads, {config.total_steps * config.batch_size:,} images in all. "
            f"Network {network}: {found.parameters:,} parameters, "
            f"{number(found.flops / 1e6)} MFLOP an image, forward and backward."
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
        st.button("Measure again", type="tertiary", key="train.measure",
                  on_click=train_cached.measure_again, args=(config,))  # fmt: skip

    st.fragment(show, run_every=1.0 if pending else None)()


def launched(token: str, job: launch.Job | None) -> None:
    """Start what the draft says: the callback of the button, which carries a token that works once."""
    if not session.spend(token):
        return
    state = session.state()
    try:
        planned, name = state.planned(), state.called()
        if not state.name.strip():
            name = launch.free_name(name)
        if state.vary:
            runs = launch.launch(planned, group=name, job=job)
        else:
            runs = launch.launch([(name, planned[0][1])], job=job)
    except UserError as error:
        session.complain(error)
        return
    session.put(run=launch.name_of(runs[0]))


def where() -> launch.Job | None:
    """This machine, or SLURM with what to ask it for, where there is SLURM. Raises UserError."""
    if not launch.has_slurm():
        return None
    chosen = st.segmented_control(
        "Where", ["This machine", "SLURM"], default="This machine", required=True, key="train.where"
    )
    if chosen != "SLURM":
        return None
    with st.container(horizontal=True):
        partition = st.text_input("Partition", key="train.slurm.partition", width=140,
                                  placeholder="the usual one")  # fmt: skip
        minutes = st.number_input("Time limit, minutes", 1, 525_600, 1440, key="train.slurm.minutes",
                                  width=150)  # fmt: skip
        cpus = st.number_input("CPU cores", 1, 1024, 2, key="train.slurm.cpus", width=120)
        gpus = st.number_input("GPUs", 0, 1, 0, key="train.slurm.gpus", width=100)
    from pydantic import ValidationError

    from explorer.errors import in_words

    try:
        return launch.Job(partition=partition, minutes=minutes, cpus=cpus, gpus=gpus)
    except ValidationError as error:
        raise UserError(in_words(error)) from error


def launch_section() -> None:
    """Name, cost, the command, and the button."""
    state = session.state()
    sweep_section()
    st.text_input("Name", state.name, key=session.key("name"), on_change=session.take, args=("name",),
                  placeholder=state.called(), max_chars=120)  # fmt: skip
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
    st.button(
        "Launch" if not state.vary else "Launch the sweep", type="primary", icon=":material/rocket_launch:",
        key="train.launch", on_click=launched, args=(session.token(), job), disabled=bool(wrong),
    )  # fmt: skip
    if wrong:
        return
    cost_section()
    planned = state.planned()
    with st.expander("The same from a shell"):
        words = ["python", "-m", "explorer", "train", *options(planned[0][1])]
        st.code(
            f"{shlex.join(words)} --out runs/{state.called()}", language="bash", wrap_lines=True
        )
