"""What a model costs on a data set: reconstruction and KL in nats an image, and which dimensions it uses."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.metrics.posterior_scores import regimes_of, variance_of
from explorer.checkpoints.config import ACTIVE_VARIANCE
from explorer.datasets.base import Dataset
from explorer.errors import UserError
from models.beta_vae import BetaVAE, Posterior
from models.likelihoods import Gaussian
from models.turns import leave

ALL_UP_TO = 100_000
SAMPLE_OF_MORE = 10_000
BATCH = 250  # images that share a draw of noise
PART = 50  # of them go through a network at once on a CPU: larger buffers are slower to get than to fill


@dataclass(frozen=True)
class EvaluationResult:
    """Means over `count` images; nats an image, sums over pixels and latents.

    `kl_per_dimension` `(D,)` and `activity` `(D,)`, the variance over images of each posterior mean
    (Burda et al. 2015); a dimension is active above 0.01. `mean_variance` and `variance_of_variance`
    `(D,)` are those of the posterior's σ² over images (Bonheme and Grześ 2021). The `_error`s are
    standard errors of the means; None of a single image.
    """

    reconstruction: float
    kl: float
    kl_per_dimension: np.ndarray
    activity: np.ndarray
    mean_variance: np.ndarray
    variance_of_variance: np.ndarray
    reconstruction_error: float | None
    kl_error: float | None
    count: int
    seed: int

    @property
    def active_units(self) -> int:
        """How many dimensions vary with the image."""
        return int((self.activity > ACTIVE_VARIANCE).sum())

    @property
    def elbo(self) -> float:
        """The evidence lower bound, with β = 1 whatever the model was trained with."""
        return -(self.reconstruction + self.kl)

    @property
    def regimes(self) -> list[str]:
        """ "active", "mixed" or "passive" for each dimension (Bonheme and Grześ 2021)."""
        return regimes_of(self.mean_variance, self.variance_of_variance)


@dataclass(frozen=True)
class Passed:
    """What came of `n` images that went through a model once, on the CPU.

    `nll` `(n,)`, −log p(x|z) at one sample z of each posterior; the posterior and `z`, all `(n, D)`.
    """

    nll: Tensor
    posterior: Posterior
    z: Tensor
    seed: int


def choose(data: Dataset, count: int | None, seed: int) -> Tensor:
    """Indices `(count,)` of different images, the first of one order that `seed` gives: fewer are a part of more.

    Without a count: all images up to 100,000, else 10,000 of them.

    Raises:
        UserError: more images wanted than there are, or none.
    """
    size = len(data)
    if count is None:
        count = size if size <= ALL_UP_TO else SAMPLE_OF_MORE
    if not 1 <= count <= size:
        raise UserError(f"count must be between 1 and {size:,}, the images of {data.name}, not {count:,}")
    return order_of(data, seed)[:count]


def order_of(data: Sized, seed: int) -> Tensor:
    """All indices of a data set, or of what else has a length, in the order that the seed gives."""
    return torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))


def posteriors(model: BetaVAE, data: Dataset, indices: Tensor) -> Iterator[tuple[Tensor, Posterior]]:
    """Images in [0, 1] and their posteriors, a batch at a time, on the model's device."""
    if data.shape != model.shape:
        raise UserError(
            f"the model takes images of shape {model.shape}, {data.name} has {data.shape}: "
            "choose the size or channels it was trained with"
        )
    data = data.to(model.device)
    with whole_floats(), torch.inference_mode():
        for chosen in indices.split(_part(model)):
            leave()
            images = data.unit(chosen)
            yield images, model.encode(images)


@contextmanager
def whole_floats() -> Iterator[None]:
    """Convolutions of float32 are computed as such on CUDA, too: TF32, its default, keeps three digits.

    The switch is the process's. Whoever comes first turns it and the last one turns it back, in whatever order
    threads come and go.
    """
    with _switch:
        if not _inside:
            _before.append(torch.backends.cudnn.allow_tf32)
            torch.backends.cudnn.allow_tf32 = False
        _inside.append(True)
    try:
        yield
    finally:
        with _switch:
            _inside.pop()
            if not _inside:
                torch.backends.cudnn.allow_tf32 = _before.pop()


_switch = threading.Lock()
_inside: list[bool] = []  # one for each that computes in whole floats now
_before: list[bool] = []  # how the switch stood before the first of them


