"""The form of a new run: every field from TrainConfig's own bounds and words, and a look at the data."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import access
from explorer.analysis.kl_weight import Equivalent
from explorer.checkpoints.catalogue import catalogue
from explorer.datasets import own
from explorer.datasets.names import DATASETS, DUAL
from explorer.errors import UserError
from explorer.recipe.run import TrainConfig
from explorer.recipe.samples import Samples, told
from explorer.ui import loss_panel, pictures
from explorer.ui.text import plain, sentence
from explorer.ui.train import run_cache as train_cached
from explorer.ui.train import session
from explorer.ui.train.state import PRESETS, TrainState
from explorer.ui.waiting import busy
from explorer.words import number
from models import schedules
from models.kinds import LIKELIHOODS, OBJECTIVES, built_here, settings_of
from models.schedules import ARGUMENTS, SCHEDULES

SAFE_INTEGER = 2**53 - 1  # the largest that a browser counts to
DEVICES = ("auto", "cpu", "cuda", "mps")
ADVANCED = [
    "clip", "precision", "step", "threads",
    "log_every", "eval_every", "eval_images", "save_every",
]  # fmt: skip
SETTINGS = settings_of(*OBJECTIVES.values(), *LIKELIHOODS.values())
LABELS = {name: setting.label for name, setting in SETTINGS.items() if setting.label} | {
    "data": "Data set",
    "root": "Folder or file",
    "size": "Size in pixels",
    "channels": "Colour",
    "split": "Part",
    "latents": "Latent dimensions D",
    "batch_size": "Batch size",
    "step": "How the networks run",
    "threads": "CPU threads",
}


def field(name: str, width: int | Literal["stretch"] = "stretch") -> None:
    """The widget of a setting, with the bounds and the description that TrainConfig has."""
    info = TrainConfig.model_fields[name]
    label = LABELS.get(name, name.replace("_", " ").capitalize())
    common: dict[str, Any] = {"help": plain(info.description or ""), "width": width}
    kinds = (info.annotation, *get_args(info.annotation))
    choices = [c for kind in kinds if get_origin(kind) is Literal for c in get_args(kind)]
    usual, now = info.default, session.state().value(name)
    if choices:
        words = {"": "the data's own", 1: "grey", 3: "colour"} if name == "channels" else {}
        offered = [*([""] if usual is None else []), *choices]  # a choice of None could be cleared
        st.selectbox(
            label,
            **session.option(name, offered, "" if now is None else now),
            format_func=lambda choice: words.get(choice, str(choice)),
            **common,
        )
    elif name == "device":  # those of another machine, such as cuda:3, are typed
        offered = list(dict.fromkeys([*DEVICES, now]))
        st.selectbox(label, **session.option(name, offered), accept_new_options=True, **common)
    elif int in kinds and now is not None and now > SAFE_INTEGER:
        st.text_input(label, **session.entry(name, str(now)), **common)
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
        common |= session.entry(name) | {"placeholder": _unset(name) if usual is None else None}
        st.number_input(label, low, high, step=step, format=None if whole else "%.6g", **common)
    else:
        st.text_input(label, **session.entry(name, now or ""), **common)


def _unset(name: str) -> str:
    """What a number that was left out comes to."""
    if name == "size":
        info = DATASETS.get(session.state().value("data"))
        return str(info.size) if info and info.size else "its own"
    return {"clip": "none", "threads": "all"}.get(name, "as usual")


STEPS_OF = {name: setting.stride for name, setting in SETTINGS.items()} | {"learning_rate": 1e-4, "clip": 0.5}


def presets() -> None:
    """A button for each preset."""
    with st.container(horizontal=True, key="train-presets"):
        for preset in PRESETS:
            st.button(
                preset.title,
                help=preset.about,
                key=f"train.preset.{preset.title}",
                on_click=session.preset,
                args=(preset,),
            )
    chosen = [preset for preset in PRESETS if session.shows(preset)]
    if chosen:
        st.caption(plain(chosen[0].about))


def data_section() -> None:
    """The data set, where it lies, and a look at it."""
    state = session.state()
    name = state.value("data")
    info = DATASETS.get(name)
    st.header("Data")
    offered = list(dict.fromkeys([*DATASETS, *(one.key for one in own.sets()), name]))
    table = name.removeprefix(DUAL)
    if (entry := DATASETS.get(table)) is not None and entry.kind == "vector":
        offered = list(dict.fromkeys([*offered, table, f"{DUAL}{table}"]))
    st.selectbox(
        "Data set",
        **session.option("data", offered),
        format_func=lambda key: DATASETS[key].title if key in DATASETS else key,
    )
    if info is None:
        st.error(sentence(f"there is no data set {name!r}; there are {', '.join(DATASETS)}"))
        return
    st.caption(plain(f"{info.description}."))
    st.page_link(
        "pages/library.py",
        label="Add your own images",
        icon=":material/add_photo_alternate:",
        query_params={"show": "images"},
    )
    if info.root:
        field("root")
        st.caption(sentence(info.root))
    with st.container(horizontal=True):
        if info.kind == "image":
            field("size", 150)
            field("channels", 170)
        if len(info.splits) > 1 or state.value("split") != info.splits[0]:
            field("split", 120)


def look_section(networks: DeltaGenerator) -> None:
    """A few images of the data set, and its factors; into `networks`, what each costs on such images."""
    state = session.state()
    place = st.container()
    if DATASETS.get(state.value("data")) is None:
        return
    try:
        config = _checked()
        with busy(place, "Opening the images", 130):
            seen = train_cached.data_preview(config)
    except UserError as error:
        place.info(sentence(error), icon=":material/image_not_supported:")
        _download(place)
        return
    with place:
        pictures.image_sheet(seen.images[None], 62, seen.samples).show("A few of its samples")
        factors = (
            "factors: " + ", ".join(f"{name} ({count})" for name, count in seen.factors)
            if seen.factors
            else "no factors known"
        )
        shape = seen.images.shape[1:]
        st.caption(plain(f"{seen.count:,} {told(shape, seen.samples)}; {factors}."))
        if seen.samples is not None and seen.samples.scaling:
            st.caption(plain(seen.samples.scaling))
        for note in seen.notes[:3]:
            st.caption(sentence(note))
    _costs(networks, (shape[0], shape[1], shape[2]), seen.samples)


def _costs(place: DeltaGenerator, shape: tuple[int, int, int], samples: Samples | None) -> None:
    """Size and arithmetic of the chosen network on such samples, and of the others against it."""
    state = session.state()
    found = train_cached.network_costs(shape, state.value("latents"), state.value("likelihood"))
    own = state.value("network")
    if state.value("start") or own not in found:
        return
    parameters, flops = found[own]
    others = [f"{name} {number(cost / flops, 2)}" for name, (_, cost) in found.items() if name != own]
    place.caption(
        f"{own}: {number(parameters / 1e6)} M parameters, {number(flops / 1e6)} MFLOP for one of the "
        f"{told(shape, samples)}, forward and backward. The others, as multiples of that: {', '.join(others)}."
    )


def _checked() -> TrainConfig:
    """The data's part of the settings, whatever the others are."""
    chosen = {n: session.state().value(n) for n in ("data", "root", "size", "channels", "split")}
    return TrainConfig.model_validate(chosen)


