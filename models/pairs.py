"""Weak supervision by pairs of images: what both have in common is coded once."""

from __future__ import annotations

import torch
from torch import Tensor

from models.beta_vae import Posterior
from models.objectives import Beta
from models.shapes import Float


class Pairs(Beta):
    """The bound on pairs that differ in k factors, after the GVAE of Locatello et al. 2020 with k known (section 3).

    The second half of a batch are the partners of the first. The k dimensions in which the posteriors of a pair differ
    most stay each image's own; in every other one both get the mean of the two. A dimension that no factor of its own
    moves is pulled to one that does not tell the two apart, so that a factor spread over dimensions costs.
    """

    name = "pairs"

    def __init__(self, beta: float, changes: int = 1, beta_schedule: str = "constant", steps: int = 0) -> None:
        """`changes` is k; `beta_schedule` as `models.schedules` reads it, for a run of `steps`."""
        super().__init__(beta, beta_schedule, steps)
        self.changes = changes

    def share(self, posterior: Posterior) -> Posterior:
        """Posteriors `(n, D)` of which rows i and n/2 + i are a pair, with what the pair shares made one.

        Raises:
            ValueError: an odd number of images.
        """
        if len(posterior.mean) % 2:
            raise ValueError(f"pairs need an even number of images, not {len(posterior.mean)}")
        first, second = posterior.mean.chunk(2)
        variances = posterior.log_var.exp().chunk(2)
        apart = difference(posterior)
        own = torch.zeros_like(apart, dtype=torch.bool)
        own = own.scatter(1, apart.topk(min(self.changes, apart.shape[1]), dim=1).indices, True).repeat(2, 1)
        mean = ((first + second) / 2).repeat(2, 1)
        log_var = ((variances[0] + variances[1]) / 2).log().repeat(2, 1)
        return Posterior(torch.where(own, posterior.mean, mean), torch.where(own, posterior.log_var, log_var))


def difference(posterior: Posterior) -> Float[Tensor, "half D"]:
    """KL(q(z_j|x_1) || q(z_j|x_2)) of each pair in nats `(n/2, D)`; no gradient goes through it."""
    (m1, m2), (l1, l2) = posterior.mean.detach().chunk(2), posterior.log_var.detach().chunk(2)
    return 0.5 * (l2 - l1 + ((m1 - m2).square() + l1.exp()) / l2.exp() - 1)
