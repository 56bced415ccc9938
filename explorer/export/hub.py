"""A checkpoint as a folder in the Hugging Face layout: config.json, model.safetensors, README.md.

The names that a person gave to dimensions go with it, as labels.json.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from explorer.checkpoints import Checkpoint
from explorer.checkpoints.card import card
from explorer.checkpoints.labels import Labels, read_labels, write_labels
from explorer.checkpoints.store import WEIGHTS
from explorer.errors import UserError
from explorer.files import write_atomic


def write_hub_folder(checkpoint: Checkpoint, target: Path) -> Path:
    """Copy the three files of a checkpoint, its labels if it has any, and nothing else, into the new folder `target`.

    Raises:
        UserError: there is something at `target` already, or it can't be written.
    """
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UserError(f"{target} is there already; choose a folder that isn't")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
            stage = Path(folder) / target.name
            stage.mkdir()
            for name in ("config.json", WEIGHTS):
                shutil.copyfile(checkpoint.path / name, stage / name)
            text = checkpoint.path / "README.md"
            if text.is_file():
                shutil.copyfile(text, stage / "README.md")
            else:
                content = card(checkpoint.name, checkpoint.config).encode()
                write_atomic(stage / "README.md", content)
            labels = read_labels(checkpoint.path)
            if labels != Labels():
                write_labels(stage, labels)
            stage.rename(target)  # onto an empty folder it succeeds, onto a full one it fails
    except OSError as error:
        raise UserError(f"{target} can't be written: {error.strerror or error}") from error
    return target