def _download(place: Any) -> None:
    info = DATASETS[session.state().value("data")]
    if (
        info.downloadable
        and access.may("download")
        and place.button(f"Download {info.title} from the internet", icon=":material/download:", key="train.download")
    ):
        try:
            with place, st.spinner(f"Downloading {info.title}"):
                train_cached.data_preview(_checked(), download=True)
        except UserError as error:
            place.error(sentence(error))
        else:
            st.rerun()


def model_section() -> DeltaGenerator:
    """What to start from; network, latents and likelihood; gives the place for what each network costs."""
    st.header("Model")
    now = session.state().value("start") or ""
    offered = list(dict.fromkeys(["", *(entry.name for entry in catalogue()), now]))
    st.selectbox(
        "Start from",
        **session.option("start", offered, now, change=session.start_from),
        format_func=lambda name: name or "fresh weights",
        width=410,
        help="A model goes on from its weights, with the settings of its own recipe where it has one.",
    )
    if now:
        fixed = ("network", "latents", "likelihood")
        network, latents, likelihood = (session.state().value(name) for name in fixed)
        st.caption(plain(f"Its own stay: network {network}, D = {latents}, likelihood {likelihood}."))
        return st.container()
    with st.container(horizontal=True):
        networks = built_here()
        st.selectbox(
            "Network",
            **session.option("network", list(networks)),
            width=260,
            format_func=lambda name: _network(name, networks[name].title),
        )
        field("latents", 170)
        field("likelihood", 190)
        for setting in LIKELIHOODS[session.state().value("likelihood")].settings:
            field(setting.name, 150)
    return st.container()


def _network(name: str, title: str) -> str:
    return name if title == name else f"{name}: {title}"


