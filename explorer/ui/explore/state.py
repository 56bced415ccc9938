"""What a person looks at on the page Explore, as one value: checked, and written as a URL and back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from explorer.analysis.scores import IMAGES
from explorer.errors import in_words
from explorer.naming import MAX_NAME
from explorer.ui.page_state import Coordinate

MAX_LATENTS = 512
MAX_COMPLAINTS = 8


class ExploreState(BaseModel):
    """The page Explore, whole: two equal states show the same picture."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str = Field("", max_length=MAX_NAME)  # empty: the model that is shown first
    start: Literal["mean", "sample", "image"] = "mean"
    seed: int = Field(0, ge=0, le=2**31 - 1)  # of the random sample
    image: int = Field(0, ge=0, le=10**9)  # its number in the data set
    range: Literal["prior", "aggregate", "fixed"] = "prior"
    quantile: float = Field(0.05, ge=0.001, le=0.4)  # of the ranges prior and aggregate
    span: float = Field(3.0, ge=0.1, le=100)  # of the range fixed
    count: int = Field(IMAGES, ge=10, le=100_000)  # images that KL is measured on
    z: tuple[Coordinate | None, ...] = Field((), max_length=MAX_LATENTS)  # None: as the start has it
    locked: tuple[Annotated[int, Field(ge=0, lt=MAX_LATENTS)], ...] = Field(
        (), max_length=MAX_LATENTS
    )  # dimensions that nothing moves

    @field_validator("z", "locked", mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        """A URL has values separated by commas; nothing between two commas is None."""
        if isinstance(value, str):
            return [part.strip() or None for part in value.split(",", MAX_LATENTS + 1)]
        return value

    @field_validator("z")
    @classmethod
    def _no_tail(cls, value: tuple[float | None, ...]) -> tuple[float | None, ...]:
        last = max((i + 1 for i, v in enumerate(value) if v is not None), default=0)
        return tuple(None if v is None else round(v, 4) + 0.0 for v in value[:last])

    def changed(self, **values: Any) -> ExploreState:
        """The state with other values. Raises pydantic's ValidationError on one that can't be used."""
        return ExploreState.model_validate({**self.model_dump(), **values})

    def place(self, start: Sequence[float]) -> list[float]:
        """The latents: those of `start` `(D,)`, and where a dimension was moved, its own value."""
        here = [float(value) for value in start]
        for dimension, value in enumerate(self.z[: len(here)]):
            if value is not None:
                here[dimension] = value
        return here

    def to_params(self) -> dict[str, str]:
        """The parameters of a URL that shows this; what is as usual is left out."""
        usual = ExploreState()
        params = {
            name: _text(getattr(self, name))
            for name in ExploreState.model_fields
            if getattr(self, name) != getattr(usual, name)
        }
        return {"model": self.model} | params if self.model else params


def from_params(params: Mapping[str, Sequence[str]]) -> tuple[ExploreState, list[str]]:
    """The state that a URL asks for, and one sentence for each value in it that can't be used."""
    given: dict[str, str] = {}
    complaints = []
    for name, values in params.items():
        if name not in ExploreState.model_fields:
            complaints.append(f"The address has {_short(name)}, which is no setting of this page.")
        elif len(values) != 1:
            complaints.append(
                f"{name} stands {len(values)} times in the address; once is right, so {_usual(name)} is used."
            )
        else:
            given[name] = values[0]
    for name, value in list(given.items()):
        try:
            ExploreState.model_validate({name: value})
        except ValidationError as error:
            del given[name]
            complaints.append(f"In the address, {_words(error)}; {_usual(name)} is used.")
    if len(complaints) > MAX_COMPLAINTS:
        more = len(complaints) - MAX_COMPLAINTS + 1
        complaints[MAX_COMPLAINTS - 1 :] = [f"{more} more values in the address can't be used."]
    return ExploreState.model_validate(given), complaints


def _words(error: ValidationError) -> str:
    """The complaints on one parameter: the first three where a list has many."""
    several = in_words(error).split("; ")
    more = [f"and {len(several) - 3} more"] if len(several) > 3 else []
    return re.sub(r"\b(z|locked)\.(\d+)", r"\1, place \2", "; ".join([*several[:3], *more]))


def _usual(name: str) -> str:
    usual = getattr(ExploreState(), name)
    if name == "model":
        return "the first model"
    if name == "z":
        return "the start, unmoved,"
    if name == "locked":
        return "none"
    return f"the usual value, {usual},"


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join("" if part is None else f"{part:.10g}" for part in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _short(text: str, limit: int = 40) -> str:
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
