"""Train on from a model: what it fixes of a run's settings, and which of them its recipe gives. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from explorer.checkpoints import Description, describe
from explorer.errors import UserError
from explorer.recipe import versions
from explorer.recipe.model import OF_LIKELIHOODS
from explorer.recipe.run import TrainConfig
from models.kinds import LIKELIHOODS, NETWORKS, settings_of

# No run changes them.
OF_MODEL = ("network", "latents", "likelihood", *OF_LIKELIHOODS, "size", "channels")
NOT_TAKEN = {"root", "device", "threads", "download", "step", "images", "start"}  # of a recipe


def config_from(name: str, chosen: Mapping[str, Any]) -> TrainConfig:
    """The run that goes on from the model `name`: what is chosen, else as the model's own recipe has it.

    Raises:
        UserError: there is no such model, it can't be trained, it doesn't say its images and nobody else does,
            or what is chosen can't be with it.
    """
    base = recipe_from(name)
    if "data" not in base and "data" not in chosen:
        raise UserError(f"{name} does not say which images it was trained on: give --data")
    if chosen.get("data", base.get("data")) != base.get("data"):
        base = {k: v for k, v in base.items() if k not in ("split", "root")}
    config = TrainConfig.model_validate(base | dict(chosen) | {"start": _from_anywhere(name)})
    check_start(config)
    return config


def _from_anywhere(name: str) -> str:
    """A path as other folders know it; a name stays a name, also one that is longer than any file's."""
    with suppress(OSError):
        if Path(name).is_dir():
            return str(Path(name).absolute())
    return name


def recipe_from(name: str) -> dict[str, Any]:
    """The settings that the model `name` fixes, and those that its recipe gives, each good by itself.

    Raises:
        UserError: there is no such model, or it can't be trained.
    """
    found = _trainable(name)
    recipe = versions.shown(found.config.training or {})
    if found.config.data is not None:
        recipe.setdefault("data", found.config.data)
    root = recipe.get("root")  # read_config has left only one that a person of this home named
    taken = {k: v for k, v in recipe.items() if k in TrainConfig.model_fields and k not in NOT_TAKEN}
    if isinstance(root, str):
        taken["root"] = root
    try:
        plain = TrainConfig.model_validate(taken)
    except ValidationError:  # a recipe from elsewhere: what images it speaks of may still be right
        data = recipe.get("data")
        taken = {"data": data} if isinstance(data, str) else {}
        plain = TrainConfig.model_validate(taken)
    fixed = _fixed(found)
    return {k: getattr(plain, k) for k in taken if k not in OF_MODEL} | fixed | {"start": name}


def check_start(config: TrainConfig) -> None:
    """Raise UserError where a run can't start from the model that it names."""
    if config.start is None:
        if NETWORKS[config.network].source != "here":
            raise UserError(f"network {config.network} is that of an imported model: give the model with --from")
        return
    for name, value in _fixed(_trainable(config.start)).items():
        given = getattr(config, name)
        if given != value and not (name in ("size", "channels") and given is None):
            raise UserError(
                f"{name} is {value} in {config.start} and can't be {given}: a run that starts from a model "
                "keeps its network"
            )


def _trainable(name: str) -> Description:
    found = describe(name)
    if not NETWORKS[found.config.network].trains:
        raise UserError(
            f"{name} is a graph of ONNX, which is run as it is and can't be trained on: import the model from its "
            "state dict, whose layers can"
        )
    return found


def _fixed(found: Description) -> dict[str, Any]:
    channels, height, width = found.config.shape
    fixed: dict[str, Any] = {
        "network": found.config.network,
        "latents": found.config.latents,
        "likelihood": found.config.likelihood,
        "channels": channels,
    }
    if height == width:  # of others the data's own size is right, or nothing is
        fixed["size"] = height
    of_likelihood = settings_of(LIKELIHOODS[found.config.likelihood])
    return fixed | {name: getattr(found.config, name) for name in of_likelihood}
