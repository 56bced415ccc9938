"""Read a run's log while it grows: only the bytes that are new, and thinned where it is long."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from threading import Lock
from typing import Any

from explorer.checkpoints.training_log import KEPT, record_of
from explorer.errors import UserError
from explorer.files import open_regular, write_atomic
from models.kinds import OBJECTIVES

MOST = 1024  # records that are kept of each kind; beyond, every second one is let go
CHUNK = 1 << 22  # bytes that are read at a time
LARGEST = 1 << 1000  # a larger whole number is no float any more
CLOCKS = {logged.name: None for kind in OBJECTIVES.values() for panel in kind.clock for logged in panel.lines}
KEPT_NUMBERS = ("step", "reconstruction", "kl", "kl_per_dimension", *CLOCKS)


class LogReader:
    """The records of metrics.jsonl by kind, "train" and "eval", the newest always among them.

    A torn last line is left until it is whole, a damaged one is passed over; a log that was replaced or
    cut short, as a resumed run does it, is read again from its start. Any thread may call `read`.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = Lock()
        self._begin((0, 0))

    def _begin(self, identity: tuple[int, int]) -> None:
        self._identity, self._offset = identity, 0
        self._kept: dict[str, list[dict[str, Any]]] = {"train": [], "eval": []}
        self._last: dict[str, dict[str, Any]] = {}
        self._stride, self._count = {"train": 1, "eval": 1}, {"train": 0, "eval": 0}
        self.version = getattr(self, "version", 0) + 1

    def read(self) -> int:
        """Take in what was appended. Gives a number that changes whenever the records did."""
        with self._lock:
            try:
                with open_regular(self.file, 1 << 62) as stream:
                    status = os.fstat(stream.fileno())
                    identity = (status.st_dev, status.st_ino)
                    if identity != self._identity or status.st_size < self._offset:
                        self._begin(identity)
                    stream.seek(self._offset)
                    while block := stream.read(CHUNK):
                        whole = block.rfind(b"\n") + 1
                        if not whole and len(block) < CHUNK:
                            break
                        whole = whole or len(block)  # no line is that long: skip the rubbish
                        for line in block[:whole].splitlines():
                            self._take(line)
                        self._offset += whole
                        stream.seek(self._offset)
            except (OSError, UserError):
                if self._offset:
                    self._begin((0, 0))
            return self.version

    def records(self, kind: str) -> list[dict[str, Any]]:
        """Records of a kind, in order; thinned evenly where there are many, with the newest at the end."""
        with self._lock:
            kept, last = list(self._kept[kind]), self._last.get(kind)
        if last is not None and (not kept or kept[-1] is not last):
            kept.append(last)
        return kept

    def _take(self, line: bytes) -> None:
        record = record_of(line)
        kind = record.get("kind") if record is not None else None
        if record is None or not isinstance(kind, str) or kind not in self._kept:
            return
        kept = self._kept[kind]
        if self._count[kind] % self._stride[kind] == 0:
            kept.append(record)
            if len(kept) > MOST:
                self._stride[kind] *= 2
                self._kept[kind] = kept[::2]
        self._count[kind] += 1
        self._last[kind] = record
        self.version += 1


def series(records: list[dict[str, Any]], name: str) -> tuple[list[int], list[float]]:
    """Steps and values of a number that records hold, those without it left out."""
    found = [(r["step"], r[name]) for r in records if _is_number(r.get(name))]
    return [step for step, _ in found], [float(value) for _, value in found]


def vectors(records: list[dict[str, Any]], name: str) -> tuple[list[int], list[list[float]]]:
    """Steps and values of a list of numbers, all as long as the newest; others are left out."""
    found = [(r["step"], r[name]) for r in records if isinstance(r.get(name), list) and all(map(_is_number, r[name]))]
    width = len(found[-1][1]) if found else 0
    found = [(step, values) for step, values in found if len(values) == width]
    return [step for step, _ in found], [[float(v) for v in values] for _, values in found]


def _is_number(value: Any) -> bool:
    whole = type(value) is int and abs(value) <= LARGEST
    return whole or (isinstance(value, float) and math.isfinite(value))


def keep_log(log: Path, checkpoint: Path, most: int = 200) -> None:
    """Keep a training log beside a checkpoint: at most about `most` of its records, evenly, the last among them.

    Raises:
        UserError: it can't be written there.
    """
    follower = LogReader(log)
    follower.read()
    records = follower.records("train")
    stride = -(-len(records) // most) or 1
    kept = [{name: record[name] for name in KEPT_NUMBERS if name in record} for record in records[::-1][::stride][::-1]]
    text = "".join(json.dumps({"kind": "train"} | record) + "\n" for record in kept)
    write_atomic(checkpoint / KEPT, text.encode())
