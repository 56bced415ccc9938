"""The command of a run, word by word, as a person would type it."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from explorer.errors import UserError
from explorer.recipe.run import TrainConfig
from explorer.training.warm_start import recipe_from


def settings(config: TrainConfig) -> list[str]:
    """The options of `train` that give this config; what is as usual is left out.

    With a model to start from, what is left out is as that model's recipe has it: "" means none there.
    """
    words = []
    given = config.model_dump(mode="json", exclude_defaults=True)
    if config.start is not None:
        whole = config.model_dump(mode="json")
        with suppress(UserError):  # gone: the run will say so
            given |= {name: whole[name] for name in recipe_from(config.start)}
    for name, value in given.items():
        # "--root=-x", since a value that begins with a dash would be taken for an option
        said = "" if value is None else value
        words.append(flag(name) if value is True else f"{flag(name)}={said}")
    return words


def flag(name: str) -> str:
    """The option of a setting."""
    return "--from" if name == "start" else f"--{name.replace('_', '-')}"


def train(run: Path, config: TrainConfig | None, queue: bool = True) -> list[str]:
    """Train in `run`; without a config, go on there.

    Args:
        queue: wait for a free place on the device.
    """
    chosen = ["--resume"] if config is None else settings(config)
    waits = ["--queue"] if queue else []
    return [sys.executable, "-m", "explorer", "train", *chosen, *waits, f"--out={run}"]
