"""Folders in which something is made before it is moved to its place: `.incoming-*`, each as long as its maker lives.

A lock beside each is held by the process that fills it, so that whatever a killed process left is known at once,
by anybody and whatever the clock says.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from explorer.errors import UserError
from explorer.files import ABANDONED

PREFIX = ".incoming-"
LOCK = ".lock"  # ends the name of the lock beside a stage
_held: dict[Path, FileLock] = {}


def new(root: Path) -> Path:
    """A new folder within `root`, to be filled and moved away, or dropped; what dead ones left is swept up.

    Raises:
        UserError: `root` can't be written.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        sweep_dead(root)
        while True:
            stage = root / f"{PREFIX}{secrets.token_hex(8)}"
            lock = FileLock(_lock_file(stage), timeout=0, thread_local=False)
            try:
                lock.acquire()
            except Timeout:  # another's sweep came upon the lock before it was held
                continue
            stage.mkdir(mode=0o700)
            if _lock_file(stage).exists():  # nobody swept it up before it was held
                break
            lock.release(force=True)
            stage.rmdir()
        _held[stage] = lock
        return stage
    except OSError as error:
        raise UserError(f"{root} can't be written: {error.strerror or error}") from error


def drop(stage: Path) -> None:
    """Remove a stage and all in it, if it is there still; or only its lock, where it was moved to its place."""
    if not stage.name.startswith(PREFIX):
        return
    shutil.rmtree(stage, ignore_errors=True)
    lock = _held.pop(stage, None)
    with suppress(OSError):
        _lock_file(stage).unlink(missing_ok=True)  # while it is held: nobody else takes it then
    if lock is not None:
        lock.release(force=True)


@contextmanager
def staged(root: Path) -> Iterator[Path]:
    """A stage that is gone when the block ends, unless it was moved to its place. Raises UserError."""
    stage = new(root)
    try:
        yield stage
    finally:
        drop(stage)


def sweep_dead(root: Path) -> int:
    """Remove the stages in `root` that no living process fills; how many they were."""
    swept = 0
    for lock_file in root.glob(f"{PREFIX}*{LOCK}"):
        stage = lock_file.with_name(lock_file.name.removesuffix(LOCK))
        with suppress(OSError, Timeout), FileLock(lock_file, timeout=0, thread_local=False):
            swept += stage.exists()
            shutil.rmtree(stage, ignore_errors=True)
            lock_file.unlink(missing_ok=True)
    for stage in root.glob(f"{PREFIX}*"):
        with suppress(OSError):  # an older version's, which has no lock
            old = time.time() - stage.stat().st_mtime > ABANDONED
            if old and stage.is_dir() and not _lock_file(stage).exists():
                shutil.rmtree(stage, ignore_errors=True)
                swept += 1
    return swept


def _lock_file(stage: Path) -> Path:
    return stage.with_name(stage.name + LOCK)
