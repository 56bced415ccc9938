"""Which models' curves are looked at and how they are measured: a part of a page's state and of its URL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from explorer.analysis.scores import IMAGES
from explorer.naming import MAX_NAME

MOST_CURVED = 64
MOST_IMAGES = 100_000

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]


class CurvesState(BaseModel):
    """The part of a page's state that its curves and heat-maps of codes need; the page's state inherits it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    curve_set: str = Field("", max_length=220)  # "": the models that the page is about
    curve_model: tuple[Name, ...] = Field((), max_length=MOST_CURVED)  # those of the set "any"
    curve_data: str = Field("", max_length=MAX_NAME)  # whose curves are shown; empty: those of most models
    curve_family: int = Field(0, ge=0, le=999)  # whose lines over β are shown
    count: int = Field(IMAGES, ge=10, le=MOST_IMAGES)  # images that everything is measured on
    seed: int = Field(0, ge=0, le=2**31 - 1)  # of the choice of these images, and of the noise
    codes: Literal["mean", "sampled"] = "mean"
    kind: Literal["all", "active", "mixed", "passive"] = "all"


class Page(Protocol):
    """A page's state as it lives in the session and in the URL."""

    def state(self) -> Any:
        """What the person looks at: a CurvesState."""

    def put(self, **values: Any) -> None:
        """Change it, by a callback."""

    def choice(self, field: str, value: Any = None) -> dict[str, Any]:
        """What a widget needs to show `field`, at `value` or at the state's, and to change it."""

    def option(self, field: str, options: Sequence[Any], value: Any = None) -> dict[str, Any]:
        """The same of one choice from a list of `options`."""
