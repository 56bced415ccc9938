"""What a person looks at on the page Insight: one value, which lives in the URL and in the session."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from explorer.analysis.insight.contents import SECTIONS
from explorer.checkpoints.labels import MAX_LATENTS, Dimension
from explorer.naming import MAX_NAME
from explorer.ui.insight_links import MOST_IN_INSIGHT
from explorer.ui.page_state import PageState

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Image = Annotated[int, Field(ge=0, le=10**9)]  # its number in the data set


class InsightState(BaseModel):
    """The page Insight, whole. Fields of one section alone begin with a word of that section."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    models: tuple[Name, ...] = Field((), max_length=MOST_IN_INSIGHT)  # empty: the one shown first
    section: str = "first-k"
    image: Image = 0
    count: int = Field(200, ge=10, le=5000)  # images that are measured on
    seed: int = Field(0, ge=0, le=2**31 - 1)  # of their choice, and of all that is drawn
    look: str = Field("", max_length=MAX_NAME)  # the model that a section on one model is about; empty: the first
    # First k
    kept: int | None = Field(None, ge=0, le=100_000)  # k; None: half of the latents that are alive
    codes: Literal["mean", "sampled"] = "mean"
    # Anomalies
    odd: Literal["bright", "dark", "erased", "noise", "blob"] = "bright"
    odd_size: float = Field(0.14, ge=0.01, le=1)  # side, as a share of the image's
    odd_strength: float = Field(1.0, ge=0.05, le=1)
    odd_row: float = Field(0.75, ge=0, le=1)  # of the image that is shown; of the others it is drawn
    odd_column: float = Field(0.75, ge=0, le=1)
    odd_score: str = Field("squared_error", max_length=40)
    odd_projection: bool = False
    # Plane
    plane_across: int | None = Field(None, ge=0, le=100_000)  # None: the latent of highest KL
    plane_up: int | None = Field(None, ge=0, le=100_000)  # None: the next one
    plane_layout: Literal["square", "polar"] = "square"
    plane_side: int = Field(9, ge=2, le=25)  # points a side; of a polar grid rays, and half as many rings
    plane_reach: float = Field(0.0, ge=0, le=10)  # 0: quantiles of the prior
    plane_others: Literal["image", "zero"] = "image"
    plane_row: float = Field(0.5, ge=0, le=1)  # output a
    plane_column: float = Field(0.5, ge=0, le=1)
    plane_row_b: float = Field(0.3, ge=0, le=1)
    plane_column_b: float | None = Field(None, ge=0, le=1)  # None: the middle, of what has no rows another place
    plane_region: int = Field(15, ge=1, le=1000)  # side of both outputs' squares, pixels
    plane_colour: Literal["magnification", "cos", "cross", "value"] = "magnification"
    # Concepts
    concept_classes: int = Field(4, ge=2, le=16)  # of a factor at most
    concept_factor: int | None = Field(None, ge=0, le=511)  # None: the one that is told best
    concept_axis: int | None = Field(None, ge=0, le=100_000)  # of that factor; None: the best one
    concept_with: int = Field(-1, ge=-1, le=511)  # -1: the best of the others
    # Paths
    path_steps: int = Field(9, ge=3, le=15)
    path_third: Image = 2000  # image C
    # Sequences
    frame: int = Field(0, ge=0, le=1000)
    frames: int = Field(20, ge=3, le=100)
    sequence: int = Field(0, ge=0, le=1000)
    # Intervene
    other: Image = 1000  # image B
    act: Literal["latent", "patch", "factor"] = "latent"
    act_latent: int | None = Field(None, ge=0, le=100_000)  # None: the one of highest KL
    act_by: float = Field(2.0, ge=-10, le=10)  # in standard deviations
    act_layer: str = Field("", max_length=20)  # empty: the decoder's first
    act_units: str = Field("", max_length=200, pattern=r"^[-0-9, ]*$")  # empty: all of them
    act_factor: int = Field(0, ge=0, le=511)
    act_value: int = Field(0, ge=0, le=10**6)
    # Pruning
    share: float = Field(0.4, ge=0, le=1)  # of weights that are zero
    left_out: int = Field(0, ge=0, le=100_000)  # latents, the lowest KL first
    part: Literal["both", "encoder", "decoder"] = "both"
    layers: bool = False  # the share is taken of each layer
    # Groups
    group_latents: tuple[Dimension, ...] = Field((), max_length=MAX_LATENTS)  # empty: the two of highest KL
    group_name: str = Field("", max_length=40)
    group_direction: Literal["even", "principal"] = "even"
    group_by: float = Field(2.0, ge=-4, le=4)
    # Search
    aim: Literal["image", "bright", "region", "dark"] = "image"
    aim_top: int = Field(0, ge=0, le=10**4)  # of the square that is to be bright or dark, in pixels
    aim_left: int = Field(0, ge=0, le=10**4)
    aim_size: int = Field(16, ge=1, le=10**4)
    kappa: float = Field(1.0, ge=0, le=1000)

    @field_validator("models")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value))

    @field_validator("group_latents", mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        """A URL has numbers separated by commas."""
        return value.split(",", MAX_LATENTS + 1) if isinstance(value, str) else value

    @field_validator("section")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in SECTIONS:
            raise ValueError(f"must be {', '.join(SECTIONS)}")
        return value


page = PageState("insight", InsightState, {"model": "models"})
