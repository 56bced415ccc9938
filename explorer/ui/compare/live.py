"""The linked comparison on the page Compare: what it is given, and what comes back from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explorer.analysis.linking import MOST_SLIDERS, Way, placed
from explorer.errors import UserError
from explorer.figures.image_grid import address
from explorer.figures.renderings import render
from explorer.live import component, onnx_cache
from explorer.live.comparison import MOST_MODELS, comparison_payload
from explorer.ui import page_cache
from explorer.ui.compare.models import Model, View
from explorer.ui.compare.state import Dimensions, page
from explorer.ui.page_state import Coordinate

KEY = "compare.live"
SEQ = "compare.seq"
SHOWN = "compare.shown"  # what the browser was given last: its key, the models' hashes, how they are linked
SERVED = "compare.served"  # contents whose pictures this person's browser can't decode
WHOLE = "compare.whole"
READY = "compare.ready"  # by model, whether its network was ready, or could not be made
WAITING = "the decoder is being made ready for this page; until then the server decodes when you let go"


class ComparisonTouch(BaseModel):
    """What comes from the browser once a movement has ended; checked, since anything can come."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seq: int = Field(ge=0, le=2**53)
    key: str = Field(max_length=10_000)
    t: tuple[Coordinate | None, ...] = Field(max_length=MOST_SLIDERS)
    link: Way
    hand: tuple[Dimensions, ...] = Field(max_length=MOST_MODELS)
    slider: int = Field(ge=0, lt=MOST_SLIDERS)
    local: tuple[bool, ...] = Field(max_length=MOST_MODELS)


def show(view: View) -> bool:
    """Put the comparison on the page; whether a network is still being made."""
    state = page.state()
    served: set[str] = st.session_state.setdefault(SERVED, set())
    parts: dict[str, Path] = {}
    more: list[dict[str, Any]] = []
    ready: list[Any] = []
    for number, model in enumerate(view.models):
        own: dict[str, Any] = {"ready": False, "waiting": "", "picture": None}
        more.append(own)
        found = None if model.description is None else onnx_cache.prepare(model.description)
        ready.append(model.description and found is not None)
        if model.description is None:
            continue
        if isinstance(found, onnx_cache.Networks) and found.decoder.is_file():
            own["ready"] = True
            parts[f"decoder{number}"] = found.decoder
        elif isinstance(found, str):
            own["waiting"] = (
                f"this model can't be exported to the browser ({found}): the server decodes when you let go"
            )
        else:
            own["waiting"] = WAITING
        if not own["ready"] or model.description.hash in served:
            own["picture"] = _served(view, model, number)
    data = comparison_payload(
        view.sides,
        view.links,
        view.way,
        state.offsets,
        state.span,
        state.slider,
        more,
        seq=st.session_state.get(SEQ, 0),
    )
    st.session_state[SHOWN] = (data["key"], [m.description and m.description.hash for m in view.models], view.way)
    st.session_state[READY] = ready
    component.live(KEY, data, parts, _take)
    return False in ready


def _served(view: View, model: Model, number: int) -> str | None:
    """The picture that the server decodes, as an address."""
    if model.description is None:
        return None
    start = [round(float(v), 4) for v in view.sides[number].start]
    try:
        z = placed(start, view.slots, number, padded(page.state().offsets, len(view.slots)))
        return address(render(page_cache.decoded(model.description, z), model.description.config.samples))
    except UserError:
        return None  # it is said where its numbers would be


def padded(offsets: Sequence[float], sliders: int) -> list[float]:
    """One offset a slider."""
    return [*offsets, *[0.0] * sliders][:sliders]


def needs_the_whole_page() -> bool:
    """Whether the last touch changed more than the pictures; asked once."""
    return bool(st.session_state.pop(WHOLE, False))


def _take() -> None:
    """Take what was touched into the state and the URL."""
    key, hashes, way = st.session_state.get(SHOWN, ("", [], None))
    try:
        touch = ComparisonTouch.model_validate(component.touched(KEY))
    except ValidationError:
        return  # nothing that the comparison sends
    if touch.key != key:
        return  # of models that are no longer shown
    before = page.state()
    st.session_state[SEQ] = touch.seq
    served = {content for content, local in zip(hashes, touch.local, strict=False) if content and not local}
    st.session_state[SERVED] = served
    hand = touch.hand if touch.link == "hand" else before.hand
    link = before.link if touch.link == way else touch.link
    if (link, hand) != (before.link, before.hand):
        st.session_state[WHOLE] = True
    page.put(t=touch.t, link=link, hand=hand, slider=touch.slider)


def more_ready(models: Sequence[Model]) -> bool:
    """Whether a network that was awaited is ready, or can't be made, by now."""
    now = [m.description and onnx_cache.prepare(m.description) is not None for m in models]
    return now != st.session_state.get(READY)
