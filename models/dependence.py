"""Dependence between latents, measured by kernels, and the objective that presses it.

A total correlation is estimated through the density of the aggregate posterior, which a batch can't tell once a
code carries more nats than the logarithm of its size. Kernels need no density: the estimate is right on average for
any code and any batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.beta_vae import Posterior
from models.objectives import Objective, Terms
from models.schedules import Scheduled
from models.shapes import Float

WIDTHS = (0.5, 1.0)  # of the kernels, in standard deviations of the prior
MOST = 256  # images of a batch that it is measured on: the cost grows with their square
SMALLEST = 1e-6  # HSIC of a latent with itself; one that never moves has 0


class Hsic(Objective):
    """−E[log p(x|z)] + β · KL + λ · (dependence of the latents), after Lopez et al. 2018.

    They press the joint HSIC of groups of latents; here it is the normalised HSIC of each pair of latents, summed.
    Unlike a covariance it sees every kind of dependence: of two independent factors that do not look Gaussian, a
    rotation into one another costs, and so does a circle laid over two latents.
    """

    name = "hsic"

    def __init__(self, beta: float, hsic_weight: float, beta_schedule: str = "constant", steps: int = 0) -> None:
        """`hsic_weight` is λ, in nats; `beta_schedule` as `models.schedules` reads it, for a run of `steps`."""
        super().__init__()
        self.weight = hsic_weight
        self.beta = Scheduled(beta, beta_schedule, steps)

    def forward(self, nll: Float[Tensor, " n"], posterior: Posterior, z: Float[Tensor, "n D"], step: int) -> Terms:
        reconstruction, kl = nll.mean(), posterior.kl().mean(0)
        beta, between = self.beta.at(step), dependence(z[:MOST])
        loss = reconstruction + beta * kl.sum() + self.weight * between
        return Terms(loss, reconstruction, kl, {"beta": torch.tensor(beta), "dependence": between})


def dependence(z: Float[Tensor, "n D"]) -> Float[Tensor, ""]:
    """HSIC(z_i, z_j) / √(HSIC(z_i, z_i) HSIC(z_j, z_j)) of each two latents, summed; the mean over `WIDTHS`.

    0 on average where all are independent; each pair adds at most about 1, which is where one tells the other.
    The numerator is unbiased, so a single batch may give a little less than 0.

    Raises:
        ValueError: fewer than four samples.
    """
    found = torch.zeros((), dtype=z.dtype, device=z.device)
    for width in WIDTHS:
        pairs = hsic(z, width)
        own = pairs.diagonal().clamp_min(SMALLEST).sqrt()
        found = found + torch.triu(pairs / (own[:, None] * own[None]), 1).sum()
    return found / len(WIDTHS)


def hsic(z: Float[Tensor, "n D"], width: float) -> Float[Tensor, "D D"]:
    """The Hilbert-Schmidt independence criterion of each two columns, without bias (Song et al. 2012, eq. 5).

    The kernel is exp(−(a − b)² / 2·width²). It is centred so that no row but its diagonal has a mean, which comes to
    the same formula, and no large numbers are taken from one another.

    Raises:
        ValueError: fewer than four samples.
    """
    n = len(z)
    if n < 4:
        raise ValueError(f"HSIC needs at least four samples, not {n}")
    apart = z.T[:, :, None] - z.T[:, None, :]  # (D, n, n)
    others = 1 - torch.eye(n, dtype=z.dtype, device=z.device)
    kernel = torch.exp(apart.square() / (-2 * width**2)) * others
    rows = kernel.sum(2, keepdim=True)  # (D, n, 1)
    total = rows.sum(1, keepdim=True)
    centred = (kernel - (rows + rows.mT) / (n - 2) + total / ((n - 1) * (n - 2))) * others
    flat = centred.flatten(1)
    return flat @ flat.T / (n * (n - 3))
