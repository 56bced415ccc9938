"""What a person looks at on the page Measure: one value, which lives in the URL and in the session."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from explorer.naming import MAX_NAME
from explorer.ui.page_state import PageState

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
    look: str = Field("", max_length=MAX_NAME)  # the model whose matrices are shown; empty: the first
    matrix: Literal["information", "importance", "accuracy"] = "information"
    latent: Number = 0
    factor: Number = 0
    x: Number | None = None  # None: the latents that tell most
    y: Number | None = None
    colour: Number = 0
    image: int | None = Field(None, ge=0, le=10**9)  # whose neighbours are shown
    partner: str = Field("", max_length=MAX_NAME)  # the model that `look` is aligned with

    @field_validator("models")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value))


PAGE = PageState("measure", MeasureState, {"model": "models"})
state, complaints, follow_url = PAGE.state, PAGE.complaints, PAGE.follow_url
put, correct = PAGE.put, PAGE.correct
entry, choice, option = PAGE.entry, PAGE.choice, PAGE.option
from_params, to_params = PAGE.from_params, PAGE.to_params
