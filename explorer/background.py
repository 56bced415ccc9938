"""A process of this project is known by a lock that it holds: the kernel lets go of it when the process ends.

Neither the clock nor the number of a process says whether it lives: clocks are set, and numbers come again. Who
starts a process takes its locks first and hands them on, so that there is no moment in which nobody has them. In
a locked file stands the process that has it, for a signal. Where a file system or Windows knows no such locks, the
number of the process and the time at which it began have to do.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped, unused-ignore]
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from explorer import paths
from explorer.errors import UserError
from explorer.files import open_regular

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

HANDED = "BETA_VAE_LOCKS"  # the descriptors of the locks that a process was started with
PATIENCE = 1.0  # seconds in which a lock is tried again: who only looks at it has it for a moment, too
CAN_NOT_TELL = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE)
MOST_BYTES = 1 << 16  # of what stands in a locked file


class Busy(UserError):
    """Another process has the lock."""


class Process(BaseModel):
    """The process that holds a lock, as it stands in the file. A pid of 0 is one that is being started."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int = Field(0, ge=0, le=1 << 31)
    pid_started: FiniteFloat = 0.0
    host: str = ""

    @property
    def here(self) -> bool:
        """Whether it is one of this machine."""
        return self.host in ("", socket.gethostname())

    @property
    def lives(self) -> bool:
        """Whether it is there, as far as pid and clock of this machine can tell."""
        return self.here and is_process(self.pid, self.pid_started)


class Lock:
    """A lock on a file, of this process until it is released or handed on, at the latest until it ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self.descriptor = path, descriptor
        self._thread, self._times = threading.get_ident(), 1
        _held[descriptor] = self

    def note(self, pid: int | None = None, **more: Any) -> None:
        """Write into the file which process has it: this one, or one that was started. May raise OSError."""
        text = json.dumps(identify(pid) | more)
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text.encode(), 0)

    def release(self) -> None:
        """Let go of it, once for each time that it was taken."""
        self._times -= 1
        if self._times == 0:
            known = holder(self.path)
            if known is not None and known.pid == os.getpid():
                with suppress(OSError):
                    os.ftruncate(self.descriptor, 0)
            del _held[self.descriptor]
            os.close(self.descriptor)  # no LOCK_UN: that would unlock it for the process that was handed it


_held: dict[int, Lock] = {}
_handed: set[int] = set()


def _take_over() -> None:
    """Notice the locks that this process was started with; no process of its own inherits them."""
    for text in os.environ.pop(HANDED, "").split(","):
        with suppress(ValueError, OSError):
            os.set_inheritable(int(text), False)
            _handed.add(int(text))


def _let_go_in_child() -> None:
    """A forked child has none of the locks, or they would outlive this process."""
    for descriptor in (*_held, *_handed):
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()
    _handed.clear()


_take_over()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)


def hold(path: Path) -> Lock:
    """Take the lock on a file, which is made where it isn't there; again in the same thread is no harm.

    Raises:
        Busy: another process, or another thread, has it.
        OSError: the file can't be made or opened.
    """
    for lock in list(_held.values()):
        if lock._thread == threading.get_ident() and _same(lock.descriptor, path):
            lock._times += 1
            return lock
    given = handed(path)
    if given is not None:
        return given
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        ends = time.monotonic() + PATIENCE
        while not _lock(descriptor, exclusive=True):
            if time.monotonic() > ends:
                raise Busy(f"{path} is held by another process")
            time.sleep(0.02)
        return Lock(path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def handed(path: Path) -> Lock | None:
    """The lock on a file that this process was started with; None where there is none."""
    for descriptor in list(_handed):
        if _same(descriptor, path):
            _handed.discard(descriptor)
            return Lock(path, descriptor)
    return None


def mine(path: Path) -> Lock | None:
    """The lock of this process on a file, also one that it was started with; None where it has none."""
    known = (lock for lock in list(_held.values()) if _same(lock.descriptor, path))
    return next(known, None) or handed(path)


def new_locked(path: Path, pid: int, **more: Any) -> Lock:
    """Make a file that is locked from the first moment that others see it. May raise OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    lock = hold(draft)
    try:
        lock.note(pid, **more)
        draft.rename(path)
        lock.path = path
    except BaseException:
        lock.release()
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    return lock


