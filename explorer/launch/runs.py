"""Launch, resume, stop, rename and delete runs. Every name is checked, every directory made once."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock

from explorer import access, paths
from explorer.checkpoints.catalogue import catalogue
from explorer.errors import UserError
from explorer.files import read_json, write_json
from explorer.launch import command, slurm
from explorer.launch.places import Launch, Trashed, launch_of, standing, trash
from explorer.launch.queue import device_of, enter, order, slots
from explorer.launch.slurm import Job
from explorer.training.config import TrainConfig
from explorer.training.directory import RunDirectory, find_runs

NAME = r"[\w+=-][\w.+=-]{0,119}"
MODEL = "checkpoint"  # the folder in a run's own that its model lies in
MAX_SWEEP = 100  # runs that are launched at once: each waits as a process of its own
NICE = 10  # of a run on this machine: a click on the page comes first
GRACE = 30.0  # seconds from SIGTERM to SIGKILL


class Taken(UserError):
    """There is a run, or a sweep, of that name."""


def check_name(name: str) -> str:
    """The name, which may be a run's. Raises UserError where it can't be a folder's."""
    if name.lower() == MODEL:
        raise UserError(
            f"{name!r} is what the folder of a run's model is called; choose another name"
        )
    if not re.fullmatch(NAME, name):
        raise UserError(
            "the name of a run is made of letters, digits, '-', '_', '.', '+' or '=', at most 120 of "
            f"them, and does not begin with a dot; not {name[:60]!r}"
        )
    return name


def free_name(name: str) -> str:
    """The name itself, or with the first number behind it that no run, sweep or model has."""
    models = {entry.name.partition("/")[0] for entry in catalogue()}
    taken = models | {path.name for root in (paths.runs(), paths.library(), paths.PRETRAINED)
             for path in (root.iterdir() if root.is_dir() else ())}  # fmt: skip
    candidates = (name if number == 1 else f"{name}-{number}" for number in range(1, 1 << 30))
    return next(candidate for candidate in candidates if candidate not in taken)


def check_free(*names: str) -> None:
    """Raises Taken where a model, the library's or a shipped one, or a run has one of these whole names."""
    models = {entry.name for entry in catalogue()}
    for name in names:
        if (paths.runs() / name).exists():
            raise Taken(f"there is a run {name!r} already; choose another name")
        if name in models:
            raise Taken(f"there is a model {name!r} already; choose another name")


def launch(
    runs: Iterable[tuple[str, TrainConfig]], group: str = "", job: Job | None = None
) -> list[RunDirectory]:
    """Start a run for each name and config, in order: on this machine, or as jobs of SLURM.

    Args:
        group: the name of the sweep that they make up; empty for a single run.
        job: what to ask SLURM for; None is this machine.

    Raises:
        UserError: a name that is taken or can't be used, too many runs, or a folder that can't be
            written; nothing that was not started is left behind. Or who asks may not, or not so many.
    """
    access.require("train")
    planned = [(check_name(name), config) for name, config in runs]
    if not 1 <= len(planned) <= MAX_SWEEP:
        raise UserError(
            f"{len(planned)} runs are more than the {MAX_SWEEP} that are launched at once; "
            "`python -m explorer sweep` trains more, one after the other"
            if planned
            else "there is nothing to launch: a list of the sweep is empty"
        )
    for _, config in planned:
        slots(device_of(config))  # what can't be used is said before anything is made
        _may_read(config)
    with access.starting(len(planned), _going, [config.total_steps for _, config in planned]):
        return _launched(planned, group, job)


def _may_read(config: TrainConfig) -> None:
    """Raises UserError where a run would read or download what who asks may not."""
    if config.root is not None:
        access.check_folder(config.root)
    if config.download:
        access.require("download")


def _going(owner: str) -> int:
    """How many runs of a person wait or run."""
    runs = find_runs(paths.runs())
    return sum(access.owner_of(run.path) == owner and standing(run).going for run in runs)


