"""Strangers' text in Markdown."""

from __future__ import annotations

import re
import string
from pathlib import PurePath

from explorer.naming import JOINERS

_PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")
# Streamlit turns :name: into an emoji or an icon after Markdown is parsed, so a backslash doesn't help.
_SHORTCODE = re.compile(r":(?=[\w+\-/]+:)")
# So it does with what looks like the address of a page or a person: the place where each is broken.
_LINK = re.compile(r"(?i)(?<=@)(?=[\w-]+\.)|(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=www)(?=\.)")


def plain(text: str, limit: int = 600) -> str:
    """`text` for a Markdown element, so that it is read as it is written: nothing in it takes effect."""
    shown = "".join(char if char.isprintable() or char in JOINERS else "\N{REPLACEMENT CHARACTER}" for char in text)
    if len(shown) > limit:
        shown = shown[: limit - 1] + "…"
    shown = _SHORTCODE.sub(":\N{ZERO WIDTH SPACE}", shown)
    shown = _LINK.sub("\N{ZERO WIDTH SPACE}", shown)
    return _PUNCTUATION.sub(r"\\\1", shown)


def sentence(error: Exception | str) -> str:
    """An error's text as a sentence for a Markdown element."""
    text = str(error).strip()
    text = text[:1].upper() + text[1:]
    return plain(text if text.endswith((".", "!", "?", "…")) else f"{text}.")


def file_name(name: str) -> str:
    """The name of an uploaded file without its folders, of plain characters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return re.sub(r"[^\w.+-]", "-", last).lstrip(".")[:100] or "model"


def stem(name: str) -> str:
    """The same without its ending."""
    return PurePath(file_name(name)).stem or "model"
