"""Activations of one image put into another image's pass, and which latents carry the change between two images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer.analysis.evaluation import whole_floats
from explorer.datasets.base import Dataset
from explorer.errors import UserError
from models.beta_vae import BetaVAE

MOST_UNITS = 512  # of a layer whose units are looked at one by one


@dataclass(frozen=True)
class Layer:
    """A layer whose output can be exchanged: part "encoder" or "decoder", its place, its kind, and its output's shape.

    A unit is a channel of a convolution, or a number of a dense layer.
    """

    part: str
    place: int
    kind: str
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """Such as "decoder:3"."""
        return f"{self.part}:{self.place}"

    @property
    def units(self) -> int:
        """How many there are."""
        return self.shape[0]


@dataclass(frozen=True)
class Patch:
    """What comes of A's pass with activations of B in it.

    images: `(3, C, H, W)`: A decoded, patched, B decoded.
    effect: ⟨y − y_A, y_B − y_A⟩ / ‖y_B − y_A‖², 0 for nothing and 1 for all; it may leave [0, 1].
    recovery: 1 − ‖y − y_B‖ / ‖y_A − y_B‖. Both None where A and B decode to the same picture.
    """

    images: np.ndarray
    effect: float | None
    recovery: float | None


@dataclass(frozen=True)
class Mediation:
    """The change from A's picture to B's, by latent (Pearl 2001).

    total: ‖TE‖₂, pixel values. indirect, direct: `(D,)`, shares of NIE_j and NDE_j by projection on TE; None where
    total is 0. interaction: the share of TE − Σ NIE_j; interaction_size: its length, ÷ that of TE.
    """

    total: float
    indirect: np.ndarray | None
    direct: np.ndarray | None
    interaction: float | None
    interaction_size: float | None

    def as_json(self) -> dict[str, Any]:
        """Plain values; None in place of what is absent."""
        return {
            "total": self.total,
            "indirect": None if self.indirect is None else self.indirect.tolist(),
            "direct": None if self.direct is None else self.direct.tolist(),
            "interaction": self.interaction,
            "interaction_size": self.interaction_size,
        }


def layers_of(model: BetaVAE) -> list[Layer]:
    """The layers whose outputs can be exchanged, from the image to the picture.

    Raises:
        UserError: the network is not a list of layers.
    """
    found = []
    with torch.inference_mode():
        for name, shape in (("encoder", model.shape), ("decoder", (model.latents,))):
            layers = getattr(model.network, name, None)
            if not isinstance(layers, nn.Sequential):
                continue
            values = torch.zeros(1, *shape, device=model.device)
            for place, layer in enumerate(layers):
                values = layer(values)
                found.append(Layer(name, place, type(layer).__name__, tuple(values.shape[1:])))
    if not found:
        raise UserError("this network is no list of layers, so that there is nothing to cut it at")
    return found


def layer_called(model: BetaVAE, name: str) -> Layer:
    """The layer of that name. Raises UserError where there is none."""
    layers = layers_of(model)
    for layer in layers:
        if layer.name == name:
            return layer
    raise UserError(f"there is no layer {name[:40]!r}; there are {', '.join(layer.name for layer in layers)}")


def units_of(text: str, most: int) -> list[int]:
    """The units that a text names, such as "0-3, 7"; an empty one means all of `most`.

    Raises:
        UserError: it is written otherwise, or names a unit that there is not.
    """
    if not text.strip():
        return list(range(most))
    found: set[int] = set()
    for piece in text.split(","):
        said = re.fullmatch(r"\s*(\d{1,6})(?:\s*-\s*(\d{1,6}))?\s*", piece, re.ASCII)
        if said is None:
            raise UserError(f"units {text[:40]!r}: they are numbers and ranges, such as 0-3, 7")
        low, high = int(said[1]), int(said[2] or said[1])
        if high >= most or low > high:
            raise UserError(f"units {piece.strip()[:40]}: this layer has units 0 to {most - 1}")
        found |= set(range(low, high + 1))
    return sorted(found)


def images_of(model: BetaVAE, data: Dataset, first: int, second: int) -> Tensor:
    """Two images `(2, C, H, W)` in [0, 1], on the model's device. Raises UserError where one is not there."""
    for wanted in (first, second):
        if not 0 <= wanted < len(data):
            raise UserError(f"{data.name} has images 0 to {len(data) - 1:,}, not {wanted:,}")
    if data.shape != model.shape:
        raise UserError(f"the model takes images of shape {model.shape}, {data.name} has {data.shape}")
    return data.unit([first, second]).to(model.device)