def _launched(
    planned: list[tuple[str, TrainConfig]], group: str, job: Job | None
) -> list[RunDirectory]:
    root = paths.runs()
    check_free(*(f"{group}/{name}" if group else name for name, _ in planned))
    if group:
        root = _make(root / check_name(group))
    made: list[RunDirectory] = []
    try:
        for name, config in planned:
            run = RunDirectory(_make(root / name))
            made.append(run)
            write_json(run.config_file, config.model_dump(mode="json"))
        for run, (_, config) in zip(made, planned, strict=True):
            _start(run, config, resume=False, job=job)
    except UserError:
        for run in made:
            if launch_of(run) is None:
                shutil.rmtree(run.path, ignore_errors=True)
        if group and not any(root.iterdir()):
            root.rmdir()
        raise
    return made


def resume(run: RunDirectory, job: Job | None = None) -> None:
    """Go on with a run that is not going on: here, or as a job. Raises UserError where it is, or can't be."""
    access.require("train", run.path)
    config = run.config()
    _may_read(config)
    with access.starting(1, _going, [config.total_steps]), _alone(run):
        now = standing(run)
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
    now = standing(run)
    if not now.going:
        raise UserError(f"{run.path.name} is not going on: it is {now.word}")
    if now.launch is not None and now.launch.where == "slurm":
        _note_stop(run, now.launch)
        slurm.cancel(now.launch.job)
        return
    if now.state is not None and now.word != "starting":
        pid, started, here = now.state.pid, now.state.pid_started, now.state.here
    else:
        assert now.launch is not None
        pid, started, here = now.launch.pid, now.launch.pid_started, True
    if not here:
        host = now.state.host if now.state else ""
        raise UserError(f"{run.path.name} runs on {host}: stop it there")
    if now.launch is not None:
        _note_stop(run, now.launch)
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - started) >= 1:
            if run.held():
                raise UserError(
                    f"the clock was set since {run.path.name} began, so that its process can't be told "
                    f"from another; end it by hand if it is {pid}"
                )
            return
        group = _signal(process, signal.SIGTERM)
    except psutil.Error:
        return
    ending = threading.Thread(target=_end, args=(process, group, grace), daemon=True)
    ending.start()
    if wait:
        ending.join()


def _note_stop(run: RunDirectory, started: Launch) -> None:
    with suppress(UserError):  # a disk that is full or read-only is no reason not to stop
        started.model_copy(update={"stopped": True}).write(run)


def rename(run: RunDirectory, name: str) -> RunDirectory:
    """Give a run that is not going on another name. Raises UserError where it is, or the name is taken."""
    access.require("rename", run.path)
    to = run.path.parent / check_name(name)
    with _alone(run):
        _not_going(run, "rename")
        check_free(name_of(RunDirectory(to)))
        _move(run.path, to)
    return RunDirectory(to)


def discard(run: RunDirectory) -> Trashed:
    """Put a run that is not going on into the trash. Raises UserError where it is, or can't be moved."""
    access.require("delete", run.path)
    name = run.path.relative_to(paths.runs().resolve()).as_posix()
    with _alone(run):
        _not_going(run, "delete")
        folder = trash() / f"{time.time_ns():020d}"
        try:
            folder.mkdir(parents=True)
            write_json(folder / "name.json", name)
        except OSError as error:
            raise UserError(f"{folder} can't be made: {error.strerror or error}") from error
        _move(run.path, folder / "run")
    if run.path.parent != paths.runs().resolve() and not any(run.path.parent.iterdir()):
        run.path.parent.rmdir()  # the last run of a sweep
    return Trashed(folder, name)


def restore(item: Trashed) -> RunDirectory:
    """Take a run out of the trash, back to its place. Raises UserError where that is taken."""
    access.require("delete", item.path / "run")
    run = RunDirectory(paths.runs() / item.name)
    with _alone(run):
        if run.path.exists() or any(entry.name == item.name for entry in catalogue()):
            raise UserError(f"there is another {item.name!r} now; rename that one first")
        if (run.path.parent / "config.json").exists():
            raise UserError(
                f"{run.path.parent.name!r} was a sweep and is a run now; rename that one first"
            )
        run.path.parent.mkdir(parents=True, exist_ok=True)
        _move(item.path / "run", run.path)
    shutil.rmtree(item.path, ignore_errors=True)
    return run


def delete_for_good(items: Iterable[Trashed]) -> None:
    """Empty the trash of these. Raises UserError where one can't be deleted."""
    chosen = list(items)
    for item in chosen:
        access.require("delete", item.path / "run")
    for item in chosen:
        try:
            shutil.rmtree(item.path)
        except OSError as error:
            raise UserError(f"{item.path} can't be deleted: {error.strerror or error}") from error


