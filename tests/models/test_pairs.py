"""Pairs of images: what a pair shares is coded once, by the rule and in training."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from models.beta_vae import Posterior
from models.objectives import Beta
from models.pairs import Pairs, difference


def some(n: int = 12, latents: int = 5, seed: int = 0) -> Posterior:
    generator = torch.Generator().manual_seed(seed)
    return Posterior(torch.randn(n, latents, generator=generator), torch.randn(n, latents, generator=generator))


def test_posteriors_differ_by_the_divergence_of_gaussians() -> None:
    q = some()
    one, other = (Normal(q.mean[rows], q.std[rows]) for rows in (slice(0, 6), slice(6, 12)))
    torch.testing.assert_close(difference(q), kl_divergence(one, other))


@pytest.mark.parametrize("changes", [1, 2, 5, 64])
def test_the_dimensions_that_differ_most_stay_and_all_others_become_one(changes: int) -> None:
    q = some()
    shared = Pairs(1.0, changes).share(q)
    for row in range(6):
        ranked = difference(q)[row].argsort(descending=True).tolist()
        for place, d in enumerate(ranked):
            if place < changes:
                for half in (row, row + 6):
                    assert shared.mean[half, d] == q.mean[half, d] and shared.log_var[half, d] == q.log_var[half, d]
            else:
                mean = (q.mean[row, d] + q.mean[row + 6, d]) / 2
                variance = (q.log_var[row, d].exp() + q.log_var[row + 6, d].exp()) / 2
                for half in (row, row + 6):
                    torch.testing.assert_close(shared.mean[half, d], mean)
                    torch.testing.assert_close(shared.log_var[half, d].exp(), variance)


def test_an_image_that_is_its_own_partner_keeps_its_posterior() -> None:
    half = some(6)
    q = Posterior(half.mean.repeat(2, 1), half.log_var.repeat(2, 1))
    shared = Pairs(1.0).share(q)
    torch.testing.assert_close(shared.mean, q.mean)
    torch.testing.assert_close(shared.log_var, q.log_var)


def test_the_loss_is_the_bound_on_what_is_shared_and_gradients_reach_both_images() -> None:
    q = some()
    q.mean.requires_grad_(True)
    objective = Pairs(3.0)
    shared = objective.share(q)
    nll = torch.arange(12.0)
    terms = objective(nll, shared, shared.sample(), 0)
    torch.testing.assert_close(terms.loss, Beta(3.0)(nll, shared, shared.mean, 0).loss)
    terms.loss.backward()
    assert q.mean.grad is not None and (q.mean.grad != 0).all()


def test_an_odd_number_of_images_is_refused() -> None:
    with pytest.raises(ValueError, match="even number of images, not 3"):
        Pairs(1.0).share(some(3))
