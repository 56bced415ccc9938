"""A checkpoint's recipe in words, and what its β comes to. Reads no weights but one and needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydantic import ValidationError

from explorer.checkpoints import CheckpointConfig, Description
from explorer.datasets.names import DATASETS
from explorer.errors import UserError, in_words
from explorer.training import TrainConfig
from explorer.ui.text import number

NETWORKS = {
    "burgess": "Burgess et al. 2018",
    "locatello": "Locatello et al. 2019",
    "mlp": "fully connected (Higgins et al. 2017)",
    "compact": "compact",
    "linear": "linear",
}
IMPORTED = {
    "layers": "layers as they were imported",
    "graph": "ONNX as it was imported",
}  # what is not trained here


@dataclass(frozen=True)
class Source:
    """The images that belong to a model: the arguments of `open_dataset`, and a title for sentences."""

    name: str
    root: str | None
    split: str
    size: int | None
    channels: int

    @property
    def title(self) -> str:
        """Such as "dSprites" or "MNIST (test)"."""
        info = DATASETS[self.name]
        return info.title if self.split == info.splits[0] else f"{info.title} ({self.split})"


def training_of(config: CheckpointConfig) -> TrainConfig | None:
    """The settings of the run that made the model; None where the checkpoint has none.

    Raises:
        UserError: it has some, but not such as this program writes.
    """
    if not config.training:
        return None
    try:
        return TrainConfig.model_validate(config.training)
    except ValidationError as error:
        raise UserError(f"the checkpoint's recipe can't be read: {in_words(error)}") from error


def source_of(config: CheckpointConfig) -> Source:
    """Where the model's images come from.

    Raises:
        UserError: the checkpoint does not say, or names what is not here.
    """
    channels, height, width = config.shape
    size = height if height == width else None
    training = training_of(config)
    if training is not None and "data" in (config.training or {}):
        name, root, split = training.data, training.root, training.split
    elif config.data is not None:
        name, root, split = config.data, None, "train"
    else:
        raise UserError("the checkpoint does not say which images it was trained on")
    if name not in DATASETS:
        raise UserError(f"the checkpoint was trained on {name!r:.80}, which is no data set here")
    return Source(name, root, split, size, channels)


def objective(config: CheckpointConfig) -> str:
    """What was minimised, in words."""
    training = training_of(config)
    if training is None:
        return "objective unknown"
    match training.objective:
        case "beta":
            warmup = {
                "none": "",
                "linear": f", β rising from 0 over {training.warmup_steps:,} steps",
                "cyclical": f", β rising from 0 in {training.cycles} cycles",
                "falling": f", β falling from {training.beta_start:g} "
                f"over {training.warmup_steps:,} steps",
            }
            return f"−E[log p(x|z)] + β·KL{warmup[training.warmup]}"
        case "constrained":
            return f"−E[log p(x|z)] subject to KL < {training.epsilon:g} nats"
        case "capacity":
            return f"−E[log p(x|z)] + {training.gamma:g}·|KL − {training.capacity:g} nats|"
    return "β-TCVAE: the total correlation weighted by β"


def beta(config: CheckpointConfig) -> str:
    """β with β·D/(C·H·W) beside it, or why there is none."""
    training = training_of(config)
    if training is None:
        return "β unknown: the checkpoint has no recipe"
    if training.objective == "constrained":
        return "β was found by the constraint"
    if training.objective == "capacity":
        return f"γ = {training.gamma:g} in place of β"
    if training.objective == "tc":
        return f"β = {training.beta:g} on the total correlation alone, so that β·D/(C·H·W) says nothing"
    normalised = training.beta * config.latents / math.prod(config.shape)
    return f"β = {training.beta:g}, β·D/(C·H·W) = {number(normalised)}"


def implied_variance(description: Description) -> str:
    """The σ² that the decoder's squared error is weighed with once β is taken into it, or why none."""
    config = description.config
    training = training_of(config)
    if config.likelihood == "bernoulli":
        return "Bernoulli likelihood: β implies no σ²"
    if config.likelihood == "gaussian":
        variance, said = config.sigma**2, f"σ = {config.sigma:g}"
    else:
        log_sigma = _learned_log_sigma(description)
        variance, said = math.exp(2 * log_sigma), f"learned σ = {number(math.exp(log_sigma))}"
    if training is None or training.objective != "beta":
        return f"Gaussian likelihood, {said}: no β on the whole KL, so none that implies a σ²"
    return f"Gaussian likelihood, {said}: implied σ² = β·σ² = {number(training.beta * variance)}"


def lines(config: CheckpointConfig) -> list[str]:
    """The recipe line by line: network, likelihood, data, steps, seed."""
    channels, height, width = config.shape
    pixels = f"{height} × {width} px, {'grey' if channels == 1 else f'{channels} channels'}"
    found = [
        f"network: {(NETWORKS | IMPORTED)[config.network]}, D = {config.latents}",
        f"images: {pixels}",
    ]
    training = training_of(config)
    given = config.training or {}
    name = given.get(
        "data", config.data
    )  # a recipe from elsewhere may say less than one of this program
    if isinstance(name, str):
        info = DATASETS.get(name)
        data = [info.title if info else name]
        if training is not None and {"steps", "images"} & given.keys():
            data.append(f"{training.total_steps:,} steps of {training.batch_size:,}")
        if training is not None and "seed" in given:
            data.append(f"seed {training.seed}")
        found.append(f"data: {', '.join(data)}")
    return found + [f"doubtful: {doubt}" for doubt in config.doubts]


def _learned_log_sigma(description: Description) -> float:
    from safetensors import SafetensorError, safe_open

    weights = description.path / "model.safetensors"
    try:
        with safe_open(weights, framework="np") as file:
            value = float(file.get_tensor("likelihood.log_sigma"))
            return min(max(value, -50.0), 50.0)
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise UserError(f"the learned σ of {weights} can't be read: {error}") from error
