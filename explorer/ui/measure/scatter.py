"""The scatter of codes: a component that draws 100,000 points fluidly, and the picture under the pointer.

Points go to the browser once, in one block of bytes; the picture of a point goes there by itself when the
pointer rests on it, so that moving the pointer never sends the points again.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from explorer import paths
from explorer.live.wire import ScatterData, ThumbData

FRONT, STATIC = paths.PROJECT / "explorer" / "front", paths.PROJECT / "static"
_draw = st.components.v2.component(
    "measure_scatter", css=(FRONT / "scatter.css").read_text(), js=(STATIC / "scatter.mjs").read_text(encoding="utf-8")
)
_thumb = st.components.v2.component(
    "measure_thumb", html="<span></span>", js=(STATIC / "scatter_thumb.mjs").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Touched:
    """What the person did: the point under the pointer, and the lasso `(m, 2)` in data units."""

    hover: int | None
    lasso: np.ndarray | None


def scatter(
    x: np.ndarray,
    y: np.ndarray,
    kind: np.ndarray,
    palette: Sequence[tuple[int, int, int]],
    legend: Sequence[tuple[str, tuple[int, int, int]]],
    titles: tuple[str, str],
    label: str,
    picked: int | None,
    near: Sequence[int],
    on_pick: Callable[[int], None],
    key: str,
) -> Touched:
    """Draw points `(n,)`, coloured by `palette[kind]`, and give what was done to them.

    Call it in a fragment. `on_pick` is called with the point that was clicked. `near` are points with a
    ring around them; `label` is the text for those who can't see it.
    """
    body = b"".join(
        np.ascontiguousarray(array, dtype=kind_of).tobytes()
        for array, kind_of in ((x, "<f4"), (y, "<f4"), (kind, "<u2"))
    )
    name = hashlib.blake2b(body + repr(titles).encode(), digest_size=8).hexdigest()
    head = ScatterData(
        id=name,
        n=len(x),
        palette=list(palette),
        legend=list(legend),
        xTitle=titles[0],
        yTitle=titles[1],
        label=label,
        picked=picked,
        near=list(near),
    )
    header = head.model_dump_json().encode()
    header += b" " * (-len(header) % 4)

    def pick() -> None:
        point = _point(st.session_state[key].get("picked"), len(x))
        if point is not None:
            on_pick(point)

    found = _draw(
        data=struct.pack("<I", len(header)) + header + body,
        key=key,
        on_hover_change=_nothing,
        on_picked_change=pick,
        on_lasso_change=_nothing,
    )
    return Touched(_point(found.get("hover"), len(x)), _shape(found.get("lasso"), name))


def show_under_pointer(point: int | None, png: bytes, words: str, key: str) -> None:
    """Give the scatter the picture of a point, with a few words; without a point it only keeps its place."""
    sent = ThumbData(i=point, png=base64.b64encode(png).decode(), words=words)
    _thumb(data=sent.model_dump(mode="json"), key=key)


def inside(shape: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which points `(n,)` lie inside a closed polygon `(m, 2)`: those that a ray leaves an odd number of times."""
    odd = np.zeros(len(x), dtype=bool)
    for (ax, ay), (bx, by) in zip(shape, np.roll(shape, -1, axis=0), strict=True):
        if ay == by:
            continue
        crosses = (ay > y) != (by > y)
        odd ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return odd


def _nothing() -> None:
    """Widgets of a component need a callback for what they report."""


def _point(value: Any, count: int) -> int | None:
    return value if type(value) is int and 0 <= value < count else None


def _shape(value: Any, name: str) -> np.ndarray | None:
    """The browser's polygon, if it is one and belongs to these points."""
    if not isinstance(value, dict) or value.get("id") != name:
        return None
    try:
        shape = np.array(value.get("shape"), dtype=np.float64)
    except (TypeError, ValueError):
        return None
    good = shape.ndim == 2 and shape.shape[1] == 2 and 3 <= len(shape) <= 1000
    return shape if good and bool(np.isfinite(shape).all()) else None
