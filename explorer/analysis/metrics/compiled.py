"""Loops compiled by numba where it is installed, once for every process that comes after."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

njit: Any = None
with suppress(ImportError):  # it only makes the loops faster
    from numba import njit


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Numba's `njit` without the interpreter's lock, its machine code kept on the disk.

    It is kept beside the source, or in the person's own cache where that can't be written. Where
    neither can, each process compiles anew, which takes it some ten seconds. Without numba the function stays
    as it is.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if njit is None:
            return function
        try:
            return njit(nogil=True, cache=True, **options)(function)
        except RuntimeError:  # numba found no folder to write to
            return njit(nogil=True, **options)(function)

    return decorate
