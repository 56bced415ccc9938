"""Every setting of a training run: one model that checks the form, the command line and config.json."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from explorer.checkpoints.config import ModelConfig

DEVICE_PATTERN = r"^(auto|cpu|mps|cuda(:\d{1,3})?)$"
MAX_STEPS = 100_000_000


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


def _model(value: Any) -> Any:
    """A text may be a stranger's: whether there is such a folder is not looked at (`starting.config_from` does)."""
    return _absolute(value) if isinstance(value, os.PathLike) else value


class TrainConfig(BaseModel):
    """A training run, whole. Raises pydantic's ValidationError on a value that can't be used."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: str = Field("dsprites", description="Data set: dsprites, scene, mnist, …, folder, npz.")
    root: Annotated[str | None, BeforeValidator(_absolute)] = Field(
        None, description="Where the data lies: a folder, or an .npz file."
    )
    split: str = Field("train", description="Part of the data set to train on.")
    size: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Height and width of the images in pixels; the data's own if left out.",
    )
    channels: Annotated[Literal[1, 3] | None, BeforeValidator(_number)] = Field(
        None, description="1 for grey, 3 for colour; the data's own if left out."
    )  # fmt: skip
    download: bool = Field(False, description="Fetch the data set if it is not on this machine.")

    start: Annotated[str | None, BeforeValidator(_model)] = Field(
        None,
        max_length=500,
        description="Model to go on from, a name or a path: its network and weights, and its recipe for what is "
        "left out.",
    )
    network: Literal["burgess", "locatello", "mlp", "compact", "linear", "layers"] = Field(
        "compact",
        description="Encoder and decoder; compact is the fast one, layers those of an imported model.",
    )
    latents: int = Field(10, ge=1, le=512, description="Number of latent dimensions.")
    likelihood: Literal["bernoulli", "gaussian", "optimal-gaussian"] = Field(
        "bernoulli", description="p(x|z) of a pixel; optimal-gaussian learns its σ (σ-VAE)."
    )
    sigma: float = Field(
        0.1, gt=0, le=10, description="σ of the gaussian likelihood, pixels in [0, 1]."
    )

    objective: Literal["beta", "constrained", "capacity", "tc"] = Field(
        "beta",
        description="beta: β chosen by hand; constrained: ε chosen, β found as its multiplier; "
        "capacity: γ·|KL − C|; tc: β-TCVAE.",
    )
    beta: float = Field(4.0, ge=0, le=1e6, description="β of the objectives beta and tc.")
    warmup: Literal["none", "linear", "cyclical", "falling"] = Field(
        "none", description="How β comes up from 0, or falls from beta_start (objective beta)."
    )
    warmup_steps: int = Field(
        0, ge=0, description="Length of a linear or falling warm-up of β, in steps."
    )
    beta_start: float = Field(
        100.0, gt=0, le=1e6, description="β at the start of a falling warm-up."
    )
    cycles: int = Field(4, ge=1, le=1000, description="Cycles of a cyclical warm-up.")
    epsilon: float = Field(12.0, ge=0, le=1e4, description="ε in nats: the constraint is KL < ε.")
    dual_rate: float = Field(
        0.002,
        gt=0,
        le=1,
        description="How fast the dual ascent moves log β: a step, a nat of KL − ε (at ε = 16, faster for less).",
    )
    gamma: float = Field(100.0, ge=0, le=1e6, description="γ of the objective capacity.")
    capacity: float = Field(25.0, ge=0, le=1e4, description="C at the end of its ramp, in nats.")
    capacity_steps: int | None = Field(
        None, ge=0, description="Length of C's ramp from 0 in steps; 70 % of the run if left out."
    )
    tc_alpha: float = Field(
        1.0, ge=-100, le=1e6, description="Weight of the mutual information (tc)."
    )
    tc_gamma: float = Field(1.0, ge=0, le=1e6, description="Weight of the dimension-wise KL (tc).")

    steps: int = Field(20_000, ge=1, le=MAX_STEPS, description="Optimiser steps.")
    images: int | None = Field(
        None, ge=1, description="Images to train on; wins over steps: steps = images / batch size."
    )
    batch_size: int = Field(64, ge=1, le=65_536, description="Images a step.")
    learning_rate: float = Field(1e-3, gt=0, le=10, description="Adam's rate at its highest.")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "constant",
        description="How the rate comes down to final_rate over the last part of the run.",
    )
    decay_from: float = Field(
        0.5, ge=0, lt=1, description="Part of the run after which the rate starts to come down."
    )
    final_rate: float = Field(
        0.05, ge=0, le=1, description="Rate at the end, as a part of the highest."
    )
    clip: float | None = Field(
        None, gt=0, description="Largest norm of the gradient; none if left out."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="bfloat16 computes the network in mixed precision (autocast)."
    )
    seed: int = Field(0, ge=0, le=2**63 - 1, description="Seed of weights, batches and noise.")
    device: str = Field(
        "auto",
        pattern=DEVICE_PATTERN,
        description="auto, cpu, cuda, cuda:1 or mps.",
    )
    step: Literal["auto", "plain", "compiled", "graphed"] = Field(
        "auto",
        description="How the networks run: plain; compiled by torch.compile; graphed, recorded as CUDA "
        "graphs. auto is graphed on CUDA and plain elsewhere.",
    )
    threads: int | None = Field(
        None, ge=1, le=1024, description="CPU threads; torch's choice if left out."
    )

    log_every: int = Field(50, ge=1, description="Steps between lines of the training log.")
    eval_every: int = Field(500, ge=1, description="Steps between evaluations on held-out images.")
    eval_images: int = Field(
        512, ge=1, le=100_000, description="Held-out images, never trained on."
    )
    save_every: int = Field(1000, ge=1, description="Steps between checkpoints.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.objective == "tc" and self.batch_size < 3:
            raise ValueError(
                "batch_size must be at least 3 for the objective tc, which compares images"
            )
        if self.total_steps > MAX_STEPS:
            raise ValueError(
                f"images must come to at most {MAX_STEPS:,} steps, not {self.total_steps:,}"
            )
        known = {"beta": ("linear", "cyclical", "falling"), "tc": ("linear",)}.get(
            self.objective, ()
        )
        if self.warmup not in ("none", *known):
            raise ValueError(f"warmup {self.warmup} is not for the objective {self.objective}")
        if self.warmup in ("linear", "falling") and not self.warmup_steps:
            raise ValueError(f"warmup_steps must be given with a {self.warmup} warm-up")
        if self.warmup == "falling" and not self.beta:
            raise ValueError("beta must be above 0 for a falling warm-up, which goes by factors")
        return self

    @property
    def total_steps(self) -> int:
        """Steps of the whole run, from `images` where that is given."""
        return math.ceil(self.images / self.batch_size) if self.images else self.steps

    def same_run(self, other: TrainConfig) -> bool:
        """Whether both train the same weights: they may differ in where data and machine are."""
        local = {"root", "download", "device"}
        return self.model_dump(exclude=local) == other.model_dump(exclude=local)

    def model(self, shape: tuple[int, int, int]) -> ModelConfig:
        """The model that this run trains on images of `shape` (channels, height, width)."""
        return ModelConfig(
            network=self.network, shape=shape, latents=self.latents,
            likelihood=self.likelihood, sigma=self.sigma,
        )  # fmt: skip
