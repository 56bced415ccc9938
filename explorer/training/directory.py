"""The directory of a run. The process that trains writes it; everyone else only reads it.

config.json     the TrainConfig
state.json      where the run is, replaced whole
metrics.jsonl   one record a line, appended; a torn last line is normal
checkpoint/     the model as it was last saved
resume/         all that is needed to go on, bit for bit
pictures/       what it makes of the same images as it learns
log.txt         what the run said
launch.json     how its process was started and for whom, where something other than a shell did that
output.txt      what that process wrote besides, such as why it fell
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, FiniteFloat, PrivateAttr, ValidationError

from explorer import background
from explorer.checkpoints.training_log import MOST_STEPS, record_of
from explorer.errors import UserError, in_words
from explorer.files import PARTIAL, open_regular, read_json, subfolders, write_atomic, write_json
from explorer.paths import absolute
from explorer.recipe.run import TrainConfig

Status = Literal["waiting", "running", "finished", "stopped", "failed"]


LONGEST = 1 << 22  # bytes of a line of the log; a longer one is damage


class RunState(background.Process):
    """state.json."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: Status
    step: int = Field(ge=0, le=MOST_STEPS)
    steps: int = Field(ge=1, le=MOST_STEPS)
    message: str = ""
    images_per_second: FiniteFloat | None = None
    seconds: float = Field(0.0, ge=0, le=1e12)
    device: str = ""
    place: int | None = None  # in the queue of its device, counted from 1, while it waits
    memory: int | None = None  # bytes: of the device where it has its own, else of the process
    updated: float = Field(0.0, ge=-1e12, le=1e12)
    _lock_file: Path | None = PrivateAttr(None)  # of the run that it was read from

    @property
    def alive(self) -> bool:
        """Whether a process has the run; of another machine, which may not share its locks: as far as known."""
        held = background.held(self._lock_file) if self._lock_file is not None else None
        if held or not self.here:
            return bool(held) or self.status in GOING
        nobody = held is False and self.pid != os.getpid()  # of itself this process knows
        return not nobody and self.lives

    @property
    def current_status(self) -> str:
        """The status in a word, "killed" where the process of a running or waiting run is gone."""
        return "killed" if self.status in GOING and not self.alive else self.status


GOING = ("waiting", "running")


class RunDirectory:
    """Paths of a run, and how its files are read and written."""

    def __init__(self, path: str | Path) -> None:
        self.path = absolute(path)
        self.config_file = self.path / "config.json"
        self.state_file = self.path / "state.json"
        self.metrics_file = self.path / "metrics.jsonl"
        self.log_file = self.path / "log.txt"
        self.launch_file = self.path / "launch.json"
        self.output_file = self.path / "output.txt"
        self.pictures = self.path / "pictures"
        self.reserve = self.path / ".reserve"
        self.lock_file = self.path / ".lock"
        self.checkpoint = self.path / "checkpoint"
        self.resume_file = self.path / "resume" / "state.safetensors"

    def config(self) -> TrainConfig:
        """The run's settings. Raises UserError where they are missing or can't be used."""
        value = read_json(self.config_file)
        try:
            return TrainConfig.model_validate(value)
        except ValidationError as error:
            raise UserError(f"{self.config_file}: {in_words(error)}") from error

    def state(self) -> RunState:
        """Where the run is. Raises UserError where state.json is missing or can't be used."""
        value = read_json(self.state_file)
        try:
            state = RunState.model_validate(value)
        except ValidationError as error:
            raise UserError(f"{self.state_file}: {in_words(error)}") from error
        state._lock_file = self.lock_file
        return state

    def state_before(self) -> RunState | None:
        """Where the run was, for one that goes on; None where that is not known: what was saved tells it."""
        try:
            return self.state() if self.state_file.exists() else None
        except UserError:
            return None

    def write_state(self, **values: Any) -> None:
        """Replace state.json by `values`, stamped with this process and the time."""
        state = RunState(**background.identify(), updated=time.time(), **values)
        write_json(self.state_file, state.model_dump())

    def metrics(self) -> Iterator[dict[str, Any]]:
        """Every whole record of metrics.jsonl; a torn or damaged line is passed over."""
        return (record for _, record in self._lines())

    def _lines(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """Every whole line of metrics.jsonl, and the record in it."""
        try:
            file = open_regular(self.metrics_file, 1 << 62)
        except UserError:
            return
        with file:
            begins = True
            while line := file.readline(LONGEST):
                ends = line.endswith(b"\n")
                record = record_of(line) if begins and ends else None
                begins = ends
                if record is not None:
                    yield line, record

    def append(self, record: dict[str, Any]) -> None:
        """Add one record to metrics.jsonl."""
        self._add(self.metrics_file, json.dumps(record))

    def forget_after(self, step: int) -> None:
        """Drop the records later than `step`, which a resumed run will make again."""
        kept = [line for line, record in self._lines() if record["step"] <= step]
        write_atomic(self.metrics_file, b"".join(kept))

    def log(self, text: str) -> None:
        """Add a dated line to log.txt."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        self._add(self.log_file, f"{stamp}  {text}")

    def held(self) -> bool:
        """Whether a process has made the run its own, as whoever trains or waits does, on any machine
        that shares its locks with this one."""
        return bool(background.held(self.lock_file))

    def silence(self) -> float:
        """Seconds since the run last wrote of itself; infinite where it never did."""
        times = []
        for file in (self.state_file, self.metrics_file, self.log_file):
            with suppress(OSError):
                times.append(file.stat().st_mtime)
        return time.time() - max(times, default=-math.inf)

    def sweep_up(self) -> None:
        """Remove what a killed process was writing."""
        for left in self.path.rglob(f".*{PARTIAL}"):
            left.unlink(missing_ok=True)

    @staticmethod
    def _add(file: Path, line: str) -> None:
        try:
            with file.open("ab") as stream:
                stream.write(line.encode() + b"\n")
        except OSError as error:
            raise UserError(f"{file} can't be written: {error.strerror or error}") from error


def find_runs(root: Path) -> list[RunDirectory]:
    """The runs under `root`, those of sweeps among them, newest first."""
    found = []
    outer = subfolders(root)
    for path in [*outer, *(inner for folder in outer for inner in subfolders(folder))]:
        with suppress(OSError):  # moved or deleted in this moment
            if path.name != "checkpoint" and (path / "config.json").exists():
                found.append((path.stat().st_mtime, path))
    return [RunDirectory(path) for _, path in sorted(found, reverse=True)]
