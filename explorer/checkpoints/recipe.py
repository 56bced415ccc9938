"""A checkpoint's recipe in words, and the one answer to which β it has. Reads no weights but one; no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from explorer.checkpoints.config import CheckpointConfig, says_objective
from explorer.checkpoints.description import Description
from explorer.checkpoints.training_log import last_logged
from explorer.datasets.names import DATASETS
from explorer.errors import UserError
from explorer.recipe.samples import told
from explorer.words import number
from models.kinds import LIKELIHOODS, NETWORKS, OBJECTIVES, Role, normalised

MOST_LETTERS = 60  # of what tells a model from others


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


def source_of(config: CheckpointConfig) -> Source:
    """Where the model's images come from.

    Raises:
        UserError: the checkpoint does not say, or names what is not here.
    """
    channels, height, width = config.shape
    size = height if height == width else None
    training = config.recipe
    if training is not None and "data" in (config.training or {}):
        name, root, split = training.data, training.root, training.split
    elif config.data is not None:
        name, root, split = config.data, None, "train"
    else:
        raise UserError("the checkpoint does not say which images it was trained on")
    if name not in DATASETS:
        raise UserError(f"the checkpoint was trained on {name!r:.80}, which is no data set here")
    return Source(name, root, split, size, channels)


@dataclass(frozen=True)
class Price:
    """Which β a model has, and how that is known.

    Attributes:
        role: see `models.kinds.Objective`; "unknown" where no recipe says the objective.
        value: β; of the role "part" the weight of that part. None where there is none, or it isn't known.
        normalised: β·D/(C·H·W), where β weighs the whole KL.
        words: all that is to be said of it.
    """

    role: Role | Literal["unknown"]
    value: float | None
    normalised: float | None
    words: str

    @property
    def whole(self) -> float | None:
        """β, where it weighs the whole KL."""
        return self.value if self.role in ("set", "found") else None


def price(config: CheckpointConfig, path: Path, beta: float | None = None) -> Price:
    """Which β the checkpoint at `path` has: set by hand, found as a multiplier, the weight of one term, or none.

    One that was found is the last of the log of training. `beta` is the one at which a model for every β is meant.
    Raises UserError where the recipe can't be read.
    """
    if beta is not None and config.betas is not None:
        norm = normalised(beta, config.latents, config.shape)
        low, high = config.betas
        words = f"β = {number(beta)} of every β from {low:g} to {high:g}, β·D/(C·H·W) = {number(norm)}"
        return Price("set", beta, norm, words)
    training = config.recipe
    if training is None:
        return Price("unknown", None, None, "β unknown: the checkpoint has no recipe")
    if not says_objective(training):
        return Price("unknown", None, None, "β unknown: the checkpoint's recipe doesn't say it")
    kind, settings = OBJECTIVES[training.objective], training.of_objective
    said = kind.beta.format(**settings)
    if kind.role == "none":
        return Price("none", None, None, said)
    if kind.role == "found":
        value = last_logged(path, "beta")
        if value is None:
            why = f"β was {said}, and no log of the training is here that tells it"
            return Price("found", None, None, why)
    else:
        value = settings["beta"]
    if kind.role == "part":
        words = f"β = {value:g} {said}, so that β·D/(C·H·W) says nothing"
        return Price("part", value, None, words)
    norm = normalised(value, config.latents, config.shape)
    shown = f"β = {value:g}" if kind.role == "set" else f"β = {number(value)}, {said}"
    return Price(kind.role, value, norm, f"{shown}, β·D/(C·H·W) = {number(norm)}")


def objective(config: CheckpointConfig) -> str:
    """What was minimised, in words."""
    training = config.recipe
    if training is None or not says_objective(training):
        return "objective unknown"
    kind, settings = OBJECTIVES[training.objective], training.of_objective
    return kind.loss.format(**settings) + kind.motion(settings)


def in_short(config: CheckpointConfig) -> str:
    """What the model is in one plain sentence, such as "Beta-VAE, β = 4, trained on dSprites."."""
    try:
        trained_on = source_of(config).title
    except UserError:
        known = config.objective
        return f"Beta-VAE, {known}." if known else "Beta-VAE; it doesn't say how it was trained."
    parts = ["Beta-VAE", config.objective, f"trained on {trained_on}"]
    return f"{', '.join(part for part in parts if part)}."


def told_apart(models: Sequence[tuple[CheckpointConfig, float | None]]) -> list[str]:
    """What tells each of these models from the others, such as "β = 16, seed 1"; all empty where that doesn't do it.

    A model is its config and, of one for every β, the β at which it is meant.
    """
    texts = [_distinguishing(config, beta) for config, beta in models]
    differing = [place for place, values in enumerate(zip(*texts, strict=True)) if len(set(values)) > 1]
    for count in range(1, len(differing) + 1):  # as few as do
        found = [", ".join(filter(None, (text[place] for place in differing[:count]))) for text in texts]
        if len(set(found)) == len(found):
            return found if all(0 < len(words) <= MOST_LETTERS for words in found) else [""] * len(found)
    return [""] * len(texts)


def _distinguishing(config: CheckpointConfig, beta: float | None) -> list[str]:
    """What may tell models apart, in the order of what matters; empty where it isn't known."""
    try:
        training, data = config.recipe, source_of(config).title
    except UserError:
        training, data = None, ""
    if training is None or not says_objective(training):
        return [data, "", config.network, f"D = {config.latents}", config.likelihood, "", "", ""]
    kind, settings = OBJECTIVES[training.objective], training.of_objective
    return [
        data,
        f"β = {beta:g}" if beta is not None else config.objective,
        config.network,
        f"D = {config.latents}",
        config.likelihood,
        f"{training.total_steps:,} steps",
        kind.motion(settings).removeprefix(", "),
        f"seed {training.seed}",
    ]


def implied_variance(description: Description) -> str:
    """The σ² that the decoder's squared error is weighed with once β is taken into it, or why none."""
    config = description.config
    kind = LIKELIHOODS[config.likelihood]
    if kind.variance == "none":
        return f"{kind.title} likelihood: β implies no σ²"
    if kind.variance == "set":
        variance, said = config.sigma**2, f"σ = {config.sigma:g}"
    else:
        log_sigma = _learned_log_sigma(description)
        variance, said = math.exp(2 * log_sigma), f"learned σ = {number(math.exp(log_sigma))}"
    beta = price(config, description.path, description.beta).whole
    if beta is None:
        return f"{kind.title} likelihood, {said}: no β on the whole KL, so none that implies a σ²"
    return f"{kind.title} likelihood, {said}: implied σ² = β·σ² = {number(beta * variance)}"


def lines(config: CheckpointConfig) -> list[str]:
    """The recipe line by line: network, likelihood, data, steps, seed."""
    channels, height, width = config.shape
    samples = f"images: {height} × {width} px, {'grey' if channels == 1 else f'{channels} channels'}"
    if config.samples is not None:
        samples = f"samples: {told(config.shape, config.samples)}"
    found = [f"network: {NETWORKS[config.network].title}, D = {config.latents}", samples]
    training = config.recipe
    given = config.training or {}
    name = given.get("data", config.data)  # a recipe from elsewhere may say less than one of this program
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
