"""What a model or a set of images may be called, and the folder that is made for such a name.

Any text can be a name: it is kept as it was written, and only ever shown as text. A folder is called by the
name itself where every file system takes that; else by its plain letters and a hash.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable

from explorer.errors import UserError

MAX_NAME = 300
PLAIN = re.compile(r"[A-Za-z0-9_+=-](?:[A-Za-z0-9_.+= -]{0,98}[A-Za-z0-9_+=-])?")
DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # Windows has them in every folder
# Joiners that emoji and some scripts are written with, and marks of direction that end with their letter.
JOINERS = "\u200c\u200d\u200e\u200f"


def check_name(text: str, of: str = "model") -> str:
    """The name, in Unicode's composed form. Raises UserError where the text can't be one."""
    name = unicodedata.normalize("NFC", text)
    shown = "".join(char for char in name if char not in JOINERS)
    if (
        not shown.strip()
        or name != name.strip()
        or name.startswith(".")
        or len(name) > MAX_NAME
        or not shown.isprintable()
    ):
        short = text if len(text) <= 60 else f"{text[:59]}…"
        raise UserError(
            f"{short!r} can't be the name of a {of}: a name has 1 to {MAX_NAME} letters, none of them "
            "invisible, and begins neither with a dot nor with a blank"
        )
    return name


def read_name(value: object) -> str:
    """A name that stands in a file; "" where it is none that could have been given."""
    try:
        return value if isinstance(value, str) and check_name(value) == value else ""
    except UserError:
        return ""


def folder_name(name: str, taken: Callable[[str], bool] = lambda folder: False) -> str:
    """What the folder of a name is called; with a number behind it where that is `taken`."""
    if PLAIN.fullmatch(name) and not DEVICES.fullmatch(name):
        folder = name
    else:
        letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        letters = re.sub(r"[^A-Za-z0-9]+", "-", letters).strip("-")[:40] or "model"
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
        folder = f"{letters}-{digest}"
    return first_free(folder, taken)


def first_free(name: str, taken: Callable[[str], bool], between: str = "-") -> str:
    """The name itself, or with the first number behind it that is not `taken`."""
    candidates = (name if number == 1 else f"{name}{between}{number}" for number in range(1, 1 << 30))
    return next(candidate for candidate in candidates if not taken(candidate))
