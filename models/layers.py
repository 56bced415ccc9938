"""A network given layer by layer: how models from elsewhere are rebuilt, whatever they look like.

Each layer is a mapping with its `kind` and sizes, as config.json holds it; the explorer checks them
(`explorer.recipe.layer_config`) before anything here is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.networks import Network, Shape

Spec = Mapping[str, Any]


class Affine(nn.Module):
    """x · weight + bias, one pair a channel: what a batch norm does once it is trained."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def extra_repr(self) -> str:
        return str(len(self.weight))

    def forward(self, x: Tensor) -> Tensor:
        shape = (1, -1) + (1,) * (x.ndim - 2)
        return x * self.weight.view(shape) + self.bias.view(shape)


class Rescale(nn.Module):
    """x · scale + shift with two fixed numbers, such as pixels from [0, 1] to [-1, 1]."""

    def __init__(self, scale: float, shift: float) -> None:
        super().__init__()
        self.scale, self.shift = scale, shift

    def extra_repr(self) -> str:
        return f"{self.scale!r}, {self.shift!r}"

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.shift


class Resize(nn.Module):
    """An image brought to one height and width, whatever its own."""

    def __init__(self, height: int, width: int, mode: str, align_corners: bool | None) -> None:
        super().__init__()
        self.size, self.mode, self.align_corners = (height, width), mode, align_corners

    def extra_repr(self) -> str:
        return f"{self.size[0]}, {self.size[1]}, {self.mode!r}, {self.align_corners}"

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.interpolate(x, size=self.size, mode=self.mode, align_corners=self.align_corners)


class Heads(nn.Module):
    """Means and log-variances of an encoder whose second half is a σ, a σ² or log σ; see `spread`."""

    def __init__(self, spread: str, mean: str) -> None:
        super().__init__()
        self.spread, self.mean = spread, mean

    def extra_repr(self) -> str:
        return f"{self.spread!r}, {self.mean!r}"

    def forward(self, x: Tensor) -> Tensor:
        mean, spread = x.chunk(2, dim=1)
        if self.mean == "relu":
            mean = torch.relu(mean)
        if self.spread.startswith("softplus"):
            spread = nn.functional.softplus(spread)
        if self.spread.endswith("std") and self.spread != "log-std":
            spread = 2 * torch.log(spread.abs().clamp(min=1e-8))
        elif self.spread.endswith("variance") and self.spread != "log-variance":
            spread = torch.log(spread.abs().clamp(min=1e-16))
        elif self.spread == "log-std":
            spread = 2 * spread
        return torch.cat([mean, spread], dim=1)


class Residual(nn.Module):
    """block(x) + shortcut(x), where a shortcut without layers is x itself (He et al. 2015, eq. 1 and 2)."""

    def __init__(self, block: nn.Sequential, shortcut: nn.Sequential) -> None:
        super().__init__()
        self.block, self.shortcut = block, shortcut

    def extra_repr(self) -> str:
        return ""

    def forward(self, x: Tensor) -> Tensor:
        both: Tensor = self.block(x) + self.shortcut(x)
        return both


def _residual(s: Spec) -> nn.Module:
    return Residual(_sequential(s["block"]), _sequential(s["shortcut"]))


def _sequential(specs: Sequence[Spec]) -> nn.Sequential:
    return nn.Sequential(*(KINDS[s["kind"]](s) for s in specs))


def _conv(s: Spec) -> nn.Module:
    sizes = s["inputs"], s["outputs"], s["kernel"], s["stride"], s["padding"]
    return nn.Conv2d(*sizes, bias=s["bias"], padding_mode=s.get("padding_mode", "zeros"))


def _corners(s: Spec) -> bool | None:
    return None if s["mode"] == "nearest" else bool(s.get("align_corners", False))


def _conv_transpose(s: Spec) -> nn.Module:
    sizes = s["inputs"], s["outputs"], s["kernel"], s["stride"], s["padding"], s["output_padding"]
    return nn.ConvTranspose2d(*sizes, bias=s["bias"])


KINDS: dict[str, Callable[[Spec], nn.Module]] = {
    "conv": _conv,
    "conv-transpose": _conv_transpose,
    "linear": lambda s: nn.Linear(s["inputs"], s["outputs"], bias=s["bias"]),
    "affine": lambda s: Affine(s["features"]),
    "rescale": lambda s: Rescale(s["scale"], s["shift"]),
    "flatten": lambda s: nn.Flatten(),
    "unflatten": lambda s: nn.Unflatten(1, tuple(s["shape"])),
    "upsample": lambda s: nn.Upsample(scale_factor=s["factor"], mode=s["mode"], align_corners=_corners(s)),
    "resize": lambda s: Resize(s["size"][0], s["size"][1], s["mode"], _corners(s)),
    "heads": lambda s: Heads(s["spread"], s["mean"]),
    "max-pool": lambda s: nn.MaxPool2d(s["size"]),
    "average-pool": lambda s: nn.AvgPool2d(s["size"]),
    "relu": lambda s: nn.ReLU(),
    "leaky-relu": lambda s: nn.LeakyReLU(s["slope"]),
    "elu": lambda s: nn.ELU(),
    "selu": lambda s: nn.SELU(),
    "gelu": lambda s: nn.GELU(),
    "silu": lambda s: nn.SiLU(),
    "softplus": lambda s: nn.Softplus(),
    "mish": lambda s: nn.Mish(),
    "hardswish": lambda s: nn.Hardswish(),
    "tanh": lambda s: nn.Tanh(),
    "sigmoid": lambda s: nn.Sigmoid(),
    "residual": _residual,
}


def build_layers(encoder: Sequence[Spec], decoder: Sequence[Spec], shape: Shape, latents: int) -> Network:
    """A network of these layers; `network.layers` keeps them, so that it can be saved again."""
    parts = [_sequential(specs) for specs in (encoder, decoder)]
    network = Network(parts[0], parts[1], shape, latents)
    network.name = "layers"
    network.layers = {"encoder": encoder, "decoder": decoder}
    return network
