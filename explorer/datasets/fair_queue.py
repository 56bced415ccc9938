"""Turns at something of which there is little: who had none for longest is next, however many wait for one person."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from itertools import count

TICK = 0.2  # seconds between two questions whether one still wants to wait


class Turns:
    """At most `slots` at a time, and at most `each` of one person."""

    def __init__(self, slots: int, each: int = 1) -> None:
        self.slots, self.each = slots, each
        self._changed = threading.Condition()
        self._number = count()
        self._waiting: dict[int, Hashable] = {}
        self._busy: Counter[Hashable] = Counter()
        self._had: dict[Hashable, int] = {}  # when each had the last turn

    @contextmanager
    def turn(self, whose: Hashable, wanted: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Wait for a turn of `whose`, and have it within the block.

        Args:
            wanted: called now and then while one waits; what it raises ends the waiting.
        """
        with self._changed:
            mine = next(self._number)
            self._waiting[mine] = whose
        try:
            while not self._begun(mine, whose):
                wanted()
            yield
        finally:
            with self._changed:
                if self._waiting.pop(mine, None) is None:  # it had its turn
                    self._busy[whose] -= 1
                self._busy += Counter()  # those with none are dropped
                if not self._busy and not self._waiting:
                    self._had.clear()
                self._changed.notify_all()

    def _begun(self, mine: int, whose: Hashable) -> bool:
        with self._changed:
            if self._next() != mine:
                self._changed.wait(TICK)
            if self._next() != mine:
                return False
            del self._waiting[mine]
            self._busy[whose] += 1
            self._had[whose] = next(self._number)
            self._changed.notify_all()  # there may be another slot
            return True

    def _next(self) -> int | None:
        """Which of those who wait is next; None while all slots are taken."""
        if self._busy.total() >= self.slots:
            return None
        free = [n for n, whose in self._waiting.items() if self._busy[whose] < self.each]
        return min(free, key=lambda n: (self._had.get(self._waiting[n], -1), n), default=None)
