"""Runs take turns on a device: tickets in the order of launching, kept by the waiting processes themselves.

A ticket is a file with a number, the run and its process. The first so many tickets whose processes are
alive have the device; who waits looks at the tickets before its own once a second. So a run starts when
its turn comes whether or not the app is there, and a process that was killed gives its place up.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from explorer import paths
from explorer.errors import UserError
from explorer.files import read_json, write_json
from explorer.training.claiming import hold, note_end
from explorer.training.config import TrainConfig
from explorer.training.directory import GOING, RunDirectory, is_alive
from explorer.training.stopping import check

SLOTS = "BETA_VAE_SLOTS"  # runs at a time on a device: "1", or "cpu=1,cuda:0=2"
POLL = 0.5  # seconds


class Ticket(BaseModel):
    """A place in the queue: of which process, for which run."""

    model_config = ConfigDict(frozen=True)

    pid: int
    pid_started: float
    run: str


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
    """Draw the next ticket for a process; its own, where it was given one. Call it inside `order`."""
    started = psutil.Process(pid).create_time()
    tickets = _tickets(folder)
    for path in reversed(tickets):
        holder = _holder(path)
        if holder and (holder.pid, holder.run) == (pid, str(run)):
            return path
    number = int(tickets[-1].stem) + 1 if tickets else 0
    path = folder / f"{number:012d}.json"
    write_json(path, Ticket(pid=pid, pid_started=started, run=str(run)).model_dump())
    return path


def place(ticket: Path, slots: int) -> int:
    """0 when it is the ticket's turn, 1 when it is the next. Tickets of dead processes are taken away."""
    tickets = _tickets(ticket.parent)
    if ticket not in tickets:
        return 0
    running = 0
    for index, path in enumerate(tickets):
        if path == ticket:
            return 0
        if _holder(path) is None:
            path.unlink(missing_ok=True)
            continue
        running += 1
        if running == slots:
            return tickets.index(ticket) - index
    return 0


def _tickets(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.json"))


def _holder(path: Path) -> Ticket | None:
    """Whose ticket it is; None where that process is gone, or the ticket."""
    try:
        ticket = Ticket.model_validate(read_json(path))
    except (UserError, ValidationError):
        return None
    return ticket if is_alive(ticket.pid, ticket.pid_started) else None


@contextmanager
def turn(run: RunDirectory, config: TrainConfig, resume: bool) -> Iterator[None]:
    """Wait for the run's turn on its device, with its place in state.json, and keep it until the end.

    Raises:
        UserError: the run can't be trained here; as `train` says.
        KeyboardInterrupt: it was stopped while it waited.
    """
    device = device_of(config)
    allowed = slots(device)
    with hold(run, config, resume) as before:
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
            while ahead := place(ticket, allowed):
                check()
                if ahead != said and not quiet:
                    run.write_state(
                        status="waiting", place=ahead, **known,
                        message=f"number {ahead} in the queue for {device}",
                    )  # fmt: skip
                    said = ahead
                time.sleep(POLL)
            if not quiet:
                run.write_state(status="running", message="starting", **known)
            yield
        except BaseException as error:
            if run.state_file.exists() and run.state().status in GOING:
                note_end(run, error, before)
            raise
        finally:
            ticket.unlink(missing_ok=True)
