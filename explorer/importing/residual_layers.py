"""The layers of a residual block, from what was found of it, its step and where its activation is taken to stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from explorer.importing.chain import ChainLink
from explorer.importing.choices import Choices
from explorer.importing.named_layers import NamedLayer
from explorer.importing.residual import Block
from explorer.importing.strides import Step, free_pixels
from explorer.recipe import layer_config as lay

if TYPE_CHECKING:
    from torch import Tensor

PRE = ("before", "before-shared", "in-place")  # styles that begin with the activation
OWN = ("after", "normed", "chain")  # styles that end with it


@dataclass
class Rows:
    """Layers in a row, their weights by name, and the batch norm whose output a layer gives."""

    layers: list[lay.Layer] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)
    norms: dict[str, NamedLayer] = field(default_factory=dict)

    def add(
        self, layer: lay.Layer, weight: Tensor | None = None, bias: Tensor | None = None, norm: NamedLayer | None = None
    ) -> None:
        """A layer at the end; `norm` is the batch norm whose output it gives."""
        for name, tensor in (("weight", weight), ("bias", bias)):
            if tensor is not None:
                self.weights[f"{len(self.layers)}.{name}"] = tensor.detach().float().contiguous()
        if norm is not None:
            self.norms[str(len(self.layers))] = norm
        self.layers.append(layer)

    def extend(self, other: Rows) -> None:
        """The layers of another row at the end."""
        start = len(self.layers)

        def later(name: str) -> str:
            number, dot, rest = name.partition(".")
            return f"{start + int(number)}{dot}{rest}"

        self.weights |= {later(name): tensor for name, tensor in other.weights.items()}
        self.norms |= {later(name): norm for name, norm in other.norms.items()}
        self.layers += other.layers

    def residual(self, block: Rows, shortcut: Rows) -> None:
        """The sum of what two rows make."""
        here = str(len(self.layers))
        ways = {"block": block, "shortcut": shortcut}
        for way, rows in ways.items():
            self.weights |= {f"{here}.{way}.{name}": t for name, t in rows.weights.items()}
            self.norms |= {f"{here}.{way}.{name}": norm for name, norm in rows.norms.items()}
        plain = {
            way: tuple(layer for layer in rows.layers if not isinstance(layer, lay.Residual))
            for way, rows in ways.items()
        }
        self.layers.append(lay.Residual(block=plain["block"], shortcut=plain["shortcut"]))


def slots_of(block: Block, style: str) -> tuple[NamedLayer | None, ...]:
    """Where its norms stand: before the activation that a block begins with, else behind its layers."""
    fitting = [s for s in block.slots if (s[0] is not None) == (style in PRE)]
    return (fitting or list(block.slots))[0]


def build_block(block: Block, step: Step, chosen: Choices, act: Callable[[Rows], None], edges: str) -> Rows:
    """The layers of a block; of a style that doesn't end in an activation there is none behind.

    Args:
        block: what was found of it.
        step: how it changes the sides of an image.
        chosen: `residual` says where the activation stands, `upsampling` how an image is made larger.
        act: puts an activation at the end of a row.
        edges: what stands beyond the edges of an image.
    """
    style = chosen.residual
    slots = slots_of(block, style)
    made, main, beside = Rows(), Rows(), Rows()
    if step.upsample > 1 and not step.inner:
        _larger(made, step, chosen)
    begins = Rows()
    if slots[0] is not None:
        begins.add(lay.Affine(features=block.main[0].inputs), *slots[0].numbers, slots[0])
    if style in PRE or slots[0] is not None:
        act(begins)
    (made if style == "in-place" else main).extend(begins)
    if style == "before-shared" and block.shortcut is not None:
        beside.extend(begins)
    _build_main(main, block, step, chosen, act, edges)
    _build_shortcut(beside, block, step, chosen, edges)
    if style == "chain":
        made.extend(main)
    else:
        made.residual(main, beside)
    if style == "normed" and slots[-1] is not None:
        made.add(lay.Affine(features=block.main[-1].outputs), *slots[-1].numbers, slots[-1])
    if style in OWN:
        act(made)
    return made


def _build_main(main: Rows, block: Block, step: Step, chosen: Choices, act: Callable[[Rows], None], edges: str) -> None:
    """The layers of a block, with their norms and the activations between them, at the end of `main`."""
    style = chosen.residual
    slots = slots_of(block, style)
    last = len(block.main) - 1
    strided = next(
        (number for number, way in enumerate(block.main) if way.kernel > 1 and way.transposed == block.transposed), 0
    )
    for number, way in enumerate(block.main):
        if step.inner and step.upsample > 1 and number == last:
            _larger(main, step, chosen)
        behind = slots[number + 1] if number < last or style != "normed" else None
        link = block.with_norm(way, behind)
        _layer(main, link, step.stride if number == strided else 1, edges)
        following = block.main[number + 1].layer if number < last else None
        acts = following is not None and _acts(way.layer, following, behind)
        if behind is not None and link.norm_apart:  # behind the activation
            if acts:
                act(main)
            main.add(lay.Affine(features=way.outputs), *behind.numbers, behind)
        elif acts:
            act(main)
    if style == "inside":
        act(main)


def _build_shortcut(beside: Rows, block: Block, step: Step, chosen: Choices, edges: str) -> None:
    """The way beside a block's layers, at the end of `beside`."""
    if step.inner and step.upsample > 1:
        _larger(beside, step, chosen)
    if block.shortcut is not None:
        way = block.shortcut
        grows = block.transposed and not way.transposed
        if step.stride > 1 and grows:
            _larger(beside, Step(upsample=step.stride), chosen)
        own = block.with_norm(way, block.shortcut_norm)
        _layer(beside, own, 1 if grows else step.stride, edges)
        if own.norm is not None and own.norm_apart:
            beside.add(lay.Affine(features=way.outputs), *own.norm.numbers, own.norm)
    elif step.stride > 1:
        if block.transposed:
            _larger(beside, Step(upsample=step.stride), chosen)
        else:
            beside.add(lay.Pool(kind="average-pool", size=step.stride))


def _acts(before: NamedLayer, after: NamedLayer, norm: NamedLayer | None) -> bool:
    """Whether an activation stands between two layers of a block, as far as their places say; mostly it does."""
    free = free_pixels(ChainLink(before, 1, 1, norm=norm), ChainLink(after, 1, 1))
    return free is None or free > 0


def _larger(rows: Rows, step: Step, chosen: Choices) -> None:
    aligned = chosen.upsampling == "bilinear-aligned"
    mode = "bilinear" if aligned else chosen.upsampling
    rows.add(lay.Upsample(factor=step.upsample, mode=mode, align_corners=aligned))


def _layer(rows: Rows, link: ChainLink, stride: int, edges: str) -> None:
    """A layer of a block, whose padding keeps what a stride leaves, with the norm right behind it."""
    weight, bias = link.tensors
    norm = link.norm if link.norm is not None and not link.norm_apart else None
    sizes = {"inputs": link.inputs, "outputs": link.outputs, "bias": bias is not None}
    if link.layer.kind == "linear":
        rows.add(lay.Linear(**sizes), weight, bias, norm)
        return
    kernel = link.kernel
    padding = (kernel - 1) // 2
    sizes |= {"kernel": kernel, "stride": stride, "padding": padding}
    if link.transposed:
        more = stride - (kernel - 2 * padding) if stride > 1 else 0
        rows.add(lay.ConvTranspose(**sizes, output_padding=max(0, more)), weight, bias, norm)
    else:
        mode = edges if padding else "zeros"
        rows.add(lay.Conv(**sizes, padding_mode=mode), weight, bias, norm)
