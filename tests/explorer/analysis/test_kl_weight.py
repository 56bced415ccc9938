"""A KL weight of other code as β: gradients of its loss, written out, are those of D + βR times one factor."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from torch import Tensor, nn

from explorer.analysis.kl_weight import COSTS, FORMS, WAYS, Equivalent, KLWeight, equivalent
from explorer.cli import main
from explorer.errors import UserError
from explorer.training import TrainConfig
from models import likelihoods
from models.beta_vae import Posterior
from models.objectives import Beta

SHAPE, LATENTS, BATCH = (3, 2, 2), 4, 5
VALUES = 12
REDUCTIONS = ("sum", "mean")


class Small(nn.Module):
    """An encoder and a decoder, in float64."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.encoder = nn.Linear(VALUES, 2 * LATENTS).double()
        self.decoder = nn.Linear(LATENTS, VALUES).double()

    def forward(self, images: Tensor) -> tuple[Posterior, Tensor, Tensor]:
        mean, log_var = self.encoder(images.flatten(1)).chunk(2, 1)
        posterior = Posterior(mean, log_var)
        noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(1)).double()
        z = mean + posterior.std * noise
        return posterior, z, self.decoder(z).unflatten(1, SHAPE)


def gradient(model: Small, loss: Tensor) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])


def images() -> Tensor:
    return torch.rand(BATCH, *SHAPE, generator=torch.Generator().manual_seed(2)).double()


def here(found: Equivalent, x: Tensor) -> Tensor:
    """The gradient of this program's own objective with the β that was told."""
    model = Small()
    posterior, z, raw = model(x)
    likelihood = likelihoods.build(found.likelihood, {"sigma": found.sigma or 0.1})
    return gradient(model, Beta(found.beta)(likelihood.nll(raw, x), posterior, z, 0).loss)


