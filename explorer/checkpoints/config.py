"""What a checkpoint's config.json may hold. Knows nothing of torch, so that pages read it at once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from explorer import roots
from explorer.errors import UserError, in_words
from explorer.recipe.model import ModelConfig
from explorer.recipe.run import TrainConfig
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
    evaluation: Evaluation | None = None
    note: str | None = Field(default=None, max_length=2000)
    doubts: tuple[Annotated[str, Field(max_length=400)], ...] = Field(default=(), max_length=20)

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

    @property
    def objective(self) -> str:
        """The recipe in a few words, such as "β = 4" or "γ = 100, C = 10 nats"; empty where unknown."""
        found = self._recipe
        if not isinstance(found, TrainConfig):
            return ""
        if not says_objective(found):
            return ""
        return OBJECTIVES[found.objective].short.format(**found.of_objective)
