"""Files that can be made again, each named by what it was made from; one that can't be read is not there."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from explorer import paths
from explorer.errors import UserError
from explorer.files import read_regular, write_atomic

MOST_IN_A_FILE = 64 << 20  # bytes


@dataclass(frozen=True)
class Cache:
    """A folder under the home's cache, and what it may hold: so many bytes, so many files like `pattern`."""

    name: str = ""
    most_bytes: float = math.inf
    most_files: float = math.inf
    pattern: str = "*"

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return paths.cache() / self.name

    def read(self, file: str) -> bytes | None:
        """What was kept as `file`; None where nothing is, or nothing that can be read."""
        with suppress(UserError):
            return read_regular(self.folder / file, MOST_IN_A_FILE) or None
        return None

    def write(self, file: str, content: bytes) -> None:
        """Keep `content` as `file`, whole or not at all."""
        with suppress(UserError):
            write_atomic(self.folder / file, content)
            self.tidy()

    def tidy(self) -> None:
        """Remove the oldest files until the rest fits."""
        with suppress(OSError):
            known = [(path.stat(), path) for path in self.folder.glob(self.pattern) if path.is_file()]
            total, count = sum(status.st_size for status, _ in known), len(known)
            for status, path in sorted(known, key=lambda item: item[0].st_mtime):
                if total > self.most_bytes or count > self.most_files:
                    path.unlink(missing_ok=True)
                    total, count = total - status.st_size, count - 1
