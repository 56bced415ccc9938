"""Where things lie: shipped models, the person's own models, runs and data."""

from __future__ import annotations

import os
from pathlib import Path

from explorer.errors import UserError

PROJECT = Path(__file__).resolve().parent.parent
PRETRAINED = PROJECT / "models" / "pretrained"
# A folder that was cloned holds what the person makes with it; where the program is installed, only itself.
INSTALLED = not (PROJECT / "pyproject.toml").is_file()
COMMAND = "beta-vae-explorer" if INSTALLED else "python -m explorer"


def home() -> Path:
    """The folder that holds what the person makes.

    BETA_VAE_HOME says which; else it is the clone of the project, or the person's own data folder where the program is
    installed.
    """
    chosen = os.environ.get("BETA_VAE_HOME") or ("" if INSTALLED else PROJECT)
    if chosen:
        return absolute(chosen)
    import platformdirs  # a clone does without

    return absolute(platformdirs.user_data_path("beta-vae-explorer"))


def absolute(path: str | os.PathLike[str]) -> Path:
    """The whole path of what a person wrote, `~` included. Raises UserError on one that can't be."""
    try:
        return Path(path).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{os.fspath(path)!r:.200} is not a path: {error}") from error


def runs() -> Path:
    """One folder a training run."""
    return home() / "runs"


def library() -> Path:
    """Models that were imported or kept."""
    return home() / "library"


def cache() -> Path:
    """What can be made again at any time."""
    return home() / "cache"


def data() -> Path:
    """Where data sets are looked for, and downloaded to when asked."""
    return home() / "data"
