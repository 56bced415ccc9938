"""Ways of one part's convolutions from one size of image to another: strides and paddings, the most usual first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import NamedTuple

from explorer.importing.chain import ChainLink
from explorer.importing.residual import Block

MAX_SIZE = 512
STATES = 160  # of the search, for each layer
ALIKE = 16  # of them that lead to one side
WORSE = 9.0  # than the most usual way, which is too unusual to go on with
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

Sides = tuple[int, int]  # height, width
Said = Mapping[str, Mapping[str, int]]  # of each layer, what a person says of its step


class Option(NamedTuple):
    """A stride and a padding, and how unusual they are."""

    stride: int
    padding: int
    cost: float


@dataclass(frozen=True)
class Step:
    """What a convolution does to the number of pixels on a side."""

    stride: int = 1
    padding: int = 0
    output_padding: int = 0
    upsample: int = 1  # before it
    pool: int = 1  # behind it
    inner: bool = False  # of a residual block: what is made larger stands before its last layer


@dataclass(frozen=True)
class Way:
    cost: float
    steps: tuple[Step, ...]
    sides: tuple[Sides, ...]  # of what goes into each step, and comes out of the last
    used: dict[int, tuple[int, int]] = field(default_factory=dict)  # by kernel, the last stride and padding

    @property
    def side(self) -> Sides:
        return self.sides[-1]

    def on(self, step: Step, side: Sides, cost: float, used: tuple[int, int, int] | None = None) -> Way:
        """This path and one step more."""
        last = self.used if used is None else self.used | {used[0]: used[1:]}
        return Way(self.cost + cost, (*self.steps, step), (*self.sides, side), last)


def _usual(kernel: int) -> dict[tuple[int, int], float]:
    if kernel in USUAL:
        return USUAL[kernel]
    return {(1, kernel // 2): 0, (1, 0): 1, (2, (kernel - 1) // 2): 1, (2, 0): 2, (kernel, 0): 2}


def _options(link: ChainLink, said: Said, keeps: bool) -> Iterator[Option]:
    """Strides and paddings of a layer, as a person says them or as they are used.

    `keeps` says that a kernel of 3 mostly keeps an image's sides.
    """
    own = said.get(link.layer.name, {})
    usual = _usual(link.kernel)
    if keeps and link.kernel == 3:
        usual = usual | {(1, 1): 0, (2, 1): 0.5}
    if "stride" in own and "padding" in own:
        yield Option(own["stride"], own["padding"], 0)
        return
    if "stride" in own:
        usual = {(own["stride"], p): 0.5 * abs(2 * p - link.kernel + 1) for p in range(link.kernel)}
    elif "padding" in own:
        usual = {(s, own["padding"]): float(abs(s - 2)) for s in range(1, link.kernel + 1)}
    for (stride, padding), cost in usual.items():
        yield Option(stride, padding, cost)


def _keeps(links: Sequence[ChainLink]) -> bool:
    """Whether even kernels stride beside residual blocks, so that odd ones have no need to."""
    kernels = {link.kernel for link in links if link.kernel > 1}
    return any(link.layer.inside for link in links) and any(k % 2 == 0 for k in kernels)


def inward(
    links: Sequence[ChainLink], size: Sides, area: int | None, dense: ChainLink | None, said: Said, pools: bool = False
) -> list[tuple[Way, int]]:
    """Ways from an image of that side to the dense layer, and the side of what is averaged before it."""
    paths, keeps = [Way(0, (), (size,))], _keeps(links)
    for number, link in enumerate(links):
        following: list[Way] = []
        free = free_pixels(link, links[number + 1] if number + 1 < len(links) else dense)
        own = said.get(link.layer.name, {})
        if link.layer.inside is not None:
            paths = _best([way for path in paths for way in _down(link.layer.inside, path, free, own)])
            continue
        options, kernel = list(_options(link, said, keeps)), link.kernel
        most = inf  # as unusual as a way may become that `_best` keeps
        for path in paths:
            pooled = any(step.pool > 1 for step in path.steps)
            strided = any(step.stride > 1 for step in path.steps)
            for option in options:
                stride, padding = option.stride, option.padding
                if min(path.side) + 2 * padding < kernel:
                    continue
                left = tuple((n + 2 * padding - kernel) // stride + 1 for n in path.side)
                # takes all that there is
                whole = stride == 1 and not padding and kernel > 1 and path.side == (kernel, kernel)
                cost = (0.2 if kernel > 4 else 0.5) if whole else _change(path, kernel, option)
                cost += 1.5 * (kernel > 2 * min(path.side))
                cost += 0.6 * (free is None and stride > 1 and pooled)
                cost += 1.0 * (pools and stride > 1 and free is None)
                used = None if whole else (kernel, stride, padding)
                for pool in (own["pool"],) if "pool" in own else (1, 2):
                    if "pool" not in own and pool > 1 and (stride > 1 or free == 1):
                        continue  # an activation alone leaves no room
                    if min(left) < pool:
                        continue
                    extra = _pools(pool, free, stride == 1 and 2 * padding == kernel - 1, whole, pools)
                    extra += 0.6 * (free is None and pool > 1 and strided)
                    if path.cost + cost + extra > most:
                        continue
                    most = min(most, path.cost + cost + extra + WORSE)
                    step = Step(stride, padding, pool=pool)
                    side = left[0] // pool, left[1] // pool
                    following.append(path.on(step, side, cost + extra, used))
        paths = _best(following)
    ended = []
    for path in paths:
        height, width = path.side
        if area is None or height * width == area:
            ended.append((path, 1))
        elif area == 1 and height == width:
            blocks = any(link.layer.inside for link in links)  # they mostly end so
            ended.append((replace(path, cost=path.cost + (0.5 if blocks else 6)), height))
    return sorted(ended, key=lambda pair: pair[0].cost)


def _down(block: Block, path: Way, free: int | None, own: Mapping[str, int]) -> list[Way]:
    """Ways on through a residual block of an encoder: it may stride, where its shortcut can, or be pooled."""
    kind = -2 if block.shortcut else -1
    odd = all(way.layer.shape[-1] % 2 for way in block.main)
    strides = (1,) if block.shortcut is None and odd else (2, 1) if odd else (2,)
    found = []
    for stride in (own["stride"],) if "stride" in own else strides:
        for pool in (own["pool"],) if "pool" in own else (1, 2):
            cost = _strided(block, stride)
            cost += _steady(path, kind, stride, pool)
            if free is not None:
                cost += 0.5 if pool == 1 and free else 1.0 if pool > 1 and not free else 0.0
            else:
                cost += 0.3 * (pool > 1)
            cost += 1.0 * (pool > 1 and stride > 1)
            side = tuple((-(-n // stride) if odd else n // stride) // pool for n in path.side)
            if min(side) >= 1:
                step = Step(stride, pool=pool)
                found.append(path.on(step, (side[0], side[1]), cost, (kind, stride, pool)))
    return found


def _up(block: Block, path: Way, free: int | None, own: Mapping[str, int]) -> list[Way]:
    """Ways on through a residual block of a decoder: what it is given may be made larger first, or inside of it."""
    found = []
    kind = -2 if block.shortcut else -1
    even = any(way.transposed and way.kernel % 2 == 0 for way in block.main)
    strides = (2,) if even else (2, 1) if block.transposed else (1,)
    for stride in (own["stride"],) if "stride" in own else strides:
        for factor in (own["upsample"],) if "upsample" in own else (1, 2, 4):
            for inner in (False, True) if factor > 1 and block.shortcut is not None else (False,):
                way = factor + 100 * inner
                cost = {1: 0.0, 2: 0.2}.get(factor, 0.5 if max(path.side) == 1 else 3.0)
                cost += _steady(path, kind, stride, way) + 0.5 * (stride == 1 and block.transposed)
                cost += 0.4 * (inner and path.used.get(kind) != (stride, way))
                if free is not None and not inner:  # inside of a block it needs no room
                    cost += 0.5 if factor == 1 and free else 1.0 if factor > 1 and not free else 0.0
                cost += 2.0 * (factor > 1 and stride > 1)
                step = Step(stride, upsample=factor, inner=inner)
                found.append(path.on(step, grown(path.side, step), cost, (kind, stride, way)))
    return found


def grown(side: Sides, step: Step) -> Sides:
    """Height and width that a residual block of a decoder makes."""
    factor = step.stride * step.upsample
    return side[0] * factor, side[1] * factor


def _strided(block: Block, stride: int) -> float:
    """How unusual a stride is of a block with a shortcut, which is mostly there for it, or for more channels."""
    if block.shortcut is None:
        return 0.0
    normed = any(norm is not None for norm in block.slots[0])
    if normed and block.shortcut_norm is None and not block.begins_with_norm:
        return 0.3 * (stride > 1)
    grows = block.main[0].inputs != block.main[-1].outputs
    return (0.5 if grows else 1.0) * (stride == 1)


def _steady(path: Way, kind: int, stride: int, factor: int) -> float:
    """How unusual it is that a residual block does another thing than the one of its kind before it."""
    before = path.used.get(kind)
    return 0.0 if before is None else 0.3 * ((before[0] != stride) + (before[1] != factor))


def _pools(pool: int, free: int | None, keeps: bool, whole: bool, likely: bool) -> float:
    """How unusual it is to pool, or not to, behind a convolution with that much room behind it."""
    if pool == 1:
        return 1.0 if free is not None and free >= 2 and not whole else 0.0
    if free is not None:
        return 0.0
    return (0.0 if likely else 0.5) if keeps else 1.5  # names don't say: most pool behind what keeps the size


def outward(links: Sequence[ChainLink], start: Sides, dense: ChainLink | None, said: Said) -> list[Way]:
    """Ways from the latents to an image of any size."""
    paths, keeps = [Way(0, (), (start,))], _keeps(links)
    for number, link in enumerate(links):
        following: list[Way] = []
        before = links[number - 1] if number else None
        free = free_pixels(before or dense, link)
        own = said.get(link.layer.name, {})
        if link.layer.inside is not None:
            paths = _best([way for path in paths for way in _up(link.layer.inside, path, free, own)])
            continue
        if before is not None and before.layer.inside is not None and free:
            free += 1  # its activation is its own
        for path in paths:
            for option in _options(link, said, keeps):
                stride, padding = option.stride, option.padding
                if link.transposed:
                    following += _transposed(link, path, option, number + 1 == len(links), own)
                elif stride == 1:
                    cost = 0 if padding == link.kernel // 2 else 2
                    factors = ((1, 0.3 if free and free >= 2 else 0.0), (2, 0.2), (4, 3.0))
                    for factor, extra in ((own["upsample"], 0.0),) if "upsample" in own else factors:
                        less = 2 * padding - link.kernel + 1
                        left = path.side[0] * factor + less, path.side[1] * factor + less
                        if min(left) >= 1 and (factor == 1 or free != 1 or "upsample" in own):
                            step = Step(stride, padding, upsample=factor)
                            following.append(path.on(step, left, cost + extra))
        paths = _best(following)
    return paths


def _transposed(link: ChainLink, path: Way, option: Option, last: bool, own: Mapping[str, int]) -> list[Way]:
    found = []
    stride, padding, kernel = option.stride, option.padding, link.kernel
    single = max(path.side) == 1
    opening = single and stride == 1 and padding == 0
    closing = last and stride == 1 and 2 * padding == kernel - 1  # smooths, and changes no size
    cost = 0.0 if opening else 0.5 if closing else _change(path, kernel, option)
    used = None if opening or closing else (kernel, stride, padding)
    more_ = (own["output_padding"],) if "output_padding" in own else range(stride)
    for more in more_:
        grown = kernel - 2 * padding + more
        left = (path.side[0] - 1) * stride + grown, (path.side[1] - 1) * stride + grown
        # an odd kernel doubles the side with an output padding of 1, an even one without
        doubles = stride > 1 and grown == stride
        plain = doubles or (not more and (stride == 1 or not padding))
        # 4, 7, 14, 28: an odd kernel without an output padding undoes the rounding of a halving
        extra = 0.0 if plain else 1.5 if more else 0.25
        keeps = stride == 1 and 2 * padding == kernel - 1 == 2 and not single
        if not (opening or closing):
            extra += 0.2 if keeps else 0.5 * (single or stride == 1) + (left <= path.side)
        if min(left) >= 1 and more < max(stride, 1):
            extra += 1.5 * (padding > 0 and kernel > 4 * min(path.side))
            found.append(path.on(Step(stride, padding, more), left, cost + extra, used))
    return found


def _change(path: Way, kernel: int, option: Option) -> float:
    """How unusual a stride and padding are; networks mostly use one for all kernels of a size."""
    before = path.used.get(kernel)
    stride, padding, cost = option
    if before == (stride, padding):
        return 0
    if before is None:
        return cost
    if padding == (kernel - 1) // 2 == before[1] and kernel % 2:
        return 0.15  # halves, or keeps, in turn
    return cost + (0.7 if before[0] == stride else 2)


def free_pixels(before: ChainLink | None, after: ChainLink | None) -> int | None:
    """How many layers without weights stand between two of one Sequential, a reshaping left aside.

    None where their names don't say.
    """
    a = before.layer.place if before is not None else None
    b = after.layer.place if after is not None else None
    if a is None or b is None or a[0] != b[0] or b[1] <= a[1]:
        return None
    assert before is not None and after is not None
    norm = before.norm.place if before.norm is not None else None
    reshapes = before.image != after.image
    return b[1] - a[1] - 1 - (norm is not None and norm[0] == a[0]) - reshapes


def _best(paths: list[Way]) -> list[Way]:
    """The most usual paths, a few for each side, few enough to go on with."""
    kept: dict[object, Way] = {}
    alike: dict[Sides, int] = {}
    paths = sorted(paths, key=lambda p: p.cost)
    for path in paths:
        if max(path.side) > MAX_SIZE or path.cost > paths[0].cost + WORSE:
            continue
        key = path.sides, path.steps[-1], tuple(sorted(path.used.items()))
        if key not in kept and alike.get(path.side, 0) < ALIKE:
            kept[key] = path
            alike[path.side] = alike.get(path.side, 0) + 1
    return list(kept.values())[:STATES]
