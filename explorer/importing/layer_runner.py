"""Layers of a trial, run one by one: what begins alike under two readings is computed once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from explorer.importing.building import Built
from explorer.recipe.layer_config import ConvTranspose, Layer, Plain, Residual, after

if TYPE_CHECKING:
    from torch import Tensor, nn

KEPT = 128 << 20  # bytes of what layers gave, which are kept
FAR = 5.0  # nats; a norm's output further from what it was in training says no more


class Made(NamedTuple):
    """What a layer gave, and the tensors that it was made of (which keep their addresses while it is kept)."""

    number: int
    value: Tensor
    norms: tuple[float, ...]  # nats that each norm so far is from its training
    held: tuple[Tensor, ...] = ()


class Runner:
    """Runs layers and remembers what each gave, the newest first to stay."""

    def __init__(self) -> None:
        self.kept: OrderedDict[object, Made] = OrderedDict()
        self.modules: dict[Plain, nn.Module] = {}
        self.bytes = self.number = 0
        self.work = 0  # multiplications done so far

    def run(self, built: Built, given: Made) -> Made:
        """What the layers make of `given` (of `put`)."""
        return self._through(built, built.layers, "", given)

    def _through(self, built: Built, layers: Sequence[Layer], place: str, given: Made) -> Made:
        """The same of the layers at a place, such as those of a residual block's longer way."""
        made = given
        for number, layer in enumerate(layers):
            here = f"{place}{number}"
            if isinstance(layer, Residual):
                made = self._sum(built, layer, here, made)
                continue
            weight, bias = (built.weights.get(f"{here}.{name}") for name in ("weight", "bias"))
            held = tuple(t for t in (weight, bias) if t is not None)
            key = made.number, layer, tuple(t.data_ptr() for t in held)
            if key in self.kept:
                self.kept.move_to_end(key)
                made = self.kept[key]
                continue
            value = self._layer(layer, weight, bias, made.value)
            norms = made.norms
            norm = built.norms.get(here)
            if norm is not None and norm.usual is not None:
                norms += (_apart(value, *norm.usual),)
            made = self._keep(key, value, norms, held)
        return made

    def _sum(self, built: Built, layer: Residual, place: str, given: Made) -> Made:
        """What a residual block makes."""
        block = self._through(built, layer.block, f"{place}.block.", given)
        beside = self._through(built, layer.shortcut, f"{place}.shortcut.", given)
        key = block.number, beside.number
        if key not in self.kept:
            norms = block.norms + beside.norms[len(given.norms) :]
            return self._keep(key, block.value + beside.value, norms, ())
        return self.kept[key]

    def put(self, value: Tensor) -> Made:
        """Rows that layers are run on."""
        return self._keep(object(), value, (), ())

    def _keep(self, key: object, value: Tensor, norms: tuple[float, ...], held: tuple[Tensor, ...]) -> Made:
        self.number += 1
        made = self.kept[key] = Made(self.number, value, norms, held)
        self.bytes += value.nbytes
        while self.bytes > KEPT and len(self.kept) > 1:
            _, old = self.kept.popitem(last=False)
            self.bytes -= old.value.nbytes
        return made

    def _layer(self, layer: Plain, weight: Tensor | None, bias: Tensor | None, given: Tensor) -> Tensor:
        import torch
        from torch import nn

        from models.batches import BESIDES, in_parts
        from models.layers import KINDS

        if layer not in self.modules:
            with torch.device("meta"):
                self.modules[layer] = KINDS[layer.kind](layer.model_dump()).eval()
        module = self.modules[layer]
        for name, tensor in (("weight", weight), ("bias", bias)):
            if tensor is not None:
                setattr(module, name, nn.Parameter(tensor, requires_grad=False))
        row = tuple(given.shape[1:])
        following = after(layer, row)
        numbers = prod(row) + prod(following)
        if weight is not None:
            places = row if isinstance(layer, ConvTranspose) else following
            self.work += len(given) * weight.numel() * prod(places[1:])
        (made,) = in_parts(lambda x: (module(x),), lambda: 4 * BESIDES * numbers, given)
        return made


def _apart(value: Tensor, mean: Tensor, deviation: Tensor) -> float:
    """Nats between what channels are here and what they were in training, taken for Gaussians; a mean a channel.

    A batch norm keeps mean and variance of what it was given, so that it gave `mean` and `deviation` itself.
    """
    import torch

    axes = [axis for axis in range(value.ndim) if axis != 1]
    variance, middle = torch.var_mean(value, axes, correction=0)
    sizes = deviation.clamp(min=1e-3)
    off, ratio = (middle - mean) / sizes, (variance / sizes.square()).clamp(1e-6, 1e6)
    apart = 0.5 * (ratio + off.square() - 1 - ratio.log())
    return float(apart.nan_to_num(FAR, FAR, FAR).clamp(max=FAR).mean())
