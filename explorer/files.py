"""Files that are never half-written: each is made beside its place, flushed, and renamed over it."""

from __future__ import annotations

import json
import math
import os
import stat
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

from filelock import FileLock, Timeout

from explorer.errors import UserError

TAIL_BYTES = 4000

ABANDONED = 24 * 3600.0  # seconds after which a folder that was never filled is swept up
MOST_DIGITS = 300  # of a whole number: so many still are a float
PATIENCE = 10.0  # seconds to wait for another change
MAX_DIRECTORY = 64 << 20  # bytes of the list of entries in a zip file
COMMENT = 65_535  # the longest that may follow the end record of one
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
            raise UserError(f"{path} is not there" if not path.exists() else f"{path} is not a file")
        if path.stat().st_size > limit:
            raise UserError(f"{path} has {path.stat().st_size:,} bytes, more than the {limit:,} allowed")
        text = path.read_text(encoding="utf-8")
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole)
        if "\\ud" in text.lower():  # half of a pair can be neither printed nor sent
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is not JSON: {error}") from error


def move(path: Path, to: Path) -> None:
    """Rename a file or a folder, into a folder that is made where it isn't there. Raises UserError."""
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        if to != path:
            path.rename(to)
    except OSError as error:
        raise UserError(f"{path} can't be moved to {to}: {error.strerror or error}") from error


def subfolders(root: Path) -> list[Path]:
    """The folders in `root` that are not hidden; none where it can't be looked into, or is gone in this moment."""
    try:
        with os.scandir(root) as found:
            return [root / item.name for item in found if not item.name.startswith(".") and item.is_dir()]
    except OSError:
        return []


@contextmanager
def folder_lock(folder: Path, what: str, lock: str = ".changing") -> Iterator[None]:
    """One at a time changes what lies in a folder, which is made where it isn't there.

    Args:
        what: what lies there, in words.
        lock: the name of the file whose lock is taken.

    Raises:
        UserError: another change doesn't end, or nothing can be changed there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / lock, timeout=PATIENCE):
            yield
    except Timeout as error:
        raise UserError(f"another change of {what} is going on: try again in a moment") from error
    except OSError as error:
        raise UserError(f"{folder} can't be changed: {error.strerror or error}") from error


def open_regular(path: Path, limit: int, root: Path | None = None) -> BinaryIO:
    """Open a file of a stranger for reading: a regular one of at most `limit` bytes, never a pipe or a device.

    Args:
        root: the folder that the file must lie in, once symbolic links are followed.

    Raises:
        UserError: it is something else, too large, elsewhere, or can't be read; one sentence.
    """
    try:
        if root is not None and not path.resolve().is_relative_to(root.resolve()):
            raise UserError(f"{printable(path)} leads out of its folder")
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UserError(f"{printable(path)} is not a file")
            if status.st_size > limit:
                raise UserError(f"{printable(path)} has {status.st_size:,} bytes, more than the {limit:,} allowed")
            return os.fdopen(descriptor, "rb")
        except BaseException:
            os.close(descriptor)
            raise
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{printable(path)} is not there") from error
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"{printable(path)} can't be read: {getattr(error, 'strerror', None) or error}") from error


def read_regular(path: Path, limit: int, root: Path | None = None, count: int = -1) -> bytes:
    """The bytes of such a file, the first `count` of them where that is not below 0. Raises UserError alike."""
    with open_regular(path, limit, root) as opened:
        try:
            return opened.read(count)
        except OSError as error:  # a disk that fails, or what only looks like a file
            raise UserError(f"{printable(path)} can't be read: {error.strerror or error}") from error


def check_directory(file: IO[bytes], most: int) -> None:
    """Count the entries of a zip file before zipfile makes an object of each.

    Raises:
        ValueError: it has more than `most`, or no list of entries.
    """
    size = file.seek(0, 2)
    start = max(0, size - COMMENT - 22)
    file.seek(start)
    tail = file.read(COMMENT + 22)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise ValueError("it is cut short, or no archive: it has no list of entries at its end")
    length, end = struct.unpack_from("<L", tail, at + 12)[0], start + at
    if at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":  # zip64
        end = struct.unpack_from("<Q", tail, at - 12)[0]
        file.seek(min(end, size))
        record = file.read(56)
        if len(record) < 56 or record[:4] != b"PK\x06\x06":
            raise ValueError("its list of entries is damaged")
        length = struct.unpack_from("<Q", record, 40)[0]
        end = start + at - 20 - 56  # where zipfile takes it to be
    if length > MAX_DIRECTORY or length > max(end, 0):
        raise ValueError("its list of entries is damaged or too long")
    file.seek(end - length)
    directory, at, count = file.read(length), 0, 0
    while directory[at : at + 4] == b"PK\x01\x02" and at + 46 <= length:
        at += 46 + sum(struct.unpack_from("<HHH", directory, at + 28))
        count += 1
        if count > most:
            raise ValueError(f"it has more than {most:,} entries")
    file.seek(0)


def printable(path: str | Path) -> str:
    """A file's name as it can be printed: no control characters, no bytes that aren't text."""
    return "".join(char if char.isprintable() else "\ufffd" for char in str(path))


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number of {len(text):,} digits is too large")
    return int(text)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number that JSON has")


def tail(file: Path, size: int = TAIL_BYTES) -> str:
    """The last `size` bytes of a text file, from the start of a line; empty where there is none."""
    try:
        with open_regular(file, 1 << 62) as stream:
            length = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, length - size))
            text = stream.read(size).decode("utf-8", "replace")
    except (OSError, UserError):
        return ""
    return text.partition("\n")[2] if length > size else text
