"""One model for every β: it begins as a plain one, β moves it, and at each β a plain one folds out of it."""

import pytest
import torch
from torch import nn

from models import likelihoods, networks
from models.any_beta import AnyBetaVAE
from models.beta_vae import BetaVAE

SHAPE = (1, 32, 32)
NAMES = ["compact", "burgess", "mlp"]


def plain(name: str) -> BetaVAE:
    torch.manual_seed(0)
    return BetaVAE(networks.build(name, SHAPE, 4), likelihoods.build("bernoulli", {})).eval()


def moved(name: str) -> AnyBetaVAE:
    """A model in which β moves everything: what training would do, by hand."""
    base = plain(name)
    model = AnyBetaVAE(base.network, base.likelihood, 0.5, 32).eval()
    for part in model.parts:
        nn.init.normal_(part.film.last.weight, std=0.05)
        nn.init.normal_(part.film.last.bias, std=0.1)
    return model


def given() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(6, *SHAPE, generator=generator), torch.randn(6, 4, generator=generator)


@pytest.mark.parametrize("name", [*NAMES])
def test_untrained_it_is_the_plain_model_at_every_beta(name: str) -> None:
    images, z = given()
    before = plain(name)
    posterior, pixels = before.encode(images), before.decode(z)
    model = AnyBetaVAE(before.network, before.likelihood, 0.5, 32).eval()
    for beta in (0.5, 4.0, 32.0):
        model.set_beta(beta)
        assert torch.equal(model.encode(images).mean, posterior.mean)
        assert torch.equal(model.decode(z), pixels)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("beta", [0.5, 1.0, 5.3, 32.0])
def test_at_one_beta_a_plain_model_computes_the_same(name: str, beta: float) -> None:
    images, z = given()
    model = moved(name)
    model.set_beta(beta)
    folded = model.at(beta)
    assert folded.state_dict().keys() == plain(name).state_dict().keys()
    for mine, its in (
        (folded.encode(images).mean, model.encode(images).mean),
        (folded.encode(images).log_var, model.encode(images).log_var),
        (folded.decode(z), model.decode(z)),
    ):
        torch.testing.assert_close(mine, its, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_each_image_of_a_batch_may_have_its_own_beta(name: str) -> None:
    images, z = given()
    model = moved(name)
    betas = torch.tensor([0.5, 1, 2, 4, 8, 32])
    model.set_beta(betas)
    posterior, pixels = model.encode(images), model.decode(z)
    for row, beta in enumerate(betas.tolist()):
        alone = model.at(beta)
        torch.testing.assert_close(
            alone.encode(images[row : row + 1]).mean[0], posterior.mean[row], rtol=1e-4, atol=1e-5
        )
        torch.testing.assert_close(alone.decode(z[row : row + 1])[0], pixels[row], rtol=1e-4, atol=1e-5)
    assert (model.at(0.5).decode(z) - model.at(32).decode(z)).abs().max() > 0.01


def test_a_folded_model_is_the_same_each_time_and_leads_to_every_other() -> None:
    model = moved("compact")
    first, again = model.at(4.0), model.at(32.0).at(4.0)
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    assert sum(p.numel() for p in first.parameters()) == sum(p.numel() for p in plain("compact").parameters())


def test_what_has_no_such_beta_says_so() -> None:
    with pytest.raises(ValueError, match="was trained for one β"):
        plain("compact").at(4.0)
    with pytest.raises(ValueError, match="for β from 0.5 to 32, not 33"):
        moved("compact").at(33)
    base = plain("compact")
    with pytest.raises(ValueError, match="not from 4 to 1"):
        AnyBetaVAE(base.network, base.likelihood, 4, 1)
    with pytest.raises(ValueError, match="no sequence of layers"):
        AnyBetaVAE(networks.build("linear", SHAPE, 4), base.likelihood, 1, 4)
