"""Runs take turns on a device: tickets in the order of launching, kept by the waiting processes themselves.

A ticket is a file with a number, the run and its process, which holds it locked. The first so many tickets that
are held have the device; who waits looks at the tickets before its own twice a second. So a run starts when its
turn comes whether or not the app is there, and a process that was killed gives its place up, whatever the clock.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import ConfigDict, ValidationError

from explorer import background, paths
from explorer.errors import UserError
from explorer.files import PARTIAL, read_json
from explorer.recipe.run import TrainConfig
from explorer.training.directory import GOING, RunDirectory
from explorer.training.run_lock import note_end, own_run
from explorer.training.stop_signal import raise_if_asked

SLOTS = "BETA_VAE_SLOTS"  # runs at a time on a device: "1", or "cpu=1,cuda:0=2"
POLL = 0.5  # seconds


class Ticket(background.Process):
    """A place in the queue: of which process, for which run. An older version's is not `locked`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str
    locked: bool = False


def device_of(config: TrainConfig) -> str:
    """The device that a run will take turns on, without asking torch: cuda:0, mps or cpu."""
    if config.device == "auto":
        if Path("/proc/driver/nvidia/version").exists():
            return "cuda:0"
        return "mps" if sys.platform == "darwin" and os.uname().machine == "arm64" else "cpu"
    return "cuda:0" if config.device == "cuda" else config.device


def slots(device: str) -> int:
    """How many runs a device takes at a time: 1, or what BETA_VAE_SLOTS says.

    Raises:
        UserError: it says nothing that can be used.
    """
    said = os.environ.get(SLOTS, "").strip()
    if not said:
        return 1
    try:
        entries = [entry.rpartition("=") for entry in said.split(",")]
        known = {name.strip(): int(count) for name, _, count in entries}
    except ValueError:
        known = {"": 0}
    if min(known.values()) < 1:
        raise UserError(f"{SLOTS} is a number of runs, 1 or more, or cpu=1,cuda:0=2; not {said!r}")
    return known.get(device, known.get("", 1))


@contextmanager
def order(device: str) -> Iterator[Path]:
    """Hold the queue of a device, so that tickets get their numbers one after the other."""
    folder = paths.home() / "queue" / device.replace(":", "-")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire()
    except OSError as error:
        raise UserError(f"{folder} can't be written to: {error.strerror or error}") from error
    try:
        yield folder
    finally:
        lock.release()


def enter(folder: Path, pid: int, run: Path) -> Path:
    """Draw the next ticket for a process; its own, where it was given one. Call it inside `order`.

    This process holds it until it leaves it or hands it on; a pid of 0 is of a process that is still to be started.

    Raises:
        UserError: the queue's folder can't be written.
    """
    try:
        tickets = _sweep(folder)
        for path in reversed(tickets):
            known = _read(path)
            if known is None or (known.run, known.pid) != (str(run), pid):
                continue
            if background.mine(path) is not None or not known.locked:
                return path
        ours = [int(one.stem) for one in tickets if not _elsewhere(_read(one))]
        number = max(ours, default=-1) + 1  # another machine's turns are on a device of its own
        while (path := folder / f"{number:012d}.json").exists():
            number += 1
        return background.new_locked(path, pid, run=str(run), locked=True).path
    except OSError as error:
        raise UserError(f"{folder} can't be written to: {error.strerror or error}") from error


def give_back(ticket: Path) -> None:
    """Give a ticket back, and take away those of dead processes, where nobody is drawing one just now."""
    lock = background.mine(ticket)
    with suppress(OSError):
        ticket.unlink(missing_ok=True)
    if lock is not None:
        lock.release()
    with suppress(OSError, Timeout), FileLock(ticket.parent / ".lock", timeout=0):
        _sweep(ticket.parent)


def place_in_queue(ticket: Path, slots: int) -> int:
    """0 when it is the ticket's turn, 1 when it is the next: so many that live are before it."""
    tickets = _tickets(ticket.parent)
    if ticket not in tickets:
        return 0
    return max(0, sum(map(_lives, tickets[: tickets.index(ticket)])) - slots + 1)


def _tickets(folder: Path) -> list[Path]:
    """The tickets in order; whatever else lies there is nobody's."""
    try:
        found = [p for p in folder.iterdir() if re.fullmatch(r"\d{1,15}\.json", p.name, re.A)]
        return sorted((path for path in found if path.is_file()), key=lambda path: int(path.stem))
    except OSError:
        return []


def _sweep(folder: Path) -> list[Path]:
    """Take away the tickets of dead processes; those that are left."""
    for left in folder.glob(f".*{PARTIAL}"):
        if not background.held(left):
            left.unlink(missing_ok=True)
    tickets = _tickets(folder)
    for path in tickets:
        if not _lives(path) and not _elsewhere(_read(path)):
            path.unlink(missing_ok=True)
    return [path for path in tickets if path.exists()]


def _read(path: Path) -> Ticket | None:
    """What a ticket says; None where nothing can be read."""
    try:
        return Ticket.model_validate(read_json(path))
    except (UserError, ValidationError):
        return None


def _lives(path: Path) -> bool:
    """Whether the process of a ticket lives, and takes turns on this machine's device."""
    ticket = _read(path)
    if _elsewhere(ticket):
        return False
    if background.held(path):
        return True
    if ticket is None or ticket.locked:
        return False
    # An older version's: its process has the run's lock, but for the moment in which it begins.
    return RunDirectory(ticket.run).held() or ticket.lives


def _elsewhere(ticket: Ticket | None) -> bool:
    """Whether a ticket is of another machine, which shares this home and has a device of its own."""
    return ticket is not None and not ticket.here


@contextmanager
def turn(run: RunDirectory, config: TrainConfig, resume: bool) -> Iterator[None]:
    """Wait for the run's turn on its device, with its place in state.json, and keep it until the end.

    Raises:
        UserError: the run can't be trained here; as `train` says.
        KeyboardInterrupt: it was stopped while it waited.
    """
    device = device_of(config)
    allowed = slots(device)
    with own_run(run, config, resume) as before:
        with order(device) as folder:
            ticket = enter(folder, os.getpid(), run.path)
        known: dict[str, Any] = {
            "step": before.step if before else 0,
            "seconds": before.seconds if before else 0.0,
            "steps": config.total_steps,
            "device": device,
        }
        quiet = before is not None and before.status == "finished"  # it stays so until it trains
        said = None
        try:
            while ahead := place_in_queue(ticket, allowed):
                raise_if_asked()
                if ahead != said and not quiet:
                    run.write_state(
                        status="waiting", place=ahead, **known, message=f"number {ahead} in the queue for {device}"
                    )
                    said = ahead
                time.sleep(POLL)
            if not quiet:
                run.write_state(status="running", message="starting", **known)
            yield
        except BaseException as error:
            now = run.state_before()
            if now is not None and now.status in GOING:
                note_end(run, error, before)
            raise
        finally:
            give_back(ticket)
