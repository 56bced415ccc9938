"""One Beta-VAE for every β of a range: β moves the network's features, and a network of any single β folds out of it.

Behind each layer stands FiLM (Perez et al. 2018): h · (1 + g) + d, where a small network makes g and d of log β, as
Dosovitskiy and Djolonga (2020) and Bae et al. (2023) have it for losses with a weight. The model is trained for many β
at once; at one β, scale and shift fold into the layer's own weights, and a plain network of the same kind is left.
"""

from __future__ import annotations

import copy
import math
from typing import cast

import torch
from torch import Tensor, nn

from models.beta_vae import BetaVAE, Posterior
from models.kinds import usual_beta
from models.likelihoods import Likelihood
from models.networks import Network
from models.objectives import Objective, Terms
from models.schedules import Scheduled
from models.shapes import Float

HIDDEN = 64  # features of β
FOLDS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
Folding = nn.Linear | nn.Conv2d | nn.ConvTranspose2d


class Film(nn.Module):
    """Scales and shifts of `features` values, made of log β; at the start neither changes anything."""

    def __init__(self, features: int, low: float, high: float) -> None:
        super().__init__()
        self.middle = (math.log(low) + math.log(high)) / 2
        self.reach = (math.log(high) - math.log(low)) / 2
        self.trunk = nn.Sequential(nn.Linear(1, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU())
        self.last = nn.Linear(HIDDEN, 2 * features)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, log_beta: Float[Tensor, " b"]) -> tuple[Float[Tensor, "b F"], Float[Tensor, "b F"]]:
        """g and d of each log β; b is 1, or the number of images."""
        scale, shift = self.last(self.trunk((log_beta[:, None] - self.middle) / self.reach)).chunk(2, dim=1)
        return scale, shift


