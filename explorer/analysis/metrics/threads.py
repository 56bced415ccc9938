"""How many processors the learners of the metrics may keep busy at once."""

import os

MOST = 8


def threads() -> int:
    """The processors that this process may use, 8 at most; OMP_NUM_THREADS=1 asks for one."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    free = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MOST, free, int(asked) if asked.isdigit() and int(asked) else MOST))
