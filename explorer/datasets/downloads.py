"""Downloads, through torchvision and only when asked; and where a data set was looked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from explorer.errors import UserError
from explorer.files import printable


def fetch_file(title: str, torchvision_name: str, root: Path, **options: Any) -> None:
    """Let torchvision's class `torchvision_name` download its files into `root` and check them.

    Raises:
        UserError: no connection, no room, a file that isn't what it should be; one sentence.
    """
    try:
        # Slow to import: only here.
        from torchvision import datasets  # type: ignore[import-untyped, unused-ignore]

        root.mkdir(parents=True, exist_ok=True)
        getattr(datasets, torchvision_name)(root, download=True, **options)
    except (OSError, RuntimeError, ValueError, ImportError, EOFError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{title} could not be fetched into {printable(root)}: {printable(reason)}") from error


def not_found(title: str, looked: Sequence[Path], wanted: str) -> UserError:
    """Where the data set was looked for, what is wanted there, and how to get it."""
    places = " or ".join(dict.fromkeys(printable(place) for place in looked))
    return UserError(f"{title} is not in {places}: put {wanted} there, or have it downloaded (--download)")
