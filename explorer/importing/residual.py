"""Residual blocks among the layers of a state dict: which layers make one, and which of them is its shortcut.

A block is found by its names (layers under one name, beside a shortcut or under a word for it) and by its shapes: what
it gives has as many channels as what it takes, or a layer beside the others leads from one to the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, permutations

from explorer.importing.chain import ChainLink
from explorer.importing.named_layers import TRANSPOSED, NamedLayer, words

RESIDUAL = re.compile(
    r"(e|d|enc|dec)?(res(idual|id)?(s|es)?(block|net|layer|stack|unit|module|conv|down|up)?s?|shortcut|skips?|identity)\d*[a-z]?$"
)
SHORTCUT = re.compile(
    r"(short_?cut|skip|downsample|upsample|identity|proj|projection|expand|bypass|adjust|match)(\d|conv|con|layer|$)"
)
MOST = 4  # layers on a block's longer way


@dataclass(frozen=True)
class Block:
    """A residual block's layers in their order. `norms` are one slot more than `main` has layers: before the first,
    between each two, behind the last; several `slots` may fit."""

    main: tuple[ChainLink, ...]
    shortcut: ChainLink | None
    shortcut_norm: NamedLayer | None
    slots: tuple[tuple[NamedLayer | None, ...], ...]  # the likeliest first
    leads: bool  # whether its names leave room for something before its first layer
    links: dict[tuple[str, str], ChainLink] = field(default_factory=dict, compare=False, repr=False)

    def with_norm(self, link: ChainLink, norm: NamedLayer | None) -> ChainLink:
        """One of its layers with the norm behind it, made once, so that its numbers stay where they are."""
        key = link.layer.name, norm.name if norm is not None else ""
        if key not in self.links:
            self.links[key] = replace(link, norm=norm)
        return self.links[key]

    @property
    def transposed(self) -> bool:
        """Whether one of its layers is a transposed convolution."""
        return any(way.transposed for way in self.main)

    @property
    def begins_with_norm(self) -> bool:
        """Whether most likely a norm stands before its first layer."""
        return self.slots[0][0] is not None


def grouped(layers: list[NamedLayer]) -> tuple[list[NamedLayer], str]:
    """The layers with each residual block as one, and the name of what looks like one but can't be read as one."""
    found = _blocks(layers, _Known())
    if found:  # layers like those of a block are one, and what is a shortcut in one is one in them
        beside = {b.shortcut.layer.name[len(n) + 1 :] for n, b in found.items() if b.shortcut}
        like = {_layers_in(name, layers) for name in found}
        found = _blocks(layers, _Known(frozenset(beside), frozenset(like)))
    made = [_as_one(name, block, layers) for name, block in found.items()]
    taken = {p.name for p in layers for name in found if p.name.startswith(f"{name}.")}
    left = [p for p in layers if p.name not in taken]
    for layer in left:
        stem = _named(layer.name)
        if stem and not any(block.startswith(f"{stem}.") for block in found):
            return layers, stem
    ordered = sorted([*left, *made], key=lambda p: p.order)
    return [replace(layer, order=number) for number, layer in enumerate(ordered)], ""


@dataclass(frozen=True)
class _Known:
    """What is known of blocks: names of layers within them that are shortcuts, and of all their layers."""

    beside: frozenset[str] = frozenset()
    like: frozenset[tuple[str, ...]] = frozenset()


def _layers_in(name: str, layers: Sequence[NamedLayer]) -> tuple[str, ...]:
    """The names, within a block, of its layers."""
    return tuple(p.name[len(name) + 1 :] for p in layers if p.name.startswith(f"{name}."))


def _as_one(name: str, block: Block, layers: list[NamedLayer]) -> NamedLayer:
    """A block as a layer from its first number of channels to its last."""
    import torch

    first, last = block.main[0], block.main[-1]
    kernel = (1, 1) if first.layer.kind == "conv" else ()
    weight = torch.empty(last.outputs, first.inputs, *kernel, device="meta")
    order = min(p.order for p in layers if p.name.startswith(f"{name}."))
    return NamedLayer(name, order, first.layer.kind, weight, None, inside=block)


