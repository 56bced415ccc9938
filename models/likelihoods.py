"""Likelihoods: what a decoder's raw outputs say of the pixels, one class a likelihood."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.kinds import LIKELIHOODS, values_of
from models.shapes import Float


class Likelihood(nn.Module):
    """p(x|z) of independent pixels. `name` is that of its entry in `models.kinds`."""

    name: ClassVar[str]
    CLASSES: ClassVar[dict[str, type[Likelihood]]] = {}

    def __init_subclass__(cls) -> None:
        if "name" in vars(cls):  # what has none is a base
            Likelihood.CLASSES[cls.name] = cls

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Fresh, with its settings by name."""
        return cls(**settings)

    def images(self, raw: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Pixel means in [0, 1], of the shape of `raw`."""
        raise NotImplementedError

    def raw(self, images: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Raw outputs whose pixel means are `images`, doubles in [0, 1]; of the same shape."""
        raise NotImplementedError

    def nll(self, raw: Float[Tensor, "*shape"], images: Float[Tensor, "*shape"]) -> Float[Tensor, " n"]:
        """−log p(x|z) in nats an image, summed over pixels `(n,)`."""
        raise NotImplementedError


class Bernoulli(Likelihood):
    """p(x|z) of independent pixels; raw outputs are logits. Grey pixels count as probabilities."""

    name = "bernoulli"

    def images(self, raw: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Pixel means in [0, 1], of the shape of `raw`."""
        return torch.sigmoid(raw)

    def raw(self, images: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The logits of `images`; those of 0 and 1 are cut at 1e-12."""
        return torch.logit(images, eps=1e-12)

    def nll(self, raw: Float[Tensor, "*shape"], images: Float[Tensor, "*shape"]) -> Float[Tensor, " n"]:
        """−log p(x|z) in nats an image, summed over pixels `(n,)`: the cross-entropy."""
        losses = F.binary_cross_entropy_with_logits(raw, images, reduction="none")
        return losses.flatten(1).sum(1)


class Gaussian(Likelihood):
    """p(x|z) = N(raw, σ²) with σ fixed, in units of pixel values in [0, 1]."""

    name = "gaussian"

    sigma: float

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma

    def images(self, raw: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Pixel means, cut to [0, 1], of the shape of `raw`."""
        return raw.clamp(0, 1)

    def raw(self, images: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """`images` themselves."""
        return images

    def nll(self, raw: Float[Tensor, "*shape"], images: Float[Tensor, "*shape"]) -> Float[Tensor, " n"]:
        """−log p(x|z) in nats an image, summed over pixels `(n,)`, its constant included."""
        squares = (raw - images).square().flatten(1)
        constant = self.fixed_log_sigma() + 0.5 * math.log(2 * math.pi)
        return squares.sum(1) / (2 * self.sigma**2) + squares.shape[1] * constant

    def fixed_log_sigma(self) -> float:
        """log σ of a pixel, as it counts outside of training."""
        return math.log(self.sigma)


class OptimalGaussian(Gaussian):
    """p(x|z) = N(raw, σ²) with the best σ² there is: the mean squared error (σ-VAE, Rybkin 2021).

    While training, σ² is the batch's own and the running mean of log σ is kept; afterwards the kept
    value is used, so that an image's likelihood doesn't depend on its neighbours.
    """

    name = "optimal-gaussian"
    MIN_LOG_SIGMA = -6.0

    def __init__(self) -> None:
        Likelihood.__init__(self)
        self.register_buffer("log_sigma", torch.zeros(()))
        self.register_buffer("batches", torch.zeros(()))
        self.log_sigma: Tensor
        self.batches: Tensor

    def nll(self, raw: Float[Tensor, "*shape"], images: Float[Tensor, "*shape"]) -> Float[Tensor, " n"]:
        """−log p(x|z) in nats an image, summed over pixels `(n,)`, its constant included."""
        squares = (raw - images).square().flatten(1)
        log_sigma = self.log_sigma
        if self.training:
            best = 0.5 * squares.mean().clamp(min=1e-12).log()
            log_sigma = self.MIN_LOG_SIGMA + F.softplus(best - self.MIN_LOG_SIGMA)
            with torch.no_grad():
                self.batches += 1  # a plain mean at first, then one that forgets
                self.log_sigma.lerp_(log_sigma.detach(), (1 / self.batches).clamp(min=0.02))
        scaled = squares.sum(1) / (2 * torch.exp(2 * log_sigma))
        return scaled + squares.shape[1] * (log_sigma + 0.5 * math.log(2 * math.pi))

    def fixed_log_sigma(self) -> float:
        """log σ of a pixel, as it counts outside of training: the mean of the batches'."""
        return float(self.log_sigma)


def build(name: str, settings: Mapping[str, Any]) -> Likelihood:
    """The likelihood `name`, freshly made of those of `settings` that belong to it, else the usual ones.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in LIKELIHOODS:
        raise ValueError(f"there is no likelihood {name!r}; there are {', '.join(LIKELIHOODS)}")
    return Likelihood.CLASSES[name].of(values_of(LIKELIHOODS[name], settings))
