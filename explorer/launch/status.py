"""What is known of a run besides what it writes itself: who started it, and how it stands now."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict, FiniteFloat, ValidationError

from explorer import background
from explorer.checkpoints.training_log import record_of
from explorer.errors import UserError
from explorer.files import read_json, tail, write_json
from explorer.launch import slurm
from explorer.training.directory import GOING, RunDirectory, RunState

LITTLE_DISK = 1 << 20
EVALUATION_BYTES = 1 << 15
SILENT = 600.0  # seconds without a word, after which a run of another machine may be gone


class Launch(background.Process):
    """launch.json: the process or the job that was started for a run, and when."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    where: Literal["local", "slurm"] = "local"
    job: str = ""
    asked: slurm.SlurmJob | None = None  # what the cluster was asked for
    stopped: bool = False  # the person asked for its end
    owner: str = ""  # who launched it, on a server that has several persons
    at: FiniteFloat = 0.0
    after: FiniteFloat | None = None  # when the run had last written its state by then; 0 where it never had

    def write(self, run: RunDirectory) -> None:
        """Put it into the run's directory."""
        write_json(run.launch_file, self.model_dump())

    def is_newer(self, state: RunState | None) -> bool:
        """Whether the run's state is not by this process: no clock says so, it is the one from before."""
        if state is None:
            return True
        return state.updated < self.at if self.after is None else state.updated == self.after

    def alive(self, run: RunDirectory) -> bool:
        """Whether the process or the job is there, waiting or running."""
        if self.where == "slurm":
            return slurm.in_queue(self.job) is not None
        held = background.held(run.lock_file)
        return self.lives if held is None else held


def launch_of(run: RunDirectory) -> Launch | None:
    """How the run was last started; None where that was a shell."""
    if not run.launch_file.is_file():
        return None
    try:
        return Launch.model_validate(read_json(run.launch_file))
    except (UserError, ValidationError):
        return None


@dataclass(frozen=True)
class RunStatus:
    """How a run stands: a word, why in a sentence (or nothing), and what it wrote of itself."""

    word: str  # starting, waiting, running, finished, stopped, failed, killed
    why: str
    state: RunState | None
    launch: Launch | None

    @property
    def going(self) -> bool:
        """Whether a process or a job of it is there."""
        return self.word in ("starting", *GOING)


def run_status(run: RunDirectory) -> RunStatus:
    """How `run` stands now, from its directory, the processes of this machine and SLURM's queue."""
    started, held = launch_of(run), run.held()
    try:
        state = run.state()
    except UserError as error:
        if run.state_file.exists() and not held:
            return RunStatus("failed", str(error), None, started)
        state = None
    if started is not None and started.is_newer(state):  # it has not written yet, or never got to it
        job = slurm.in_queue(started.job) if started.where == "slurm" else None
        if job is not None:
            word = "waiting" if job.waits else "starting"
            return RunStatus(word, f"SLURM job {started.job}: {job.words}", state, started)
        if held or (started.where == "local" and started.alive(run)):
            return RunStatus("starting", "", state, started)
        if started.stopped:
            return RunStatus("stopped", "stopped before it began", state, started)
        why = _last_words(run) or "its process ended before it could begin"
        return RunStatus("failed", _with_disk(run, why), state, started)
    if held and not _speaks(run, state):
        return RunStatus("starting", "", state, started)
    if state is None:
        return RunStatus("killed", "its process ended before it wrote anything", None, started)
    if state.status in GOING and _gone(run, state, started):
        if started is not None and started.stopped:
            last = max(state.step, last_step(run))
            why = f"it did not end in time and was killed at or after step {last:,}"
            return RunStatus("stopped", why, state, started)
        return RunStatus("killed", _last_message(run, state), state, started)
    return RunStatus(state.status, state.message, state, started)


def _speaks(run: RunDirectory, state: RunState | None) -> bool:
    """Whether the state is of the process that has the run now, which may just be about to end."""
    if state is None or state.status in GOING:
        return state is not None
    holder = background.holder(run.lock_file)
    return holder is None or holder.pid == state.pid


def _gone(run: RunDirectory, state: RunState, started: Launch | None) -> bool:
    """Whether nobody trains the run that says of itself that it goes on: nobody has its lock.

    Another machine can't be asked, and it may not share its locks: it counts as gone once nobody has the
    lock and nothing was written for long.
    """
    if started is not None and started.where == "slurm" and not state.here:
        return not started.alive(run)
    return not (state.alive if state.here else run.held() or run.silence() <= SILENT)


def _last_message(run: RunDirectory, state: RunState) -> str:
    last = max(state.step, last_step(run))
    where = "" if state.here else f" on {state.host}"
    why = f"its process{where} was killed at or after step {last:,}, by a signal or with the machine"
    return _with_disk(run, why)


def last_step(run: RunDirectory) -> int:
    """The step of the newest whole line of the log; 0 without one."""
    records = map(record_of, reversed(tail(run.metrics_file).split("\n")[:-1]))
    return next((int(record["step"]) for record in records if record is not None), 0)


def last_evaluation(run: RunDirectory) -> dict[str, Any] | None:
    """The newest costs on held-out images, where they stand at the end of the log."""
    records = map(record_of, reversed(tail(run.metrics_file, EVALUATION_BYTES).split("\n")[:-1]))
    return next((r for r in records if r is not None and r.get("kind") == "eval"), None)


def _with_disk(run: RunDirectory, why: str) -> str:
    """Add what is wrong with the disk now, where something is: a full one can't be written of on it."""
    try:
        if shutil.disk_usage(run.path).free < LITTLE_DISK:
            return f"{why}; the disk that holds {run.path} is full"
        if os.statvfs(run.path).f_flag & os.ST_RDONLY or not os.access(run.path, os.W_OK):
            return f"{why}; {run.path} can't be written to"
    except OSError as error:
        return f"{why}; {run.path} can't be looked at: {error.strerror}"
    return why


def _last_words(run: RunDirectory) -> str:
    """The last line that the launched process wrote to its output."""
    lines = [line.strip() for line in tail(run.output_file).splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ")[:600] if lines else ""
