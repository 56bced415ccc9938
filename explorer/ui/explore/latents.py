"""The live explorer on the page Explore: what it is given, and what comes back from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import streamlit as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explorer.analysis.linking import order_by_kl
from explorer.checkpoints import Description
from explorer.checkpoints.labels import Dimension, Labels, Name, name_dimensions, read_labels
from explorer.errors import UserError
from explorer.figures.image_grid import address
from explorer.figures.renderings import render
from explorer.live import component, onnx_cache
from explorer.live.payload import payload
from explorer.live.wire import SampleData
from explorer.ui import page_cache
from explorer.ui.explore import session
from explorer.ui.explore.state import MAX_LATENTS
from explorer.ui.page_state import Coordinate

KEY = "explore.live"
SHOWN = "explore.shown"
SEQ = "explore.seq"
SERVED = "explore.served"  # the content whose pictures this person's browser can't decode
WHOLE = "explore.whole"
UNKEPT = "explore.unkept"
SERVED_FACTOR = 6  # by which a curve that the server draws is enlarged
SAMPLES = 12


class ExplorerTouch(BaseModel):
    """What comes from the browser once a movement has ended; checked, since anything can come."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seq: int = Field(ge=0, le=2**53)
    hash: str = Field(max_length=64)
    z: tuple[Coordinate | None, ...] = Field(max_length=MAX_LATENTS)
    locked: tuple[Dimension, ...] = Field(max_length=MAX_LATENTS)
    names: dict[Dimension, Name] = Field(max_length=MAX_LATENTS)
    order: tuple[Dimension, ...] = Field(max_length=MAX_LATENTS)
    local: bool
    image: Annotated[int, Field(ge=0, le=10**9)] | None = None
    beta: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | None = None
    step: Literal[-1, 1] | None = None  # to the model before or after this one


@dataclass(frozen=True)
class SentData:
    """What the browser was given last: names and order are written only where they differ from these."""

    description: Description
    labels: Labels
    order: tuple[int, ...]


@dataclass(frozen=True)
class LiveView:
    """All that the explorer shows of a model.

    Attributes:
        early: made without torch, from what the checkpoint says of itself.
        waiting: whether its networks are being made.
        alone: only the browser has the model.
    """

    begin: page_cache.Start
    z: list[float]
    low: list[float]
    high: list[float]
    known: page_cache.MeasuredKL | None
    complaint: str
    networks: onnx_cache.Networks | None
    waiting: bool
    why: str
    early: bool
    alone: bool = False


def live_view(description: Description, gone: bool = False) -> LiveView:
    """What to show of a model in the state of this session; `gone` says that its files are not there.

    Raises:
        UserError: the model can't be used.
    """
    state = session.state()
    made = onnx_cache.prepare(description)
    here = made if isinstance(made, onnx_cache.Networks) else None
    claimed = page_cache.claimed(description)
    kind, image = session.start_of(description)
    told = page_cache.first_start(description, image) if kind == "image" else None
    # The files are gone and others took the model's place in memory: the browser goes on alone.
    alone = gone and not page_cache.in_memory(description)
    early = bool(
        here
        and (alone or claimed and not page_cache.torch_is_here())
        and (kind == "mean" or told is not None)
        and state.range != "aggregate"
    )
    begin = told if early and told is not None else page_cache.starting_point(description, kind, state.seed, image)
    known: page_cache.MeasuredKL | str | None = claimed
    if not early:
        page_cache.model(description)  # damaged weights are told of now, though the browser decodes
        known = page_cache.measured(description, state.count)
    low, high, complaint = page_cache.slider_limits(description, state.range, state.quantile, state.span, state.count)
    why = ""
    if isinstance(made, str):
        why = f"this model can't be exported to the browser ({made}): the server decodes when you let go"
    elif here is None:
        why = "the decoder is being made ready for this page; until then the server decodes when you let go"
    return LiveView(
        begin, state.place(begin.z), low, high, known if isinstance(known, page_cache.MeasuredKL) else None,
        complaint, here, made is None, why, early and not alone, alone,
    )  # fmt: skip


