"""The Beta-VAE: a network and a likelihood; the posterior as a value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from models.batches import BESIDES, BUDGET, in_parts, width
from models.likelihoods import Likelihood
from models.networks import Network
from models.shapes import Float

if TYPE_CHECKING:
    from models.any_beta import AnyBetaVAE

PIXEL_SLACK = 1e-3  # what interpolation and rounding may put beyond [0, 1]


@dataclass(frozen=True)
class Posterior:
    """q(z|x) = N(mean, diag(exp(log_var))), one row an image; both `(n, D)`."""

    mean: Float[Tensor, "n D"]
    log_var: Float[Tensor, "n D"]

    @property
    def std(self) -> Float[Tensor, "n D"]:
        """Standard deviations `(n, D)`."""
        return torch.exp(0.5 * self.log_var)

    def sample(self, generator: torch.Generator | None = None) -> Float[Tensor, "n D"]:
        """One z an image `(n, D)`, reparameterised (Kingma and Welling 2014): mean + std · noise.

        The noise is drawn where `generator` is: one of the CPU gives every device the same.
        """
        place = self.mean.device if generator is None else generator.device
        noise = torch.randn(self.mean.shape, generator=generator, dtype=self.mean.dtype, device=place)
        return self.mean + self.std * noise.to(self.mean.device)

    def kl(self) -> Float[Tensor, "n D"]:
        """KL(q(z_j|x) || N(0, 1)) in nats `(n, D)`: ½(µ² + σ² − log σ² − 1)."""
        return 0.5 * (self.mean.square() + self.log_var.exp() - self.log_var - 1)


class BetaVAE(nn.Module):
    """A network with a likelihood (Higgins et al. 2017). β belongs to the objective, not to the model."""

    def __init__(self, network: Network, likelihood: Likelihood) -> None:
        super().__init__()
        self.network, self.likelihood = network, likelihood
        self._source: list[Any] = []  # in a list, so that its weights are not this model's

    @property
    def betas(self) -> tuple[float, float] | None:
        """Lowest and highest β of a model that was trained for every β between them; None of a plain one."""
        return None

    def remember(self, source: AnyBetaVAE) -> None:
        """Say which model for every β this one was folded out of."""
        self._source = [source]

    @property
    def source(self) -> AnyBetaVAE | None:
        """The model for every β that this one was folded out of."""
        return self._source[0] if self._source else None

    def usual(self) -> BetaVAE:
        """The model as it is shown where nobody asks for a β."""
        return self

    def at(self, beta: float) -> BetaVAE:
        """The same model at another β, where it was trained for every β of a range.

        Raises:
            ValueError: β is outside that range, or the model was trained for one β.
        """
        if self.source is None:
            raise ValueError("this model was trained for one β; only one that was trained for a range has others")
        return self.source.at(beta)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the images."""
        return self.network.shape

    @property
    def latents(self) -> int:
        """D, the number of latent dimensions."""
        return self.network.latents

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(self.parameters()).device

    def encode(self, images: Tensor) -> Posterior:
        """The posterior of images `(n, C, H, W)`, floats in [0, 1].

        Raises:
            ValueError: images of another shape, not floating-point, or beyond [0, 1].
        """
        self._check_pixels(images)
        if tuple(images.shape[1:]) != self.shape:
            raise ValueError(f"this model takes images of shape {self.shape}, not {tuple(images.shape[1:])}")
        mean, log_var = in_parts(self.network.encode, self._row_in, images)
        return Posterior(mean.to(images.dtype), log_var.to(images.dtype))  # autocast computes in less

    def decode(self, z: Tensor) -> Float[Tensor, "n C H W"]:
        """Pixel means `(n, C, H, W)` in [0, 1] of latents `(n, D)`.

        Raises:
            ValueError: latents of another width.
        """
        self._check(z)
        (images,) = in_parts(lambda z: (self.likelihood.images(self.network.decode(z)),), self._row_out, z)
        return images

    def raw(self, z: Tensor) -> Float[Tensor, "n C H W"]:
        """What the decoder puts out for latents `(n, D)`, before the likelihood turns it into pixels."""
        self._check(z)
        (raw,) = in_parts(lambda z: (self.network.decode(z),), self._row_out, z)
        return raw

    def _check(self, z: Tensor) -> None:
        if z.ndim != 2 or z.shape[1] != self.latents:
            raise ValueError(f"this model takes latents of shape (n, {self.latents}), not {tuple(z.shape)}")

    def _check_pixels(self, images: Tensor) -> None:
        """Refuse pixels of another scale. Not while training, compiling or exporting: to look at values means to
        wait for the device, and a recorded step has no values. NaN passes, to be seen in what comes out."""
        if not images.is_floating_point():
            raise ValueError(f"images are floats in [0, 1], not {images.dtype}: divide by 255")
        blind = self.training or images.is_meta or not images.numel()
        if blind or torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
            return
        low, high = (float(end) for end in torch.aminmax(images.detach()))
        if low < -PIXEL_SLACK or high > 1 + PIXEL_SLACK:
            hint = ": divide by 255" if low >= 0 and 2 < high <= 255 else ""
            raise ValueError(f"images are floats in [0, 1], not {low:.4g} to {high:.4g}{hint}")

    def _row_in(self) -> int:
        """Bytes that a sample takes on its way to its posterior."""
        return 4 * BESIDES * self._width("encoder")

    def _row_out(self) -> int:
        """Bytes that it takes on its way from latents to its cost."""
        return 4 * BESIDES * max(self._width("decoder"), 2 * math.prod(self.shape))

    def _width(self, part: str) -> int:
        if hasattr(self.network, "width"):
            return self.network.width(part)
        # Of a person's own module, which needs no more than what training needs: encode and decode.
        if part == "encoder":
            return width(self.network, self.shape, "encode")
        return width(self.network, (self.latents,), "decode")

    @property
    def rows(self) -> int:
        """How many samples to hold at a time, of those that go through the whole model."""
        return max(1, BUDGET // max(self._row_in(), self._row_out()))

    def nll(self, z: Tensor, images: Tensor) -> Float[Tensor, " n"]:
        """−log p(x|z) in nats an image `(n,)`, for latents `(n, D)` and images as `encode` takes them.

        Raises:
            ValueError: latents of another width; images not floating-point, or beyond [0, 1].
        """
        self._check(z)
        self._check_pixels(images)
        (nll,) = in_parts(
            lambda z, images: (self.likelihood.nll(self.network.decode(z), images),), self._row_out, z, images
        )
        return nll

    def sample(self, count: int, generator: torch.Generator | None = None) -> Float[Tensor, "{count} C H W"]:
        """Pixel means `(count, C, H, W)` of latents drawn from the prior N(0, I)."""
        place = self.device if generator is None else generator.device
        z = torch.randn(count, self.latents, generator=generator, device=place)
        return self.decode(z.to(self.device))
