"""Every setting of a training run: one model that checks the form, the command line and config.json."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from explorer.recipe import versions
from explorer.recipe.fields import ScheduleText, one_of, with_settings
from explorer.recipe.model import OF_LIKELIHOODS, LikelihoodName, ModelConfig
from models import schedules
from models.kinds import LIKELIHOODS, NETWORKS, OBJECTIVES, settings_of, values_of
from models.schedules import SCHEDULES, Schedule

DEVICE_PATTERN = r"^(auto|cpu|mps|cuda(:\d{1,3})?)$"
MAX_STEPS = 100_000_000
OF_OBJECTIVES = settings_of(*OBJECTIVES.values())
if TYPE_CHECKING:
    NetworkName = str
    ObjectiveName = str
else:
    NetworkName = one_of(name for name, network in NETWORKS.items() if network.trains)
    ObjectiveName = one_of(OBJECTIVES)


def _hints(table: dict[str, Any], of: str) -> str:
    return "; ".join(f"{name}: {getattr(kind, of)}" for name, kind in table.items()) + "."


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _absolute(value: Any) -> Any:
    """A run is looked at from other folders than the one it was started in."""
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        return value
    try:
        return str(Path(value).expanduser().absolute())
    except RuntimeError as error:  # ~nobody
        raise ValueError(f"is not a path: {error}") from error


def _device(value: str) -> str:
    if not re.fullmatch(DEVICE_PATTERN, value):
        raise ValueError("must be auto, cpu, mps, cuda, or one of several such as cuda:1")
    return value


def _model(value: Any) -> Any:
    """A text may be a stranger's: whether there is such a folder is not looked at (`starting.config_from` does)."""
    return _absolute(value) if isinstance(value, os.PathLike) else value


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: str = Field("dsprites", description="Data set: dsprites, scene, mnist, …, folder, npz.")
    root: Annotated[str | None, BeforeValidator(_absolute)] = Field(
        None, description="Where the data lies: a folder, or an .npz file."
    )
    split: str = Field("train", description="Part of the data set to train on.")
    size: int | None = Field(
        None, ge=1, le=1024, description="Height and width of the images in pixels; the data's own if left out."
    )
    channels: Annotated[Literal[1, 3] | None, BeforeValidator(_number)] = Field(
        None, description="1 for grey, 3 for colour; the data's own if left out."
    )
    download: bool = Field(False, description="Fetch the data set if it is not on this machine.")

    start: Annotated[str | None, BeforeValidator(_model)] = Field(
        None,
        max_length=500,
        description="Model to go on from, a name or a path: its network and weights, and its recipe for what is "
        "left out.",
    )
    network: NetworkName = Field(
        "compact", description="Encoder and decoder; compact is the fast one, layers those of an imported model."
    )
    latents: int = Field(10, ge=1, le=512, description="Number of latent dimensions.")
    likelihood: LikelihoodName = Field("bernoulli", description=f"p(x|z) of a pixel. {_hints(LIKELIHOODS, 'about')}")


if TYPE_CHECKING:
    _WithLikelihood = _Data
else:
    _WithLikelihood = with_settings("_WithLikelihood", _Data, OF_LIKELIHOODS)


class _Objective(_WithLikelihood):
    objective: ObjectiveName = Field("beta", description=_hints(OBJECTIVES, "hint"))


if TYPE_CHECKING:
    _WithObjective = _Objective
else:
    _WithObjective = with_settings("_WithObjective", _Objective, OF_OBJECTIVES)