def held(path: Path) -> bool | None:
    """Whether a process, this one or another, has the lock on a file; None where there is no such file.

    Where it can't be told just now, since too many files are open, nobody is called dead.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return True if error.errno in CAN_NOT_TELL else None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return not _lock(descriptor, exclusive=False)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def holder(path: Path) -> Process | None:
    """The process that stands in a locked file; None where none does."""
    try:
        return Process.model_validate_json(_content(path))
    except (OSError, UserError, ValidationError):
        return None


def start(
    command: Sequence[str],
    locks: Sequence[Lock],
    output: Path,
    begun: Callable[[int], None] = lambda pid: None,
    more: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that has these locks from its first moment on and outlives this one.

    Args:
        output: what it writes goes there.
        begun: called with its pid, before the locks are no longer this process's.
        more: variables of its environment.

    Raises:
        OSError: it can't be started; or whatever `begun` raises: the process is ended then.
    """
    descriptors = [lock.descriptor for lock in locks]
    environment = {**os.environ, **(more or {}), HANDED: ",".join(map(str, descriptors))}
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=paths.PROJECT,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=environment,
            pass_fds=descriptors if fcntl is not None else (),
        )
    try:
        for lock in locks:
            lock.note(process.pid, **_kept(lock.path))
        begun(process.pid)
    except BaseException:
        process.kill()
        process.wait()
        raise
    for lock in locks:
        lock.release()
    # A zombie would be left when it ends before this process does.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def stop(process: psutil.Process, grace: float) -> threading.Thread:
    """Ask a process to end, and its group where it leads one; the thread returned ends it by force after `grace`.

    Raises:
        psutil.Error, OSError: it has ended by itself, or is another person's.
    """
    leads = hasattr(os, "killpg") and os.getpgid(process.pid) == process.pid
    if leads:
        os.killpg(process.pid, signal.SIGTERM)
    else:
        process.terminate()

    def by_force() -> None:
        with suppress(psutil.Error, OSError):  # all of it has ended
            with suppress(psutil.TimeoutExpired):
                process.wait(grace)
            if leads:
                os.killpg(process.pid, signal.SIGKILL)
            elif process.is_running():
                process.kill()

    ending = threading.Thread(target=by_force, daemon=True)
    ending.start()
    return ending


def is_process(pid: int, started: float) -> bool:
    """Whether the process that began at `started` is there, as far as pid and clock can tell; a zombie is not."""
    try:
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE
        return bool(alive and abs(process.create_time() - started) < 1.0)
    except (psutil.Error, ValueError, OverflowError, TypeError):
        return False


def started(pid: int) -> float:
    """When a process began, as the clock has it now; 0 where it is gone."""
    try:
        return float(psutil.Process(pid).create_time()) if pid else 0.0
    except (psutil.Error, ValueError, OverflowError):
        return 0.0


def identify(pid: int | None = None) -> dict[str, Any]:
    """By what a process of this machine is known; without a pid, this one."""
    pid = os.getpid() if pid is None else pid
    return {"pid": pid, "pid_started": started(pid), "host": socket.gethostname()}


def _kept(path: Path) -> dict[str, Any]:
    """What stands in a locked file besides the process."""
    try:
        value = json.loads(_content(path))
    except (OSError, ValueError, RecursionError):
        return {}
    known = {"pid", "pid_started", "host"}
    return {k: v for k, v in value.items() if k not in known} if isinstance(value, dict) else {}


def _content(path: Path) -> bytes:
    with open_regular(path, MOST_BYTES) as file:
        return file.read()


def _same(descriptor: int, path: Path) -> bool:
    try:
        mine, there = os.fstat(descriptor), path.stat()
    except (OSError, ValueError):
        return False
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)


def _lock(descriptor: int, exclusive: bool) -> bool:
    """Lock an open file where nobody has it; whether it could be."""
    try:
        if fcntl is not None:
            how = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
            return True
    except BlockingIOError:
        return False
    except OSError:  # no locks on this file system
        pass
    try:
        known = Process.model_validate_json(os.pread(descriptor, MOST_BYTES, 0))
    except (OSError, ValidationError):
        return True
    return not known.lives
