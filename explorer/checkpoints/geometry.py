"""Strides, paddings and the image's size, which no state dict holds: what the numbers of pixels allow.

A kernel and its neighbours fit only some strides and paddings. Of all that lead from an image to the dense
layer and from the latents back to an image of the same size, the most usual ones come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from math import isqrt

from explorer.checkpoints.chain import Link

MAX_SIZE = 512
KEPT = 8  # geometries that are told apart
STATES = 60  # of the search, for each layer
WORSE = 9.0  # than the most usual way, which is too unusual to go on with
TRIED = 16  # sizes of images
SIZES = {
    64: 0.0,
    32: 0.0,
    28: 0.0,
    128: 0.2,
    96: 0.5,
    48: 0.5,
    256: 0.5,
    224: 0.5,
    16: 0.8,
    84: 0.8,
}
# kernel -> (stride, padding) -> how unusual it is
USUAL: dict[int, dict[tuple[int, int], float]] = {
    1: {(1, 0): 0},
    2: {(2, 0): 0, (2, 1): 2, (1, 0): 2},
    3: {(2, 1): 0, (1, 1): 0.5, (2, 0): 0.5, (1, 0): 2, (3, 0): 4},
    4: {(2, 1): 0, (2, 0): 0.5, (1, 0): 2, (2, 2): 2, (4, 0): 3, (1, 1): 4, (1, 2): 4},
    5: {(2, 2): 0, (1, 2): 0.5, (2, 0): 0.5, (2, 1): 1.5, (1, 0): 2, (3, 1): 4, (3, 0): 4},
    6: {(2, 2): 0, (2, 0): 0.5, (2, 1): 2, (1, 0): 3, (3, 0): 4},
    7: {(2, 3): 0, (1, 3): 0.5, (1, 0): 2, (2, 0): 2, (2, 1): 3, (2, 2): 3},
    8: {(2, 3): 0, (4, 2): 0.5, (4, 0): 1, (1, 0): 2, (2, 0): 2},
}


@dataclass(frozen=True)
class Step:
    """What a convolution does to the number of pixels on a side."""

    stride: int = 1
    padding: int = 0
    output_padding: int = 0
    upsample: int = 1  # before it
    pool: int = 1  # behind it


@dataclass(frozen=True)
class Geometry:
    """One way to read the sizes: the image's side, a step for each convolution, and how unusual it is."""

    size: int
    encoder: tuple[Step, ...]
    decoder: tuple[Step, ...]
    average: int = 1  # side of what is averaged before the dense layer
    cost: float = 0.0


@dataclass(frozen=True)
class _Path:
    cost: float
    steps: tuple[Step, ...]
    sides: tuple[int, ...]  # of what goes into each step, and comes out of the last
    used: dict[int, tuple[int, int]] = field(
        default_factory=dict
    )  # by kernel, the last stride and padding

    @property
    def side(self) -> int:
        return self.sides[-1]

    def on(
        self, step: Step, side: int, cost: float, used: tuple[int, int, int] | None = None
    ) -> _Path:
        """This path and one step more."""
        last = self.used if used is None else self.used | {used[0]: used[1:]}
        return _Path(self.cost + cost, (*self.steps, step), (*self.sides, side), last)


def geometries(
    encoder: Sequence[Link],
    area: int | None,
    decoder: Sequence[Link],
    sizes: Sequence[int],
    dense: tuple[Link | None, Link | None] = (None, None),
) -> list[Geometry]:
    """Every reading that is kept, the most usual first; empty where nothing fits.

    Args:
        encoder: its convolutions, heads included where they are convolutions.
        area: pixels of a channel that its first dense layer takes; 1 where the heads are convolutions.
        decoder: its convolutions.
        sizes: sides that the image may have, where a dense layer at an end says it; else empty.
        dense: the dense layer behind the encoder's convolutions, and the one before the decoder's.
    """
    forward: dict[int, list[_Path]] = {}
    for path in _decoded(decoder, isqrt(decoder[0].area), dense[1]) if decoder else []:
        if not sizes or path.side in sizes:
            forward.setdefault(path.side, []).append(path)
    if not decoder:
        forward = {size: [_Path(0, (), (size,))] for size in sizes or SIZES}
    likely = sorted(forward, key=lambda size: forward[size][0].cost + _odd(size))
    found = []
    for size in likely[:TRIED]:
        ways = _encoded(encoder, size, area, dense[0]) if encoder else [(_Path(0, (), (size,)), 1)]
        for path, average in ways[:3]:
            for back in forward[size][:3]:
                mirrored = not encoder or not decoder or _mirrored(path.sides, back.sides)
                cost = path.cost + back.cost + _odd(size) + (0 if mirrored else 1)
                found.append(Geometry(size, path.steps, back.steps, average, round(cost, 3)))
    return sorted(found, key=lambda g: (g.cost, -g.size))[:KEPT]


def _mirrored(down: tuple[int, ...], up: tuple[int, ...]) -> bool:
    """Whether an image grows as it shrank, but for the smallest sides."""
    shrinks = [side for side, _ in groupby(down)]
    grows = [side for side, _ in groupby(reversed(up))]
    count = min(len(shrinks), len(grows)) - 1
    return shrinks[:count] == grows[:count]