class TrainConfig(_WithObjective):
    """A training run, whole. Raises pydantic's ValidationError on a value that can't be used.

    The settings of objectives and likelihoods stand beside the others under their own names, as in a shell or
    a URL. Those that the chosen ones don't have may be given and count for nothing.
    """

    if TYPE_CHECKING:  # the settings that the tables have

        def __init__(self, **settings: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...

    steps: int = Field(20_000, ge=1, le=MAX_STEPS, description="Optimiser steps.")
    images: int | None = Field(
        None, ge=1, description="Images to train on; wins over steps: steps = images / batch size."
    )
    batch_size: int = Field(64, ge=1, le=65_536, description="Images a step.")
    learning_rate: float = Field(1e-3, gt=0, le=10, description="Adam's rate at its highest.")
    rate_schedule: ScheduleText = Field(
        "constant",
        description=f"How Adam's rate moves: {', '.join(SCHEDULES)}, and their details, as cosine to=x0.05 begin=50%.",
    )
    clip: float | None = Field(None, gt=0, description="Largest norm of the gradient; none if left out.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="bfloat16 computes the network in mixed precision (autocast)."
    )
    seed: int = Field(0, ge=0, le=2**63 - 1, description="Seed of weights, batches and noise.")
    device: Annotated[str, AfterValidator(_device)] = Field("auto", description="auto, cpu, cuda, cuda:1 or mps.")
    step: Literal["auto", "plain", "compiled", "graphed"] = Field(
        "auto",
        description="How the networks run: plain; compiled by torch.compile; graphed, recorded as CUDA "
        "graphs. auto is graphed on CUDA and plain elsewhere.",
    )
    threads: int | None = Field(None, ge=1, le=1024, description="CPU threads; torch's choice if left out.")

    log_every: int = Field(50, ge=1, description="Steps between lines of the training log.")
    eval_every: int = Field(500, ge=1, description="Steps between evaluations on held-out images.")
    eval_images: int = Field(512, ge=1, le=100_000, description="Held-out images, never trained on.")
    save_every: int = Field(1000, ge=1, description="Steps between checkpoints.")

    @model_validator(mode="before")
    @classmethod
    def _as_written_today(cls, given: Any) -> Any:
        return versions.current(given) if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        objective = OBJECTIVES[self.objective]
        if self.batch_size < objective.least_batch:
            raise ValueError(
                f"batch_size must be at least {objective.least_batch} for the objective {self.objective}, "
                "which compares images"
            )
        if (objective.paired or objective.labelled) and self.batch_size % 2:
            raise ValueError(f"batch_size must be even for the objective {self.objective}: a batch has two halves")
        if self.total_steps > MAX_STEPS:
            raise ValueError(f"images must come to at most {MAX_STEPS:,} steps, not {self.total_steps:,}")
        if self.betas is not None and self.betas[0] >= self.betas[1]:
            raise ValueError(f"the lowest β, {self.betas[0]:g}, must be below the highest, {self.betas[1]:g}")
        for name, schedule in self.schedules.items():
            try:
                schedule.check(getattr(self, name), self.total_steps)
            except ValueError as error:
                raise ValueError(f"{name} {getattr(self, name):g}: {error}") from error
        return self

    @model_serializer(mode="wrap")
    def _without_idle(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What belongs to kinds that are not chosen is left out."""
        mine = settings_of(OBJECTIVES[self.objective], LIKELIHOODS[self.likelihood])
        idle = (OF_OBJECTIVES.keys() | OF_LIKELIHOODS.keys()) - mine.keys()
        return {name: value for name, value in handler(self).items() if name not in idle}

    @property
    def of_objective(self) -> dict[str, Any]:
        """The settings that belong to the objective, by name."""
        return values_of(OBJECTIVES[self.objective], vars(self))

    @property
    def schedules(self) -> dict[str, Schedule]:
        """How the numbers of the objective and the learning rate move, by the number's name."""
        of_objective = OBJECTIVES[self.objective].schedules(vars(self))
        return of_objective | {"learning_rate": schedules.read(self.rate_schedule)}

    @property
    def still(self) -> bool:
        """Whether β, where the objective has one, is the same from the first step to the last."""
        return OBJECTIVES[self.objective].schedules(vars(self)).get("beta", schedules.CONSTANT) == schedules.CONSTANT

    @property
    def total_steps(self) -> int:
        """Steps of the whole run, from `images` where that is given."""
        return math.ceil(self.images / self.batch_size) if self.images else self.steps

    @property
    def betas(self) -> tuple[float, float] | None:
        """Lowest and highest β of a model that is trained for every β between them; None of others."""
        between = OBJECTIVES[self.objective].between
        return None if between is None else (getattr(self, between[0]), getattr(self, between[1]))

    def same_run(self, other: TrainConfig) -> bool:
        """Whether both train the same weights: they may differ in where data and machine are."""
        local = {"root", "download", "device"}
        return self.model_dump(exclude=local) == other.model_dump(exclude=local)

    def model(self, shape: tuple[int, int, int]) -> ModelConfig:
        """The model that this run trains on images of `shape` (channels, height, width)."""
        return ModelConfig(
            network=self.network,
            shape=shape,
            latents=self.latents,
            likelihood=self.likelihood,
            betas=self.betas,
            **{name: getattr(self, name) for name in OF_LIKELIHOODS},
        )
