"""Read β off a trained model: what a nat of rate is worth to it in distortion.

An encoder can widen all its posteriors alike: a bias adds s to every log σ². Where training has come to
rest, nothing is gained by that: dD/ds + β dR/ds = 0. So β = −(dD/ds) / (dR/ds), whether it was set by
hand, found as a constraint's multiplier, or is unknown, as with an imported model.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from explorer.analysis.evaluation import choose, posteriors
from explorer.datasets.base import Dataset
from explorer.errors import UserError
from models.beta_vae import BetaVAE

SMALLEST = 1e-3  # nats: a model whose rate answers less is asleep


@dataclass(frozen=True)
class Multiplier:
    """β as the model itself has it, and its standard error over images: None of a single one."""

    beta: float
    error: float | None
    count: int
    seed: int


def read_beta(model: BetaVAE, data: Dataset, count: int | None = 2000, seed: int = 0) -> Multiplier:
    """The β at which `model` is at rest on `count` images of `data`, one sampled z an image.

    Raises:
        UserError: images of another shape, a count that can't be had, or a model with every dimension
            asleep, whose rate answers to nothing.
    """
    indices = choose(data, count, seed)
    noise = torch.Generator().manual_seed(seed)  # of the CPU: the same on every device
    found = []
    for images, posterior in posteriors(model, data, indices):
        with torch.inference_mode(False), torch.enable_grad():
            images, mean, log_var = (t.clone() for t in (images, posterior.mean, posterior.log_var))
            shift = torch.zeros(len(mean), 1, device=mean.device, requires_grad=True)
            draw = torch.randn(mean.shape, generator=noise).to(mean.device)
            z = mean + torch.exp(0.5 * (log_var + shift)) * draw
            (distortion,) = torch.autograd.grad(model.nll(z, images).sum(), shift)
        rate = 0.5 * (log_var.exp() - 1).sum(1)  # d KL / ds
        found.append(torch.stack([distortion[:, 0], rate]).detach().cpu().double())
    slopes = torch.cat(found, dim=1)
    distortion_slope, rate_slope = slopes.mean(1).tolist()
    if not abs(rate_slope) > SMALLEST:
        raise UserError("every dimension is asleep: no nat is spent, so none has a price")
    beta = -distortion_slope / rate_slope
    rest = slopes[0] + beta * slopes[1]  # of mean 0: the error of a ratio of two means
    count = len(indices)
    error = float(rest.std() / count**0.5) / abs(rate_slope) if count > 1 else None
    return Multiplier(beta, error, count, seed)
