"""The log of training that goes with a checkpoint: its run's, or a thinned one beside the weights."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from explorer.files import tail

KEPT = "training.jsonl"  # a log, thinned, that goes with a checkpoint
MOST_STEPS = 1 << 53  # a larger number is damage: it is no float any more
LARGEST = 1e300
END = 64_000  # bytes of a log in which its last record is looked for


def log_of(checkpoint: Path) -> Path | None:
    """The training log that belongs to a checkpoint's directory: its run's, or one kept beside the weights."""
    places = [checkpoint / KEPT]
    if checkpoint.name == "checkpoint":
        places.insert(0, checkpoint.parent / "metrics.jsonl")
    return next((place for place in places if place.is_file()), None)


def record_of(line: bytes | str) -> dict[str, Any] | None:
    """The record in a line of metrics.jsonl; None where it is damaged, whatever the damage."""
    try:
        record = json.loads(line, parse_constant=lambda name: None)  # NaN is no number
    except (ValueError, RecursionError):
        return None
    step = record.get("step") if isinstance(record, dict) else None
    return record if type(step) is int and 0 <= step <= MOST_STEPS else None


def last_logged(checkpoint: Path, name: str) -> float | None:
    """The last value of a number that the training of a checkpoint logged; None where no log tells it."""
    log = log_of(checkpoint)
    try:
        status = None if log is None else log.stat()
    except OSError:
        return None
    return None if log is None or status is None else _last(log, name, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _last(log: Path, name: str, changed: int, size: int) -> float | None:
    for line in reversed(tail(log, END).splitlines()):
        record = record_of(line)
        value = None if record is None or record.get("kind") != "train" else record.get(name)
        if isinstance(value, int | float) and abs(value) <= LARGEST:
            return float(value)
    return None
