"""In which order the layers of a state dict stand: one chain from the image to the posterior, one back.

A chain is found by what fits: a layer takes what the one before it gives. Where several fit, the order of the
table decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from math import isqrt
from typing import TYPE_CHECKING

from explorer.errors import UserError
from explorer.importing.named_layers import NamedLayer

if TYPE_CHECKING:
    from torch import Tensor

MAX_STEPS = 20_000  # of the search
MAX_LATENTS = 512


@dataclass(frozen=True)
class ChainLink:
    """A layer in its chain: what it takes and gives (channels, or numbers), and the norm behind it."""

    layer: NamedLayer
    inputs: int
    outputs: int
    transposed: bool = False
    area: int = 1  # pixels that a dense layer takes of each channel, or a convolution is given of one
    image: bool = False  # whether it gives an image, not a row of numbers
    norm: NamedLayer | None = None  # the batch norm behind it

    @property
    def norm_apart(self) -> bool:
        """Whether the places in a Sequential leave room for an activation before the norm."""
        a, b = self.layer.place, self.norm.place if self.norm is not None else None
        return a is not None and b is not None and a[0] == b[0] and b[1] - a[1] > 1

    @property
    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias with the batch norm behind it taken into them, float64.

        Raises:
            UserError: the norm is of another width.
        """
        import torch

        norm, weight, bias = self.norm, self.layer.weight, self.layer.bias
        assert norm is not None and norm.bias is not None
        gain = norm.weight
        if len(gain) != self.outputs:
            raise UserError(
                f"{norm.name} is a norm of {len(gain)} numbers, and {self.layer.name}, behind which "
                f"it seems to stand, gives {self.outputs}"
            )
        shape = [1] * weight.ndim
        shape[1 if self.transposed else 0] = -1
        start = torch.zeros_like(gain) if bias is None else bias.double()
        return weight.double() * gain.view(shape), start * gain + norm.bias

    @cached_property
    def tensors(self) -> tuple[Tensor, Tensor | None]:
        """Weight and bias as a layer takes them, float32, a norm right behind it taken into them."""
        if self.norm is None or self.norm_apart:
            return self.layer.numbers
        weight, bias = self.folded
        return weight.float().contiguous(), bias.float()

    @cached_property
    def kernel(self) -> int:
        """Side of the kernel; 1 of a dense layer."""
        return self.layer.shape[-1] if self.layer.kind == "conv" else 1


@dataclass(frozen=True)
class Chains:
    """Encoder, heads (one of 2·D numbers, or the mean's and the log-variance's) and decoder."""

    encoder: list[ChainLink]
    heads: list[ChainLink]
    decoder: list[ChainLink]
    latents: int


class _Spent(Exception):
    """The search took too long."""


def arrange(layers: list[NamedLayer]) -> Chains | None:
    """The layers in order; None where they make no encoder and decoder."""
    hosts = _hosts(layers)
    taken = {norm.name for norm in hosts.values()}
    free = [layer for layer in layers if layer.name not in taken]
    for square in (True, False):  # most images are square, and most programs define the encoder first
        steps = [0]
        try:
            for ordered in (True, False):
                for heads, latents in _heads(free):
                    found = _around(heads, latents, free, ordered, steps, square)
                    if found is not None:
                        encoder, last, decoder = (_with_norms(links, hosts) for links in found)
                        return Chains(encoder, last, decoder, latents)
        except _Spent:
            pass
    return None


def arrange_plain(layers: list[NamedLayer]) -> int | None:
    """The width of the bottleneck of layers that make an autoencoder without a posterior; None where they don't."""
    hosts = _hosts(layers)
    taken = {norm.name for norm in hosts.values()}
    free = [layer for layer in layers if layer.name not in taken]
    narrow = sorted(
        (
            p
            for p in free
            if p.kind != "norm" and not p.is_transposed and p.part != "decoder" and p.weight[0].numel() > p.shape[0]
        ),
        key=lambda p: (p.shape[0], p.order),
    )
    try:
        for head in narrow[:6]:
            if _around([head], head.shape[0], free, True, [0], True) is not None:
                return head.shape[0]
    except _Spent:
        pass
    return None


def _around(
    heads: list[NamedLayer], latents: int, layers: list[NamedLayer], ordered: bool, steps: list[int], square: bool
) -> tuple[list[ChainLink], list[ChainLink], list[ChainLink]] | None:
    """Encoder, heads and decoder with these heads; None where there are none."""
    rest = [layer for layer in layers if layer not in heads]
    middle = heads[0].order
    first = [p for p in rest if p.part == "encoder" or not ordered or p.order < middle]
    for encoder, last in _encoders(first, heads, steps, square):
        used = {link.layer.name for link in encoder}
        left = [layer for layer in rest if layer.name not in used]
        if not any(layer.part == "encoder" or (ordered and not layer.part and layer.order < middle) for layer in left):
            for decoder in _decoders(left, latents, steps, square):
                return encoder, last, decoder
    return None


