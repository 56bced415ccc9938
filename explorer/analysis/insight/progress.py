"""How an analysis tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[float], object]  # given the share that is done, from 0 to 1


def quiet(_: float) -> None:
    """Tell nobody."""


def part(tell: Tell, first: float, last: float) -> Tell:
    """What tells of a part of the work that reaches from `first` to `last` of the whole."""
    return lambda share: tell(first + (last - first) * share)
