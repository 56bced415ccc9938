"""The same functions from a shell: python -m explorer ... One file a command, called like it."""

from explorer.cli import (
    beta,
    compare,
    estimate,
    evaluate,
    export,
    health,
    images,
    import_model,
    insight,
    library,
    measure,
    multiplier,
    push,
    runs,
    sweep,
    train,
    traverse,
)
from explorer.cli.group import main

__all__ = [
    "beta",
    "compare",
    "estimate",
    "evaluate",
    "export",
    "health",
    "images",
    "import_model",
    "insight",
    "library",
    "main",
    "measure",
    "multiplier",
    "push",
    "runs",
    "sweep",
    "train",
    "traverse",
]
