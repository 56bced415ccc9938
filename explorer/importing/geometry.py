"""Strides, paddings and the image's size, which no state dict holds: what the numbers of pixels allow.

A kernel and its neighbours fit only some strides and paddings. Of all that lead from an image to the dense
layer and from the latents back to an image of the same size, the most usual ones come first. A person may
say any part of them, which then stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import isqrt

from explorer.importing.chain import ChainLink
from explorer.importing.strides import Said, Sides, Step, Way, inward, outward

KEPT, EACH = 72, 14  # in all and of one size, geometries that are told apart
SHOWN = 12  # of them, which a person is asked about
TRIED = 16  # sizes of images
WAYS = 16  # in, and out, of an image of one size
SIZES = {64: 0.0, 32: 0.0, 28: 0.0, 128: 0.2, 96: 0.5, 48: 0.5, 256: 0.5, 224: 0.5, 16: 0.8, 84: 0.8}


@dataclass(frozen=True)
class Geometry:
    """One way to read the sizes: the image's sides, a step for each convolution, and how unusual it is."""

    height: int
    width: int
    encoder: tuple[Step, ...]
    decoder: tuple[Step, ...]
    average: int = 1  # side of what is averaged before the dense layer
    resized: bool = False  # whether the decoder's image is brought to the size of the images
    cost: float = 0.0


def sides_of(area: int, oblong: bool = False) -> list[Sides]:
    """The sides that so many pixels may have: a square where there is one, else what is not too oblong."""
    root = isqrt(area)
    if root * root == area and not oblong:
        return [(root, root)]
    pairs = [(h, area // h) for h in range(1, area + 1) if area % h == 0]
    return sorted(
        (pair for pair in pairs if max(pair) <= 4 * min(pair)), key=lambda pair: (max(pair) / min(pair), pair)
    )[:8]


def geometries(
    encoder: Sequence[ChainLink],
    area: int | None,
    decoder: Sequence[ChainLink],
    sizes: Sequence[Sides],
    dense: tuple[ChainLink | None, ChainLink | None] = (None, None),
    said: Said | None = None,
    vote: Sides | None = None,
) -> list[Geometry]:
    """Every reading that is kept, the most usual first; empty where nothing fits.

    Args:
        encoder: its convolutions, heads included where they are convolutions.
        area: pixels of a channel that its first dense layer takes; 1 where the heads are convolutions.
        decoder: its convolutions.
        sizes: heights and widths that the image may have, where something says it; else empty.
        dense: the dense layer behind the encoder's convolutions, and the one before the decoder's.
        vote: height and width that a name speaks of.
        said: what a person says of the steps of a layer, by its name; it stands, usual or not.
    """
    said = said or {}
    alike = [link.kernel for link in encoder] == [link.kernel for link in decoder][::-1]
    pools = _pools_likely(encoder, decoder)
    oblong = any(height != width for height, width in sizes)
    forward: dict[Sides, list[Way]] = {}
    ends: list[Way] = []
    starts = sides_of(decoder[0].area, oblong) if decoder else []
    for start in starts:
        for path in outward(decoder, start, dense[1], said):
            ends.append(path)
            if not sizes or path.side in sizes:
                forward.setdefault(path.side, []).append(path)
    if not decoder:
        forward = {size: [Way(0, (), (size,))] for size in sizes or [(s, s) for s in SIZES]}
    likely = sorted(forward, key=lambda size: (size != vote, forward[size][0].cost + _odd(size)))
    found = []
    backward: dict[Sides, list[tuple[Way, int]]] = {}
    for size in likely[:TRIED]:
        backward[size] = _inward(encoder, size, area, dense[0], said, pools)
        for path, average in backward[size][:WAYS]:
            for back in forward[size][:WAYS]:
                cost = path.cost + back.cost + _odd(size)
                cost += _mirrored(path.sides, back.sides, alike) if encoder and decoder else 0
                found.append(Geometry(*size, path.steps, back.steps, average, cost=round(cost, 3)))
    found += _resized(encoder, area, dense[0], said, ends, sizes)
    found = [replace(g, cost=round(g.cost + 1.5, 3)) if vote and (g.height, g.width) != vote else g for g in found]
    more = 2 if any(link.layer.inside for link in (*encoder, *decoder)) else 1
    kept: list[Geometry] = []
    of: dict[Sides, int] = {}
    for geometry in sorted(found, key=lambda g: (g.cost, -min(g.height, g.width), g.height)):
        sides = geometry.height, geometry.width
        of[sides] = of.get(sides, 0) + 1
        if of[sides] <= more * EACH:
            kept.append(geometry)
    return kept[: more * KEPT]


def _inward(
    links: Sequence[ChainLink], size: Sides, area: int | None, dense: ChainLink | None, said: Said, pools: bool
) -> list[tuple[Way, int]]:
    return inward(links, size, area, dense, said, pools) if links else [(Way(0, (), (size,)), 1)]


def _resized(
    encoder: Sequence[ChainLink],
    area: int | None,
    dense: ChainLink | None,
    said: Said,
    ends: list[Way],
    sizes: Sequence[Sides],
) -> list[Geometry]:
    """Readings in which the decoder's image is brought to the images' size at the end."""
    if not encoder or not ends:
        return []
    found = []
    back = min(ends, key=lambda path: path.cost)
    for size in sizes or [(s, s) for s, cost in SIZES.items() if not cost]:
        ratio = size[0] / back.side[0], size[1] / back.side[1]
        if size == back.side or min(ratio) < 0.5 or max(ratio) > 2:
            continue
        for path, average in inward(encoder, size, area, dense, said)[:2]:
            cost = round(path.cost + back.cost + _odd(size) + 3.5, 3)
            found.append(Geometry(*size, path.steps, back.steps, average, True, cost))
    return found


def _mirrored(down: tuple[Sides, ...], up: tuple[Sides, ...], alike: bool) -> float:
    """How unusual it is that an image grows so, which shrank so; the smallest sides left aside.

    `alike` says that the kernels of both parts are the same, back to front.
    """
    if down[: len(up) - 1] == up[::-1][: len(down) - 1]:
        return 0
    shrinks = [side for side, _ in groupby(down)]
    grows = [side for side, _ in groupby(reversed(up))]
    count = min(len(shrinks), len(grows)) - 1
    if shrinks[:count] == grows[:count]:
        return 1.0 if alike else 0.2
    return 1.5 if alike else 1


def _odd(size: Sides) -> float:
    if size[0] != size[1]:
        return 3.0 if size[0] % 4 == 0 == size[1] % 4 else 4.0
    return SIZES.get(size[0], 3.0 if size[0] % 8 == 0 else 4.0)


def _pools_likely(encoder: Sequence[ChainLink], decoder: Sequence[ChainLink]) -> bool:
    """Whether odd kernels in and others out tell of pooling: who strides in and out mostly does it with one kernel."""
    inward = {link.kernel for link in encoder if link.kernel > 1}
    outward = {link.kernel for link in decoder if link.transposed and link.kernel > 1}
    return bool(inward and outward) and all(k % 2 for k in inward) and not inward & outward
