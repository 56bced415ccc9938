"""Strangers' text in Markdown, and numbers in words."""

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
    shown = "".join(
        char if char.isprintable() or char in JOINERS else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )
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


def number(value: float, digits: int = 3) -> str:
    """A number with `digits` significant digits, without an exponent where that stays short."""
    text = f"{value:.{digits}g}"
    if "e" not in text:
        return text
    return f"{value:,.0f}" if 1 <= abs(value) < 1e7 else text


def size(count: int) -> str:
    """Bytes in words, in units of 1000."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} bytes"


def duration(seconds: float) -> str:
    """Seconds in words, two units at the most."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.1f} days"
