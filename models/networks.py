"""Encoders and decoders, by name.

A network maps images `(n, C, H, W)` in [0, 1] to the posterior's mean and log-variance, both `(n, D)`
(`encode`), and latents `(n, D)` to raw outputs `(n, C, H, W)` (`decode`), which the likelihood turns
into images. Nothing else about a network matters to the rest of the project.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from models.batches import width
from models.kinds import built_here
from models.shapes import Float

Shape = tuple[int, int, int]  # channels, height, width


class Network(nn.Module):
    """An encoder that ends in 2·D numbers, the D means before the D log-variances, and a decoder."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, shape: Shape, latents: int) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.shape, self.latents = shape, latents
        self.name = ""
        self.layers: dict[str, Any] | None = None  # see models.layers and models.graph
        self._widths: dict[str, int] = {}

    def width(self, part: str) -> int:
        """The most numbers that a sample has before and behind one layer of "encoder" or "decoder" together."""
        if part not in self._widths:
            shape = self.shape if part == "encoder" else (self.latents,)
            self._widths[part] = width(getattr(self, part), shape)
        return self._widths[part]

    def encode(self, images: Float[Tensor, "n C H W"]) -> tuple[Float[Tensor, "n D"], Float[Tensor, "n D"]]:
        """Mean and log-variance of q(z|x), both `(n, D)`."""
        mean, log_var = self.encoder(images).chunk(2, dim=1)
        return mean, log_var

    def decode(self, z: Float[Tensor, "n D"]) -> Float[Tensor, "n C H W"]:
        """Raw outputs `(n, C, H, W)`: logits for a Bernoulli likelihood, means for a Gaussian one."""
        raw: Tensor = self.decoder(z)
        return raw


Builder = Callable[[Shape, int], Network]
BUILDERS: dict[str, Builder] = {}  # by the names that `models.kinds` has


def _named(function: Builder) -> Builder:
    """Take a function in as the builder of the network that it is called like."""
    BUILDERS[function.__name__] = function
    return function


