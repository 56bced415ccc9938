"""specs.json of disentangling-vae (Dubois et al.): what a checkpoint's author says of its training."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explorer.errors import UserError, in_words
from explorer.files import open_regular, read_json
from explorer.recipe.model import ModelConfig

# Their name -> ours, and how many images it trains on; only where the images are the same ones.
DATA = {"dsprites": ("dsprites", 737_280), "mnist": ("mnist", 60_000), "fashion": ("fashion-mnist", 60_000)}

Count = Annotated[int, Field(ge=1, le=10_000_000)]
Weight = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Word = Annotated[str, Field(max_length=80, pattern=r"^[\w .+-]*$")]


class Specs(BaseModel):
    """The settings that matter here; the others are passed over. Names are the file's own."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    dataset: Word | None = None
    loss: Word | None = None
    rec_dist: Word = "bernoulli"
    model_type: Word = "Burgess"
    img_size: tuple[int, int, int] | None = None
    latent_dim: int | None = None
    epochs: Count | None = None
    batch_size: Count | None = None
    lr: Annotated[float, Field(gt=0, le=10)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    reg_anneal: Annotated[int, Field(ge=0, le=10**9)] | None = None
    betaH_B: Weight | None = None
    betaB_G: Weight | None = None
    betaB_initC: Weight | None = None
    betaB_finC: Weight | None = None
    btcvae_A: Weight | None = None
    btcvae_B: Weight | None = None
    btcvae_G: Weight | None = None
    factor_G: Weight | None = None

    def training(self) -> dict[str, Any] | None:
        """The settings of TrainConfig that say the same; None where this program has no such objective.

        A setting is left out where the file doesn't give it, or means something else by it.
        """
        objective = self._objective()
        if objective is None:
            return None
        found: dict[str, Any] = {"network": "burgess", "latents": self.latent_dim} | objective
        found |= {"batch_size": self.batch_size, "learning_rate": self.lr, "seed": self.seed}
        if self.dataset in DATA:
            name, images = DATA[self.dataset]
            found["data"] = name
            if self.img_size:
                found["size"] = self.img_size[1]
            if self.epochs and self.batch_size:
                found["steps"] = self.epochs * math.ceil(images / self.batch_size)
        return {key: value for key, value in found.items() if value is not None}

    def _objective(self) -> dict[str, Any] | None:
        rise = f"linear over={self.reg_anneal}" if self.reg_anneal else None
        match self.loss:
            case "VAE" | "betaH":  # β rises linearly over reg_anneal steps
                beta = 1.0 if self.loss == "VAE" else self.betaH_B
                if beta is None or beta < 0:
                    return None
                return {"objective": "beta", "beta": beta, "beta_schedule": rise}
            case "betaB":
                gamma, capacity = self.betaB_G, self.betaB_finC
                if gamma is None or capacity is None or self.betaB_initC or min(gamma, capacity) < 0:
                    return None
                return {
                    "objective": "capacity",
                    "gamma": gamma,
                    "capacity": capacity,
                    "capacity_schedule": None if self.reg_anneal is None else rise or "constant",
                }
            case "btcvae":  # what it anneals is the dimension-wise KL, which here has no ramp
                beta, gamma = self.btcvae_B, self.btcvae_G
                if beta is None or beta < 0 or (gamma is not None and gamma < 0):
                    return None
                return {"objective": "tc", "beta": beta, "tc_alpha": self.btcvae_A, "tc_gamma": gamma}
        return None

    def note(self, folder: str) -> str:
        """Where the model came from and how its training differs from what this program does."""
        parts = [
            f"Imported from {folder[:120]!r}, a checkpoint in the layout of disentangling-vae "
            "(Dubois et al.); it was trained by that program, not by this one."
        ]
        if self.loss == "btcvae":
            parts.append(
                "Its loss weighed the dimension-wise KL by γ rising from 0"
                + (f" over {self.reg_anneal:,} steps" if self.reg_anneal else "")
                + ", and estimated the total correlation with other minibatch weights than are used here."
            )
        elif self.loss and self._objective() is None:
            gamma = f", γ = {self.factor_G:g}," if self.loss == "factor" and self.factor_G else ""
            parts.append(f"Its loss, {self.loss!r}{gamma} has no counterpart here.")
        if self.dataset and self.dataset not in DATA:
            parts.append(f"Its images, {self.dataset!r}, were prepared in a way that this program doesn't repeat.")
        return " ".join(parts)

    def table(self) -> str:
        """What the file says, as a section of the model card."""
        lines = ["", "## How it was trained", "", "As its specs.json says:", ""]
        lines += ["| setting | value |", "|---|---|"]
        unused = {"VAE": "", "betaH": "betaH", "betaB": "betaB", "factor": "factor", "btcvae": "btcvae"}
        for key, value in self.model_dump(exclude_none=True).items():
            head = key.partition("_")[0]
            if head in unused and head != unused.get(self.loss or ""):
                continue  # a setting of another loss
            lines.append(f"| {key} | {value} |")
        return "\n".join(lines) + "\n"


def read_specs(path: Path, model: ModelConfig, root: Path | None = None) -> Specs | None:
    """What specs.json says, None where there is no such file.

    Raises:
        UserError: it can't be read, contradicts the weights, or names a model that isn't known here.
    """
    if not path.exists():
        return None
    open_regular(path, 1 << 20, root).close()
    value = read_json(path)
    if not isinstance(value, dict):
        raise UserError(f"{path} is not a table of settings")
    try:
        specs = Specs.model_validate(value)
    except ValidationError as error:
        raise UserError(f"{path}: {in_words(error)}") from error
    if specs.rec_dist != "bernoulli":
        raise UserError(
            f"{path}: rec_dist is {specs.rec_dist!r}; only models with 'bernoulli' can be imported, "
            "since the others' decoder has no counterpart here"
        )
    if specs.model_type != "Burgess":
        raise UserError(f"{path}: model_type is {specs.model_type!r}; only 'Burgess' can be imported")
    if specs.img_size is not None and specs.img_size != model.shape:
        raise UserError(f"{path}: img_size is {specs.img_size}, the weights are for {model.shape}")
    if specs.latent_dim is not None and specs.latent_dim != model.latents:
        raise UserError(f"{path}: latent_dim is {specs.latent_dim}, the weights have {model.latents} latents")
    return specs
