"""Launch, resume, stop, rename and delete runs. Every name is checked, every directory made once."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import psutil

from explorer import access, background, paths, stages, trash
from explorer.checkpoints.catalogue import catalogue, check_free, check_no_run
from explorer.errors import UserError
from explorer.files import PARTIAL, folder_lock, move, subfolders, write_json
from explorer.launch import command, slurm
from explorer.launch.queue import device_of, enter, give_back, order, slots
from explorer.launch.slurm import SlurmJob
from explorer.launch.status import Launch, RunStatus, launch_of, run_status
from explorer.naming import first_free
from explorer.recipe.run import TrainConfig
from explorer.training.directory import RunDirectory, find_runs
from explorer.training.run_lock import OURS

NAME = r"[\w+=-][\w.+=-]{0,119}"
MODEL = "checkpoint"  # the folder in a run's own that its model lies in
MAX_SWEEP = 100  # runs that are launched at once: each waits as a process of its own
NICE = 10  # of a run on this machine: a click on the page comes first
GRACE = 30.0  # seconds from SIGTERM to SIGKILL


def check_run_name(name: str) -> str:
    """The name, which may be a run's. Raises UserError where it can't be a folder's."""
    if name.lower() == MODEL:
        raise UserError(f"{name!r} is what the folder of a run's model is called; choose another name")
    if not re.fullmatch(NAME, name):
        raise UserError(
            "the name of a run is made of letters, digits, '-', '_', '.', '+' or '=', at most 120 of "
            f"them, and does not begin with a dot; not {name[:60]!r}"
        )
    return name


def run_name_from(text: str) -> str:
    """What a person typed, as the name of a run: "my sweep, β = 4" is called my-sweep-β=4. May be empty."""
    joined = re.sub(r"\s*=\s*", "=", text)
    return re.sub(r"[^\w.+=-]+", "-", joined).strip("-.")[:120]


def free_run_name(name: str) -> str:
    """The name itself, or with the first number behind it that no run, sweep or model has."""
    models = {entry.name.partition("/")[0] for entry in catalogue()}
    taken = models | {
        path.name
        for root in (paths.runs(), paths.library(), paths.PRETRAINED)
        for path in (root.iterdir() if root.is_dir() else ())
    }
    return first_free(name, taken.__contains__)


def launch(runs: Iterable[tuple[str, TrainConfig]], group: str = "", job: SlurmJob | None = None) -> list[RunDirectory]:
    """Start a run for each name and config, in order: on this machine, or as jobs of SLURM.

    Args:
        group: the name of the sweep that they make up; empty for a single run.
        job: what to ask SLURM for; None is this machine.

    Raises:
        UserError: a name that is taken or can't be used, too many runs, or a folder that can't be
            written; nothing that was not started is left behind. Or who asks may not, or not so many.
    """
    access.require("train")
    planned = [(check_run_name(name), config) for name, config in runs]
    if not 1 <= len(planned) <= MAX_SWEEP:
        raise UserError(
            f"{len(planned)} runs are more than the {MAX_SWEEP} that are launched at once; "
            f"`{paths.COMMAND} sweep` trains more, one after the other"
            if planned
            else "there is nothing to launch: a list of the sweep is empty"
        )
    for _, config in planned:
        slots(device_of(config))  # what can't be used is said before anything is made
        _may_read(config)
    with access.starting(len(planned), _going, [config.total_steps for _, config in planned]):
        return _launched(planned, group, job)


def _heal() -> None:
    """Remove the folders that killed processes left before they had made a run there: no name stays taken."""
    outer = subfolders(paths.runs())
    sweeps = [folder for folder in outer if not (folder / "config.json").exists()]
    for folder in [*(inner for sweep in sweeps for inner in subfolders(sweep)), *outer]:
        try:
            names = [entry.name for entry in folder.iterdir()]
        except OSError:
            continue
        left = all(name in OURS or name.endswith(PARTIAL) for name in names)
        if left and not RunDirectory(folder).held():
            shutil.rmtree(folder, ignore_errors=True)
    stages.sweep_dead(paths.runs())


def _may_read(config: TrainConfig) -> None:
    """Raises UserError where a run would read or download what who asks may not."""
    if config.root is not None:
        access.check_folder(config.root)
    if config.download:
        access.require("download")


def _going(owner: str) -> int:
    """How many runs of a person wait or run."""
    runs = find_runs(paths.runs())
    return sum(access.owner_of(run.path) == owner and run_status(run).going for run in runs)