def objective_section() -> None:
    """The objective with its formula, its parameters, and what they mean."""
    st.header("Objective")
    state = session.state()
    chosen = state.value("objective")
    kind = OBJECTIVES[chosen]
    st.segmented_control(
        "Minimise",
        list(OBJECTIVES),
        **session.choice("objective"),
        required=True,
        format_func=lambda name: OBJECTIVES[name].title,
        wrap=True,
    )
    st.latex(kind.formula)
    st.caption(f"{kind.about} ({kind.source}). Nats an image, summed over pixels and latents.")
    if kind.topic:
        st.page_link(
            "pages/theory.py", label="See it move", icon=":material/function:", query_params={"topic": kind.topic}
        )
    with st.container(horizontal=True):
        for setting in kind.settings:
            kind_of_schedule(setting.name, setting.label) if setting.moves else field(setting.name, 170)
    for setting in kind.settings:
        if setting.moves:
            details_of_schedule(setting.name, setting.moves, SETTINGS[setting.moves].letter)
    other_code()


def kind_of_schedule(name: str, label: str) -> None:
    """The field for how a number moves: which kind of schedule."""
    kind = schedules.read(session.state().value(name)).kind
    st.selectbox(
        label,
        **session.option(name, list(SCHEDULES), kind, change=_other_schedule),
        format_func=lambda kind: SCHEDULES[kind].title,
        width=170,
        help="How it moves from the first step of the run to the last. Its own field says where it is led to.",
    )


def _other_schedule(**chosen: str) -> None:
    session.put(**{name: FRESH.get(kind, kind) for name, kind in chosen.items()})


FRESH = {"stages": "stages 0:50%"}  # what has no usual details


def details_of_schedule(name: str, number: str, letter: str) -> None:
    """The fields for the details of a schedule, and a sentence on how the number moves; nothing where it doesn't."""
    schedule = schedules.read(session.state().value(name))
    if schedule == schedules.CONSTANT:
        return
    with st.container(horizontal=True):
        if schedule.kind == "stages":
            st.text_input(
                f"Stages of {letter}",
                **session.entry(f"{name}.stages", str(schedule).removeprefix("stages "), _other_detail),
                width=410,
                help="Levels and where each ends, as 0:25% 0.5:10000: then comes the number itself. A level may be a "
                "part of it, as x0.1.",
            )
        for key in SCHEDULES[schedule.kind].takes:
            st.text_input(
                ARGUMENTS[key].label,
                **session.entry(f"{name}.{key}", schedule.argument(key), _other_detail),
                placeholder="to the end" if key == "over" else None,
                width=130,
                help=ARGUMENTS[key].about,
            )
    told = schedule.words(letter, session.state().value(number))
    st.caption(plain(f"{told.removesuffix('.')}." if letter in told[:2] else sentence(told)))


def _other_detail(**given: str) -> None:
    """Take a detail, which is called by the schedule's name, a point, and its key."""
    ((field, text),) = given.items()
    name, _, key = field.partition(".")
    now = schedules.read(session.state().value(name))
    session.put(**{name: f"stages {text}" if key == "stages" else now.told(key, text)})


def _around() -> dict[str, int]:
    """Size of the images and of the code that the form has now, where it says them."""
    state = session.state()
    info = DATASETS.get(state.value("data"))
    size = state.value("size") or (info.size if info else None) or 64
    return {"values": size * size * (state.value("channels") or 1), "latents": state.value("latents")}


OTHER_LOSS = loss_panel.Aside("train.loss", _around)


def other_code() -> None:
    """The calculator of β, and a button that takes its answer into the form."""
    with st.expander("β of a weight in other code", icon=":material/calculate:"):
        for complaint in OTHER_LOSS.complaints():
            st.warning(plain(complaint))
        found = loss_panel.calculator(OTHER_LOSS)
        if found is not None:
            st.button(
                "Take it into the form",
                icon=":material/arrow_downward:",
                key="train.loss.use",
                on_click=_use,
                args=(found,),
            )


def _use(found: Equivalent) -> None:
    def to() -> TrainState:
        state = session.state()
        for name, value in found.settings().items():
            state = state.with_setting(name, value)
        return state

    session.change(to)


def training_section() -> None:
    """Steps, batch, rate, seed, device; the rest folded away."""
    st.header("Training")
    with st.container(horizontal=True):
        for name in ("steps", "batch_size", "learning_rate", "seed", "device"):
            field(name, 140)
    with st.expander("More settings"):
        with st.container(horizontal=True):
            kind_of_schedule("rate_schedule", "Schedule of the rate")
            for name in ADVANCED:
                field(name, 170)
        details_of_schedule("rate_schedule", "learning_rate", "the learning rate")
