"""A run's directory belongs to one process at a time, which writes down how it ended."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from explorer import background, paths
from explorer.errors import UserError
from explorer.files import PARTIAL, write_atomic, write_json
from explorer.recipe.run import TrainConfig
from explorer.training.directory import RunDirectory, RunState

OURS = (".lock", ".reserve", "launch.json", "output.txt", "owner.json")
STAMPED = {"host", "pid", "pid_started", "updated"}
RESERVE_BYTES = 1 << 16  # kept on the disk, so that a run can say at its end that the disk is full


def how_to_go_on(run: RunDirectory) -> str:
    """What to type to resume `run`."""
    return f"go on with: {paths.COMMAND} train --resume --out {shlex.quote(str(run.path))}"


@contextmanager
def own_run(run: RunDirectory, config: TrainConfig, resume: bool) -> Iterator[RunState | None]:
    """Make the run this process's own and nobody else's; gives where a resumed run was before.

    Raises:
        UserError: the directory can't be used, holds another run, or is held by another process.
    """
    make_directory(run, resume)
    try:
        try:
            lock = background.hold(run.lock_file)  # again, where the process waited and now trains
        except FileNotFoundError:  # an empty folder, taken for one that a killed process left
            make_directory(run, resume)
            lock = background.hold(run.lock_file)
    except background.Busy:
        raise UserError(f"{run.path} is being trained by another process") from None
    except OSError as error:
        raise UserError(f"{run.path} can't be written to: {error.strerror or error}") from error
    try:
        _note(lock)
        claim(run, config, resume)
        yield run.state_before() if resume else None
    finally:
        lock.release()


def _note(lock: background.Lock) -> None:
    """Say whose lock it is, for who wants to stop the run; a full disk says its own sentence in a moment."""
    with suppress(OSError):
        lock.note()


def make_directory(run: RunDirectory, resume: bool) -> None:
    """Make the directory; one that holds anything but a run is left alone."""
    if resume and not run.config_file.exists():
        raise UserError(f"{run.path} holds no run to resume")
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        names = [path.name for path in run.path.iterdir()]
    except OSError as error:
        raise UserError(f"{run.path} can't be made: {error.strerror or error}") from error
    ours = [name for name in names if name in OURS or name.endswith(PARTIAL)]
    if len(names) > len(ours) and not run.config_file.exists():
        raise UserError(f"{run.path} is not empty and holds no run; choose a new directory")


def claim(run: RunDirectory, config: TrainConfig, resume: bool) -> None:
    """Write the settings down, or see that they are this very run's."""
    run.sweep_up()
    saved = (run.checkpoint / "model.safetensors").exists()
    if resume and not config.same_run(run.config()):
        raise UserError(f"{run.path} holds a run with other settings; a run resumes with its own")
    if resume and saved and not run.resume_file.is_file():
        raise UserError(f"{run.path} holds a model, but {run.resume_file} is gone: it can't be resumed")
    if not resume and (saved or run.resume_file.is_file()):  # one that never began may start over
        raise UserError(f"{run.path} holds a run already; add --resume to go on with it")
    write_json(run.config_file, config.model_dump(mode="json"))
    if not run.reserve.exists():
        write_atomic(run.reserve, os.urandom(RESERVE_BYTES))


def note_end(run: RunDirectory, error: BaseException, before: RunState | None) -> None:
    """Write down that and why the run ended early; one that was finished before stays finished."""
    message = str(error) or type(error).__name__
    try:
        run.reserve.unlink(missing_ok=True)
        state = before if before and before.status == "finished" else run.state()
        values = state.model_dump(exclude=STAMPED)
        if state.status != "finished":
            stopped = isinstance(error, KeyboardInterrupt)
            values |= {"status": "stopped" if stopped else "failed", "message": message}
        run.write_state(**values)
        run.log(message)
    except (UserError, OSError):
        pass  # the disk that failed the run can't take its last message either