def _blocks(layers: list[NamedLayer], known: _Known) -> dict[str, Block]:
    """Each block by its name."""
    inside: dict[str, list[NamedLayer]] = {}
    for layer in layers:
        path = layer.name.split(".")
        for depth in range(1, len(path)):
            inside.setdefault(".".join(path[:depth]), []).append(layer)
    found: dict[str, Block] = {}
    for name in sorted(inside, key=lambda n: -n.count(".")):
        if any(other.startswith(f"{name}.") for other in found):
            continue
        own = inside[name]
        above = name.rpartition(".")[0]
        around = [p for p in inside.get(above, []) if p not in own]
        if any(_is_shortcut(above, p) for p in around) and _block(above, own + around, known):
            continue  # the block is what holds both ways
        block = _block(name, own, known)
        if block is not None:
            found[name] = block
    return found


def _named(name: str) -> str:
    """The part of a name up to a word for a residual block; empty where there is none."""
    path = name.split(".")
    for depth, part in enumerate(path):
        if any(RESIDUAL.match(word) for word in words(part)):
            return ".".join(path[: depth + 1])
    return ""


def _is_shortcut(name: str, layer: NamedLayer) -> bool:
    """Whether a word for a shortcut stands right behind `name` in the name of a layer."""
    rest = (layer.name[len(name) + 1 :] if name else layer.name).partition(".")[0]
    return any(SHORTCUT.match(word) for word in words(rest))


def _block(name: str, layers: list[NamedLayer], known: _Known) -> Block | None:
    """The block that all the layers under a name make; None where they make none."""
    weighted = [p for p in layers if p.kind != "norm"]
    if not name or not 2 <= len(weighted) <= MOST + 1 or len({p.kind for p in weighted}) > 1:
        return None
    if any(p.says_mean or p.says_log_var for p in weighted):
        return None
    beside = [p for p in weighted if _is_shortcut(name, p) or p.name[len(name) + 1 :] in known.beside]
    ways: list[list[NamedLayer]] = [[p] for p in beside]
    said = bool(beside) or bool(_named(name)) or _layers_in(name, layers) in known.like
    row = all(p.place is not None and p.place[0] == name for p in weighted)  # a Sequential: one way
    if len(beside) != 1:
        parallel = sorted(weighted, key=lambda p: (p.shape[-1] if p.kind == "conv" else 1, -p.order))
        ways = [[], *([p] for p in parallel if not row and (said or p.shape[-1] == 1))]
    for way in ways:
        rest = [p for p in weighted if p not in way]
        for main in _orders(name, rest, row):
            ends = main[0].inputs, main[-1].outputs
            fitting = [w for p in way for w in _kinds(name, p) if (w.inputs, w.outputs) == ends]
            shortcut = fitting[0] if fitting else None
            if (way and shortcut is None) or (not way and ends[0] != ends[1]):
                continue
            if not (said or way or _likely(name, rest)):
                continue
            return _with_norms(name, main, shortcut, [p for p in layers if p.kind == "norm"])
    return None


def _likely(name: str, layers: Sequence[NamedLayer]) -> bool:
    """Whether layers that give what they take are a block of their own, as far as names say.

    A numbered module with layers that have names, or a Sequential that has one inside of it.
    """
    if not any(part.isdecimal() for part in name.split(".")):
        return False
    if all(p.place is not None for p in layers):
        return name.rpartition(".")[2].isalpha()
    return True


def _kinds(name: str, layer: NamedLayer) -> Iterator[ChainLink]:
    """What a layer takes and gives, as a plain layer or a transposed one."""
    if layer.kind == "linear":
        yield ChainLink(layer, layer.shape[1], layer.shape[0])
        return
    own = {re.sub(r"\d+d?$", "", word) for word in words(layer.name[len(name) + 1 :])}
    even = layer.shape[-1] % 2 == 0 and layer.part == "decoder"  # which makes an image larger
    said = bool(own & TRANSPOSED) or even
    for transposed in (said, not said):
        inputs, outputs = layer.shape[:2] if transposed else (layer.shape[1], layer.shape[0])
        if layer.bias is None or len(layer.bias) == outputs:
            yield ChainLink(layer, inputs, outputs, transposed)


