"""The one exception whose text is written for the person in front of the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
        message = _in_line(_plainly(item))
        if item["type"] != "missing" and name:
            message = f"{message} (given: {_short(item['input'])})"
        complaints.append(f"{name}: {message}" if name else message)
    if len(complaints) > MOST_COMPLAINTS:
        more = len(complaints) - MOST_COMPLAINTS
        complaints = [*complaints[:MOST_COMPLAINTS], f"and {more} more"]
    return "; ".join(complaints)


# pydantic's own messages in plain words, by its name for the error; braces are filled from what it knows of the bound.
PLAIN = {
    "missing": "is missing",
    "extra_forbidden": "is not a setting that exists here",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "literal_error": "must be {expected}",
    "string_too_long": "must have at most {max_length} letters",
    "string_too_short": "must have at least {min_length} letters",
    "too_long": "must have at most {max_length} items",
    "too_short": "must have at least {min_length} items",
    "finite_number": "must be a finite number",
    "none_required": "must be left out",
    "string_pattern_mismatch": "is not written as it has to be, {pattern}",
}
FAMILIES = {  # the same for the beginning of that name: int_parsing, int_type, int_from_float
    "float": "must be a number",
    "int": "must be a whole number",
    "bool": "must be true or false",
    "string": "must be text",
    "list": "must be a list",
    "tuple": "must be a list",
    "dict": "must be a table of names and values",
    "model": "must be a table of names and values",
    "mapping": "must be a table of names and values",
}


def _plainly(item: Mapping[str, Any]) -> str:
    """What is wrong, in plain words where they are known, else as pydantic says it."""
    known = PLAIN.get(item["type"]) or FAMILIES.get(item["type"].partition("_")[0])
    if known is not None:
        return known.format_map({name: _bound(value) for name, value in item.get("ctx", {}).items()})
    message = str(item["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _bound(value: object) -> str:
    return f"{value:,.10g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _in_line(message: str, ends: int = 200) -> str:
    """A message on one line; of one that quotes something endless its beginning and its end."""
    line = " ".join(message.split())
    return line if len(line) <= 3 * ends else f"{line[:ends]} … {line[-ends:]}"


def _short(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
