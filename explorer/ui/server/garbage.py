"""What is never garbage, out of the garbage collector's sight."""

from __future__ import annotations

import gc
import sys

MORE = 50  # modules, after which it is worth the while again

_seen = 0


def spare_modules() -> None:
    """Have what imported modules hold looked through no more.

    Streamlit collects garbage in full after every run of a script, and most of the time of a short run went
    into looking through torch and plotly. Whatever is alive at this moment is spared with them, so this does
    nothing until many more modules have been imported.
    """
    global _seen
    if len(sys.modules) >= _seen + MORE:
        _seen = len(sys.modules)
        gc.collect()
        gc.freeze()
