"""Try many inputs: each ends right or in a sentence, in bounded time and memory, and leaves nothing."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS, MEGABYTES = 2.0, 200


@dataclass(frozen=True)
class Asked:
    """How many inputs of a format are tried, where, and within which bounds. Numbers below 0 are valid ones."""

    name: str
    count: int
    seed: int
    base: Path
    only: int | None = None
    seconds: float = SECONDS
    megabytes: int = MEGABYTES


def tried(
    asked: Asked,
    make: Callable[[int, random.Random], Any],
    attempt: Callable[[Any], object],
    left: Callable[[], list[str]] = lambda: [],
) -> dict[str, object]:
    """What came of the inputs.

    Args:
        make: the input of a number, which is below 0 for a valid one.
        attempt: reads it; raises UserError where it refuses, and AssertionError where what it read is wrong.
        left: what is there that should not be; it is then taken away.
    """
    from explorer.errors import UserError

    failures: list[str] = []
    loaded, slowest, baseline, highest = 0, 0.0, 0, 0
    numbers = [-2, -1, *range(asked.count)] if asked.only is None else [-1, asked.only]
    for number in numbers:
        rng = random.Random(f"{asked.name} {asked.seed} {number}")
        given = make(number, rng)
        (asked.base / "last").write_text(str(number))
        _forget_peak()  # what making the input took is not the reader's
        began = time.process_time()
        try:
            attempt(given)
            loaded += 1
        except UserError as error:
            if "\n" in str(error) or not 10 < len(str(error)) < 3000:
                failures.append(f"{number}: not a sentence: {str(error)[:200]!r}")
            if number < 0:
                failures.append(f"{number}: the valid one is refused: {error}")
        except BaseException as error:
            failures.append(f"{number}: {type(error).__name__}: {str(error)[:200]}")
        took = time.process_time() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if number == -1:
            baseline = peak
        elif number >= 0:
            slowest, highest = max(slowest, took), max(highest, peak - baseline)
            if took > asked.seconds:
                failures.append(f"{number}: took {took:.1f} s")
            if peak - baseline > asked.megabytes:
                failures.append(f"{number}: {peak - baseline} MB more")
                baseline = peak
        if names := left():
            failures.append(f"{number}: left behind: {names}")
    return {
        "format": asked.name,
        "tried": asked.count,
        "loaded": loaded,
        "slowest": round(slowest, 2),
        "megabytes": highest,
        "failures": failures,
    }


def _forget_peak() -> None:
    """Let the peak of this process's memory begin anew; elsewhere than on Linux it goes on."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