def trashed() -> list[Trashed]:
    """What is in the trash, newest first."""
    found = []
    for folder in sorted(trash().glob("*/name.json"), reverse=True):
        try:
            name = read_json(folder)
        except UserError:
            continue
        if isinstance(name, str) and all(re.fullmatch(NAME, part) for part in name.split("/")):
            found.append(Trashed(folder.parent, name))
    return found


def find(name: str) -> RunDirectory:
    """The run of that name under `runs/`. Raises UserError where there is none."""
    for run in find_runs(paths.runs()):
        if name_of(run) == name:
            return run
    raise UserError(f"there is no run {name[:100]!r}")


def name_of(run: RunDirectory) -> str:
    """What a run is called: its folder under `runs/`, such as first or sweep/beta-4."""
    return run.path.relative_to(paths.runs().resolve()).as_posix()


def _make(folder: Path) -> Path:
    """Make a folder that must not be there yet: of two clicks that want it, one gets it."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir()
        except FileExistsError:
            raise Taken(f"there is a run {folder.name!r} already; choose another name") from None
    except OSError as error:
        raise UserError(f"{folder} can't be made: {error.strerror or error}") from error
    return folder


def _start(run: RunDirectory, config: TrainConfig, resume: bool, job: Job | None) -> None:
    fresh = None if resume else config
    before = launch_of(run)
    owner = before.owner if before is not None else "" if resume else access.person().name
    if job is not None:
        again = command.train(run.path, None, queue=False)
        number = slurm.submit(
            run.path / "slurm",
            run.path.name,
            command.train(run.path, fresh, queue=False),
            again,
            job,
        )
        Launch(
            where="slurm",
            job=number,
            asked=job,
            host=socket.gethostname(),
            at=time.time(),
            owner=owner,
        ).write(run)
        return
    with order(device_of(config)) as folder:  # the child draws no ticket before its own is there
        at = time.time()
        try:
            with run.output_file.open("wb") as output:
                process = subprocess.Popen(
                    command.train(run.path, fresh), cwd=paths.PROJECT, start_new_session=True,
                    stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                )  # fmt: skip
        except OSError as error:
            raise UserError(f"the run can't be started: {error.strerror or error}") from error
        try:
            started = psutil.Process(process.pid)
            started.nice(NICE)
            enter(folder, process.pid, run.path)
            Launch(
                pid=process.pid, pid_started=started.create_time(), host=socket.gethostname(), at=at,
                owner=owner,
            ).write(run)  # fmt: skip
        except (psutil.Error, UserError) as error:
            process.kill()
            process.wait()
            raise UserError(f"the run can't be started: {error}") from error
    # A zombie would be left when it ends before the app does.
    threading.Thread(target=process.wait, daemon=True).start()


def _signal(process: psutil.Process, number: signal.Signals) -> bool:
    """Send a signal to the process's group where it leads one, else to it alone; whether it was the group."""
    leads = os.getpgid(process.pid) == process.pid
    if leads:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    return leads


def _end(process: psutil.Process, group: bool, grace: float) -> None:
    try:
        process.wait(grace)
    except psutil.TimeoutExpired:
        pass
    except psutil.Error:
        return
    try:
        if group:
            os.killpg(process.pid, signal.SIGKILL)
        elif process.is_running():
            process.kill()
    except (psutil.Error, ProcessLookupError, PermissionError):
        pass  # all of it has ended


@contextmanager
def _alone(run: RunDirectory) -> Iterator[None]:
    """One at a time changes what is done with a run."""
    try:
        paths.runs().mkdir(parents=True, exist_ok=True)
        with FileLock(paths.runs() / ".changing"):
            yield
    except OSError as error:
        raise UserError(f"{run.path} can't be changed: {error.strerror or error}") from error


def _not_going(run: RunDirectory, doing: str) -> None:
    now = standing(run)
    if now.going:
        raise UserError(f"{run.path.name} is {now.word}: stop it first, then {doing} it")
    if not run.path.is_dir():
        raise UserError(f"there is no run {run.path.name!r} any more")


def _move(path: Path, to: Path) -> None:
    try:
        path.rename(to)
    except OSError as error:
        raise UserError(f"{path} can't be moved to {to}: {error.strerror or error}") from error
