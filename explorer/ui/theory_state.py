"""What a person looks at on the page Theory: one value, which lives in the URL and in the session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

import streamlit as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from explorer.errors import in_words
from explorer.ui import session

STATE, WRITTEN, COMPLAINTS, TOUCHED = (
    f"theory.{part}" for part in ("state", "written", "complaints", "touched")
)
Topic = Literal[
    "epsilon", "beta", "kl", "encoder", "prior", "decoder", "expectation", "x", "z", "weights",
    "linear", "capacity", "tc", "norm", "sigma",
]  # fmt: skip
TOPICS: tuple[str, ...] = get_args(Topic)
LEAST, MOST = 1e-4, 1e5  # of β, where it is moved on a log scale
WIDEST = 100  # largest over smallest eigenvalue: beyond, the training in seconds doesn't get there
Eigenvalue = Annotated[float, Field(ge=0.01, le=100)]


class TheoryState(BaseModel):
    """The page Theory, whole. Lengths in the units of z, costs in nats an image."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    topic: Topic = "epsilon"
    family: str = Field("", max_length=200)  # any model of it; empty: the one shown first
    model: str = Field(
        "", max_length=200
    )  # whose code is shown; empty: one with β = 4, or the first
    epsilon: float = Field(15.0, ge=0, le=1e4)
    beta: float = Field(4.0, ge=LEAST, le=MOST)
    mu: float = Field(1.2, ge=-4, le=4)
    sigma: float = Field(0.5, ge=0.05, le=3)  # of q(z|x), one dimension
    eigenvalues: tuple[Eigenvalue, ...] = Field((4, 2, 1, 0.4, 0.15), min_length=1, max_length=8)
    variance: float = Field(0.1, ge=0.01, le=10)  # σ² of the linear model's decoder
    trained: bool = False  # whether linear models are trained beside the lines
    read: bool = False  # whether β is read off the family's models
    capacity: float = Field(10.0, ge=0, le=1000)
    rho: float = Field(0.8, ge=-0.99, le=0.99)
    latents: int = Field(10, ge=1, le=512)
    values: int = Field(4096, ge=1, le=3 * 1024 * 1024)  # of an image: C·H·W
    error: float = Field(0.01, ge=1e-6, le=1)  # squared error of a pixel
    decoder: float = Field(0.2, ge=0.005, le=2)  # σ of the decoder, pixels in [0, 1]

    @field_validator("eigenvalues", mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        """A text has values separated by commas."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",", 9) if part.strip()]
        return value

    @field_validator("eigenvalues")
    @classmethod
    def _sorted(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if max(value) > WIDEST * min(value):
            raise ValueError(f"the largest may be at most {WIDEST} times the smallest")
        return tuple(sorted(value, reverse=True))


def state() -> TheoryState:
    """What the person looks at."""
    return st.session_state.get(STATE) or TheoryState()


def complaints() -> list[str]:
    """Sentences on what could not be used as it was given."""
    return list(st.session_state.get(COMPLAINTS, ()))


def follow_url() -> None:
    """Take the state from the URL where the person asked for another one by it."""
    arrived = session.visit("theory")
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
        st.session_state[STATE] = TheoryState.model_validate({**state().model_dump(), **values})
        st.session_state[COMPLAINTS] = []
    except ValidationError as error:
        st.session_state[COMPLAINTS] = [f"That can't be used: {in_words(error).split('; ')[0]}."]
        return
    _write()


def correct(sentence: str, **values: Any) -> None:
    """Change what was asked for and can't be had, with a sentence; the URL stays as it was given."""
    st.session_state[STATE] = TheoryState.model_validate({**state().model_dump(), **values})
    if sentence and sentence not in complaints():
        st.session_state[COMPLAINTS] = [*complaints(), sentence]


def mirror(field: str, value: Any = None) -> str:
    """The key of the widget that shows `field`, which is put at `value`, or at the state's."""
    key = f"theory.{field}"
    wanted = getattr(state(), field) if value is None else value
    if key not in st.session_state or st.session_state[key] != wanted:
        st.session_state[key] = wanted
    return key


def take(field: str) -> None:
    """The callback of that widget."""
    value = st.session_state.get(f"theory.{field}")
    if value is not None:
        put(**{field: value})


def from_params(params: Mapping[str, Sequence[str]]) -> tuple[TheoryState, list[str]]:
    """The state that a URL asks for, and one sentence for each value in it that can't be used."""
    given: dict[str, Any] = {}
    said: list[str] = []
    for name, values in params.items():
        if name not in TheoryState.model_fields:
            said.append(f"The address has {name[:40]!r}, which is no setting of this page.")
        elif len(values) != 1:
            said.append(f"{name} stands {len(values)} times in the address; once is right.")
        else:
            try:
                TheoryState.model_validate({name: values[0]})
                given[name] = values[0]
            except ValidationError as error:
                words = in_words(error).split("; ")[0]
                said.append(f"In the address, {words}; the usual value is used.")
    return TheoryState.model_validate(given), said[:8]


def to_params(shown: TheoryState) -> dict[str, str]:
    """The parameters of a URL that shows this; what is as usual is left out."""
    usual = TheoryState()
    return {
        name: _text(getattr(shown, name))
        for name in TheoryState.model_fields
        if getattr(shown, name) != getattr(usual, name)
    }


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(f"{part:.10g}" for part in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _write() -> None:
    params = to_params(state())
    st.session_state[WRITTEN] = {name: [value] for name, value in params.items()}
    st.query_params.from_dict(params)