def show(description: Description, seen: LiveView) -> None:
    """Put the explorer on the page."""
    labels, known = labels_of(description), seen.known
    state = session.state()
    served = seen.networks is None or st.session_state.get(SERVED) == description.content
    samples = [] if seen.early or seen.alone else page_cache.samples(description, SAMPLES)
    order = dimension_order(description, known)
    data = payload(
        description,
        labels,
        None if known is None else known.kl,
        None if known is None else known.active,
        seen.low,
        seen.high,
        seen.begin.z,
        seen.z,
        state.locked,
        None
        if seen.begin.inspection is None or description.beta is None
        else sample_data(description, seen.begin.image, seen.begin.inspection.images[0]),
        order=order,
        seq=st.session_state.get(SEQ, 0),
        ready=seen.networks is not None,
        waiting=seen.why,
        picture=_address(description, page_cache.decoded(description, seen.z), SERVED_FACTOR) if served else None,
        samples=[sample_data(description, index, image) for index, image in samples],
    )
    st.session_state[SHOWN] = SentData(description, labels, tuple(order))
    files = seen.networks
    parts = {} if files is None else {"decoder": files.decoder, "encoder": files.encoder}
    component.live(KEY, data, parts, _take)


def _address(description: Description, image: np.ndarray, factor: int = 1) -> str:
    """A sample's picture as an address; a drawn one is `factor` times as large."""
    samples = description.config.samples
    return address(render(image, samples, 1 if samples is None else factor))


def sample_data(description: Description, index: int, image: np.ndarray) -> SampleData:
    """A sample of the data set for the browser: its picture, and its values where those are not in the picture."""
    drawn = description.config.samples is not None
    values = [round(float(value), 6) for value in image.ravel()] if drawn else None
    return SampleData(index=index, source=_address(description, image), values=values)


def dimension_order(description: Description, known: page_cache.MeasuredKL | None) -> list[int]:
    """The dimensions as the person ordered them, else by KL.

    The KL that the checkpoint holds comes before `known`, so that nothing changes place once it is measured, or at
    another β.
    """
    claimed = description.config.evaluation
    kl = (known.kl if known else None) if claimed is None else list(claimed.kl_per_dimension)
    usual = order_by_kl(description.config.latents, kl)
    return labels_of(description).ordered(usual)


def labels_of(description: Description) -> Labels:
    """What the person calls the dimensions; as they were shown last where the model is no longer there."""
    shown = st.session_state.get(SHOWN)
    if (
        isinstance(shown, SentData)
        and shown.description.content == description.content
        and not (description.path / "config.json").is_file()
    ):
        return shown.labels
    return read_labels(description.path)


def needs_the_whole_page() -> bool:
    """Whether the last touch changed more than the explorer; asked once."""
    return bool(st.session_state.pop(WHOLE, False))


def unkept() -> str:
    """Why the last names could not be kept, or nothing."""
    return str(st.session_state.pop(UNKEPT, ""))


def _take() -> None:
    """Take what was touched into the state, the URL and the model's labels."""
    shown = st.session_state.get(SHOWN)
    try:
        touch = ExplorerTouch.model_validate(component.touched(KEY))
    except ValidationError:
        return  # nothing that the explorer sends
    if not isinstance(shown, SentData) or touch.hash != shown.description.content:
        return  # of a model that is no longer shown
    latents = shown.description.config.latents
    st.session_state[SEQ] = touch.seq
    st.session_state[SERVED] = "" if touch.local else touch.hash
    locked = _known(touch.locked, latents)
    description = shown.description
    beta = None if touch.beta == description.config.beta() else touch.beta
    if description.beta not in (None, touch.beta):  # what stands below is of the same β
        st.session_state[WHOLE] = True
    names = {d: name for d, name in touch.names.items() if d < latents}
    order = _known(touch.order, latents)
    if names != shown.labels.names or order != shown.order:
        chosen = order if order != shown.order else shown.labels.order
        try:
            name_dimensions(shown.description.path, shown.labels.model_copy(update={"names": names, "order": chosen}))
        except UserError as error:
            st.session_state[UNKEPT] = str(error)
        st.session_state[WHOLE] = True
    if touch.step is not None:
        st.session_state[WHOLE] = True
        session.step(touch.step)
    elif touch.image is None:
        session.put(z=touch.z[:latents], locked=locked, beta=beta)
    else:
        st.session_state[WHOLE] = True
        kept = tuple(v if d in locked else None for d, v in enumerate(touch.z[:latents]))
        session.put(start="image", image=touch.image, z=kept, locked=locked, beta=beta)


def _known(dimensions: Sequence[int], latents: int) -> tuple[int, ...]:
    return tuple(d for d in dict.fromkeys(dimensions) if d < latents)
