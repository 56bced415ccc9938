"""A few images with labels: what they cost, and on which scale they are told."""

from __future__ import annotations

import pytest
import torch

from models.beta_vae import Posterior
from models.few_labels import FewLabels, standardised
from models.objectives import Beta


@pytest.mark.parametrize("sizes", [(2,), (3, 6, 40), (10, 10, 15)])
def test_every_class_once_has_mean_none_and_variance_one(sizes: tuple[int, ...]) -> None:
    classes = torch.cartesian_prod(*map(torch.arange, sizes)).reshape(-1, len(sizes))
    told = standardised(classes, sizes)
    torch.testing.assert_close(told.mean(0), torch.zeros(len(sizes)), atol=1e-5, rtol=0)
    torch.testing.assert_close(told.square().mean(0), torch.ones(len(sizes)))


def test_the_loss_is_that_of_beta_and_the_error_of_the_last_images() -> None:
    generator = torch.Generator().manual_seed(0)
    posterior = Posterior(torch.randn(8, 5, generator=generator), torch.zeros(8, 5))
    nll, z, targets = torch.rand(8, generator=generator), posterior.sample(generator), torch.ones(3, 2)
    objective = FewLabels(4.0, 50.0)
    objective.learn(targets)
    terms = objective(nll, posterior, z, 0)
    error = ((posterior.mean[5:, :2] - 1) ** 2).sum() / 3
    torch.testing.assert_close(terms.loss, Beta(4.0)(nll, posterior, z, 0).loss + 50 * error)
    torch.testing.assert_close(terms.extra["label_error"], error)


def test_without_labels_it_does_not_go_on() -> None:
    with pytest.raises(ValueError, match="no labels were told"):
        FewLabels(1.0, 1.0)(torch.zeros(2), Posterior(torch.zeros(2, 2), torch.zeros(2, 2)), torch.zeros(2, 2), 0)
