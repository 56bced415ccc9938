"""What a checkpoint's config.json may hold. Knows nothing of torch, so that pages read it at once."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from explorer import roots
from explorer.errors import UserError, in_words
from explorer.recipe.model import ModelConfig
from explorer.recipe.run import TrainConfig
from explorer.recipe.samples import Samples
from models.kinds import OBJECTIVES

LARGEST = 1e18  # of a number in a recipe
LARGEST_SEED = 2**63 - 1  # and of a whole one, as any seed is
ACTIVE_VARIANCE = 0.01  # of µ over images; a dimension with more is active (Burda et al. 2015)
Finite = Annotated[float, Field(allow_inf_nan=False)]


def says_objective(recipe: TrainConfig) -> bool:
    """Whether a recipe says the number that its objective is known by, or the objective itself where it has none.

    One from elsewhere may not; then the objective is not known.
    """
    swept = OBJECTIVES[recipe.objective].swept
    return (swept.name if swept else "objective") in recipe.model_fields_set


class Evaluation(BaseModel):
    """Numbers measured with the very weights beside them; nats an image, sampled latents."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    data: str
    split: str = "train"
    count: int = Field(ge=1)
    seed: int
    reconstruction: Finite
    kl: Finite
    kl_per_dimension: tuple[Finite, ...]
    active_units: int
    activity: tuple[Finite, ...] | None = None  # Var(µ) of each dimension (Burda et al. 2015)
    mig: Finite | None = None


class FirstImage(BaseModel):
    """The image of the data set that a model is first shown from, and its posterior's mean `(D,)`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    image: int = Field(ge=0, le=10**9)
    mean: tuple[Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)], ...]


class CurvePoint(BaseModel):
    """What a model for every β costs at one of them, on the images of its evaluation; nats an image."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    beta: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    reconstruction: Finite
    kl_per_dimension: tuple[Finite, ...]
    activity: tuple[Finite, ...]  # Var(µ) of each dimension

    @property
    def rate(self) -> float:
        """KL of all dimensions, in nats."""
        return math.fsum(self.kl_per_dimension)


def between(curve: Sequence[CurvePoint], beta: float) -> CurvePoint:
    """The curve at a β: its two neighbours, by their share on a log scale; an end where β lies beyond it."""
    place = bisect(curve, beta, key=lambda point: point.beta)
    low, high = curve[max(place - 1, 0)], curve[min(place, len(curve) - 1)]
    share = 0.0 if low is high else math.log(beta / low.beta) / math.log(high.beta / low.beta)

    def mixed(a: Sequence[float], b: Sequence[float]) -> tuple[float, ...]:
        return tuple(x + share * (y - x) for x, y in zip(a, b, strict=True))

    return CurvePoint(
        beta=beta,
        reconstruction=mixed([low.reconstruction], [high.reconstruction])[0],
        kl_per_dimension=mixed(low.kl_per_dimension, high.kl_per_dimension),
        activity=mixed(low.activity, high.activity),
    )


def _hold_small(value: Any, depth: int = 0) -> int:
    """How many values there are. Raises ValueError where they are not such as a recipe holds."""
    if isinstance(value, str) and len(value) > 4096:
        raise ValueError("a text in it has more than 4,096 letters")
    most = LARGEST if isinstance(value, float) else LARGEST_SEED
    if isinstance(value, int | float) and not abs(value) <= most:
        raise ValueError(f"a number in it is not finite, or beyond {LARGEST:g}")
    if not isinstance(value, dict | list | tuple):
        return 1
    if depth > 4:
        raise ValueError("it is nested more than five deep")
    items = [*value, *value.values()] if isinstance(value, dict) else value
    count = sum(_hold_small(item, depth + 1) for item in items) + 1
    if count > 2000:
        raise ValueError("it holds more than 2,000 values")
    return count


class CheckpointConfig(ModelConfig):
    """config.json: the model, how it was made, and what was measured on it."""

    format: Literal["beta-vae-explorer"] = "beta-vae-explorer"
    version: Literal[1] = 1
    program: str | None = Field(default=None, max_length=40)  # version of the program that wrote it
    training: dict[str, Any] | None = None
    data: str | None = Field(default=None, max_length=80)  # where no recipe names the images
    samples: Samples | None = None  # what the model's samples are; None: images
    evaluation: Evaluation | None = None
    curve: tuple[CurvePoint, ...] | None = Field(default=None, min_length=2, max_length=200)  # of a model for every β
    first_image: FirstImage | None = None  # None: it is shown from the prior's mean
    note: str | None = Field(default=None, max_length=2000)
    doubts: tuple[Annotated[str, Field(max_length=400)], ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _samples_of_its_shape(self) -> Self:
        if self.samples is not None and not self.samples.fits(self.shape):
            raise ValueError(f"samples don't fit the model's shape {self.shape}")
        channels, _, width = self.shape
        if self.samples is None and (channels not in (1, 3) or width > 1024):
            raise ValueError(f"shape: images have 1 or 3 channels and at most 1,024 pixels a side, not {self.shape}")
        return self

    @field_validator("training", mode="after")
    @classmethod
    def _as_plain(cls, training: dict[str, Any] | None) -> dict[str, Any] | None:
        """Settings are few and their numbers finite; a place is kept only where a person of this home named it."""
        if training is None:
            return None
        _hold_small(training)
        if not roots.is_named(training.get("root")):
            training = {name: value for name, value in training.items() if name != "root"}
        return training

    @property
    def model(self) -> ModelConfig:
        """The part that the network is built from."""
        return ModelConfig(**self.model_dump(include=set(ModelConfig.model_fields)))

    @cached_property
    def _recipe(self) -> TrainConfig | UserError | None:
        if not self.training:
            return None
        try:
            return TrainConfig.model_validate(self.training)
        except ValidationError as error:
            return UserError(f"the checkpoint's recipe can't be read: {in_words(error)}")

    @property
    def recipe(self) -> TrainConfig | None:
        """The settings of the run that made the model; None where it says none.

        Its `model_fields_set` are those that the checkpoint says, the others are as usual.

        Raises:
            UserError: it says some, but not such as this program writes.
        """
        found = self._recipe
        if isinstance(found, UserError):
            raise UserError(str(found))
        return found

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("_recipe", None)
        return copied

    def evaluation_at(self, beta: float | None) -> Evaluation | None:
        """What was measured with the model as it is at `beta`: of one for every β, between the points of its curve."""
        known = self.evaluation
        if known is None or beta is None or self.curve is None:
            return known
        point = between(self.curve, beta)
        return known.model_copy(
            update={
                "reconstruction": point.reconstruction,
                "kl": point.rate,
                "kl_per_dimension": point.kl_per_dimension,
                "active_units": sum(value > ACTIVE_VARIANCE for value in point.activity),
                "activity": point.activity,
                "mig": None,
            }
        )

    @property
    def objective(self) -> str:
        """The recipe in a few words, such as "β = 4" or "γ = 100, C = 10 nats"; empty where unknown."""
        found = self._recipe
        if not isinstance(found, TrainConfig):
            return ""
        if not says_objective(found):
            return ""
        return OBJECTIVES[found.objective].short.format(**found.of_objective)
