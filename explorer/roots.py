"""The places of own images that a person of this home has named: only these are opened without being asked for again.

A recipe that comes with somebody else's checkpoint may name any folder, or a machine on the network. What it names
is not looked at, not even for whether it is there.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from explorer import paths
from explorer.errors import UserError
from explorer.files import folder_lock, read_json, write_json

FILE = "roots.json"
MOST, LONGEST = 10_000, 4096


def remember(root: str) -> None:
    """Note that a person named a place. Where that can't be written, it is asked for again next time."""
    if not root or len(root) > LONGEST or is_named(root):
        return
    with suppress(UserError), folder_lock(paths.home(), "the places of images", ".roots"):
        names = [*_names(paths.home() / FILE, _stamp(paths.home() / FILE)), root]
        write_json(paths.home() / FILE, names[-MOST:])


def is_named(root: object) -> bool:
    """Whether a person of this home named a place."""
    file = paths.home() / FILE
    return isinstance(root, str) and root in _names(file, _stamp(file))


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


@lru_cache(maxsize=4)
def _names(file: Path, stamp: tuple[int, int, int] | None) -> tuple[str, ...]:
    if stamp is None:
        return ()
    try:
        value = read_json(file, MOST * LONGEST)
    except UserError:
        return ()
    return tuple(name for name in value if isinstance(name, str)) if isinstance(value, list) else ()
