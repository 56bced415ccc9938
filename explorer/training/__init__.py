"""One training run: its settings, the loop, and the directory it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer.recipe.run import TrainConfig

if TYPE_CHECKING:
    from explorer.training.loop import train

__all__ = ["TrainConfig", "train"]


def __getattr__(name: str) -> object:  # the loop needs torch, which takes seconds to import
    if name == "train":
        from explorer.training.loop import train

        return train
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
