"""What a model costs on a data set: reconstruction and KL in nats an image, and which dimensions it uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.checkpoints.config import ACTIVE_VARIANCE
from explorer.datasets.base import Dataset
from explorer.errors import UserError
from models.beta_vae import BetaVAE, Posterior

ALL_UP_TO = 100_000
SAMPLE_OF_MORE = 10_000
BATCH = 250


@dataclass(frozen=True)
class EvaluationResult:
    """Means over `count` images; nats an image, sums over pixels and latents.

    `kl_per_dimension` `(D,)` and `activity` `(D,)`, the variance over images of each posterior mean
    (Burda et al. 2015); a dimension is active above 0.01.
    """

    reconstruction: float
    kl: float
    kl_per_dimension: np.ndarray
    activity: np.ndarray
    count: int
    seed: int

    @property
    def active_units(self) -> int:
        """How many dimensions vary with the image."""
        return int((self.activity > ACTIVE_VARIANCE).sum())


def choose(data: Dataset, count: int | None, seed: int) -> Tensor:
    """Indices `(count,)` of different images, drawn with `seed`; in order and all, where all are wanted.

    Without a count: all images up to 100,000, else 10,000 of them.

    Raises:
        UserError: more images wanted than there are, or none.
    """
    size = len(data)
    if count is None:
        count = size if size <= ALL_UP_TO else SAMPLE_OF_MORE
    if not 1 <= count <= size:
        raise UserError(
            f"count must be between 1 and {size:,}, the images of {data.name}, not {count:,}"
        )
    if count == size:
        return torch.arange(size)
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(size, generator=generator)[:count]


def posteriors(
    model: BetaVAE, data: Dataset, indices: Tensor
) -> Iterator[tuple[Tensor, Posterior]]:
    """Images in [0, 1] and their posteriors, a batch at a time, on the model's device."""
    if data.shape != model.shape:
        raise UserError(
            f"the model takes images of shape {model.shape}, {data.name} has {data.shape}: "
            "choose the size or channels it was trained with"
        )
    data = data.to(model.device)
    with torch.inference_mode():
        for chosen in indices.split(BATCH):
            images = data.images(chosen).float() / 255
            yield images, model.encode(images)


def encode_all(model: BetaVAE, data: Dataset, indices: Tensor) -> Posterior:
    """The posterior of every chosen image, `(n, D)`, on the CPU."""
    found = [posterior for _, posterior in posteriors(model, data, indices)]
    return Posterior(
        torch.cat([p.mean for p in found]).cpu(), torch.cat([p.log_var for p in found]).cpu()
    )


def evaluate(
    model: BetaVAE,
    data: Dataset,
    count: int | None = None,
    seed: int = 0,
    indices: Tensor | None = None,
) -> EvaluationResult:
    """Reconstruction and KL of `model` on images of `data`, one sampled z an image.

    The images are those of `indices`, or `count` of them drawn with `seed` (see `choose`); the noise
    is drawn with `seed` too.

    Raises:
        UserError: images of another shape, or a count that the data set can't give.
    """
    indices = choose(data, count, seed) if indices is None else indices
    noise = torch.Generator(model.device).manual_seed(seed)
    nll, kls, means = [], [], []
    for images, posterior in posteriors(model, data, indices):
        with torch.inference_mode():
            nll.append(model.nll(posterior.sample(noise), images).cpu().double())
        kls.append(posterior.kl().cpu().double())
        means.append(posterior.mean.cpu().double())
    kl, reconstruction = torch.cat(kls).mean(0).numpy(), float(torch.cat(nll).mean())
    if not np.isfinite([reconstruction, *kl]).all():
        raise UserError(
            f"the model's costs on {data.name} are not finite: its weights are too large"
        )
    return EvaluationResult(
        reconstruction=reconstruction,
        kl=float(kl.sum()),
        kl_per_dimension=kl,
        activity=torch.cat(means).var(0, correction=0).numpy(),
        count=len(indices),
        seed=seed,
    )
