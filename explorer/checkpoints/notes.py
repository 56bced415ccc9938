"""What a person keeps with a model besides its numbers: its name, tags and notes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from explorer import paths
from explorer.errors import UserError, in_words
from explorer.files import read_json, write_json
from explorer.naming import MAX_NAME

FILE = "notes.json"
MAX_TAGS, MAX_TEXT = 20, 4000
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]


class Notes(BaseModel):
    """`name` is empty where the model is called as its folder."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field("", max_length=MAX_NAME)
    tags: tuple[Tag, ...] = Field((), max_length=MAX_TAGS)
    text: str = Field("", max_length=MAX_TEXT)


def read_notes(checkpoint: Path) -> Notes:
    """What is kept with the checkpoint in a directory; nothing where it can't be read."""
    file = notes_file(checkpoint)
    try:
        return Notes.model_validate(read_json(file)) if file.is_file() else Notes()
    except (UserError, ValidationError, OSError):
        return Notes()


def write_notes(checkpoint: Path, **values: object) -> Notes:
    """Change some of what is kept with a checkpoint. Raises UserError on what can't be used or written."""
    try:
        notes = Notes.model_validate({**read_notes(checkpoint).model_dump(), **values})
    except ValidationError as error:
        raise UserError(in_words(error)) from error
    tags = tuple(dict.fromkeys(notes.tags))
    notes = notes.model_copy(update={"tags": tags})
    write_json(notes_file(checkpoint), notes.model_dump(mode="json"))
    return notes


def notes_file(checkpoint: Path) -> Path:
    """Beside the weights; for a shipped model, which belongs to the program, in the person's own folder."""
    if checkpoint.parent == paths.PRETRAINED:
        return paths.home() / "notes" / f"{checkpoint.name}.json"
    return checkpoint / FILE
