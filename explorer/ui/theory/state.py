"""What a person looks at on the page Theory: one value, which lives in the URL and in the session."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field, field_validator

from explorer.analysis.kl_weight import KLWeight
from explorer.naming import MAX_NAME
from explorer.ui.page_state import PageState

Topic = Literal[
    "epsilon",
    "beta",
    "kl",
    "encoder",
    "prior",
    "decoder",
    "expectation",
    "x",
    "z",
    "weights",
    "linear",
    "capacity",
    "tc",
    "norm",
    "sigma",
    "loss",
]
TOPICS: tuple[str, ...] = get_args(Topic)
LEAST, MOST = 1e-4, 1e5  # of β, where it is moved on a log scale
WIDEST = 100  # largest over smallest eigenvalue: beyond, the training in seconds doesn't get there
Eigenvalue = Annotated[float, Field(ge=0.01, le=100)]


class TheoryState(KLWeight):
    """The page Theory, whole: the loss of other code that is looked at, and all else.

    Lengths in the units of z, costs in nats an image.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    topic: Topic = "epsilon"
    family: str = Field("", max_length=MAX_NAME)  # any model of it; empty: the one shown first
    model: str = Field("", max_length=MAX_NAME)  # whose code is shown; empty: one with β = 4, or the first
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


PAGE = PageState("theory", TheoryState)
state, complaints, follow_url = PAGE.state, PAGE.complaints, PAGE.follow_url
put, correct = PAGE.put, PAGE.correct
entry, choice, option = PAGE.entry, PAGE.choice, PAGE.option
from_params, to_params = PAGE.from_params, PAGE.to_params
