"""A run is asked to stop: by Ctrl-C, or by a signal that is noted until the run comes to where it can."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# SLURM warns of its time limit with SIGUSR2, which Windows doesn't have.
STOPPING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR2") if hasattr(signal, name))
asked = threading.Event()  # whether this process was asked to stop


@contextmanager
def noting(*kinds: signal.Signals) -> Iterator[None]:
    """Note these signals in `asked`. A second one acts as it did before. In a thread nothing is noted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {kind: signal.getsignal(kind) for kind in kinds}

    def ask(number: int, frame: object) -> None:
        asked.set()
        for kind in kinds:
            signal.signal(kind, before[kind])

    for kind in kinds:
        signal.signal(kind, ask)
    try:
        yield
    finally:
        asked.clear()
        for kind in kinds:
            signal.signal(kind, before[kind])


def raise_if_asked() -> None:
    """Raise KeyboardInterrupt where this process was asked to stop."""
    if asked.is_set():
        raise KeyboardInterrupt("stopped before it began to train")
