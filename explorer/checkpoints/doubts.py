"""What speaks against how an imported model was read, kept in its config.json until a person settles it."""

from __future__ import annotations

from pathlib import Path

from explorer import access
from explorer.checkpoints.config import CheckpointConfig
from explorer.errors import UserError
from explorer.files import read_json, write_atomic, write_json


def card_section(doubts: tuple[str, ...]) -> str:
    """A section of the model card; empty where nothing is doubtful."""
    if not doubts:
        return ""
    return "\n## Doubtful\n\nHow its weights were read is not certain:\n\n" + "".join(
        f"- {doubt}\n" for doubt in doubts
    )


def sentence_of(config: CheckpointConfig) -> str:
    """The doubts in one line; empty where there is none."""
    return "doubtful: " + "; ".join(config.doubts) if config.doubts else ""


def settle_doubts(folder: Path) -> tuple[str, ...]:
    """Take the doubts off a checkpoint, since a person looked at it; returns what they were.

    Raises:
        UserError: it can't be read or written, or who asks may not.
    """
    access.require("label", folder)
    value = read_json(folder / "config.json")
    if not isinstance(value, dict):
        raise UserError(f"{folder / 'config.json'} is not a checkpoint's")
    doubts = tuple(str(doubt) for doubt in value.pop("doubts", []) or [])
    if doubts:
        write_json(folder / "config.json", value)
        card = folder / "README.md"
        if card.is_file():
            text = card.read_text(encoding="utf-8", errors="replace")
            write_atomic(card, text.replace(card_section(doubts), "").encode())
    return doubts
