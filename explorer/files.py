"""Files that are never half-written: each is made beside its place, flushed, and renamed over it."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from explorer.errors import UserError

PARTIAL = ".partial"  # ends the names of files that are being written


def write_atomic(path: Path, content: bytes) -> None:
    """Write `content` at `path`: a reader sees the old file or the new one, whole.

    Raises:
        UserError: the file can't be written there (no permission, disk full, read-only).
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(PARTIAL, f".{path.name}.", path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
        temporary = None
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON at `path`, atomically; NaN and infinities are refused by ValueError."""
    write_atomic(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def read_json(path: Path, limit: int = 1 << 20) -> Any:
    """The JSON value in `path`, which must be a regular file of at most `limit` bytes.

    Raises:
        UserError: no such file, not a regular file, too large, or not JSON; one sentence.
    """
    try:
        if not path.is_file():
            raise UserError(
                f"{path} is not there" if not path.exists() else f"{path} is not a file"
            )
        if path.stat().st_size > limit:
            raise UserError(
                f"{path} has {path.stat().st_size:,} bytes, more than the {limit:,} allowed"
            )
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is not JSON: {error}") from error


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number that JSON has")
