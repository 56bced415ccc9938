"""What a Beta-VAE is trained to minimise, one class an objective.

Every objective takes the reconstruction cost of each image, its posterior and the sampled latents, and
gives back named terms in nats per image: sums over pixels and latents, means over the batch. That
convention is what gives β its meaning. None knows the network or the data.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from models.beta_vae import BetaVAE, Posterior
from models.kinds import OBJECTIVES, values_of
from models.schedules import Scheduled
from models.shapes import Float


@dataclass(frozen=True)
class Terms:
    """One batch's loss and what it is made of; scalars in nats per image, means over the batch.

    `extra` holds what is the objective's own: the β in force, the capacity, the total correlation.
    """

    loss: Float[Tensor, ""]
    reconstruction: Float[Tensor, ""]
    kl_per_dimension: Float[Tensor, " D"]
    extra: dict[str, Tensor] = field(default_factory=dict)

    @property
    def kl(self) -> Float[Tensor, "n D"]:
        """KL(q(z|x) || p(z)), summed over dimensions."""
        return self.kl_per_dimension.sum()


class Objective(nn.Module):
    """Base of all objectives: `objective(nll, posterior, z, step)` -> Terms.

    `nll` is −log p(x|z) `(n,)`, `z` the sampled latents `(n, D)`, `step` counts from 0. What an
    objective remembers between steps lives in buffers, so that a resumed run remembers it too.
    `name` is that of its entry in `models.kinds`.
    """

    name: ClassVar[str]
    CLASSES: ClassVar[dict[str, type[Objective]]] = {}

    def __init_subclass__(cls) -> None:
        if "name" in vars(cls):  # what has none is a base
            Objective.CLASSES[cls.name] = cls

    @classmethod
    def of(cls, settings: Mapping[str, Any], steps: int, dataset_size: int) -> Self:
        """Of its settings by name, for a run of `steps` on `dataset_size` images."""
        return cls(**settings, steps=steps)

    def prepare(self, model: BetaVAE, count: int, step: int, generator: torch.Generator) -> None:
        """Called before `count` images of a step are encoded, for what the network is to be told."""

    def learn(self, targets: Float[Tensor, "m K"]) -> None:
        """Called before a step's loss where the factors of its last m images are told, on the prior's scale."""

    def share(self, posterior: Posterior) -> Posterior:
        """The posterior that latents are sampled from and that costs count, of the encoder's: here the same."""
        return posterior

    def forward(self, nll: Float[Tensor, " n"], posterior: Posterior, z: Float[Tensor, "n D"], step: int) -> Terms:
        raise NotImplementedError


class Beta(Objective):
    """Form 2, the bound (Higgins et al. 2017, eq. 4): −E[log p(x|z)] + β · KL.

    β may move as its schedule says: up from 0, once or in cycles (Fu et al. 2019), or down by equal factors, which
    wakes dimensions one after the other, the one worth most nats first.
    """

    name = "beta"

    def __init__(self, beta: float, beta_schedule: str = "constant", steps: int = 0) -> None:
        """`beta_schedule` as `models.schedules` reads it, for a run of `steps`."""
        super().__init__()
        self.beta = Scheduled(beta, beta_schedule, steps)

    def forward(self, nll: Float[Tensor, " n"], posterior: Posterior, z: Float[Tensor, "n D"], step: int) -> Terms:
        reconstruction, kl = nll.mean(), posterior.kl().mean(0)
        beta = self.beta.at(step)
        loss = reconstruction + beta * kl.sum()
        return Terms(loss, reconstruction, kl, {"beta": torch.tensor(beta)})


class Capacity(Objective):
    """Burgess et al. 2018, eq. 8: −E[log p(x|z)] + γ · |KL − C(t)|, on the batch's mean KL.

    C is in nats; in the paper it rises in a straight line and stays where it came to.
    """

    name = "capacity"

    def __init__(
        self,
        gamma: float,
        capacity: float,
        capacity_schedule: str = "constant",
        gamma_schedule: str = "constant",
        steps: int = 0,
    ) -> None:
        """The schedules as `models.schedules` reads them, for a run of `steps`."""
        super().__init__()
        self.gamma = Scheduled(gamma, gamma_schedule, steps)
        self.capacity = Scheduled(capacity, capacity_schedule, steps)

    def forward(self, nll: Float[Tensor, " n"], posterior: Posterior, z: Float[Tensor, "n D"], step: int) -> Terms:
        reconstruction, kl = nll.mean(), posterior.kl().mean(0)
        capacity, gamma = self.capacity.at(step), self.gamma.at(step)
        loss = reconstruction + gamma * (kl.sum() - capacity).abs()
        extra = {"capacity": torch.tensor(capacity), "gamma": torch.tensor(gamma)}
        return Terms(loss, reconstruction, kl, extra)


