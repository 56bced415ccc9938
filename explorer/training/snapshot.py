"""What a run saves, whole or not at all, and how it is put back as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from explorer import access
from explorer.checkpoints import save
from explorer.datasets.base import Dataset
from explorer.datasets.names import DATASETS
from explorer.errors import UserError
from explorer.files import write_atomic
from explorer.recipe.run import TrainConfig
from explorer.training.directory import RunDirectory
from models.beta_vae import BetaVAE
from models.kinds import OBJECTIVES, settings_of
from models.objectives import Objective


class Diverged(UserError):
    """The loss or the weights stopped being numbers."""


RECIPE = ["data", "network", "latents", "objective", "steps", "batch_size", "learning_rate", "seed"]
LOCAL = ["device", "step", "threads", "download"]


def recipe_of(config: TrainConfig) -> dict[str, Any]:
    """What made the model: the settings that name the run, and those that differ from the usual.

    A run that starts from a model takes from there what it isn't told: of such a one it is all settings.
    """
    named = config.model_dump(mode="json", include={*RECIPE, *config.of_objective})
    idle = settings_of(*OBJECTIVES.values()).keys() - config.of_objective.keys()
    told = {"exclude_defaults": True} if config.start is None else {"exclude": idle, "exclude_none": True}
    recipe = named | config.model_dump(mode="json", **told)
    # Where a public data set lies on this machine is nobody's business; own images need their place.
    if config.start is not None:
        recipe["start"] = Path(config.start).name
    unsaid = LOCAL if DATASETS[config.data].root_needed else [*LOCAL, "root"]
    return {name: value for name, value in recipe.items() if name not in unsaid}


def save_run(
    run: RunDirectory,
    config: TrainConfig,
    data: Dataset,
    model: BetaVAE,
    objective: Objective,
    optimiser: torch.optim.Adam,
    step: int,
    seconds: float,
    refused: str = "",
) -> None:
    """Save all that a resumed run needs, in one file that is replaced whole; then the model for others.

    refused: the fast way of running the networks that was tried on this device and is not used.
    """
    parameters = dict(model.named_parameters())
    for name, parameter in parameters.items():
        if not bool(torch.isfinite(parameter).all()):
            raise Diverged(f"at or before step {step} {name} stopped being finite; the last good checkpoint is kept")
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"objective.{name}": value for name, value in objective.state_dict().items()}
    for name, parameter in parameters.items():
        for key, value in optimiser.state.get(parameter, {}).items():
            tensors[f"adam.{name}.{key}"] = value
    cpu = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    about = {
        "step": step,
        "seconds": seconds,
        "threads": torch.get_num_threads(),
        "data": data.identity,
        "refused": refused,
    }
    weights = sum(parameter.nbytes for parameter in parameters.values())
    access.room_of_owner(run.path, weights + sum(tensor.nbytes for tensor in cpu.values()))
    write_atomic(run.resume_file, to_bytes(cpu, metadata={"about": json.dumps(about)}))
    save(model, run.checkpoint, training=recipe_of(config), samples=data.samples)


def restore_run(
    run: RunDirectory, data: Dataset, model: BetaVAE, objective: Objective, optimiser: torch.optim.Adam
) -> tuple[int, float, str]:
    """Put everything back as it was at the last save; its step, seconds and `refused` (see `save_run`)."""
    if not run.resume_file.is_file():
        return 0, 0.0, ""
    try:
        with safe_open(run.resume_file, framework="pt") as file:
            about = json.loads(file.metadata()["about"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if about["data"] != data.identity:
            raise UserError(
                f"the images of {data.name} are no longer those that the run in {run.path} was trained on; "
                "bring them back, or start another run"
            )
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "objective": {}, "adam": {}}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = tensor
        model.load_state_dict(parts["model"])
        objective.load_state_dict(parts["objective"])
        for name, parameter in model.named_parameters():
            prefix = f"{name}."
            kept = {k.removeprefix(prefix): v for k, v in parts["adam"].items() if k.startswith(prefix)}
            if kept:
                optimiser.state[parameter] = {key: _like(parameter, value) for key, value in kept.items()}
        if int(about["threads"]) != torch.get_num_threads():
            torch.set_num_threads(int(about["threads"]))
        return int(about["step"]), float(about["seconds"]), str(about.get("refused", ""))
    except UserError:
        raise
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
        raise UserError(f"{run.resume_file} can't be resumed from: {error}") from error


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """`value` in the layout and place that the optimiser would have given it."""
    if value.ndim == 0:
        return value.to(parameter.device).clone()
    return torch.empty_like(parameter).copy_(value)
