"""What a person looks at on the page Compare: one value, which lives in the URL and in the session."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from explorer.analysis.linking import MOST_SLIDERS, Way
from explorer.live.comparison import MOST_MODELS
from explorer.naming import MAX_NAME
from explorer.ui.compare.curves_state import CurvesState, Name
from explorer.ui.page_state import Coordinate, PageState

Dimensions = Annotated[str, Field(max_length=4000, pattern=r"^[-0-9, ]*$")]


class CompareState(CurvesState):
    """The page Compare, whole: two equal states show the same."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    models: tuple[Name, ...] = Field((), max_length=MOST_MODELS)  # empty: those shown first
    start: Literal["image", "mean", "sample"] = "image"
    image: int = Field(0, ge=0, le=10**9)  # its number in the data set
    sample: int = Field(0, ge=0, le=2**31 - 1)  # seed of the random sample
    data: str = Field("", max_length=MAX_NAME)  # whose images all models take; empty: each its own
    span: float = Field(3.0, ge=0.1, le=100)  # of the sliders, to both sides
    link: Way | None = None  # None: matched, where dimensions can be matched
    hand: tuple[Dimensions, ...] = Field((), max_length=MOST_MODELS)  # see linking.by_hand
    t: tuple[Coordinate | None, ...] = Field((), max_length=MOST_SLIDERS)  # None: 0
    slider: int = Field(0, ge=0, lt=MOST_SLIDERS)  # whose traversal is shown
    partner: str = Field("", max_length=MAX_NAME)  # the model whose matching is shown; empty: the second

    @field_validator("models")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value))

    @field_validator("t", mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        """A URL has values separated by commas; nothing between two commas is None."""
        if isinstance(value, str):
            return [part.strip() or None for part in value.split(",", MOST_SLIDERS + 1)]
        return value

    @field_validator("t")
    @classmethod
    def _no_tail(cls, value: tuple[float | None, ...]) -> tuple[float | None, ...]:
        rounded = [round(v or 0.0, 4) or None for v in value]
        last = max((i + 1 for i, v in enumerate(rounded) if v), default=0)
        return tuple(rounded[:last])

    @property
    def offsets(self) -> list[float]:
        """Where the sliders stand."""
        return [value or 0.0 for value in self.t]


REPEATED = {"model": "models", "hand": "hand", "curve_model": "curve_model"}
page = PageState("compare", CompareState, REPEATED)
