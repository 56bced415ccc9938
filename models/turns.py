"""Turns at heavy work: a few at a time in the whole process, and a way to leave between two parts of it. No torch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

AT_ONCE = 2
WAIT = 0.05  # seconds after which one who waits may leave
between: ContextVar[Callable[[], None] | None] = ContextVar("between", default=None)
_turns = threading.BoundedSemaphore(AT_ONCE)


def leave() -> None:
    """Let the asker leave: what is set in `between` is called, and may raise."""
    ask = between.get()
    if ask is not None:
        ask()


@contextmanager
def take_turn() -> Iterator[None]:
    """Wait until fewer than AT_ONCE others are at heavy work."""
    while not _turns.acquire(timeout=WAIT):
        leave()
    try:
        yield
    finally:
        _turns.release()
