"""Ways of one part's convolutions from one size of image to another: strides and paddings, the most usual first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from explorer.checkpoints.chain import Link

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


@dataclass(frozen=True)
class Way:
    cost: float
    steps: tuple[Step, ...]
    sides: tuple[Sides, ...]  # of what goes into each step, and comes out of the last
    used: dict[int, tuple[int, int]] = field(
        default_factory=dict
    )  # by kernel, the last stride and padding

    @property
    def side(self) -> Sides:
        return self.sides[-1]

    def on(
        self, step: Step, side: Sides, cost: float, used: tuple[int, int, int] | None = None
    ) -> Way:
        """This path and one step more."""
        last = self.used if used is None else self.used | {used[0]: used[1:]}
        return Way(self.cost + cost, (*self.steps, step), (*self.sides, side), last)


def _usual(kernel: int) -> dict[tuple[int, int], float]:
    if kernel in USUAL:
        return USUAL[kernel]
    return {(1, kernel // 2): 0, (1, 0): 1, (2, (kernel - 1) // 2): 1, (2, 0): 2, (kernel, 0): 2}


def _options(link: Link, said: Said) -> Iterator[Option]:
    """Strides and paddings of a layer, as a person says them or as they are used."""
    own = said.get(link.piece.name, {})
    usual = _usual(link.kernel)
    if "stride" in own and "padding" in own:
        yield Option(own["stride"], own["padding"], 0)
        return
    if "stride" in own:
        usual = {(own["stride"], p): 0.5 * abs(2 * p - link.kernel + 1) for p in range(link.kernel)}
    elif "padding" in own:
        usual = {(s, own["padding"]): float(abs(s - 2)) for s in range(1, link.kernel + 1)}
    for (stride, padding), cost in usual.items():
        yield Option(stride, padding, cost)


def inward(
    links: Sequence[Link],
    size: Sides,
    area: int | None,
    dense: Link | None,
    said: Said,
    pools: bool = False,
) -> list[tuple[Way, int]]:
    """Ways from an image of that side to the dense layer, and the side of what is averaged before it."""
    paths = [Way(0, (), (size,))]
    for number, link in enumerate(links):
        following: list[Way] = []
        free = room(link, links[number + 1] if number + 1 < len(links) else dense)
        own = said.get(link.piece.name, {})
        for path in paths:
            for option in _options(link, said):
                stride, padding, kernel = option.stride, option.padding, link.kernel
                if min(path.side) + 2 * padding < kernel:
                    continue
                left = tuple((n + 2 * padding - kernel) // stride + 1 for n in path.side)
                # takes all that there is
                whole = stride == 1 and not padding and kernel > 1 and path.side == (kernel, kernel)
                cost = (0.2 if kernel > 4 else 0.5) if whole else _change(path, kernel, option)
                cost += 1.5 * (kernel > 2 * min(path.side))
                pooled = any(step.pool > 1 for step in path.steps)
                strided = any(step.stride > 1 for step in path.steps)
                cost += 0.6 * (free is None and stride > 1 and pooled)
                cost += 1.0 * (pools and stride > 1 and free is None)
                used = None if whole else (kernel, stride, padding)
                for pool in (own["pool"],) if "pool" in own else (1, 2):
                    if "pool" not in own and pool > 1 and (stride > 1 or free == 1):
                        continue  # an activation alone leaves no room
                    if min(left) < pool:
                        continue
                    extra = _pools(
                        pool, free, stride == 1 and 2 * padding == kernel - 1, whole, pools
                    )
                    extra += 0.6 * (free is None and pool > 1 and strided)
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
            ended.append((replace(path, cost=path.cost + 6), height))
    return sorted(ended, key=lambda pair: pair[0].cost)


def _pools(pool: int, free: int | None, keeps: bool, whole: bool, likely: bool) -> float:
    """How unusual it is to pool, or not to, behind a convolution with that much room behind it."""
    if pool == 1:
        return 1.0 if free is not None and free >= 2 and not whole else 0.0
    if free is not None:
        return 0.0
    return (
        (0.0 if likely else 0.5) if keeps else 1.5
    )  # names don't say: most pool behind what keeps the size


def outward(links: Sequence[Link], start: Sides, dense: Link | None, said: Said) -> list[Way]:
    """Ways from the latents to an image of any size."""
    paths = [Way(0, (), (start,))]
    for number, link in enumerate(links):
        following: list[Way] = []
        free = room(links[number - 1] if number else dense, link)
        own = said.get(link.piece.name, {})
        for path in paths:
            for option in _options(link, said):
                stride, padding = option.stride, option.padding
                if link.transposed:
                    following += _transposed(link, path, option, number + 1 == len(links), own)
                elif stride == 1:
                    cost = 0 if padding == link.kernel // 2 else 2
                    factors = ((1, 0.3 if free and free >= 2 else 0.0), (2, 0.2), (4, 3.0))
                    for factor, extra in (
                        ((own["upsample"], 0.0),) if "upsample" in own else factors
                    ):
                        less = 2 * padding - link.kernel + 1
                        left = path.side[0] * factor + less, path.side[1] * factor + less
                        if min(left) >= 1 and (factor == 1 or free != 1 or "upsample" in own):
                            step = Step(stride, padding, upsample=factor)
                            following.append(path.on(step, left, cost + extra))
        paths = _best(following)
    return paths


def _transposed(
    link: Link, path: Way, option: Option, last: bool, own: Mapping[str, int]
) -> list[Way]:
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
