"""Numbers, sizes and times as people read them."""

from __future__ import annotations


def number(value: float, digits: int = 3) -> str:
    """A number with `digits` significant digits, without an exponent where that stays short."""
    text = f"{value:.{digits}g}"
    if "e" not in text:
        return text
    return f"{value:,.0f}" if 1 <= abs(value) < 1e7 else text


def size(count: int) -> str:
    """Bytes in words, in units of 1000."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} bytes"


def duration(seconds: float) -> str:
    """Seconds in words, two units at the most."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.1f} days"
