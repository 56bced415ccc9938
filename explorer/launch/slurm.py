"""Runs as jobs of SLURM, through submitit. How they stand comes from their directories and the queue.

Accounting is not needed: a job is known by its number in `squeue`, and by what its run writes.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from pydantic import BaseModel, ConfigDict, Field

from explorer import paths
from explorer.errors import UserError

PATIENCE = 20  # seconds for an answer of SLURM's
FRESH = 2.0  # seconds that the queue is taken to stay as it was
WAITS = ("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SUSPENDED", "RESV_DEL_HOLD")


class SlurmJob(BaseModel):
    """What a job asks the cluster for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: str = Field("", pattern=r"^[\w.-]{0,64}$", description="Partition; the usual one if empty.")
    minutes: int = Field(24 * 60, ge=1, le=365 * 24 * 60, description="Time limit in minutes.")
    cpus: int = Field(2, ge=1, le=1024, description="CPU cores.")
    gpus: int = Field(0, ge=0, le=1, description="GPUs; a run trains on one at the most.")


@dataclass(frozen=True)
class Queued:
    """A job in SLURM's queue: its state and reason in SLURM's words, and its place among the waiting."""

    state: str
    reason: str = ""
    place: int | None = None

    @property
    def waits(self) -> bool:
        """Whether it has not begun."""
        return self.state in WAITS

    @property
    def words(self) -> str:
        """For a sentence."""
        place = f", number {self.place} of those that wait" if self.place else ""
        reason = f" ({self.reason})" if self.waits and self.reason not in ("", "None") else ""
        return f"{self.state.lower()}{reason}{place}"


def has_slurm() -> bool:
    """Whether this machine can submit jobs."""
    return shutil.which("sbatch") is not None and shutil.which("squeue") is not None


def submit(folder: Path, name: str, command: list[str], again: list[str], job: SlurmJob) -> str:
    """Submit a job that runs `command`, and `again` where SLURM's time limit cut it off; its number.

    Raises:
        UserError: SLURM does not take it; one sentence with SLURM's own reason.
    """
    import submitit

    executor = submitit.SlurmExecutor(folder=folder)
    asked: dict[str, object] = {"partition": job.partition} if job.partition else {}
    if job.gpus:
        asked["gpus_per_node"] = job.gpus
    executor.update_parameters(
        job_name=re.sub(r"[^\w.-]", "-", name)[:60],
        time=job.minutes,
        nodes=1,
        ntasks_per_node=1,
        cpus_per_task=job.cpus,
        setup=[f"export PYTHONPATH={_quoted(paths.PROJECT)}"],
        **asked,
    )
    try:
        found = executor.submit(_Command(command, again))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise UserError(f"SLURM does not take the run: {_reason(error)}") from error
    _forget()
    return str(found.job_id)


class _Command:
    """What the job does; submitit calls `checkpoint` when the time limit is near, and submits it again."""

    def __init__(self, command: list[str], again: list[str]) -> None:
        self.command, self.again = command, again

    def __call__(self) -> int:
        return subprocess.run(self.command, cwd=paths.PROJECT, check=False).returncode

    def checkpoint(self) -> object:
        import submitit

        return submitit.helpers.DelayedSubmission(_Command(self.again, self.again))


def cancel(number: str) -> None:
    """Ask SLURM to end a job: SIGTERM, and SIGKILL after its own grace. Raises UserError."""
    if not re.fullmatch(r"\d{1,20}", number):
        raise UserError(f"{number[:40]!r} is no job of SLURM")
    try:
        subprocess.run(["scancel", number], check=True, capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(f"SLURM does not cancel job {number}: {_reason(error)}") from error
    _forget()


def in_queue(number: str) -> Queued | None:
    """The job in SLURM's queue; None where it is not there (any more).

    A SLURM that does not answer is no reason to call a run dead: its state is then "UNKNOWN".
    """
    jobs = _jobs()
    return Queued("UNKNOWN", "SLURM does not answer") if jobs is None else jobs.get(number)


_lock = Lock()
_known: tuple[float, dict[str, Queued] | None] = (-FRESH, None)


def _forget() -> None:
    global _known
    _known = (-FRESH, None)


def _jobs() -> dict[str, Queued] | None:
    """Every job in the queue by its number; None where SLURM does not answer. Asked every FRESH seconds."""
    global _known
    with _lock:
        asked, jobs = _known
        if time.monotonic() - asked >= FRESH:
            jobs = _ask()
            _known = (time.monotonic(), jobs)
        return jobs


def _ask() -> dict[str, Queued] | None:
    try:
        answer = subprocess.run(
            ["squeue", "--noheader", "--sort=-p,i", "--format=%i|%T|%r"],
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    jobs: dict[str, Queued] = {}
    waiting = 0
    for line in answer.stdout.splitlines():
        number, state, reason = (line.strip().split("|") + ["", ""])[:3]
        waits = Queued(state).waits
        waiting += waits
        jobs[number] = Queued(state, reason, waiting if waits else None)
    return jobs


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))


def _reason(error: BaseException) -> str:
    said = getattr(error, "stderr", None) or str(error)
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]
