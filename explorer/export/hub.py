"""A checkpoint as a folder in the Hugging Face layout, and its way to the hub.

config.json, model.safetensors, README.md (the card, with the lines that load it) and modeling.py (the network in
plain PyTorch); the names that a person gave to dimensions go with it, as labels.json.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from explorer import access
from explorer.checkpoints import Checkpoint
from explorer.checkpoints.card import card
from explorer.checkpoints.description import WEIGHTS
from explorer.checkpoints.labels import Labels, read_labels, write_labels
from explorer.checkpoints.store import load, save_at_beta
from explorer.errors import UserError
from explorer.export import plain
from explorer.export.onnx import write_onnx
from explorer.files import write_atomic
from explorer.importing.remote_files import REPOSITORY, from_hub

MAX_CARD_BYTES = 1 << 20


def write_hub_folder(checkpoint: Checkpoint, target: Path) -> Path:
    """Write the files of a checkpoint that others need, and nothing else, into the new folder `target`.

    Of a model for every β these are the files of the plain one at its β.

    Raises:
        UserError: there is something at `target` already, or it can't be written.
    """
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UserError(f"{target} is there already; choose a folder that isn't")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name[:40]}.", dir=target.parent) as folder:
            stage = Path(folder) / target.name
            stage.mkdir()
            if checkpoint.beta is not None:
                checkpoint = load(save_at_beta(checkpoint, Path(folder) / f"{target.name}.plain"))
            for name in ("config.json", WEIGHTS):
                shutil.copyfile(checkpoint.path / name, stage / name)
            write_atomic(stage / "README.md", _card(checkpoint).encode())
            if checkpoint.config.network == "graph":
                write_onnx(checkpoint, stage / "decoder.onnx")
            write_atomic(stage / plain.FILE, plain.plain_torch(checkpoint).encode())
            labels = read_labels(checkpoint.path)
            if labels != Labels():
                write_labels(stage, labels)
            stage.rename(target)  # onto an empty folder it succeeds, onto a full one it fails
    except OSError as error:
        raise UserError(f"{target} can't be written: {error.strerror or error}") from error
    return target


def _card(checkpoint: Checkpoint) -> str:
    """The model's own card, or a new one, with how it is loaded."""
    file = checkpoint.path / "README.md"
    text = ""
    if file.is_file() and file.stat().st_size <= MAX_CARD_BYTES:
        text = file.read_text(encoding="utf-8", errors="replace")
    text = text or card(checkpoint.name, checkpoint.config)
    return text if "\n## Load it\n" in text else text + plain.card_section(checkpoint)


def push(checkpoint: Checkpoint, repository: str, token: str | None = None, private: bool = True) -> str:
    """Put a checkpoint on the Hugging Face hub, and return the address of its page.

    Args:
        checkpoint: the model.
        repository: OWNER/NAME; it is made where it isn't there yet.
        token: with the right to write; where left out, HF_TOKEN or what `hf auth login` keeps.
        private: whether a new repository is only for its owner.

    Raises:
        UserError: not an id, no token, no network, not allowed; one sentence.
    """
    access.require("push")
    if not REPOSITORY.fullmatch(repository) or ".." in repository:
        raise UserError(f"{repository[:120]!r} is not the id of a repository; an id is OWNER/NAME")
    try:
        from huggingface_hub import HfApi, get_token
    except ImportError as error:
        raise UserError("the hub is reached with huggingface_hub: pip install huggingface_hub") from error
    token = token or get_token()
    if not token:
        raise UserError(
            "pushing needs a token of the hub with the right to write: set HF_TOKEN, or run `hf auth login`"
        )
    with tempfile.TemporaryDirectory(prefix="explorer-push-") as folder:
        made = write_hub_folder(checkpoint, Path(folder) / "model")
        with from_hub(f"the repository {repository}"):
            api = HfApi(token=token)
            url = api.create_repo(repository, private=private, exist_ok=True)
            api.upload_folder(
                repo_id=repository, folder_path=made, commit_message="Upload a Beta-VAE with Beta-VAE Explorer"
            )
    return str(url)
