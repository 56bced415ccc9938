"""Checkpoints: save, load, describe, and where they are found."""

from explorer.checkpoints.adoption import adopt
from explorer.checkpoints.catalogue import Entry, catalogue
from explorer.checkpoints.config import CheckpointConfig, Evaluation
from explorer.checkpoints.store import Checkpoint, Description, describe, load, save
from explorer.recipe.model import ModelConfig

__all__ = [
    "Checkpoint", "CheckpointConfig", "Description", "Entry", "Evaluation", "ModelConfig",
    "adopt", "catalogue", "describe", "load", "save",
]  # fmt: skip