def _odd(size: int) -> float:
    return SIZES.get(size, 3.0 if size % 8 == 0 else 4.0)


def _usual(kernel: int) -> dict[tuple[int, int], float]:
    if kernel in USUAL:
        return USUAL[kernel]
    return {(1, kernel // 2): 0, (1, 0): 1, (2, (kernel - 1) // 2): 1, (2, 0): 2, (kernel, 0): 2}


def _encoded(
    links: Sequence[Link], size: int, area: int | None, dense: Link | None
) -> list[tuple[_Path, int]]:
    """Ways from an image of that side to the dense layer, and the side of what is averaged before it."""
    paths = [_Path(0, (), (size,))]
    for number, link in enumerate(links):
        following: list[_Path] = []
        free = room(link, links[number + 1] if number + 1 < len(links) else dense)
        for path in paths:
            for stride, padding in _usual(link.kernel):
                left = (path.side + 2 * padding - link.kernel) // stride + 1
                if path.side + 2 * padding < link.kernel:
                    continue
                whole = stride == 1 and path.side == link.kernel  # takes all that there is
                cost = 0.5 if whole else _change(path, link.kernel, stride, padding)
                used = None if whole else (link.kernel, stride, padding)
                for pool in (1, 2):
                    if pool == 2 and (stride > 1 or left < 2 or free == 1):
                        continue  # an activation alone leaves no room
                    extra = (
                        (1.0 if free == 2 else 0.0) if pool == 1 else (0.0 if free == 2 else 3.0)
                    )
                    step = Step(stride, padding, pool=pool)
                    following.append(path.on(step, left // pool, cost + extra, used))
        paths = _best(following)
    ended = []
    for path in paths:
        if area is None or path.side**2 == area:
            ended.append((path, 1))
        elif area == 1 and path.side > 1:
            ended.append((replace(path, cost=path.cost + 6), path.side))
    return sorted(ended, key=lambda pair: pair[0].cost)


def _decoded(links: Sequence[Link], start: int, dense: Link | None) -> list[_Path]:
    """Ways from the latents to an image of any size."""
    paths = [_Path(0, (), (start,))]
    for number, link in enumerate(links):
        following: list[_Path] = []
        free = room(links[number - 1] if number else dense, link)
        for path in paths:
            for stride, padding in _usual(link.kernel):
                if link.transposed:
                    following += _transposed(link, path, stride, padding, number + 1 == len(links))
                elif stride == 1:
                    cost = 0 if padding == link.kernel // 2 else 2
                    for factor, extra in ((1, 0.3 if free == 2 else 0.0), (2, 0.2), (4, 3)):
                        left = path.side * factor + 2 * padding - link.kernel + 1
                        if left >= 1 and (factor == 1 or free != 1):
                            step = Step(stride, padding, upsample=factor)
                            following.append(path.on(step, left, cost + extra))
        paths = _best(following)
    return paths


def _transposed(link: Link, path: _Path, stride: int, padding: int, last: bool) -> list[_Path]:
    found = []
    opening = path.side == 1 and stride == 1 and padding == 0
    closing = (
        last and stride == 1 and 2 * padding == link.kernel - 1
    )  # smooths, and changes no size
    cost = 0.0 if opening else 0.5 if closing else _change(path, link.kernel, stride, padding)
    used = None if opening or closing else (link.kernel, stride, padding)
    for more in range(stride):
        left = (path.side - 1) * stride - 2 * padding + link.kernel + more
        # an odd kernel doubles the side with an output padding of 1, an even one without
        doubles = stride > 1 and (link.kernel - 2 * padding + more) == stride
        plain = doubles or (not more and (stride == 1 or not padding))
        extra = 0.0 if plain else 1.5 if more else 0.25
        if not (opening or closing):
            extra += 0.5 * (path.side == 1 or stride == 1) + (left <= path.side)
        if left >= 1:
            found.append(path.on(Step(stride, padding, more), left, cost + extra, used))
    return found


def _change(path: _Path, kernel: int, stride: int, padding: int) -> float:
    """How unusual a stride and padding are; networks mostly use one for all kernels of a size."""
    before = path.used.get(kernel)
    if before == (stride, padding):
        return 0
    return _usual(kernel)[stride, padding] + (
        0 if before is None else 0.7 if before[0] == stride else 2
    )


def room(before: Link | None, after: Link | None) -> int | None:
    """How many layers without weights stand between two of one Sequential, a reshaping left aside.

    None where their names don't say.
    """
    a = before.piece.place if before is not None else None
    b = after.piece.place if after is not None else None
    if a is None or b is None or a[0] != b[0] or b[1] <= a[1]:
        return None
    assert before is not None and after is not None
    norm = before.norm.place if before.norm is not None else None
    reshapes = before.image != after.image
    return b[1] - a[1] - 1 - (norm is not None and norm[0] == a[0]) - reshapes


def _best(paths: list[_Path]) -> list[_Path]:
    """The most usual path for each side and last strides, few enough to go on with."""
    kept: dict[object, _Path] = {}
    paths = sorted(paths, key=lambda p: p.cost)
    for path in paths:
        if path.side <= MAX_SIZE and path.cost <= paths[0].cost + WORSE:
            kept.setdefault((path.side, tuple(sorted(path.used.items()))), path)
    return list(kept.values())[:STATES]
