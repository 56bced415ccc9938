"""What one look at strangers' images may take: pixels that are decoded, seconds of a processor, room on the disk.

Honest pictures have some bytes for their pixels, whatever they show; those that were made to be costly have few.
So there may be as many pixels as a small set has, and more by the bytes that were given.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from explorer import access
from explorer.datasets.fair_queue import TICK, Turns
from explorer.errors import UserError

PIXELS = 4_000_000_000  # that are decoded whatever was given
PIXELS_A_BYTE = 200  # and more for each byte that was given: drawings have a hundred
SECONDS = 6 * 3600  # of a processor, where `access` sets no limit
MEMORY = 1 << 30  # bytes that all looks together take at most, beside uploads and arrays
LOOKS = Turns(2)  # at a time of all persons, one of each
ARRAYS = Turns(1)  # array files, which are held in memory


class BudgetSpent(Exception):
    """The look was ended meanwhile."""


class Budget:
    """What is left for a look; whoever asks is asked for once, where the look begins."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        limits, who = access.limits(), access.person()
        self.most = SECONDS if limits is None else limits.look_seconds
        self.array_bytes = None if limits is None else limits.array_mb * access.MB
        self.whose: object = who.name if limits is not None else object()
        self.room: access.Room  # counted once it is one's turn
        self.stopping = threading.Event()
        self._progress = progress
        self._pixels, self._allowed, self._given = 0, PIXELS, 0
        self._seconds, self._begun = 0.0, time.thread_time()
        self._told, self._done = 0.0, 0

    def given(self, size: int) -> None:
        """Count the bytes of one more file, as it came."""
        self._given += size
        self._allowed += PIXELS_A_BYTE * size

    def spend(self, pixels: int, seconds: float) -> None:
        """Count work that was done on another thread. Raises UserError where it is more than may be."""
        self._pixels += pixels
        self._seconds += seconds
        if self._pixels > self._allowed:
            raise UserError(
                f"these pictures unpack to more than {self._allowed / 1e6:,.0f} million pixels, far more than "
                f"files of {self._given / 1e6:,.1f} MB hold: give fewer of them, or smaller ones"
            )

    def tell(self, done: int | None = None) -> None:
        """Say now and then how many files were looked at, which may end it: `progress` raises what it likes.

        Raises:
            UserError: it took longer than it may.
        """
        self._done = self._done if done is None else done
        if self._seconds + time.thread_time() - self._begun > self.most:
            raise UserError(
                f"looking at these images takes more than {self.most:,} seconds of a processor: give fewer of "
                "them, or smaller ones"
            )
        now = time.monotonic()
        if now - self._told >= TICK:
            self._told = now
            self._progress(self._done)

    def wanted(self) -> None:
        """For other threads that wait: raises Stopped once nobody waits for them."""
        if self.stopping.is_set():
            raise BudgetSpent