def encode_all(model: BetaVAE, data: Dataset, indices: Tensor) -> Posterior:
    """The posterior of every chosen image, `(n, D)`, on the CPU."""
    return _joined([posterior for _, posterior in posteriors(model, data, indices)])


def evaluate(
    model: BetaVAE, data: Dataset, count: int | None = None, seed: int = 0, indices: Tensor | None = None
) -> EvaluationResult:
    """Reconstruction and KL of `model` on images of `data`, one sampled z an image.

    The images are those of `indices`, or `count` of them drawn with `seed` (see `choose`); the noise
    is drawn with `seed` too.

    Raises:
        UserError: images of another shape, a count that the data set can't give, or costs that are not finite.
    """
    return evaluation_of(passed(model, data, count, seed, indices), data.name)


def passed(
    model: BetaVAE, data: Dataset, count: int | None = None, seed: int = 0, indices: Tensor | None = None
) -> Passed:
    """Send images through a model, as `evaluate` does. The noise is the same on every device."""
    indices = choose(data, count, seed) if indices is None else indices
    generator, shape = torch.Generator().manual_seed(seed), (model.latents,)
    noise = torch.cat([torch.randn((len(b), *shape), generator=generator) for b in indices.split(BATCH)])
    nll, found, codes = [], [], []
    batches = zip(posteriors(model, data, indices), noise.split(_part(model)), strict=True)
    for (images, posterior), own in batches:
        with torch.inference_mode():
            z = posterior.mean + posterior.std * own.to(model.device)
            nll.append(model.nll(z, images).cpu())
        found.append(posterior)
        codes.append(z.cpu())
    made = Passed(torch.cat(nll), _joined(found), torch.cat(codes), seed)
    bad = ~torch.isfinite(made.nll) | ~torch.isfinite(made.posterior.kl()).all(1)
    if bool(bad.any()):
        first = int(bad.int().argmax())
        raise UserError(why_not_finite(model, made.z[first : first + 1], data.name))
    return made


def why_not_finite(model: BetaVAE, z: Tensor, name: str) -> str:
    """Why costs of `model` on the data set `name` are not finite, in a sentence.

    Args:
        z: latents `(1, D)` of an image with such a cost.
    """
    for part, tensor in model.state_dict().items():
        if not bool(torch.isfinite(tensor).all()):
            return f"the model's weights are not all numbers: {part} holds NaN or infinity"
    with torch.inference_mode():
        drawn = bool(torch.isfinite(z).all()) and model.raw(z.to(model.device))
        apart = isinstance(drawn, Tensor) and bool(torch.isfinite(drawn.square().sum()))
    if apart and isinstance(model.likelihood, Gaussian):
        sigma = np.exp(model.likelihood.fixed_log_sigma())
        return (
            f"the costs on {name} are not finite: the likelihood's σ = {sigma:.3g} is so small that a squared "
            "error divided by 2σ² is no number any more"
        )
    return f"the model's costs on {name} are not finite: its weights are so large that they overflow"


def standard_error(values: np.ndarray) -> float | None:
    """Of the mean of independent `values` `(n,)`: by n − 1, and None where n is 1."""
    return float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else None


def evaluation_of(found: Passed, name: str) -> EvaluationResult:
    """The numbers of `found`, images of the data set `name`.

    Raises:
        UserError: they are not finite.
    """
    # Sums by NumPy: torch's depend on the number of threads.
    nll, kls, means = (part.double().numpy() for part in (found.nll, found.posterior.kl(), found.posterior.mean))
    kl, reconstruction, count = kls.mean(0), float(nll.mean()), len(nll)
    if not np.isfinite([reconstruction, *kl]).all():
        raise UserError(f"the model's costs on {name} are not finite: their sum overflows")
    mean_variance, variance_of_variance = variance_of(found.posterior.log_var.numpy())
    return EvaluationResult(
        reconstruction=reconstruction,
        kl=float(kl.sum()),
        kl_per_dimension=kl,
        activity=means.var(0),
        mean_variance=mean_variance,
        variance_of_variance=variance_of_variance,
        reconstruction_error=standard_error(nll),
        kl_error=standard_error(kls.sum(1)),
        count=count,
        seed=found.seed,
    )


def _part(model: BetaVAE) -> int:
    return min(PART if model.device.type == "cpu" else BATCH, model.rows)


def _joined(parts: list[Posterior]) -> Posterior:
    return Posterior(torch.cat([part.mean for part in parts]).cpu(), torch.cat([part.log_var for part in parts]).cpu())
