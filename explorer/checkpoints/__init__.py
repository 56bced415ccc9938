"""Checkpoints: save, load, describe, and where they are found."""

from __future__ import annotations

import importlib
from typing import Any

from explorer.checkpoints.catalogue import Entry, catalogue
from explorer.checkpoints.config import CheckpointConfig, Evaluation
from explorer.checkpoints.description import Checkpoint, Description, describe
from explorer.checkpoints.store import load, save
from explorer.recipe.model import ModelConfig

__all__ = [
    "Checkpoint",
    "CheckpointConfig",
    "Description",
    "Entry",
    "Evaluation",
    "ModelConfig",
    "adopt",
    "catalogue",
    "describe",
    "load",
    "save",
]


def __getattr__(name: str) -> Any:
    """`adopt`, which people know from here, lies with what brings models in, and that stands on this."""
    if name == "adopt":
        return importlib.import_module("explorer.importing.adoption").adopt
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
