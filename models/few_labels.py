"""Semi-supervision: the factors of a few images are told, and each has a dimension of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from models.beta_vae import Posterior
from models.objectives import Beta, Terms
from models.shapes import Float


class FewLabels(Beta):
    """−E[log p(x|z)] + β · KL + λ · Σ_k (µ_k − y_k)² of labelled images, after Locatello et al. 2020 (Few labels).

    y_k is the class of factor k on the prior's scale, `standardised`. The labelled images are the last ones of a batch;
    they are images like the others, too.
    """

    name = "labels"

    def __init__(
        self, beta: float, label_weight: float, labelled: int = 0, beta_schedule: str = "constant", steps: int = 0
    ) -> None:
        """`label_weight` is λ; `labelled` is for who draws batches; `beta_schedule` as `models.schedules` has it."""
        super().__init__(beta, beta_schedule, steps)
        self.weight, self.labelled = label_weight, labelled
        self.targets: Tensor | None = None

    def learn(self, targets: Float[Tensor, "m K"]) -> None:
        self.targets = targets

    def forward(self, nll: Float[Tensor, " n"], posterior: Posterior, z: Float[Tensor, "n D"], step: int) -> Terms:
        terms = super().forward(nll, posterior, z, step)
        if self.targets is None:
            raise ValueError("no labels were told")
        count, factors = self.targets.shape
        error = (posterior.mean[-count:, :factors] - self.targets).square().sum(1).mean()
        extra = terms.extra | {"label_error": error}
        return Terms(terms.loss + self.weight * error, terms.reconstruction, terms.kl_per_dimension, extra)


def standardised(classes: Tensor, sizes: tuple[int, ...]) -> Float[Tensor, "n K"]:
    """Classes `(n, K)` of factors that come evenly, with mean 0 and variance 1, as the prior has them."""
    of = torch.tensor(sizes, dtype=torch.float32, device=classes.device)
    return (classes.float() - (of - 1) / 2) / ((of.square() - 1) / 12).sqrt()