def same_direction(theirs: Tensor, found: Equivalent, x: Tensor) -> None:
    torch.testing.assert_close(theirs, found.scale * here(found, x), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("ways", list(itertools.product(REDUCTIONS, repeat=4)), ids="-".join)
def test_every_way_to_sum_has_the_gradient_of_the_beta_that_is_told(cost: str, ways: tuple[str, str, str, str]) -> None:
    over_pixels, over_latents, over_batch, kl_over_batch = ways
    width = 1.0 if cost == "bernoulli" else 2.0
    loss = KLWeight(
        weight=0.03, cost=cost, **dict(zip(WAYS, ways, strict=True)), values=VALUES, latents=LATENTS,
        batch=BATCH, cost_weight=1.7, cost_sigma=0.6, pixel_range=width, pixel_sigma=0.25,
    )  # fmt: skip
    model, x = Small(), images()
    posterior, _, raw = model(x)
    theirs, target = width * raw - (width - 1), width * x - (width - 1)  # pixels from −1 to 1
    costs: dict[str, Callable[[], Tensor]] = {
        "bernoulli": lambda: F.binary_cross_entropy(torch.sigmoid(raw), x, reduction="none"),
        "squared": lambda: (theirs - target) ** 2,
        "half-squared": lambda: 0.5 * (theirs - target) ** 2,
        "gaussian": lambda: -torch.distributions.Normal(theirs, 0.6).log_prob(target),
    }
    each = costs[cost]().flatten(1)
    reduce: dict[str, Callable[..., Tensor]] = {"sum": torch.sum, "mean": torch.mean}
    reconstruction = reduce[over_batch](reduce[over_pixels](each, 1))
    kl = -0.5 * (1 + posterior.log_var - posterior.mean**2 - posterior.log_var.exp())
    total = 1.7 * reconstruction + 0.03 * reduce[kl_over_batch](reduce[over_latents](kl, 1))
    same_direction(gradient(model, total), equivalent(loss), x)


def terms(model: Small, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    posterior, _, raw = model(x)
    return posterior.mean, posterior.log_var, raw


WRITTEN = {
    # One line each, as such code is usually written; N values, M latents, B images a batch.
    "sums": lambda x, m, v, raw, w: (
        F.binary_cross_entropy_with_logits(raw, x, reduction="sum") / len(x)
        + w * (-0.5 * (1 + v - m**2 - v.exp()).sum(1)).mean()
    ),
    "all-sums": lambda x, m, v, raw, w: (
        F.binary_cross_entropy_with_logits(raw, x, reduction="sum") - w * 0.5 * torch.sum(1 + v - m.pow(2) - v.exp())
    ),
    "mean-pixels": lambda x, m, v, raw, w: (
        F.mse_loss(raw, x) + w * torch.mean(-0.5 * torch.sum(1 + v - m**2 - v.exp(), dim=1), dim=0)
    ),
    "mean-pixels-sum-kl": lambda x, m, v, raw, w: F.mse_loss(raw, x) - w * 0.5 * torch.sum(1 + v - m**2 - v.exp()),
    "all-means": lambda x, m, v, raw, w: F.mse_loss(raw, x) - w * 0.5 * torch.mean(1 + v - m**2 - v.exp()),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_named_form_is_the_loss_that_people_write_so(form: str) -> None:
    model, x = Small(), images()
    total = WRITTEN[form](x, *terms(model, x), 0.7)
    cost = "bernoulli" if form in ("sums", "all-sums") else "squared"
    loss = KLWeight(weight=0.7, cost=cost, form=form, values=VALUES, latents=LATENTS, batch=BATCH)
    same_direction(gradient(model, total), equivalent(loss), x)


def test_known_weights_come_to_known_betas() -> None:
    """By hand: N/2·w = βσ² for a mean squared error; sums are β itself; means over all take β_norm."""
    tiny = equivalent(KLWeight(weight=0.00025, values=3 * 64 * 64, latents=128))
    assert tiny.implied_variance == pytest.approx(0.00025 * 12288 / 2)
    assert tiny.beta == pytest.approx(153.6) and tiny.sigma == 0.1
    for form in ("sums", "all-sums"):
        assert equivalent(KLWeight(weight=4, form=form, cost="bernoulli")).beta == 4
    means = equivalent(KLWeight(weight=0.0316, form="all-means", cost="bernoulli", values=12288, latents=25))
    assert means.beta == pytest.approx(0.0316 * 12288 / 25)  # 15.5
    assert means.beta_norm == pytest.approx(0.0316)
    half = KLWeight(weight=3, form="sums", cost="half-squared", pixel_sigma=1)
    assert equivalent(half).beta == 3
    assert equivalent(KLWeight(weight=0)).beta == 0
    own = KLWeight(weight=2, form="sums", cost="gaussian", cost_sigma=0.3, pixel_sigma=0.3)
    assert equivalent(own).beta == pytest.approx(2)


def test_what_can_not_be_told_is_refused_in_a_sentence() -> None:
    for odd in ({"cost": "bernoulli", "pixel_range": 2}, {"weight": 1e9, "cost_weight": 1e-310}):
        with pytest.raises(UserError):
            equivalent(KLWeight(**odd))


def told(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["beta", *arguments])
    return result.exit_code, result.output


def test_a_shell_tells_it_and_the_command_to_train_with_it() -> None:
    code, said = told("--weight", "0.00025", "--values", "3x64x64", "--latents", "128")
    assert code == 0
    assert "β = 153.6 with Gaussian pixels of σ = 0.1; only βσ² = 1.536 counts" in said
    command = said.splitlines()[-1].split()
    assert command[:4] == ["python", "-m", "explorer", "train"]
    names = [option.removeprefix("--") for option in command[4::2]]
    settings = dict(zip(names, command[5::2], strict=True))
    assert settings.pop("out") == "RUN"
    assert TrainConfig.model_validate(settings).beta == 153.6
    code, said = told("--weight", "0.00025", "--values", "12288", "--latents", "128", "--json")
    assert code == 0 and json.loads(said)["beta"] == pytest.approx(153.6)
    assert json.loads(said)["loss"]["over_pixels"] == "mean"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--form", "nonsense"),
        ("--weight", "nan"),
        ("--weight", "-1"),
        ("--values", "3x64xA"),
        ("--values", "0x4"),
        ("--cost", "bernoulli", "--pixel-range", "2"),
        ("--values", "9999999x9999999x9999999x9999999"),
    ],
)
def test_a_shell_refuses_what_is_no_loss_in_one_sentence(arguments: tuple[str, ...]) -> None:
    code, said = told(*arguments)
    assert code == 2
    assert said.startswith("error: ") and len(said.splitlines()) == 1
