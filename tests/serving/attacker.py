"""Who attacks a served app, what it allows them, and what was seen of it."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from explorer.analysis import traversal
from explorer.datasets.budget import MEMORY
from models import turns

from .driving import Session, given
from .lab import Lab

MEMBER = "ada@lab.test"


DISK_MB, UPLOADS_MB, ARRAY_MB, RUNS = 20, 300, 50, 2


POLICY = f"""
[members]
emails = ["{MEMBER}"]
[limits]
runs = {RUNS}
steps = 3
upload_mb = 5
uploads_mb = {UPLOADS_MB}
disk_mb = {DISK_MB}
look_seconds = 4
array_mb = {ARRAY_MB}
"""


ROW = 400_000_000  # bytes that one row of a network may take, or a part of a batch


SLACK = 100_000_000  # bytes of memory that Python keeps of what was there before


AT_ONCE = 2  # roads that are gone at a time


# What computing may take: as many rows at a time as take turns, and for each asker pictures as numbers and as colours.
COMPUTING = turns.AT_ONCE * ROW + AT_ONCE * 2 * traversal.MOST_BYTES


LIMITS = {  # what the server may hold more than at rest, whoever does what
    "memory": MEMORY + COMPUTING + (UPLOADS_MB + 2 * ARRAY_MB) * 1_000_000 + SLACK,
    "disk": (DISK_MB + 1) * 1_000_000,
    "runs": RUNS,
}


@dataclass
class Attack:
    """A server under attack, by whom, and what was seen of it."""

    lab: Lab
    visitor: httpx.Client
    member: httpx.Client
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    done: Counter[str] = field(default_factory=Counter)
    refused: int = 0  # uploads that were not taken, so that their road led to the door alone
    highest: dict[str, int] = field(default_factory=dict)
    rest: dict[str, int] = field(default_factory=dict)

    def held(self) -> dict[str, int]:
        """Bytes of memory, bytes of the member's disk, runs that wait or go on."""
        home = self.lab.home
        made = [home / part for part in ("runs", "library", "data", "trash")]
        runs = [state for state in (home / "runs").glob("*/launch.json") if _goes_on(state.parent)]
        return {
            "memory": psutil.Process(self.lab.pid).memory_info().rss,
            "disk": sum(
                _size(Path(place) / file)
                for folder in made
                for place, _, files in os.walk(folder)  # which passes over what goes meanwhile
                for file in files
            ),
            "runs": len(runs),
        }

    def watch(self, over: threading.Event) -> None:
        """Note the highest of each, again and again."""
        while not over.wait(0.2):
            for what, value in self.held().items():
                self.highest[what] = max(self.highest.get(what, 0), value)

    def look(self, content: bytes, name: str, page: str = "show=images") -> str:
        """Upload a file as the member, have it looked at, and close the tab; what the page said."""
        with Session(self.member) as session:
            seen = session.run("library", page)
            file = session.upload(content, name)
            if not file:
                self.refused += 1  # all that may be uploaded in a day
                return ""
            return session.run("library", page, [given(seen.uploader, {file: name})]).words

    def passed(self) -> list[str]:
        """The limits that were passed, in words."""
        return [
            f"{what}: {self.highest[what] - self.rest[what]:,} above rest, and {limit:,} may be"
            for what, limit in LIMITS.items()
            if self.highest[what] - self.rest[what] > limit
        ]


def _goes_on(run: Path) -> bool:
    state = run / "state.json"
    text = state.read_text() if state.is_file() else "waiting"
    return not any(word in text for word in ("finished", "failed", "stopped"))


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size if file.is_file() else 0
    except OSError:
        return 0