def _orders(name: str, layers: list[NamedLayer], fixed: bool) -> Iterator[tuple[ChainLink, ...]]:
    """Each order of layers in which one takes what the one before it gives, that of the table first (or alone)."""

    def follow(chain: tuple[ChainLink, ...], rest: tuple[NamedLayer, ...]) -> Iterator[tuple[ChainLink, ...]]:
        if not rest:
            yield chain
            return
        for way in _kinds(name, rest[0]):
            if not chain or chain[-1].outputs == way.inputs:
                yield from follow((*chain, way), rest[1:])

    if 1 <= len(layers) <= MOST:
        for order in (tuple(layers),) if fixed else permutations(layers):
            yield from follow((), order)


def _with_norms(
    name: str, main: tuple[ChainLink, ...], shortcut: ChainLink | None, norms: list[NamedLayer]
) -> Block | None:
    """The block with each norm in its slot; None where they don't fit."""
    beside: NamedLayer | None = None
    if shortcut is not None:
        around = shortcut.layer.name.rpartition(".")[0]
        own = [
            n
            for n in norms
            if n.shape[0] == shortcut.outputs
            and (_is_shortcut(name, n) or (around != name and n.name.startswith(f"{around}.")))
        ]
        beside = own[0] if own else None
        if beside is None and len(norms) == len(main) + 1 and norms[-1].shape[0] == shortcut.outputs:
            beside = norms[-1]  # bn3 beside a conv3 that is the shortcut
    norms = [n for n in norms if n is not beside]
    widths = [main[0].inputs, *(way.outputs for way in main)]
    orders = [way.layer.order for way in main]
    numbers = [_number(way.layer) for way in main]
    if norms and all(_number(n) in numbers and not n.place for n in norms):  # bn2 goes with conv2
        norms = sorted(norms, key=lambda n: numbers.index(_number(n)))
    fitting = [
        slots
        for slots in _slots(norms, len(widths))
        if all(norm is None or norm.shape[0] == width for norm, width in zip(slots, widths, strict=True))
    ]
    places = [way.layer.place for way in main]
    if fitting and all(place is not None and place[0] == places[0][0] for place in places):  # type: ignore[index]
        exact = [s for s in fitting if _in_order(s, main)]
        fitting = exact[:1] or fitting
    first = norms[0].order if norms else -1
    alphabetical = bool(norms) and max(n.order for n in norms) < min(orders)
    leads = places[0] is not None and places[0][1] > 0

    def unusual(slots: tuple[NamedLayer | None, ...]) -> tuple[bool, bool]:
        before = bool(norms) and first < min(orders) and not alphabetical
        return (slots[0] is not None) != before, slots[-1] is None

    return Block(main, shortcut, beside, tuple(sorted(fitting, key=unusual)), leads) if fitting else None


def _number(layer: NamedLayer) -> str:
    """The number that a layer's name ends in."""
    return layer.name[len(layer.name.rstrip("0123456789")) :]


def _slots(norms: list[NamedLayer], count: int) -> Iterator[tuple[NamedLayer | None, ...]]:
    """Every way to put norms, in their order, into slots: with as few empty ones between them as can be."""
    if len(norms) > count:
        return
    for start in range(count - len(norms) + 1):
        yield (*(None,) * start, *norms, *(None,) * (count - len(norms) - start))


def _in_order(slots: tuple[NamedLayer | None, ...], main: tuple[ChainLink, ...]) -> bool:
    """Whether the numbers of a Sequential agree with where the norms are put."""
    row: list[NamedLayer] = []
    for norm, way in zip(slots, [*main, None], strict=True):
        row += [norm] if norm is not None else []
        row += [way.layer] if way is not None else []
    return all(a.order < b.order for a, b in pairwise(row))