def _with_norms(links: list[ChainLink], hosts: dict[str, NamedLayer]) -> list[ChainLink]:
    return [replace(link, norm=hosts.get(link.layer.name)) for link in links]


def _hosts(layers: list[NamedLayer]) -> dict[str, NamedLayer]:
    """Each batch norm by the name of the layer that it stands behind.

    A norm that the table holds right behind a layer that fits stands behind it; its number counts where norms
    are defined one after another, apart from the layers, and so tell nothing by their place.
    """
    found: dict[str, NamedLayer] = {}
    weighted = [layer for layer in layers if layer.kind != "norm"]
    kinds = [layer.kind for layer in layers]
    apart = any(a == b == "norm" for a, b in pairwise(kinds))
    for norm in (layer for layer in layers if layer.kind == "norm"):
        fits = [
            p
            for p in weighted
            if p.name not in found
            and norm.shape[0] in _outputs(p)
            and (not norm.part or not p.part or p.part == norm.part)
        ]
        before = [p for p in fits if p.order < norm.order]
        number = norm.name[len(norm.name.rstrip("0123456789")) :]
        named = [] if norm.place else [p for p in fits if number and p.name.endswith(number) and not p.place]
        right = [p for p in before if p.order == norm.order - 1]
        own = [p for p in fits if _stem(norm.name) and _stem(norm.name) == p.name]
        if own:  # conv1_bn, fc.bn
            choice = own
        elif right and not apart:
            choice = right
        else:
            choice = named[:1] or (before[-1:] if norm.place or not number else before[:1])
        if choice:
            found[choice[0].name] = norm
    return found


def _stem(name: str) -> str:
    """The layer that a norm's name names: conv1 of bn_conv1 and conv1_bn; empty where it names none."""
    match = re.fullmatch(
        r"(?:(?P<path>.*\.)?(?:bn|norm|batch_?norm)_(?P<a>\w+))|(?:(?P<b>.+)_(?:bn|norm|batch_?norm))", name
    )
    return "" if match is None else (match["path"] or "") + match["a"] if match["a"] else match["b"]


def _outputs(layer: NamedLayer) -> tuple[int, ...]:
    """How many numbers or channels a layer may give, as far as its shapes say."""
    if layer.kind == "linear" or layer.inside is not None:
        return layer.shape[:1]
    if layer.bias is not None:
        return (len(layer.bias),)
    return layer.shape[1:2] if layer.is_transposed else layer.shape[:2]