def _launched(planned: list[tuple[str, TrainConfig]], group: str, job: SlurmJob | None) -> list[RunDirectory]:
    whole = [f"{group}/{name}" if group else name for name, _ in planned]
    _heal()
    if group:
        check_no_run(check_run_name(group))
    check_free(*whole)
    made = [RunDirectory(paths.runs() / name) for name in whole]
    _lay_down([(run, config) for run, (_, config) in zip(made, planned, strict=True)], group)
    try:
        for run, (_, config) in zip(made, planned, strict=True):
            _start(run, config, resume=False, job=job)
    except UserError:
        for run in made:
            if launch_of(run) is None:
                shutil.rmtree(run.path, ignore_errors=True)
        if group:
            with suppress(OSError):
                (paths.runs() / group).rmdir()  # where nothing of the sweep was started
        raise
    return made


def _lay_down(planned: list[tuple[RunDirectory, TrainConfig]], group: str) -> None:
    """Make the directories of runs, a sweep's all at once: of two clicks that want a name, one gets it.

    They are made beside their place, so that a process that is killed leaves no name taken.
    """
    root = paths.runs()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{root} can't be made: {error.strerror or error}") from error
    try:
        with stages.staged(root) as stage:
            for run, config in planned:
                folder = stage / run.path.relative_to(root)
                write_json(folder / "config.json", config.model_dump(mode="json"))
                access.mark_owner(folder)
            for name in [group] if group else [run.path.name for run, _ in planned]:
                _put(stage / name, root / name)
    except OSError as error:
        raise UserError(f"{root} can't be written: {error.strerror or error}") from error


def _put(made: Path, place: Path) -> None:
    try:
        made.rename(place)
    except OSError as error:
        check_no_run(place.name)
        raise UserError(f"{place} can't be made: {error.strerror or error}") from error


def resume(run: RunDirectory, job: SlurmJob | None = None) -> None:
    """Go on with a run that is not going on: here, or as a job. Raises UserError where it is, or can't be."""
    access.require("train", run.path)
    config = run.config()
    _may_read(config)
    with access.starting(1, _going, [config.total_steps]), _alone():
        now = run_status(run)
        if now.going:
            raise UserError(f"{run.path.name} is {now.word} already")
        saved = (run.checkpoint / "model.safetensors").exists() or run.resume_file.exists()
        _start(run, config, resume=saved, job=job)


def stop(run: RunDirectory, grace: float = GRACE, wait: bool = False) -> None:
    """End a run that is going on: SIGTERM, on which it saves, and SIGKILL where it has not ended in time.

    Both go to its whole process group, where the run has one of its own. Returns at once, unless it is
    to wait. Raises UserError where nothing is going on, or on another machine.
    """
    access.require("train", run.path)
    now = run_status(run)
    if not now.going:
        raise UserError(f"{run.path.name} is not going on: it is {now.word}")
    if now.launch is not None and now.launch.where == "slurm":
        _note_stop(run, now.launch)
        slurm.cancel(now.launch.job)
        return
    process = _process_of(run, now)
    if now.launch is not None:
        _note_stop(run, now.launch)
    if process is None:
        return
    with suppress(psutil.Error, OSError):  # it has ended by itself
        ending = background.stop(process, grace)
        if wait:
            ending.join()


def _process_of(run: RunDirectory, now: RunStatus) -> psutil.Process | None:
    """The process that has a run, None where it ended in this moment: the one that stands in its lock.

    Raises:
        UserError: it is on another machine, is not there yet, or can't be told from another.
    """
    found = background.holder(run.lock_file) if run.held() else None
    if found is not None and not found.pid:
        raise UserError(f"{run.path.name} is being started: try again in a moment")
    surely = found is not None
    if found is None:  # an older version's, or one that has not come to its lock
        said = now.launch if now.state is None or now.word == "starting" else now.state
        if said is None:
            raise UserError(f"{run.path.name} is being started: try again in a moment")
        found = said
    if not found.here:
        raise UserError(f"{run.path.name} runs on {found.host}: stop it there")
    try:
        process = psutil.Process(found.pid)
        if surely or found.lives:
            return process
    except psutil.Error:
        return None
    if run.held():
        raise UserError(
            f"the clock was set since {run.path.name} began, so that its process can't be told "
            f"from another; end it by hand if it is {found.pid}"
        )
    return None


def _note_stop(run: RunDirectory, started: Launch) -> None:
    with suppress(UserError):  # a disk that is full or read-only is no reason not to stop
        started.model_copy(update={"stopped": True}).write(run)


