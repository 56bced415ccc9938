"""A measurement in a process of its own: the file in which it tells how far it is, and how it ends.

The process outlives the page and the app; whoever comes next finds it by pid and start time. It ends
by itself, by its own error, or by SIGTERM; what it had finished by then is kept.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import psutil  # type: ignore[import-untyped, unused-ignore]
from filelock import FileLock

from explorer import access, paths
from explorer.errors import UserError
from explorer.files import read_json, write_json

Status = Literal["starting", "running", "done", "failed", "stopped", "lost"]
EVERY = 0.3  # seconds between two notes
PATIENCE = 10  # seconds that a process is given to end by itself


@dataclass(frozen=True)
class Job:
    """What the file says: how far it is, from 0 to 1, what it does, and how it ended."""

    status: Status
    fraction: float = 0.0
    doing: str = ""
    message: str = ""
    pid: int = 0
    born: float = 0.0
    models: list[str] = field(default_factory=list)

    @property
    def running(self) -> bool:
        """Whether its process is at work."""
        return self.status in ("starting", "running")


class JobFile:
    """The file of one job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._noted = 0.0

    def read(self) -> Job | None:
        """What the job says; "lost" where its process is gone without a word; None without a file."""
        try:
            job = Job(**read_json(self.path))
        except (UserError, TypeError):
            return None
        if job.running and not _alive(job):
            later = self._again()
            if later is None or (later.running and not _alive(later)):
                return replace(job, status="lost", message="the process ended without a word")
            return later
        return job

    def _again(self) -> Job | None:
        """Read once more: it may have ended properly in between."""
        try:
            return Job(**read_json(self.path))
        except (UserError, TypeError):
            return None

    def start(self, arguments: Sequence[str], models: Sequence[str]) -> None:
        """Start `python -m explorer measure` with these arguments, unless it is at work already.

        However many ask at once, one process starts.

        Raises:
            UserError: the file can't be written; who asks may not; as many as are allowed are at work.
        """
        access.require("measure")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.parent / ".starting"):
                job = self.read()
                if job is None or not job.running:
                    self._is_one_more()
                    self.path.unlink(missing_ok=True)
                    self._launch(arguments, models)
        except OSError as error:
            raise UserError(f"{self.path} can't be written: {error.strerror or error}") from error

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
        with self.path.with_suffix(".log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--", *models], cwd=paths.PROJECT, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
                env={**os.environ, "BETA_VAE_HOME": str(paths.home())},
            )  # fmt: skip
        born = 0.0
        with suppress(psutil.Error):
            born = psutil.Process(process.pid).create_time()
        _CHILDREN.append(process)
        if self._again() is None:  # it may have spoken already
            job = Job("starting", 0.0, "starting", "", process.pid, born, list(models))
            write_json(self.path, asdict(job))

    def stop(self) -> None:
        """End the process, if it runs: a word first, then by force. Twice is no harm. May raise UserError."""
        access.require("measure")
        job = self.read()
        if job is None or not job.running:
            return
        with suppress(psutil.Error):
            process = psutil.Process(job.pid)
            if not _same(process, job):
                return
            process.terminate()
            try:
                process.wait(PATIENCE)
            except psutil.TimeoutExpired:
                process.kill()
        with suppress(UserError):
            write_json(self.path, asdict(replace(job, status="stopped", message="")))

    @contextmanager
    def run(self) -> Iterator[None]:
        """Used by the process itself: note that it runs, and how it ends."""
        me = psutil.Process()
        said = self._again()
        self._job = Job(
            "running",
            0.0,
            "starting",
            "",
            os.getpid(),
            me.create_time(),
            said.models if said else [],
        )
        me.nice(5)  # the page comes first
        self._write()
        try:
            yield
        except BaseException as error:
            words = (
                str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            )
            self._job = replace(self._job, status="failed", message=words[:500])
            self._write()
            raise
        self._job = replace(self._job, status="done", fraction=1.0)
        self._write()

    def tell(self, fraction: float, doing: str) -> None:
        """Used by the process itself: how far it is. Written a few times a second at most."""
        fresh = not (doing.endswith("encoded") and self._job.doing.endswith("encoded"))
        self._job = replace(self._job, fraction=fraction, doing=doing[:200])
        now = time.monotonic()
        if fresh or now - self._noted >= EVERY:
            self._noted = now
            self._write()

    def _write(self) -> None:
        with suppress(UserError):  # a full disk is no reason to stop computing
            write_json(self.path, asdict(self._job))


_CHILDREN: list[subprocess.Popen[bytes]] = []


def _alive(job: Job) -> bool:
    for child in list(_CHILDREN):
        if child.poll() is not None:  # reaped, so that it isn't taken for alive
            _CHILDREN.remove(child)
    try:
        process = psutil.Process(job.pid)
        return _same(process, job) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _same(process: psutil.Process, job: Job) -> bool:
    return abs(process.create_time() - job.born) < 2