def patch(model: BetaVAE, pair: Tensor, layer: Layer, units: Sequence[int]) -> Patch:
    """Decode A with these units of a layer taken from B's pass.

    Args:
        pair: A and B `(2, C, H, W)` in [0, 1]. Of an encoder's layer the rest of the encoder gives means, and these
            are decoded; nothing is sampled.
    """
    with whole_floats(), torch.inference_mode():
        own, other = (_until(model, layer, image[None]) for image in pair)
        plain, target = _after(model, layer, own), _after(model, layer, other)
        patched = _after(model, layer, _mixed(own, other, units))
        effect, recovery = _measure(plain, target, patched)
        images = torch.cat([plain, patched, target]).float().cpu().numpy()
    return Patch(images, None if effect is None else float(effect[0]), None if recovery is None else float(recovery[0]))


def unit_effects(model: BetaVAE, pair: Tensor, layer: Layer) -> np.ndarray | None:
    """The effect `(U,)` of each of the first 512 units of a layer alone; None where A and B decode to the same."""
    with whole_floats(), torch.inference_mode():
        own, other = (_until(model, layer, image[None]) for image in pair)
        plain, target = _after(model, layer, own), _after(model, layer, other)
        found = []
        for units in torch.arange(min(layer.units, MOST_UNITS)).split(max(1, min(64, model.rows))):
            values = own.repeat(len(units), *[1] * (own.ndim - 1))
            values[torch.arange(len(units)), units] = other[0, units]
            effect, _ = _measure(plain, target, _after(model, layer, values))
            if effect is None:
                return None
            found.append(effect)
    return np.concatenate(found)


def mediate(model: BetaVAE, pair: Tensor) -> Mediation:
    """How much of the change from A's picture to B's goes by way of each latent; `pair` as in `patch`."""
    with whole_floats(), torch.inference_mode():
        first, second = (model.encode(image[None]).mean for image in pair)
        plain, target = model.decode(first), model.decode(second)
        total = (target - plain).double().flatten()
        one, rest = first.repeat(model.latents, 1), second.repeat(model.latents, 1)
        places = torch.arange(model.latents)
        one[places, places], rest[places, places] = second[0], first[0]
        along, sums = [], torch.zeros_like(total)
        for kind in (one, rest):
            shares = []
            for z in kind.split(max(1, min(64, model.rows))):
                change = (model.decode(z) - plain).double().flatten(1)
                shares.append(change @ total)
                sums += change.sum(0) if kind is one else 0
            along.append(torch.cat(shares))
        square = float(total @ total)
        if square == 0:
            return Mediation(0.0, None, None, None, None)
        left = total - sums
        indirect, direct = (part.cpu().numpy() / square for part in along)
        size = float(left.norm() / total.norm())
        return Mediation(square**0.5, indirect, direct, float(left @ total) / square, size)


def _until(model: BetaVAE, layer: Layer, images: Tensor) -> Tensor:
    """What the layer puts out for images."""
    layers = getattr(model.network, layer.part)[: layer.place + 1]
    values: Tensor = layers(images if layer.part == "encoder" else model.encode(images).mean)
    return values


def _after(model: BetaVAE, layer: Layer, values: Tensor) -> Tensor:
    """The picture that comes of what the layer put out."""
    values = getattr(model.network, layer.part)[layer.place + 1 :](values)
    if layer.part == "encoder":
        return model.decode(values.chunk(2, dim=1)[0])
    return model.likelihood.images(values)


def _mixed(own: Tensor, other: Tensor, units: Sequence[int]) -> Tensor:
    if len(units) == own.shape[1]:
        return other
    mixed = own.clone()
    mixed[:, list(units)] = other[:, list(units)]
    return mixed


def _measure(plain: Tensor, target: Tensor, patched: Tensor) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Effect and recovery of patched pictures `(n, C, H, W)`, both `(n,)`."""
    way = (target - plain).double().flatten()
    square = float(way @ way)
    if square == 0:
        return None, None
    effect = (patched - plain).double().flatten(1) @ way / square
    recovery = 1 - (patched - target).double().flatten(1).norm(dim=1) / square**0.5
    return effect.cpu().numpy(), recovery.cpu().numpy()
