"""The command of a run, word by word, as a person would type it."""

from __future__ import annotations

import sys
from pathlib import Path

from explorer.training.config import TrainConfig


def settings(config: TrainConfig) -> list[str]:
    """The options of `train` that give this config; what is as usual is left out."""
    words = []
    for name, value in config.model_dump(mode="json", exclude_defaults=True).items():
        flag = f"--{name.replace('_', '-')}"
        # "--root=-x", since a value that begins with a dash would be taken for an option
        words.append(flag if value is True else f"{flag}={value}")
    return words


def train(run: Path, config: TrainConfig | None, queue: bool = True) -> list[str]:
    """Train in `run`; without a config, go on there.

    Args:
        queue: wait for a free place on the device.
    """
    chosen = ["--resume"] if config is None else settings(config)
    waits = ["--queue"] if queue else []
    return [sys.executable, "-m", "explorer", "train", *chosen, *waits, f"--out={run}"]
