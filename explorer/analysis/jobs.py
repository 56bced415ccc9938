"""A measurement in a process of its own: the file in which it tells how far it is, and how it ends.

The process outlives the page and the app; whoever comes next knows that it lives by the lock beside the file. It
ends by itself, by its own error, or by SIGTERM; what it had finished by then is kept.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Annotated, Literal

import psutil  # type: ignore[import-untyped, unused-ignore]
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from explorer import access, background, paths
from explorer.errors import UserError
from explorer.files import folder_lock, read_json, write_json

Status = Literal["starting", "running", "done", "failed", "stopped", "lost"]
EVERY = 0.3  # seconds between two notes
PATIENCE = 10  # seconds that a process is given to end by itself


@dataclass(frozen=True)
class Job:
    """What the file says: how far it is, from 0 to 1, what it does, and how it ended."""

    status: Status
    fraction: Annotated[float, Field(ge=0, le=1)] = 0.0
    doing: str = ""
    message: str = ""
    pid: Annotated[int, Field(ge=0, le=1 << 31)] = 0
    born: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    models: list[str] = field(default_factory=list)

    @property
    def running(self) -> bool:
        """Whether its process is at work."""
        return self.status in ("starting", "running")


_JOB = TypeAdapter(Job)


class JobFile:
    """The file of one job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock_file = path.with_suffix(".lock")
        self._noted = 0.0

    def read(self) -> Job | None:
        """What the job says; "lost" where its process is gone without a word; None without a file."""
        job = self._said()
        if job is None or not job.running or self._lives(job):
            return job
        later = self._said()  # it may have ended properly in between
        if later is None or (later.running and not self._lives(later)):
            return replace(job, status="lost", message="the process ended without a word")
        return later

    def _said(self) -> Job | None:
        """What the file says, whatever became of the process; None where it is not a job's."""
        try:
            return _JOB.validate_python(read_json(self.path))
        except (UserError, ValidationError):
            return None

    def _lives(self, job: Job) -> bool:
        """Whether the process is there: it has the lock. An older version's has none, and wrote after it began."""
        held = background.held(self.lock_file)
        if held is not None:
            return held
        try:
            began = background.started(job.pid)
            written = self.path.stat().st_mtime
        except OSError:
            return False
        return 0 < began <= written + 1 and background.is_process(job.pid, began)

    def start(self, arguments: Sequence[str], models: Sequence[str]) -> None:
        """Start `python -m explorer measure` with these arguments, unless it is at work already.

        However many ask at once, one process starts.

        Raises:
            UserError: the file can't be written; who asks may not; as many as are allowed are at work.
        """
        access.require("measure")
        with folder_lock(self.path.parent, "the measurements", ".starting"):
            job = self.read()
            if job is None or not job.running:
                self._is_one_more()
                self._launch(arguments, models)

    def _is_one_more(self) -> None:
        limits = access.limits()
        if limits is None:
            return
        others = [JobFile(path).read() for path in self.path.parent.glob("*.json")]
        if sum(job is not None and job.running for job in others) >= limits.measurements:
            raise UserError(
                f"{limits.measurements} measurements are at work, as many as this server does at a "
                "time: try again when one is finished"
            )

    def _launch(self, arguments: Sequence[str], models: Sequence[str]) -> None:
        command = [sys.executable, "-m", "explorer", "measure", *arguments, "--job", str(self.path)]

        def begun(pid: int) -> None:
            if self._said() is None:  # it may have spoken already
                job = Job("starting", 0.0, "starting", "", pid, background.started(pid), list(models))
                write_json(self.path, asdict(job))

        try:
            lock = background.hold(self.lock_file)
        except background.Busy as error:
            raise UserError("the last measurement is still ending: try again in a moment") from error
        try:
            lock.note(0)
            self.path.unlink(missing_ok=True)
            output = self.path.with_suffix(".log")
            more = {"BETA_VAE_HOME": str(paths.home())}
            background.start([*command, "--", *models], [lock], output, begun, more)
        except BaseException:
            lock.release()
            raise

    def stop(self) -> None:
        """End the process, if it runs: a word first, then by force. Twice is no harm. May raise UserError."""
        access.require("measure")
        job = self.read()
        if job is None or not job.running:
            return
        holder = background.holder(self.lock_file)
        pid = holder.pid if holder is not None else job.pid
        if not pid or pid == os.getpid():
            return
        with suppress(psutil.Error, OSError):
            background.stop(psutil.Process(pid), PATIENCE).join()
        with suppress(UserError):
            write_json(self.path, asdict(replace(job, status="stopped", message="")))

    @contextmanager
    def run(self) -> Iterator[None]:
        """Used by the process itself: note that it runs, and how it ends."""
        said = self._said()
        pid = os.getpid()
        self._job = Job("running", 0.0, "starting", "", pid, background.started(pid), said.models if said else [])
        psutil.Process().nice(5)  # the page comes first
        lock = self._hold()
        try:
            self._write()
            try:
                yield
            except BaseException as error:
                words = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
                self._job = replace(self._job, status="failed", message=words[:500])
                self._write()
                raise
            self._job = replace(self._job, status="done", fraction=1.0)
            self._write()
        finally:
            if lock is not None:
                lock.release()

    def _hold(self) -> background.Lock | None:
        """Show that this process lives. A disk that takes nothing is no reason not to compute."""
        with suppress(OSError, UserError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = background.hold(self.lock_file)
            with suppress(OSError):
                lock.note()
            return lock
        return None

    def tell(self, fraction: float, doing: str) -> None:
        """Used by the process itself: how far it is. Written a few times a second at most."""
        fresh = not (doing.endswith("encoded") and self._job.doing.endswith("encoded"))
        self._job = replace(self._job, fraction=min(max(fraction, 0.0), 1.0), doing=doing[:200])
        now = time.monotonic()
        if fresh or now - self._noted >= EVERY:
            self._noted = now
            self._write()

    def _write(self) -> None:
        with suppress(UserError):  # a full disk is no reason to stop computing
            write_json(self.path, asdict(self._job))
