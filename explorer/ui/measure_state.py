"""What a person looks at on the page Measure: one value, which lives in the URL and in the session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import streamlit as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explorer.errors import in_words
from explorer.naming import MAX_NAME
from explorer.ui import session

STATE, WRITTEN, COMPLAINTS, TOUCHED = (
    f"measure.{part}" for part in ("state", "written", "complaints", "touched")
)
MOST_MODELS = 8
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Number = Annotated[int, Field(ge=0, le=511)]


class MeasureState(BaseModel):
    """The page Measure, whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[Name, ...] = Field((), max_length=MOST_MODELS)  # empty: the one shown first
    preset: Literal["fast", "full"] = "fast"
    representation: Literal["mean", "sampled"] = "mean"
    seed: int = Field(0, ge=0, le=2**31 - 1)
    repeats: int = Field(5, ge=0, le=20)
    points: int = Field(3000, ge=100, le=100_000)  # of the scatter and of the curves
    look: str = Field(
        "", max_length=MAX_NAME
    )  # the model whose matrices are shown; empty: the first
    matrix: Literal["information", "importance", "accuracy"] = "information"
    latent: Number = 0
    factor: Number = 0
    x: Number | None = None  # None: the latents that tell most
    y: Number | None = None
    colour: Number = 0
    image: int | None = Field(None, ge=0, le=10**9)  # whose neighbours are shown
    partner: str = Field("", max_length=MAX_NAME)  # the model that `look` is aligned with


def state() -> MeasureState:
    """What the person looks at."""
    return st.session_state.get(STATE) or MeasureState()


def complaints() -> list[str]:
    """Sentences on what could not be used as it was given."""
    return list(st.session_state.get(COMPLAINTS, ()))


def follow_url() -> None:
    """Take the state from the URL where the person asked for another one by it."""
    arrived = session.visit("measure")
    asked = {name: st.query_params.get_all(name) for name in st.query_params}
    if st.session_state.pop(TOUCHED, False) or asked == st.session_state.get(WRITTEN):
        return
    if not asked and arrived and STATE in st.session_state:
        _write()
        return
    st.session_state[STATE], st.session_state[COMPLAINTS] = from_params(asked)
    st.session_state[WRITTEN] = asked


def put(**values: Any) -> None:
    """Change the state by a callback, and the URL with it. What can't be used changes nothing."""
    st.session_state[TOUCHED] = True
    try:
        st.session_state[STATE] = MeasureState.model_validate({**state().model_dump(), **values})
        st.session_state[COMPLAINTS] = []
    except ValidationError as error:
        st.session_state[COMPLAINTS] = [f"That can't be used: {in_words(error)}."]
        return
    _write()


def correct(sentence: str, **values: Any) -> None:
    """Change what was asked for and can't be had, with a sentence; the URL stays as it was given."""
    st.session_state[STATE] = MeasureState.model_validate({**state().model_dump(), **values})
    if sentence and sentence not in complaints():
        st.session_state[COMPLAINTS] = [*complaints(), sentence]


def mirror(field: str, value: Any = None) -> str:
    """The key of the widget that shows `field`, which is put at `value`, or at the state's."""
    key = f"measure.{field}"
    wanted = getattr(state(), field) if value is None else value
    if key not in st.session_state or st.session_state[key] != wanted:
        st.session_state[key] = wanted
    return key


def entry(field: str) -> dict[str, Any]:
    """The key of the number entry that shows `field`, with its value where it is new on the page.

    A new entry whose value comes by its key alone has its smallest value in the browser for a moment, and
    a rerun in that moment would take it for what the person typed.
    """
    key = f"measure.{field}"
    if key in st.session_state:
        return {"key": mirror(field)}
    return {"key": key, "value": getattr(state(), field)}


def take(field: str) -> None:
    """The callback of that widget."""
    value = st.session_state.get(f"measure.{field}")
    if value is not None:
        put(**{field: value})


def from_params(params: Mapping[str, Sequence[str]]) -> tuple[MeasureState, list[str]]:
    """The state that a URL asks for, and one sentence for each value in it that can't be used."""
    given: dict[str, Any] = {}
    said: list[str] = []
    for name, values in params.items():
        field = "models" if name == "model" else name
        if field not in MeasureState.model_fields or name == "models":
            said.append(f"The address has {name[:40]!r}, which is no setting of this page.")
        elif field != "models" and len(values) != 1:
            said.append(f"{name} stands {len(values)} times in the address; once is right.")
        else:
            value: Any = list(dict.fromkeys(values)) if field == "models" else values[0]
            try:
                MeasureState.model_validate({field: value})
                given[field] = value
            except ValidationError as error:
                words = in_words(error).split("; ")[0]
                said.append(f"In the address, {words}; the usual value is used.")
    return MeasureState.model_validate(given), said[:8]


def to_params(shown: MeasureState) -> dict[str, list[str]]:
    """The parameters of a URL that shows this; what is as usual is left out."""
    usual = MeasureState()
    params = {"model": list(shown.models)} if shown.models else {}
    for name in MeasureState.model_fields:
        value = getattr(shown, name)
        if name != "models" and value != getattr(usual, name) and value is not None:
            params[name] = [str(value)]
    return params


def _write() -> None:
    params = to_params(state())
    st.session_state[WRITTEN] = params
    st.query_params.from_dict(params)
