"""The objectives' terms, schedules and estimators, against values known beforehand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.beta_vae import Posterior
from models.constraints import Constrained
from models.objectives import Beta, Capacity, TotalCorrelation, decompose_batch


def batch(count: int = 32, latents: int = 4, seed: int = 0) -> tuple[Tensor, Posterior, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    posterior = Posterior(
        torch.randn(count, latents, generator=generator), torch.randn(count, latents, generator=generator) - 1
    )
    return torch.rand(count, generator=generator) * 100, posterior, posterior.sample(generator)


def test_beta_weighs_the_kl_of_the_mean_image() -> None:
    nll, posterior, z = batch()
    terms = Beta(4.0)(nll, posterior, z, 0)
    expected = nll.mean() + 4 * posterior.kl().sum(1).mean()
    torch.testing.assert_close(terms.loss, expected)
    torch.testing.assert_close(terms.kl, posterior.kl().sum(1).mean())
    assert terms.kl_per_dimension.shape == (4,)


def test_beta_is_what_its_schedule_says_at_each_step() -> None:
    nll, posterior, z = batch()
    objective = Beta(8.0, "linear over=100")
    assert [objective(nll, posterior, z, step).extra["beta"].item() for step in (0, 25, 100, 5000)] == [0, 2, 8, 8]
    still = Beta(2.0)(nll, posterior, z, 0)
    torch.testing.assert_close(objective(nll, posterior, z, 25).loss, still.loss)


def test_capacity_and_its_weight_follow_their_schedules() -> None:
    nll, posterior, z = batch()
    moving = Capacity(10, 100, "linear over=100", "linear from=20 over=100")
    found = moving(nll, posterior, z, 10)
    assert found.extra["capacity"].item() == 10
    torch.testing.assert_close(found.loss, Capacity(19, 10)(nll, posterior, z, 0).loss)
    torch.testing.assert_close(moving(nll, posterior, z, 101).loss, Capacity(10, 100)(nll, posterior, z, 0).loss)


def test_capacity_holds_the_batch_mean_not_each_image() -> None:
    nll, posterior, z = batch()
    terms = Capacity(gamma=10, capacity=3)(nll, posterior, z, 0)
    expected = nll.mean() + 10 * abs(posterior.kl().sum(1).mean() - 3)
    torch.testing.assert_close(terms.loss, expected)


def world(count: int = 20_000) -> tuple[Posterior, float, float]:
    """A linear-Gaussian model with a known decomposition: MI 2.847, TC 0.198, dimension-wise KL 0.

    Two correlated latents and a passive one, so that q(z) is Gaussian with unit marginals.
    """
    std = torch.tensor([0.2, 0.238, 1.0])
    covariance = torch.eye(3)
    covariance[0, 1] = covariance[1, 0] = 0.572
    total_correlation = -0.5 * torch.logdet(covariance).item()
    mutual_information = 0.5 * (torch.logdet(covariance) - 2 * std.log().sum()).item()
    values, vectors = torch.linalg.eigh(covariance - torch.diag(std**2))
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(count, 3, generator=generator) @ (vectors * values.clamp(min=0).sqrt()).T
    log_var = (2 * std.log()).expand(count, 3)
    return Posterior(mean, log_var), mutual_information, total_correlation


# MI, TC and dimension-wise KL that a correct stratified estimator gives in this world at each batch
# size. The published code, with its weights along columns, gives 2.60, 0.34, 0.10 at 64.
STRATIFIED = {64: (3.21, -0.02, -0.16), 256: (2.94, 0.14, -0.04), 1024: (2.85, 0.19, -0.01)}


@pytest.mark.parametrize("size", STRATIFIED)
def test_the_stratified_estimator_gives_the_known_table(size: int) -> None:
    everyone, _, _ = world()
    count = len(everyone.mean)
    generator = torch.Generator().manual_seed(1)
    tables = []
    for _ in range({64: 600, 256: 150, 1024: 20}[size]):
        chosen = torch.randperm(count, generator=generator)[:size]
        part = Posterior(everyone.mean[chosen], everyone.log_var[chosen])
        d = decompose_batch(part, part.sample(generator), count)
        tables.append([d.mutual_information, d.total_correlation, d.dimension_wise_kl])
    found = torch.tensor(tables)
    noise = found.std(0) / math.sqrt(len(found))  # about 0.01, 0.005 and 0.003
    # the table's own two digits and its unstated noise add 0.02
    assert ((found.mean(0) - torch.tensor(STRATIFIED[size])).abs() < 4 * noise + 0.02).all(), (found.mean(0), noise)


@pytest.mark.parametrize("size", [64, 256])
def test_a_batch_tells_mutual_information_up_to_two_nats_below_its_logarithm_and_too_much_above(size: int) -> None:
    """Gaussians whose aggregate is N(0, I): D ln(1/s) nats of mutual information, no total correlation."""
    generator = torch.Generator().manual_seed(0)
    found = {}
    for off in (-3, -2, 0, 2):
        truth = math.log(size) + off
        scale, biases = math.exp(-truth / 4), []
        for _ in range(40):
            mean = (1 - scale**2) ** 0.5 * torch.randn(size, 4, generator=generator)
            posterior = Posterior(mean, torch.full_like(mean, 2 * math.log(scale)))
            parts = decompose_batch(posterior, posterior.sample(generator), 700_000)
            biases.append((parts.mutual_information - truth, parts.total_correlation))
        found[off] = torch.tensor(biases).mean(0).tolist()
    assert abs(found[-3][0]) < 0.15 and abs(found[-2][0]) < 0.3  # a few tenths
    assert 0.8 < found[0][0] < found[2][0] < math.log(700_000) - math.log(size) - 2
    assert found[2][1] < found[0][1] < -0.5  # below 0, though there is none


@given(st.integers(3, 40), st.integers(1, 6), st.integers(0, 1000))
def test_the_three_parts_always_sum_to_the_monte_carlo_kl(count: int, latents: int, seed: int) -> None:
    _, posterior, z = batch(count, latents, seed)
    d = decompose_batch(posterior, z, dataset_size=count + 1000)
    log_q = torch.distributions.Normal(posterior.mean, posterior.std).log_prob(z).sum(1)
    log_p = torch.distributions.Normal(0, 1).log_prob(z).sum(1)
    total = d.mutual_information + d.total_correlation + d.dimension_wise_kl
    torch.testing.assert_close(total, (log_q - log_p).mean(), rtol=1e-4, atol=1e-3)


def test_each_latent_alone_has_no_total_correlation() -> None:
    _, posterior, z = batch(64, 1)
    assert abs(decompose_batch(posterior, z, 10_000).total_correlation.item()) < 1e-5


def test_a_batch_at_the_prior_has_no_total_correlation_and_minus_nine_ln_b_without_the_constants() -> None:
    batch, latents = 300, 10
    posterior = Posterior(torch.zeros(batch, latents), torch.zeros(batch, latents))
    z = posterior.sample(torch.Generator().manual_seed(0))
    pairs = torch.distributions.Normal(0.0, 1.0).log_prob(z)[:, None].expand(-1, batch, -1)
    bare = (pairs.sum(2).logsumexp(1) - pairs.logsumexp(1).sum(1)).mean()
    torch.testing.assert_close(bare.item(), -9 * math.log(batch), rtol=1e-5, atol=0)
    found = decompose_batch(posterior, z, batch).total_correlation
    torch.testing.assert_close(found, bare + 9 * math.log(batch), rtol=0, atol=1e-4)


def test_tc_with_all_weights_one_costs_what_beta_one_costs_on_average() -> None:
    nll, posterior, _ = batch(64)
    generator = torch.Generator().manual_seed(1)
    objective = TotalCorrelation(beta=1, dataset_size=1000)
    samples = [posterior.sample(generator) for _ in range(500)]
    found = torch.stack([objective(nll, posterior, z, 0).loss for z in samples])
    expected = Beta(1.0)(nll, posterior, samples[0], 0).loss
    noise = found.std() / math.sqrt(len(found))
    assert abs(found.mean() - expected) < 4 * noise
    assert noise < 0.05


def test_tc_weighs_each_part_by_its_own_weight() -> None:
    nll, posterior, z = batch(64)
    terms = TotalCorrelation(beta=6, dataset_size=1000, alpha=2, gamma=3)(nll, posterior, z, 0)
    mi, tc, dw = (terms.extra[k] for k in ("mutual_information", "total_correlation", "dimension_wise_kl"))
    torch.testing.assert_close(terms.loss, nll.mean() + 2 * mi + 6 * tc + 3 * dw)


def test_a_batch_larger_than_the_data_set_is_refused() -> None:
    _, posterior, z = batch(64)
    with pytest.raises(ValueError, match="no more than the data set"):
        decompose_batch(posterior, z, 10)


@pytest.mark.parametrize("epsilon", [1.0, 3.0])
def test_the_multiplier_settles_where_the_constraint_binds(epsilon: float) -> None:
    """Minimise 50·exp(−KL) subject to KL < ε: at the optimum KL = ε and β = 50·exp(−ε)."""
    objective = Constrained(epsilon, rate=0.02, smoothing=0.5)
    mean = torch.full((1, 1), 0.5, requires_grad=True)
    optimiser = torch.optim.SGD([mean], lr=0.02)
    for step in range(250):  # it is there after 90
        posterior = Posterior(mean, torch.zeros(1, 1))
        terms = objective(50 * torch.exp(-posterior.kl().sum(1)), posterior, mean, step)
        optimiser.zero_grad()
        terms.loss.backward()
        optimiser.step()
    assert terms.kl.item() == pytest.approx(epsilon, rel=0.001)
    assert objective.beta.item() == pytest.approx(50 * math.exp(-epsilon), rel=0.002)


def test_the_multiplier_vanishes_where_the_constraint_is_slack() -> None:
    objective = Constrained(epsilon=100.0, rate=0.01)
    posterior = Posterior(torch.ones(8, 2), torch.zeros(8, 2))
    for step in range(50):
        terms = objective(torch.ones(8), posterior, posterior.mean, step)
        assert objective.beta.item() >= 0
    assert objective.beta.item() == 0
    assert (terms.extra["beta"] * terms.extra["violation"]).item() == 0


def test_form_one_is_the_bound_plus_beta_epsilon() -> None:
    """F = E[log p] − β(KL − ε) = L + βε (Higgins 2017, eqs. 3 and 4)."""
    nll, posterior, z = batch()
    constrained = Constrained(epsilon=5.0)
    constrained.beta.fill_(2.5)
    form_one = constrained(nll, posterior, z, 0).loss
    form_two = Beta(2.5)(nll, posterior, z, 0).loss
    torch.testing.assert_close(form_one, form_two - 2.5 * 5.0)