def _heads(layers: list[NamedLayer]) -> Iterator[tuple[list[NamedLayer], int]]:
    """What may be the last layer of the encoder, the likeliest first, with the number of latents."""
    starts = {n for p in layers if p.part != "encoder" for n in p.shape[:2]}
    weighted = [
        p
        for p in layers
        if p.kind != "norm" and not p.inside and not p.is_transposed and (p.part != "decoder" or p.says_log_var)
    ]
    means = [p for p in weighted if p.says_mean and not p.says_log_var]
    spreads = [p for p in weighted if p.says_log_var and not p.says_mean]
    for mean in means:
        for spread in spreads:
            if mean.shape == spread.shape and mean.shape[0] in starts:
                yield [mean, spread], mean.shape[0]
    singles = [p for p in weighted if p.shape[0] % 2 == 0 and p.shape[0] // 2 in starts]
    singles.sort(key=lambda p: (p.shape[0], -p.order))
    pairs = [
        [a, b] for a, b in pairwise(weighted) if a.shape == b.shape and a.shape[0] in starts and a.shape[0] < a.shape[1]
    ]
    pairs.sort(key=lambda pair: pair[0].shape[0])
    named = [p for p in singles if p.says_mean and p.says_log_var]
    for heads in [*([p] for p in named), *pairs, *([p] for p in singles if p not in named)]:
        yield heads, heads[0].shape[0] // (3 - len(heads))


def _encoders(
    layers: list[NamedLayer], heads: list[NamedLayer], steps: list[int], square: bool
) -> Iterator[tuple[list[ChainLink], list[ChainLink]]]:
    """Chains from the image to what the heads take."""
    possible = [p for p in layers if p.part != "decoder" and not p.is_transposed]

    follow = partial(_forward, square=square)

    def ends(links: list[ChainLink]) -> list[ChainLink] | None:
        found = [link for head in heads for link in follow(links[-1] if links else None, head)]
        return found if len(found) == len(heads) else None

    for chain in _chains([], possible, steps, follow):
        last = ends(chain)
        if last is not None:
            yield chain, last
    if heads[0].kind == "linear" or heads[0].shape[1] in (1, 3):
        last = ends([])
        if last is not None:
            yield [], last


def _decoders(layers: list[NamedLayer], latents: int, steps: list[int], square: bool) -> Iterator[list[ChainLink]]:
    """Chains of all these layers from the latents to an image."""

    def follow(before: ChainLink | None, layer: NamedLayer) -> list[ChainLink]:
        return _backward(before, layer, latents, layers, square)

    for chain in _chains([], layers, steps, follow):
        if len(chain) != len(layers):
            continue
        end = chain[-1]
        if end.layer.kind == "linear" or end.outputs in (1, 3):
            yield chain


def _chains(
    chain: list[ChainLink],
    layers: list[NamedLayer],
    steps: list[int],
    follow: Callable[[ChainLink | None, NamedLayer], list[ChainLink]],
) -> Iterator[list[ChainLink]]:
    """Every chain, longer ones first; the layer that follows in the table is tried before others."""
    steps[0] += 1
    if steps[0] > MAX_STEPS:
        raise _Spent
    last = chain[-1] if chain else None
    at = last.layer.order if last else -1
    for layer in sorted(layers, key=lambda p: (p.order < at, p.order)):
        for link in follow(last, layer):
            rest = [other for other in layers if other is not layer]
            yield from _chains([*chain, link], rest, steps, follow)
    if chain:
        yield chain


def _forward(before: ChainLink | None, layer: NamedLayer, square: bool = True) -> list[ChainLink]:
    """The link that `layer` makes behind `before` (the image where None) in an encoder."""
    if layer.kind == "norm":
        size = layer.shape[0]
        fits = before is None and size in (1, 3) or before is not None and size == before.outputs
        return [ChainLink(layer, size, size, image=before is None or before.image)] if fits else []
    outputs, inputs = layer.shape[:2]
    if layer.bias is not None and len(layer.bias) != outputs:
        return []  # a transposed convolution
    if layer.kind == "conv":
        fits = inputs in (1, 3) if before is None else before.image and inputs == before.outputs
        return [ChainLink(layer, inputs, outputs, image=True)] if fits else []
    if before is None:
        return [ChainLink(layer, inputs, outputs)] if _sides(inputs) else []
    if not before.image:
        return [ChainLink(layer, inputs, outputs)] if inputs == before.outputs else []
    area, rest = divmod(inputs, before.outputs)
    fits = not rest and _may_be_image(area, square)
    return [ChainLink(layer, inputs, outputs, area=area)] if fits else []


def _backward(
    before: ChainLink | None, layer: NamedLayer, latents: int, layers: list[NamedLayer], square: bool
) -> list[ChainLink]:
    """The links that `layer` makes behind `before` (the latents where None) in a decoder."""
    given = latents if before is None else before.outputs
    if layer.kind == "norm":
        fits = before is not None and layer.shape[0] == given
        return [ChainLink(layer, given, given, image=before.image)] if fits and before else []
    if layer.kind == "linear":
        outputs, inputs = layer.shape
        fits = inputs == given and (before is None or not before.image)
        return [ChainLink(layer, inputs, outputs)] if fits else []
    found = []
    kinds = (True, False) if _likely_transposed(layer, layers) else (False, True)
    for transposed in (False,) if layer.inside else kinds:
        inputs, outputs = layer.shape[:2] if transposed else (layer.shape[1], layer.shape[0])
        if layer.bias is not None and len(layer.bias) != outputs:
            continue
        area, rest = divmod(given, inputs)
        if before is not None and before.image:
            fits, area = given == inputs, 1
        else:
            fits = not rest and area > 0 and _may_be_image(area, square)
        if fits:
            found.append(ChainLink(layer, inputs, outputs, transposed, area, image=True))
    return found


def _likely_transposed(layer: NamedLayer, layers: list[NamedLayer]) -> bool:
    """Whether a decoder's convolution, whose shape fits both kinds, is a transposed one."""
    if layer.is_transposed:
        return True
    if layer.shape[-1] % 2 == 0:
        return True
    if any(p.inside for p in layers):
        return False  # what stands beside residual blocks and has an odd kernel keeps an image's size
    others = [p for p in layers if p.kind == "conv" and p is not layer]
    if any(p.is_transposed for p in others) and "conv" in {w.rstrip("0123456789d") for w in layer.words}:
        return False
    clear = [p for p in others if p.bias is not None and p.shape[0] != p.shape[1]]
    return not clear or any(len(p.bias) == p.shape[1] for p in clear if p.bias is not None)


def _may_be_image(area: int, square: bool) -> bool:
    """Whether so many pixels make an image: a square, or else one whose sides are not too uneven."""
    root = isqrt(area)
    if square or root * root == area:
        return root * root == area
    return any(area % side == 0 and area // side <= 4 * side for side in range(1, root + 1))


def _sides(numbers: int) -> bool:
    """Whether that many numbers may be an image at all; which one, `reading` says."""
    return 4 <= numbers <= 1 << 20
