"""The one exception whose text is written for the person in front of the screen."""

from __future__ import annotations

from pydantic import ValidationError

MOST_COMPLAINTS = 12  # about one value that are said


class UserError(ValueError):
    """Something the person gave can't be used. The message is one sentence: what, where, what is right."""


def out_of_memory(error: BaseException) -> UserError | None:
    """What to say where memory ran out, in Python or in torch; None where the error is another."""
    text = str(error)
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
        return UserError("the memory is too small for that; smaller images, batches or networks need less")
    return None


def in_words(error: ValidationError) -> str:
    """Say each complaint of a pydantic model as `name: what is wrong (given: value)`, in one line."""
    complaints = []
    for item in error.errors(include_url=False):
        name = ".".join(str(part)[:60] for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        message = _in_line(message[:1].lower() + message[1:])
        if item["type"] == "missing":
            message = "is missing"
        elif item["type"] == "extra_forbidden":
            message = "is not a setting that exists here"
        if item["type"] != "missing" and name:
            message = f"{message} (given: {_short(item['input'])})"
        complaints.append(f"{name}: {message}" if name else message)
    if len(complaints) > MOST_COMPLAINTS:
        more = len(complaints) - MOST_COMPLAINTS
        complaints = [*complaints[:MOST_COMPLAINTS], f"and {more} more"]
    return "; ".join(complaints)


def _in_line(message: str, ends: int = 200) -> str:
    """A message on one line; of one that quotes something endless its beginning and its end."""
    line = " ".join(message.split())
    return line if len(line) <= 3 * ends else f"{line[:ends]} … {line[-ends:]}"


def _short(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
