"""Dependence between latents, against closed forms."""

import math

import pytest
import torch

from models.beta_vae import Posterior
from models.dependence import Hsic, dependence, hsic


def of_gaussians(correlation: float, width: float) -> float:
    """HSIC of two standard Gaussians that correlate so: every expectation in it is a Gaussian integral."""
    v, s = 2 / width**2, 1 / (width**2 + 1)
    joint = ((1 + v) ** 2 - (v * correlation) ** 2) ** -0.5
    mixed = width**2 * s * ((1 + s) ** 2 - (s * correlation) ** 2) ** -0.5
    return joint + 1 / (1 + v) - 2 * mixed


def correlated(correlation: float, batches: int, n: int, generator: torch.Generator) -> torch.Tensor:
    a, b = torch.randn(2, batches, n, generator=generator, dtype=torch.float64)
    return torch.stack([a, correlation * a + math.sqrt(1 - correlation**2) * b], dim=2)


@pytest.mark.parametrize("width", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_small_batches_give_the_criterion_of_gaussians_on_average(correlation: float, width: float) -> None:
    generator = torch.Generator().manual_seed(3)
    found = torch.stack([hsic(z, width) for z in correlated(correlation, 3000, 12, generator)])
    error = found.std(0) / math.sqrt(len(found))
    expected = torch.tensor([[of_gaussians(a, width) for a in row] for row in ((1, correlation), (correlation, 1))])
    assert ((found.mean(0) - expected).abs() < 4.5 * error).all()


def test_independent_latents_cost_nothing_and_one_that_tells_another_costs_one() -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(2000, 5, generator=generator)
    assert abs(dependence(z).item()) < 0.01
    z[:, 4] = -z[:, 0]
    assert dependence(z).item() == pytest.approx(1, abs=0.01)
    z[:, 2] = 0.3  # a latent that never moves depends on nothing
    assert dependence(z).item() == pytest.approx(1, abs=0.01)


def test_what_a_covariance_does_not_see_costs() -> None:
    """Uniform factors turned into one another, and a circle over two latents, are uncorrelated."""
    generator = torch.Generator().manual_seed(1)
    factors = (torch.rand(4000, 2, generator=generator) - 0.5) * math.sqrt(12)
    turned = factors @ torch.tensor([[1.0, 1.0], [-1.0, 1.0]]) / math.sqrt(2)
    angle = torch.rand(4000, generator=generator) * 2 * math.pi
    circle = torch.stack([angle.cos(), angle.sin()], dim=1) * math.sqrt(2)
    for z in (turned, circle):
        assert abs(torch.corrcoef(z.T)[0, 1].item()) < 0.06
    straight = dependence(factors).item()
    assert abs(straight) < 0.004
    assert dependence(turned).item() > 0.01 and dependence(circle).item() > 0.1


def test_the_loss_is_that_of_beta_and_the_weighted_dependence() -> None:
    generator = torch.Generator().manual_seed(2)
    posterior = Posterior(torch.randn(300, 3, generator=generator), torch.zeros(300, 3))
    nll, z = torch.rand(300, generator=generator), posterior.sample(generator)
    terms = Hsic(4.0, 50.0)(nll, posterior, z, 0)
    between = dependence(z[:256])
    torch.testing.assert_close(terms.loss, nll.mean() + 4 * posterior.kl().sum(1).mean() + 50 * between)
    assert terms.extra["dependence"].item() == between.item() and terms.extra["beta"].item() == 4


def test_three_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="at least four samples, not 3"):
        hsic(torch.zeros(3, 2), 1.0)
