"""The KL in parts, kinds of dimensions and correlations, against answers known beforehand."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from explorer.analysis import summary
from explorer.analysis.correlations import KINDS, correlate
from explorer.analysis.decomposition import OWN, decompose
from explorer.analysis.evaluation import BATCH, EvaluationResult, choose, evaluate, passed
from explorer.analysis.metrics import polarised_regime
from explorer.analysis.metrics.posterior_scores import regimes_of, variance_of
from explorer.analysis.summary import Summary, images_mixed, summarise
from explorer.checkpoints import ModelConfig, load
from explorer.checkpoints.store import build_model
from explorer.datasets import ArrayDataset, open_dataset
from explorer.errors import UserError
from models.beta_vae import BetaVAE, Posterior


def some(count: int = 60, latents: int = 3, seed: int = 0) -> tuple[Posterior, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    posterior = Posterior(
        2 * torch.randn(count, latents, generator=generator), torch.randn(count, latents, generator=generator) - 2
    )
    return posterior, posterior.sample(generator)


def fresh(latents: int = 4, seed: int = 0) -> BetaVAE:
    torch.manual_seed(seed)
    return build_model(ModelConfig(network="compact", shape=(1, 32, 32), latents=latents)).eval()


def test_posteriors_that_are_points_are_refused_and_are_no_nan() -> None:
    mean = torch.randn(50, 2)
    with pytest.raises(UserError, match="too narrow"):
        decompose(Posterior(mean, torch.full((50, 2), -2000.0)), mean)


def test_a_linear_gaussian_model_has_the_parts_that_are_known() -> None:
    """q(z) = N(0, R) with R's only correlation 0.572: MI 2.848, TC 0.198 and no dimension-wise KL.

    Images and noise fill their space evenly (Sobol), so that what is left is the estimator's own error.
    """
    count, std = 4096, torch.tensor([0.2, 0.238, 1.0], dtype=torch.float64)
    covariance = torch.eye(3, dtype=torch.float64)
    covariance[0, 1] = covariance[1, 0] = 0.572
    even = torch.quasirandom.SobolEngine(6, scramble=True, seed=0).draw(count, dtype=torch.float64)
    noise = torch.special.ndtri(even.clamp(1e-9, 1 - 1e-9))
    values, vectors = torch.linalg.eigh(covariance - torch.diag(std**2))
    mean = noise[:, :3] @ (vectors * values.clamp(min=0).sqrt()).T
    posterior = Posterior(mean, (2 * std.log()).expand(count, 3))
    found = decompose(posterior, mean + std * noise[:, 3:])
    assert found.mutual_information == pytest.approx(2.848, rel=0.02)
    assert found.total_correlation == pytest.approx(0.198, rel=0.02)
    assert found.dimension_wise_kl == pytest.approx(0, abs=0.001)
    assert found.kl == pytest.approx(float(posterior.kl().sum(1).mean()), rel=0.001)


def test_the_parts_are_those_of_the_mixture_of_all_images() -> None:
    posterior, z = some()
    found = decompose(posterior, z)
    mean, std = posterior.mean.double(), (0.5 * posterior.log_var.double()).exp()
    even = Categorical(torch.ones(len(z), dtype=torch.float64))
    joint = MixtureSameFamily(even, Independent(Normal(mean, std), 1)).log_prob(z.double())
    marginals = torch.stack(
        [MixtureSameFamily(even, Normal(mean[:, j], std[:, j])).log_prob(z[:, j].double()) for j in range(3)], dim=1
    )
    own = Normal(mean, std).log_prob(z.double()).sum(1)
    prior = Normal(0.0, 1.0).log_prob(z.double())
    assert found.mutual_information == pytest.approx(float((own - joint).mean()), abs=1e-12)
    assert found.total_correlation == pytest.approx(float((joint - marginals.sum(1)).mean()), abs=1e-12)
    np.testing.assert_allclose(found.dimension_wise, (marginals - prior).mean(0), atol=1e-12)
    assert found.errors["mutual_information"] == pytest.approx(float((own - joint).std()) / math.sqrt(60), rel=1e-9)
    assert (found.samples, found.images, found.cap) == (60, 60, math.log(60))


def gaussian(count: int, std: list[float], rho: float) -> tuple[Posterior, torch.Tensor, float, float]:
    """Posteriors whose aggregate is normal with one correlation; a sample of each; its true MI and TC."""
    generator = torch.Generator().manual_seed(0)
    widths = torch.tensor(std, dtype=torch.float64)
    covariance = torch.eye(len(std), dtype=torch.float64)
    covariance[0, 1] = covariance[1, 0] = rho
    values, vectors = torch.linalg.eigh(covariance - torch.diag(widths**2))
    draws = torch.randn(2, count, len(std), generator=generator, dtype=torch.float64)
    mean = draws[0] @ (vectors * values.clamp(min=0).sqrt()).T
    total = -0.5 * float(torch.logdet(covariance))
    posterior = Posterior(mean, (2 * widths.log()).expand(count, len(std)))
    return posterior, mean + widths * draws[1], -float(widths.log().sum()) - total, total


def test_parts_that_twice_the_images_still_change_say_so_and_those_at_rest_do_not() -> None:
    posterior, z, information, total = gaussian(1000, [0.1, 0.1, 0.2, 0.2], 0.5)
    found = decompose(posterior, z)
    # A nat is still in the wrong place, though the standard error is 0.05 and the cap is not near.
    assert found.total_correlation - total > 1 < information - found.mutual_information
    assert not found.full and not found.converged and found.doubling is not None
    assert found.doubling["mutual_information"] > 0.3 > -0.3 > found.doubling["total_correlation"]
    plain = found.as_json()
    assert plain["converged"] is False and plain["doubling"] == found.doubling
    assert "from 500 to 1,000 images" in plain["warning"]
    assert "Total correlation holds what mutual information lacks" in plain["warning"]
    posterior, z, information, total = gaussian(2000, [0.5, 0.5, 1.0], 0.572)
    found = decompose(posterior, z)
    assert found.converged and found.warning is None and found.as_json()["warning"] is None
    for part, right in (("mutual_information", information), ("total_correlation", total)):
        assert abs(getattr(found, part) - right) < 3 * (found.errors[part] or 0)
    assert decompose(Posterior(posterior.mean[:1], posterior.log_var[:1]), z[:1]).warning


def test_what_a_doubling_changes_is_the_difference_from_the_mixtures_of_both_halves() -> None:
    posterior, z = some(61)
    found = decompose(posterior, z, seed=5)
    order = torch.randperm(61, generator=torch.Generator().manual_seed(5))
    halves, weights = [], []
    for part in (order[:31], order[31:]):
        own = decompose(Posterior(posterior.mean[part], posterior.log_var[part]), z[part])
        halves.append([own.mutual_information, own.total_correlation, own.dimension_wise_kl])
        weights.append(len(part) / 61)
    whole = [found.mutual_information, found.total_correlation, found.dimension_wise_kl]
    assert found.doubling is not None
    np.testing.assert_allclose(
        list(found.doubling.values()), np.array(whole) - np.average(halves, 0, weights), atol=1e-9
    )


@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 10_000), st.floats(-20, 4))
@settings(max_examples=30, deadline=None)
def test_the_parts_sum_to_the_kl_of_the_samples_and_the_information_stays_under_its_cap(
    count: int, latents: int, seed: int, narrow: float
) -> None:
    posterior, z = some(count, latents, seed)
    posterior = Posterior(posterior.mean, posterior.log_var + narrow)
    z = posterior.sample(torch.Generator().manual_seed(seed))
    found = decompose(posterior, z)
    mean, std, z = posterior.mean.double(), (0.5 * posterior.log_var.double()).exp(), z.double()
    kl = (Normal(mean, std).log_prob(z) - Normal(0.0, 1.0).log_prob(z)).sum(1).mean()
    parts = found.mutual_information, found.total_correlation, found.dimension_wise_kl
    assert sum(parts) == pytest.approx(float(kl), abs=1e-9 + 1e-9 * abs(float(kl)))
    assert found.mutual_information <= math.log(count) + 1e-9
    if latents == 1:
        assert found.total_correlation == pytest.approx(0, abs=1e-9)


def test_large_mixtures_take_fewer_samples_drawn_with_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    from explorer.analysis import decomposition

    monkeypatch.setattr(decomposition, "LEAST_SAMPLES", 20)
    monkeypatch.setattr(decomposition, "DENSITIES", 400 * 3 * 50)
    posterior, z = some(400)
    first, again, other = (decompose(posterior, z, seed) for seed in (0, 0, 1))
    assert (first.samples, first.images) == (50, 400)
    assert first.as_json() == again.as_json() != other.as_json()


def test_kinds_of_dimensions_follow_the_published_rule() -> None:
    variance = np.array([0.05, 0.0999, 0.1001, 0.9, 1.1, 1.11, 0.5, 1.0, 0.05])
    wobble = np.array([0.0, 0.0999, 0.0, 0.0999, 0.0, 0.0, 0.0, 0.1, 0.1])
    assert regimes_of(variance, wobble) == [
        "active",
        "active",
        "mixed",
        "passive",
        "passive",
        "mixed",
        "mixed",
        "mixed",
        "mixed",
    ]
    logs = np.log(np.array([[0.2, 1.0], [0.4, 3.0]], dtype=np.float32))
    centre, spread = variance_of(logs)
    np.testing.assert_allclose(centre, [0.3, 2.0], rtol=1e-6)
    np.testing.assert_allclose(spread, [0.01, 1.0], rtol=1e-5)


def test_correlations_of_means_and_samples_over_each_kind() -> None:
    generator = np.random.default_rng(0)
    means = generator.normal(size=(50_000, 4)).astype(np.float32)
    means[:, 1] = 0.6 * means[:, 0] + 0.8 * means[:, 1]
    means[:, 3] = 2.5  # constant
    samples = means + generator.normal(size=means.shape).astype(np.float32)
    found = correlate(means, samples, ["active", "active", "mixed", "passive"])
    assert found.mean[0, 1] == pytest.approx(np.corrcoef(means[:, 0], means[:, 1])[0, 1], abs=1e-9)
    assert found.mean[0, 1] == pytest.approx(0.6, abs=0.01)
    assert found.sampled[0, 1] == pytest.approx(0.3, abs=0.01)  # the noise doubles each variance
    assert np.isnan(found.mean[3]).all() and found.sampled[3, 3] == 1
    assert found.of("mean", "active").shape == (2, 2) and found.of("mean", "passive").shape == (1, 1)
    exact = -0.5 * math.log(1 - found.mean[0, 1] ** 2)
    assert found.total_correlation("mean", "active") == pytest.approx(exact, rel=1e-9)
    assert found.total_correlation("mean", "passive") == 0
    doubled = correlate(means[:, [0, 0]], samples[:, [0, 0]], ["active", "active"])
    assert doubled.total_correlation("mean") is None  # infinite
    assert json.loads(json.dumps(found.as_json()))["mean"][3] == [None] * 4


def test_a_summary_is_the_evaluation_with_more_and_survives_json() -> None:
    model, data = fresh(), open_dataset("dsprites", size=32)
    found = summarise(model, data, count=300, seed=3)
    alone = evaluate(model, data, count=300, seed=3)
    for name in ("reconstruction", "kl", "active_units", "regimes", "elbo", "kl_error", "count"):
        assert getattr(found.evaluation, name) == getattr(alone, name)
    again = Summary.from_json(json.loads(json.dumps(found.as_json())))
    assert again.as_json() == found.as_json()
    assert set(found.as_json()["correlation"]["gaussian_total_correlation"]["mean"]) == set(KINDS)
    through = passed(model, data, count=300, seed=3)
    metric = polarised_regime(through.posterior.mean, through.posterior.log_var)
    assert metric.parts["regime"] == alone.regimes
    assert alone.kl_error == pytest.approx(float(through.posterior.kl().double().sum(1).std()) / math.sqrt(300))
    assert found.decomposition.kl == pytest.approx(alone.kl, abs=5 * (found.decomposition.errors["kl"] or 0) + 1e-6)


def test_the_noise_is_the_posteriors_own_whatever_goes_through_a_network_at_once() -> None:
    """A sample for each image, drawn as `Posterior.sample` draws it for every 250 of them."""
    model, data = fresh(), open_dataset("dsprites", size=32)
    found = passed(model, data, count=2 * BATCH + 7, seed=5)
    chosen, generator = choose(data, 2 * BATCH + 7, 5), torch.Generator().manual_seed(5)
    for start in range(0, len(chosen), BATCH):
        images = data.images(chosen[start : start + BATCH]).float() / 255
        posterior = model.encode(images)
        z = posterior.sample(generator)
        part = slice(start, start + BATCH)
        torch.testing.assert_close(found.z[part], z, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(found.nll[part], model.nll(z, images), rtol=1e-5, atol=1e-3)


def test_the_kl_is_taken_apart_by_as_many_images_as_the_rate_needs_and_all_else_is_as_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = open_dataset("dsprites", size=64)
    model = load("dsprites-beta16").model
    monkeypatch.setattr(summary, "MOST_MIXED", 2400)  # of the 8,200 that it needs
    few = summarise(model, data, 120)
    found = summarise(model, data, 120, enough=True)
    assert few.decomposition.images == few.decomposition.samples == 120
    assert found.decomposition.images == 2400 and found.decomposition.samples == 120
    asked, given = few.as_json(), found.as_json()
    assert asked.pop("decomposition") != given.pop("decomposition") and asked == given
    more = found.decomposition.mutual_information - few.decomposition.mutual_information
    moved = few.decomposition.total_correlation - found.decomposition.total_correlation
    assert more > 0.7 and moved > 0.7
    held = ArrayDataset(data.name, data.images(choose(data, 120, 0)), data.identity)
    again = summarise(model, data, held=(held, torch.arange(120)), enough=True)
    assert again.as_json() == found.as_json()


def test_no_images_are_added_where_they_would_show_nothing_or_are_not_there() -> None:
    nothing = np.zeros(1)
    rate = EvaluationResult(6.0, 6.5, *(nothing, nothing, nothing, nothing), 0.1, 0.1, 1000, 0)
    found = [images_mixed(replace(rate, kl=kl), 10**6) for kl in (0.5, 4, 6.5, 9.6, 10.4, 11, 26)]
    assert found == [1000, 1000, 8200, 100_000, 100_000, 100_000, 1000]
    assert images_mixed(rate, 1000) == 1000 and images_mixed(rate, 5000) == 5000
    assert images_mixed(replace(rate, count=20_000), 10**6) == 20_000


def test_where_the_own_posterior_counts_less_few_images_are_hardly_biased() -> None:
    """Gaussians whose aggregate is N(0, I): D ln(1/s) nats of mutual information, no total correlation."""
    images, latents, generator = 1500, 5, torch.Generator().manual_seed(0)
    for off, most in ((-3.0, 0.03), (-1.5, 0.1), (0.0, 0.5)):
        truth = math.log(images) + off
        scale = math.exp(-truth / latents)
        mean = (1 - scale**2) ** 0.5 * torch.randn(images, latents, generator=generator)
        posterior = Posterior(mean, torch.full_like(mean, 2 * math.log(scale)))
        z = posterior.sample(generator)
        plain, better = (decompose(posterior, z, share=own) for own in (1.0, OWN))
        error = better.errors["mutual_information"]
        assert abs(better.mutual_information - truth) < most + 2 * (error or 0)
        assert plain.mutual_information < better.mutual_information - 0.05
        assert abs(better.total_correlation) < abs(plain.total_correlation)
        assert better.kl == pytest.approx(plain.kl, abs=1e-9)
        assert better.cap == pytest.approx(math.log(images / OWN)) and better.own == OWN
        half = (better.doubling or {})["mutual_information"]
        assert abs(half) < abs((plain.doubling or {})["mutual_information"])
    alone = decompose(posterior, z, share=1 - 1e-12)
    assert alone.mutual_information == pytest.approx(plain.mutual_information, abs=1e-9)
    assert alone.doubling == pytest.approx(plain.doubling, abs=1e-9)
