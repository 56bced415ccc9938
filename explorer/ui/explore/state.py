"""What a person looks at on the page Explore, as one value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from explorer.analysis.scores import IMAGES
from explorer.naming import MAX_NAME
from explorer.ui.page_state import Coordinate

MAX_LATENTS = 512


class ExploreState(BaseModel):
    """The page Explore, whole: two equal states show the same picture."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str = Field("", max_length=MAX_NAME)  # empty: the model that is shown first
    beta: float | None = Field(None, gt=0, le=1e6)  # of a model for every β; None: a usual one
    start: Literal["mean", "sample", "image"] | None = None  # None: as the model is first shown
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

    def place(self, start: Sequence[float]) -> list[float]:
        """The latents: those of `start` `(D,)`, and where a dimension was moved, its own value."""
        here = [float(value) for value in start]
        for dimension, value in enumerate(self.z[: len(here)]):
            if value is not None:
                here[dimension] = value
        return here
