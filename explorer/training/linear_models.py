"""Train linear Beta-VAEs, one for each of several β at once, on data whose eigenvalues are known.

They are the project's own network and likelihood, trained by Adam with sampled latents; only that their
weights are stacked, so that one step is a step of all of them and the lot takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from models.beta_vae import BetaVAE
from models.likelihoods import Gaussian
from models.networks import build

IMAGES = 128
STEPS = 1500
RATE = 0.1
LARGEST = 0.6  # the highest eigenvalue is brought to this, so that one learning rate fits all data
DRAWS = 100  # samples of z an image that the distortion is measured with


@dataclass(frozen=True)
class LinearRun:
    """What the trained models cost: β `(B,)`, KL `(B, D)` by falling size, distortion `(B,)`; nats."""

    betas: np.ndarray
    kl: np.ndarray
    distortion: np.ndarray
    steps: int
    images: int
    seed: int


class _Costs(nn.Module):
    """A model's distortion and KL of each dimension on all images, with given noise."""

    def __init__(self, model: BetaVAE, images: Tensor) -> None:
        super().__init__()
        self.model, self.images = model, images

    def forward(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        posterior = self.model.encode(self.images)
        z = posterior.mean + posterior.std * noise
        return self.model.nll(z, self.images).mean(), posterior.kl().mean(0)


def pixels_of_spectrum(eigenvalues: Sequence[float], seed: int = 0) -> np.ndarray:
    """`(128, D)` pixels around 0 whose covariance has exactly these eigenvalues, in a random basis."""
    random = np.random.default_rng(seed)
    plain = random.normal(size=(IMAGES, len(eigenvalues)))
    white = np.linalg.svd(plain - plain.mean(0), full_matrices=False)[0] * IMAGES**0.5
    basis = np.linalg.qr(random.normal(size=(len(eigenvalues),) * 2))[0]
    turned: np.ndarray = (white * np.sqrt(eigenvalues)) @ basis.T
    return turned


def train_linear(eigenvalues: Sequence[float], variance: float, betas: Sequence[float], seed: int = 0) -> LinearRun:
    """Train a linear Beta-VAE at each β, with as many latents as there are eigenvalues, and measure it."""
    unit = (LARGEST / max(eigenvalues)) ** 0.5  # pixels in another unit, σ with them: the same model
    width = len(eigenvalues)
    images = torch.tensor(pixels_of_spectrum(eigenvalues, seed) * unit, dtype=torch.float32)
    images = images.reshape(IMAGES, 1, 1, width)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        models = [BetaVAE(build("linear", (1, 1, width), width), Gaussian(variance**0.5 * unit)) for _ in betas]
    weights, _ = stack_module_state(models)
    costs = _Costs(models[0], images)

    def measure(one: dict[str, Tensor], noise: Tensor) -> tuple[Tensor, Tensor]:
        named = {f"model.{name}": value for name, value in one.items()}
        measured: tuple[Tensor, Tensor] = functional_call(costs, named, (noise,))
        return measured

    each = vmap(measure, in_dims=(0, None))
    prices = torch.tensor(list(betas), dtype=torch.float32)
    draw = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(weights.values(), lr=RATE, betas=(0.9, 0.99), fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS, RATE / 1000)
    for _ in range(STEPS):
        distortion, kl = each(weights, torch.randn(IMAGES, width, generator=draw))
        optimiser.zero_grad()
        (distortion + prices * kl.sum(1)).sum().backward()
        optimiser.step()
        schedule.step()
    with torch.inference_mode():
        drawn = [each(weights, torch.randn(IMAGES, width, generator=draw)) for _ in range(DRAWS)]
    measured = torch.stack([distortion for distortion, _ in drawn]).double().mean(0).numpy()
    measured -= width * np.log(unit)  # densities are of the eigenvalues' own unit again
    return LinearRun(np.array(betas), -np.sort(-drawn[0][1].double().numpy(), axis=1), measured, STEPS, IMAGES, seed)