class Conditioned(nn.Module):
    """A sequence of layers that computes for the β that it was told last.

    The features of a layer are its outputs: a convolution's channels, and the channels of what a linear layer's outputs
    are laid out as. A decoder has the latents before them, and not its last layer, whose outputs are the pixels.
    """

    log_beta: Tensor

    def __init__(self, layers: nn.Sequential, latents: int, is_decoder: bool, low: float, high: float) -> None:
        """Raises ValueError where a layer's outputs can't be scaled."""
        super().__init__()
        self.layers = layers
        self.given = latents if is_decoder else 0  # features of what goes in
        places = [at for at, layer in enumerate(layers) if isinstance(layer, FOLDS)]
        if is_decoder:
            places.pop()
        for layer in layers:
            is_plain = isinstance(layer, FOLDS) and layer.bias is not None and getattr(layer, "groups", 1) == 1
            if not is_plain and next(layer.parameters(), None) is not None:
                raise ValueError(f"a layer {type(layer).__name__} can't be trained for every β")
        if is_decoder and not isinstance(layers[0], nn.Linear):
            raise ValueError("a decoder for every β begins with a linear layer")
        self.sizes = {at: _features(layers, at) for at in places}
        self.film = Film(self.given + sum(self.sizes.values()), low, high)
        self.register_buffer("log_beta", torch.full((1,), self.film.middle), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        scale, shift = self.film(self.log_beta.to(values.dtype))
        begin = self.given
        if begin:
            values = values * (1 + scale[:, :begin]) + shift[:, :begin]
        for at, layer in enumerate(self.layers):
            values = layer(values)
            if at in self.sizes:
                end = begin + self.sizes[at]
                values = values * (1 + _like(scale[:, begin:end], values)) + _like(shift[:, begin:end], values)
                begin = end
        return values

    @torch.no_grad()
    def fold(self, log_beta: float) -> nn.Sequential:
        """The plain layers that compute the same at one β."""
        film = copy.deepcopy(self.film).double()
        found = film(torch.full((1,), log_beta, dtype=torch.float64, device=self.log_beta.device))
        scale, shift = (values[0] for values in found)
        layers = copy.deepcopy(self.layers)
        begin = self.given
        if begin:
            first = cast(nn.Linear, layers[0])
            weight = first.weight.double()
            first.bias.copy_(first.bias + weight @ shift[:begin])
            first.weight.copy_(weight * (1 + scale[:begin]))
        for at, size in self.sizes.items():
            layer = cast(Folding, layers[at])
            end = begin + size
            weight, bias = layer.weight.double(), cast(Tensor, layer.bias).double()
            each = len(bias) // size  # outputs that share a feature
            g, d = (1 + scale[begin:end]).repeat_interleave(each), shift[begin:end].repeat_interleave(each)
            axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
            layer.weight.copy_(weight * g.view(-1, *(1,) * (weight.ndim - 1 - axis)))
            cast(Tensor, layer.bias).copy_(bias * g + d)
            begin = end
        return layers


def _features(layers: nn.Sequential, at: int) -> int:
    layer = cast(Folding, layers[at])
    if not isinstance(layer, nn.Linear):
        return layer.out_channels
    for after in list(layers)[at + 1 :]:
        if isinstance(after, nn.Unflatten):
            return int(after.unflattened_size[0])
        if isinstance(after, FOLDS):
            break
    return layer.out_features


def _like(features: Tensor, values: Tensor) -> Tensor:
    """Features `(b, F)` in the layout of values `(n, F, H, W)`, or `(n, F · area)`."""
    if values.ndim == 4:
        return features[:, :, None, None]
    each = values.shape[1] // features.shape[1]
    return features.repeat_interleave(each, dim=1) if each > 1 else features


class AnyBetaVAE(BetaVAE):
    """A Beta-VAE for every β in `betas`, (lowest, highest). It computes for the β that `set_beta` gave last."""

    def __init__(self, network: Network, likelihood: Likelihood, low: float, high: float) -> None:
        """Of a plain network, which it takes over as it is: at the start it computes the same at every β.

        Raises:
            ValueError: no such range, or a network with a layer that β can't move.
        """
        if not 0 < low < high < math.inf:
            raise ValueError(f"β goes from a number above 0 to a higher one, not from {low} to {high}")
        if not (isinstance(network.encoder, nn.Sequential) and isinstance(network.decoder, nn.Sequential)):
            raise ValueError(f"the network {network.name} can't be trained for every β: it is no sequence of layers")
        encoder = Conditioned(network.encoder, network.latents, False, low, high)
        decoder = Conditioned(network.decoder, network.latents, True, low, high)
        both = Network(encoder, decoder, network.shape, network.latents)
        both.name, both.layers = network.name, network.layers
        super().__init__(both, likelihood)
        self.low, self.high = low, high
        self.set_beta(usual_beta(low, high))

    @property
    def betas(self) -> tuple[float, float]:
        return self.low, self.high

    @property
    def parts(self) -> tuple[Conditioned, Conditioned]:
        return cast(Conditioned, self.network.encoder), cast(Conditioned, self.network.decoder)

    def set_beta(self, beta: float | Float[Tensor, " n"]) -> None:
        """From now on compute for this β, or for one β an image."""
        given = torch.as_tensor(beta, dtype=torch.float32).reshape(-1).log()
        for part in self.parts:
            part.log_beta = given.to(part.log_beta.device)

    def usual(self) -> BetaVAE:
        return self.at(usual_beta(*self.betas))

    def at(self, beta: float) -> BetaVAE:
        """The plain model of that β; it remembers where it is from, and so answers `at` too.

        Raises:
            ValueError: β is outside the range.
        """
        low, high = self.betas
        if not low <= beta <= high:
            raise ValueError(f"this model is for β from {low:g} to {high:g}, not {beta:g}")
        encoder, decoder = (part.fold(math.log(beta)) for part in self.parts)
        plain = Network(encoder, decoder, self.shape, self.latents)
        plain.name, plain.layers = self.network.name, self.network.layers
        model = BetaVAE(plain, self.likelihood)
        model.train(self.training)
        model.remember(self)
        return model


class EveryBeta(Objective):
    """E over β of −E[log p(x|z)] + β · KL: each image of a batch has a β of its own.

    The logarithms of β are spread over the range, one in each of as many parts as there are images. The density rises
    evenly from half the mean at the lowest β to one and a half at the highest: a high β weighs a small rate, and
    without the tilt a model is 5 nats of D + β R worse there.
    """

    name = "any"

    def __init__(self, beta_low: float, beta_high: float, beta_high_schedule: str = "constant", steps: int = 0) -> None:
        """`beta_high_schedule` as `models.schedules` reads it, for a run of `steps`: the highest β rises."""
        super().__init__()
        self.low, self.high = beta_low, Scheduled(beta_high, beta_high_schedule, steps)
        self.betas = torch.ones(0)

    def prepare(self, model: BetaVAE, count: int, step: int, generator: torch.Generator) -> None:
        place = generator.device
        part = torch.randperm(count, generator=generator, device=place)
        even = (part + torch.rand(count, generator=generator, device=place)) / count
        spread = ((1 + 8 * even).sqrt() - 1) / 2  # the inverse of (x + x²) / 2, whose density is ½ + x
        low, high = math.log(self.low), math.log(max(self.low, self.high.at(step)))
        self.betas = torch.exp(low + (high - low) * spread).to(model.device)
        cast(AnyBetaVAE, model).set_beta(self.betas)

    def forward(self, nll: Float[Tensor, " n"], posterior: Posterior, z: Float[Tensor, "n D"], step: int) -> Terms:
        kl = posterior.kl()
        rate = kl.sum(1)
        quarter = max(1, len(rate) // 4)
        by_beta = rate[self.betas.argsort()]
        extra = {
            "beta_high": torch.tensor(max(self.low, self.high.at(step))),
            "kl_low": by_beta[:quarter].mean(),
            "kl_high": by_beta[-quarter:].mean(),
        }
        return Terms((nll + self.betas * rate).mean(), nll.mean(), kl.mean(0), extra)