def _kaiming(network: Network) -> Network:
    """Kaiming-uniform weights and zero biases: the signal reaches the latents from the first step."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network


@_named
def burgess(shape: Shape, latents: int) -> Network:
    """Burgess et al. 2018, appendix A: 4x4 stride-2 convolutions of 32 channels, two layers of 256.

    For 64 px four convolutions, for 32 px three; Kaiming-uniform weights, as the public implementation
    of Dubois has them. 502,005 parameters at 1x64x64 and D = 10.
    """
    channels, depth = shape[0], {32: 3, 64: 4}[shape[1]]
    encoder: list[nn.Module] = []
    for layer in range(depth):
        encoder += [nn.Conv2d(32 if layer else channels, 32, 4, 2, 1), nn.ReLU()]
    encoder += [nn.Flatten(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()]
    encoder += [nn.Linear(256, 2 * latents)]
    decoder: list[nn.Module] = [nn.Linear(latents, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()]
    decoder += [nn.Linear(256, 512), nn.ReLU(), nn.Unflatten(1, (32, 4, 4))]
    for layer in range(depth):
        last = layer == depth - 1
        decoder += [nn.ConvTranspose2d(32, channels if last else 32, 4, 2, 1)]
        decoder += [] if last else [nn.ReLU()]
    return _kaiming(Network(nn.Sequential(*encoder), nn.Sequential(*decoder), shape, latents))


@_named
def locatello(shape: Shape, latents: int) -> Network:
    """Locatello et al. 2019, table 1 (64 px): 4x4, 4x4, 2x2, 2x2 convolutions, one layer of 256.

    690,517 parameters at 1x64x64 and D = 10. TensorFlow's default initialisation: Glorot-uniform
    weights, zero biases.
    """
    channels = shape[0]
    encoder: list[nn.Module] = []
    for inputs, outputs, kernel in ((channels, 32, 4), (32, 32, 4), (32, 64, 2), (64, 64, 2)):
        encoder += [nn.Conv2d(inputs, outputs, kernel, 2, (kernel - 2) // 2), nn.ReLU()]
    encoder += [nn.Flatten(), nn.Linear(1024, 256), nn.ReLU(), nn.Linear(256, 2 * latents)]
    decoder: list[nn.Module] = [nn.Linear(latents, 256), nn.ReLU(), nn.Linear(256, 1024), nn.ReLU()]
    decoder += [nn.Unflatten(1, (64, 4, 4))]
    for inputs, outputs in ((64, 64), (64, 32), (32, 32)):
        decoder += [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), nn.ReLU()]
    decoder += [nn.ConvTranspose2d(32, channels, 4, 2, 1)]
    network = Network(nn.Sequential(*encoder), nn.Sequential(*decoder), shape, latents)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network


@_named
def mlp(shape: Shape, latents: int) -> Network:
    """Higgins et al. 2017, table 1 (2-D shapes): encoder 1200-1200 ReLU, decoder 1200 x 3 tanh."""
    pixels = prod(shape)
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(pixels, 1200), nn.ReLU(), nn.Linear(1200, 1200), nn.ReLU(), nn.Linear(1200, 2 * latents)
    )
    decoder = nn.Sequential(
        nn.Linear(latents, 1200),
        nn.Tanh(),
        nn.Linear(1200, 1200),
        nn.Tanh(),
        nn.Linear(1200, 1200),
        nn.Tanh(),
        nn.Linear(1200, pixels),
        nn.Unflatten(1, shape),
    )
    return Network(encoder, decoder, shape, latents)


@_named
def compact(shape: Shape, latents: int) -> Network:
    """The network that a CPU trains fast: no convolution ever works at full resolution.

    Blocks of pixels become channels on the way in (space to depth) and channels become pixels on the
    way out (sub-pixel convolution, Shi et al. 2016); between them 4x4 stride-2 convolutions run on a
    grid of 16 x 16 or less (14 x 14 at 28 px), and two layers of 256. About a third of the arithmetic
    of `burgess` at 64 px, without its slow single-channel layers. Kaiming-uniform weights.
    """
    channels, size = shape[0], shape[1]
    block = {28: 2, 32: 2, 64: 4, 128: 8}[size]
    pixels = channels * block * block
    inner_kernel = 3 if size == 28 else 4  # takes 7 x 7, which halves to 4 x 4, as well as 8 x 8
    encoder = nn.Sequential(
        nn.PixelUnshuffle(block),
        nn.Conv2d(pixels, 32, 4, 2, 1),
        nn.ReLU(),
        nn.Conv2d(32, 64, inner_kernel, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(1024, 256),
        nn.ReLU(),
        nn.Linear(256, 2 * latents),
    )
    decoder = nn.Sequential(
        nn.Linear(latents, 256), nn.ReLU(), nn.Linear(256, 1024), nn.ReLU(),
        nn.Unflatten(1, (64, 4, 4)),
        nn.ConvTranspose2d(64, 32, inner_kernel, 2, 1), nn.ReLU(),
        nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ReLU(),
        nn.Conv2d(32, pixels, 3, 1, 1), nn.PixelShuffle(block),
    )  # fmt: skip
    return _kaiming(Network(encoder, decoder, shape, latents))


class DiagonalLinear(nn.Module):
    """A linear map to the means, and one log-variance a latent that does not depend on the image."""

    def __init__(self, pixels: int, latents: int) -> None:
        super().__init__()
        self.mean = nn.Linear(pixels, latents)
        self.log_var = nn.Parameter(torch.zeros(latents))

    def extra_repr(self) -> str:
        return f"{self.mean.in_features}, {self.mean.out_features}"

    def forward(self, images: Tensor) -> Tensor:
        mean = self.mean(images.flatten(1))
        return torch.cat([mean, self.log_var.expand_as(mean)], dim=1)


@_named
def dense(shape: Shape, latents: int) -> Network:
    """Two layers of 128 tanh units each way: small enough for a CPU, for samples of any shape.

    The default of pyroVED (Ziatdinov et al. 2021), with which curves and table rows are usually trained.
    """
    values = prod(shape)
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(values, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 2 * latents)
    )
    decoder = nn.Sequential(
        nn.Linear(latents, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(),
        nn.Linear(128, values), nn.Unflatten(1, shape),
    )  # fmt: skip
    return Network(encoder, decoder, shape, latents)


@_named
def conv1d(shape: Shape, latents: int) -> Network:
    """Convolutions along a signal `(C, 1, T)`, T from 64 to 4,096: each halves it, until 16 values or fewer are left.

    Kernels of 4 with stride 2, 32 channels for the first two and 64 after, one layer of 128. PyTorch's own weights:
    larger ones begin with curves far outside [0, 1], and latents then learn to be quiet before they tell anything.
    """
    leads, length = shape[0], shape[2]
    lengths = [length]
    while lengths[-1] > 16:
        lengths.append(lengths[-1] // 2)
    channels = [leads] + [32 if layer < 2 else 64 for layer in range(len(lengths) - 1)]
    encoder: list[nn.Module] = []
    decoder: list[nn.Module] = []
    for layer in range(len(lengths) - 1):
        encoder += [nn.Conv2d(channels[layer], channels[layer + 1], (1, 4), (1, 2), (0, 1)), nn.ReLU()]
        odd = (0, lengths[layer] - 2 * lengths[layer + 1])
        back = nn.ConvTranspose2d(channels[layer + 1], channels[layer], (1, 4), (1, 2), (0, 1), odd)
        decoder = [back, nn.ReLU(), *decoder] if layer else [back]
    inner = (channels[-1], 1, lengths[-1])
    encoder += [nn.Flatten(), nn.Linear(prod(inner), 128), nn.ReLU(), nn.Linear(128, 2 * latents)]
    ahead = [nn.Linear(latents, 128), nn.ReLU(), nn.Linear(128, prod(inner)), nn.ReLU(), nn.Unflatten(1, inner)]
    return Network(nn.Sequential(*encoder), nn.Sequential(*ahead, *decoder), shape, latents)


@_named
def linear(shape: Shape, latents: int) -> Network:
    """The linear VAE (Lucas et al. 2019): everything about its optimum is known in closed form."""
    decoder = nn.Sequential(nn.Linear(latents, prod(shape)), nn.Unflatten(1, shape))
    return Network(DiagonalLinear(prod(shape), latents), decoder, shape, latents)


def build(name: str, shape: Shape, latents: int) -> Network:
    """The network `name` for images of `shape` and `latents` dimensions, freshly initialised.

    Raises:
        ValueError: an unknown name, or a size that the network is not made for; one sentence.
    """
    known = built_here()
    if name not in known:
        raise ValueError(f"there is no network {name!r}; there are {', '.join(known)}")
    if not known[name].takes(*shape[1:]):
        raise ValueError(f"network {name} takes {known[name].wanted}, not {shape[1]} x {shape[2]}")
    network = BUILDERS[name](shape, latents)
    network.name = name
    return network