def rename(run: RunDirectory, name: str) -> RunDirectory:
    """Give a run that is not going on another name. Raises UserError where it is, or the name is taken."""
    access.require("rename", run.path)
    to = run.path.parent / check_run_name(name)
    with _alone():
        _not_going(run, "rename")
        _heal()
        check_free(name_of(RunDirectory(to)))
        move(run.path, to)
    return RunDirectory(to)


def discard(run: RunDirectory) -> trash.Item:
    """Put a run that is not going on into the trash. Raises UserError where it is, or can't be moved."""
    access.require("delete", run.path)
    name = run.path.relative_to(paths.runs().resolve()).as_posix()
    with _alone():
        _not_going(run, "delete")
        _heal()
        item = trash.put(trash.RUN, run.path, name)
    if run.path.parent != paths.runs().resolve():
        with suppress(OSError):
            run.path.parent.rmdir()  # the last run of a sweep
    return item


def restore(item: trash.Item) -> RunDirectory:
    """Take a run out of the trash, back to its place. Raises UserError where that is taken."""
    access.require("delete", item.inside)
    run = RunDirectory(paths.runs() / item.name)
    with _alone():
        _heal()
        if os.path.lexists(run.path) or any(entry.name == item.name for entry in catalogue()):
            raise UserError(f"there is another {item.name!r} now; rename that one first")
        if (run.path.parent / "config.json").exists():
            raise UserError(f"{run.path.parent.name!r} was a sweep and is a run now; rename that one first")
        trash.take(item, run.path)
    return run


def trashed() -> list[trash.Item]:
    """The runs in the trash, newest first."""
    return trash.items(trash.RUN, _called)


def _called(about: object, folder: Path) -> str:
    """What a run in the trash was called, where its marker has a name; it may be taken back by it."""
    known = isinstance(about, str) and all(re.fullmatch(NAME, part) for part in about.split("/"))
    return str(about) if known else f"run-{folder.parent.name}"


def find(name: str) -> RunDirectory:
    """The run of that name under `runs/`. Raises UserError where there is none."""
    for run in find_runs(paths.runs()):
        if name_of(run) == name:
            return run
    raise UserError(f"there is no run {name[:100]!r}")


def name_of(run: RunDirectory) -> str:
    """What a run is called: its folder under `runs/`, such as first or sweep/beta-4."""
    return run.path.relative_to(paths.runs().resolve()).as_posix()


def _start(run: RunDirectory, config: TrainConfig, resume: bool, job: SlurmJob | None) -> None:
    fresh = None if resume else config
    owner = access.owner_of(run.path)
    if not owner and not resume and not run.launch_file.exists():
        owner = access.person().name
    before = run.state_before()
    at: dict[str, Any] = {"after": before.updated if before is not None else 0.0, "owner": owner}
    if job is not None:
        again = command.train(run.path, None, queue=False)
        number = slurm.submit(
            run.path / "slurm", run.path.name, command.train(run.path, fresh, queue=False), again, job
        )
        here = socket.gethostname()
        Launch(where="slurm", job=number, asked=job, host=here, at=time.time(), **at).write(run)
        return
    lock = ticket = None
    try:
        lock = background.hold(run.lock_file)
        lock.note(0)
        with order(device_of(config)) as folder:  # the child draws no ticket before its own is there
            ticket = enter(folder, 0, run.path)
            held = background.mine(ticket)
            assert held is not None

            def begun(pid: int) -> None:
                with suppress(psutil.Error):
                    psutil.Process(pid).nice(NICE)
                Launch(**background.identify(pid), at=time.time(), **at).write(run)

            words = command.train(run.path, fresh)
            background.start(words, [lock, held], run.output_file, begun)
    except background.Busy:
        raise UserError(f"{run.path} is being trained by another process") from None
    except (OSError, subprocess.SubprocessError, UserError) as error:
        if ticket is not None:
            give_back(ticket)
        if lock is not None:
            lock.release()
        said = getattr(error, "strerror", None) or error
        raise UserError(f"the run can't be started: {said}") from error


def _alone() -> AbstractContextManager[None]:
    """One at a time changes what is done with runs."""
    return folder_lock(paths.runs(), "the runs")


def _not_going(run: RunDirectory, doing: str) -> None:
    now = run_status(run)
    if now.going:
        raise UserError(f"{run.path.name} is {now.word}: stop it first, then {doing} it")
    if not run.path.is_dir():
        raise UserError(f"there is no run {run.path.name!r} any more")