class TotalCorrelation(Objective):
    """β-TCVAE (Chen et al. 2018, eq. 4): −E[log p(x|z)] + α·MI + β·TC + γ·(dimension-wise KL).

    The three parts of the KL are estimated on the minibatch by stratified sampling (their eq. S.6),
    whose weights sum to one: no additive constant is left in what is logged.
    """

    name = "tc"

    @classmethod
    def of(cls, settings: Mapping[str, Any], steps: int, dataset_size: int) -> Self:
        weights = {"alpha": settings["tc_alpha"], "gamma": settings["tc_gamma"]}
        return cls(settings["beta"], dataset_size, **weights, schedule=settings["beta_schedule"], steps=steps)

    def __init__(
        self,
        beta: float,
        dataset_size: int,
        alpha: float = 1.0,
        gamma: float = 1.0,
        schedule: str = "constant",
        steps: int = 0,
    ) -> None:
        """`schedule` of β as `models.schedules` reads it, for a run of `steps`."""
        super().__init__()
        self.alpha, self.gamma, self.dataset_size = alpha, gamma, dataset_size
        self.beta = Scheduled(beta, schedule, steps)

    def forward(self, nll: Float[Tensor, " n"], posterior: Posterior, z: Float[Tensor, "n D"], step: int) -> Terms:
        reconstruction, kl = nll.mean(), posterior.kl().mean(0)
        parts = decompose_batch(posterior, z, self.dataset_size)
        beta = self.beta.at(step)
        loss = (
            reconstruction
            + self.alpha * parts.mutual_information
            + beta * parts.total_correlation
            + self.gamma * parts.dimension_wise_kl
        )
        extra = {
            "beta": torch.tensor(beta),
            "mutual_information": parts.mutual_information,
            "total_correlation": parts.total_correlation,
            "dimension_wise_kl": parts.dimension_wise_kl,
        }
        return Terms(loss, reconstruction, kl, extra)


def build(name: str, settings: Mapping[str, Any], steps: int, dataset_size: int) -> Objective:
    """The objective `name` for a run of `steps` on `dataset_size` images, of those of `settings` that belong to it.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"there is no objective {name!r}; there are {', '.join(OBJECTIVES)}")
    importlib.import_module(f"models.{OBJECTIVES[name].module}")
    own = values_of(OBJECTIVES[name], settings)
    return Objective.CLASSES[name].of(own, steps, dataset_size)


@dataclass(frozen=True)
class Decomposition:
    """The KL in three parts (Chen et al. 2018, eq. 2), scalars in nats: index-code mutual information,
    total correlation, dimension-wise KL. They sum to the Monte-Carlo KL of the same samples."""

    mutual_information: Tensor
    total_correlation: Tensor
    dimension_wise_kl: Tensor


def decompose_batch(posterior: Posterior, z: Float[Tensor, "n D"], dataset_size: int) -> Decomposition:
    """Estimate the parts of the KL from one minibatch by stratified sampling (Chen et al. 2018, S.6).

    Args:
        posterior: q(z|n) of the batch's images, `(B, D)`.
        z: one sample of each, `(B, D)`.
        dataset_size: N, the number of images the batch was drawn from.

    Raises:
        ValueError: fewer than three images, or a data set smaller than the batch.

    An image's own posterior counts 1/N, so that where the other images of the batch lie too far the mutual
    information comes out too high, by up to ln N, and the total correlation as much too low. That begins about
    two nats below ln B: the value is good to train by, and a measurement only below.
    """
    log_pair = _log_normal(z[:, None], posterior.mean[None], posterior.log_var[None])  # (B, B, D)
    log_weights = _stratified_log_weights(len(z), dataset_size, z.device)[:, :, None]
    log_qz = torch.logsumexp(log_pair.sum(2, keepdim=True) + log_weights, dim=1)[:, 0]
    log_qz_product = torch.logsumexp(log_pair + log_weights, dim=1).sum(1)
    log_qz_given_x = log_pair.diagonal().sum(0)  # diagonal moves the pairs (i, i) to the last axis
    log_prior = _log_normal(z, torch.zeros_like(z), torch.zeros_like(z)).sum(1)
    return Decomposition(
        (log_qz_given_x - log_qz).mean(), (log_qz - log_qz_product).mean(), (log_qz_product - log_prior).mean()
    )


def _log_normal(z: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    return -0.5 * ((z - mean).square() * torch.exp(-log_var) + log_var + math.log(2 * math.pi))


def _stratified_log_weights(batch: int, dataset_size: int, device: torch.device) -> Tensor:
    """log w `(B, B)`: row i weighs its own image 1/N, one other (N−M)/(N·M), the rest 1/M; M = B−1.

    Each row sums to one. Its own image must stand on the diagonal: weights laid along columns, as in
    public code, give the plain mixture instead.
    """
    others = batch - 1
    if batch < 3 or dataset_size < batch:
        raise ValueError(
            f"stratified sampling needs a batch of at least 3 images and no more than the data set "
            f"has, not {batch} of {dataset_size}"
        )
    weights = torch.full((batch, batch), 1 / others, device=device)
    other = (dataset_size - others) / (dataset_size * others)
    weights.diagonal().fill_(1 / dataset_size)  # numbers put in by indices are copied to a GPU, and waited for
    weights.diagonal(1).fill_(other)
    weights[-1, 0].fill_(other)
    return weights.log()
