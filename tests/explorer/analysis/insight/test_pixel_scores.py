"""Anomalies: closed forms of the linear optimum, rankings whose value is known, and figures of the shipped models."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from explorer.analysis.insight.injected import KINDS, Anomaly, inject
from explorer.analysis.insight.outliers import Fit, fit, outliers
from explorer.analysis.insight.pixel_scores import (
    SCORES,
    anomaly_maps,
    count_of,
    gradients,
    pixel_nll,
    plain_maps,
    projected,
    smooth,
)
from explorer.analysis.insight.ranking import auroc, ranked
from explorer.checkpoints import load
from explorer.datasets import open_dataset
from explorer.errors import UserError
from models import likelihoods, networks
from models.beta_vae import BetaVAE, Posterior
from tests.explorer.analysis.insight import linear_optimum as oracle

WITHOUT = [name for name in SCORES if name != "projection"]


def test_gradients_of_the_linear_optimum_are_those_of_the_formula() -> None:
    model, pixels = oracle.optimum(), torch.rand(5, *oracle.SHAPE, generator=torch.Generator().manual_seed(0))
    found = gradients(model, pixels)
    u = oracle.directions()
    away = (pixels.reshape(5, 3).double().numpy() - 0.5) @ u  # along the eigenvectors
    along = {name: getattr(found, name).reshape(5, 3).double().numpy() @ u for name in ("kl", "nll")}
    scale = oracle.SCALE**2
    np.testing.assert_allclose(along["kl"], away * np.array([0.225, 0.6, 0.0]) / scale, rtol=1e-3, atol=2e-2)
    np.testing.assert_allclose(along["nll"], away * np.array([0.1, 1.6, 10.0]) / scale, rtol=1e-3, atol=2e-1)


def test_the_kl_map_does_not_see_an_anomaly_that_the_model_has_no_latent_for() -> None:
    model, pixels = oracle.optimum(), torch.full((1, *oracle.SHAPE), 0.5) + 0.004
    dead = torch.tensor(oracle.directions()[:, 2], dtype=torch.float32).reshape(1, *oracle.SHAPE)
    before, after = gradients(model, pixels), gradients(model, pixels + 0.2 * dead)
    torch.testing.assert_close(after.kl, before.kl, atol=2e-1, rtol=1e-4)  # of some 30
    assert float((after.nll - before.nll).norm()) == pytest.approx(0.2 * 10 / oracle.SCALE**2, rel=1e-3)


@pytest.mark.parametrize("name", ["gaussian", "bernoulli", "optimal-gaussian"])
def test_the_costs_of_pixels_add_up_to_the_cost_of_the_image(name: str) -> None:
    settings = {"sigma": 0.3} if name == "gaussian" else {}
    model = BetaVAE(networks.build("linear", (3, 4, 5), 2), likelihoods.build(name, settings)).eval()
    x, z = torch.rand(2, 3, 4, 5), torch.randn(2, 2)
    with torch.inference_mode():
        each = pixel_nll(model, model.raw(z), x)
        torch.testing.assert_close(3 * each.sum((1, 2)), model.nll(z, x), rtol=1e-5, atol=1e-4)


def test_a_map_is_smoothed_by_a_bell_that_sums_to_one() -> None:
    point = torch.zeros(1, 15, 15)
    point[0, 7, 7] = 1
    bell = smooth(point)[0]
    assert float(bell.sum()) == pytest.approx(1) and int((bell > 0).sum()) == 49
    assert float(bell[7, 8] / bell[7, 7]) == pytest.approx(math.exp(-1 / 18), rel=1e-5)
    assert float(smooth(torch.ones(1, 15, 15))[0, 0, 0]) < 0.5  # zeros beyond the border


def test_rankings_whose_value_is_known() -> None:
    perfect = ranked(np.array([3.0, 2, 1, 0]), np.array([True, True, False, False]))
    assert (perfect.auroc, perfect.ap, perfect.dice) == (1, 1, 1)
    constant = ranked(np.zeros(4), np.array([True, False, False, False]))
    assert (constant.auroc, constant.ap, constant.dice) == (0.5, 0.25, 0.4)
    assert np.isnan(ranked(np.zeros(3), np.zeros(3, bool)).auroc)
    even = (np.arange(2000) + 0.5) / 2000
    for apart, wanted in ((1, 0.760250), (2, 0.921350), (3, 0.983053)):
        scores = np.concatenate([norm.ppf(even), norm.ppf(even) + apart])
        assert auroc(scores, np.repeat([False, True], 2000)) == pytest.approx(wanted, abs=2e-4)


def test_rankings_are_those_of_scikit_learn_with_ties_among_them() -> None:
    from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

    draws = np.random.default_rng(0)
    scores, marked = draws.integers(0, 9, 300).astype(float), draws.random(300) < 0.2
    found = ranked(scores.reshape(20, 15), marked.reshape(20, 15))
    assert found.auroc == pytest.approx(roc_auc_score(marked, scores))
    assert found.ap == pytest.approx(average_precision_score(marked, scores))
    assert found.dice == pytest.approx(max(f1_score(marked, scores >= v) for v in range(9)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_only_pixels_that_changed_are_marked_and_all_of_them(kind: str, channels: int) -> None:
    images = open_dataset("dsprites", size=64, channels=channels).images(range(0, 700_000, 70_000)).float() / 255
    changed, masks = inject(images, Anomaly(kind, size=0.2), seed=3)  # type: ignore[arg-type]
    again, _ = inject(images, Anomaly(kind, size=0.2), seed=3)  # type: ignore[arg-type]
    assert torch.equal(changed, again) and float(changed.min()) >= 0 and float(changed.max()) <= 1
    assert torch.equal(masks, ((changed - images).abs() > 1 / 256).any(1))
    assert bool(masks.flatten(1).any(1).all()) and int(masks.sum(dim=(1, 2)).max()) <= 13 * 13
    none, empty = inject(images, Anomaly(kind, strength=0.0))  # type: ignore[arg-type]
    assert torch.equal(none, images) and not bool(empty.any())


def test_an_anomaly_stands_where_it_is_told_to() -> None:
    changed, masks = inject(torch.zeros(2, 1, 11, 21), Anomaly("bright", size=3 / 11, place=(0.5, 0.25)))
    rows, columns = np.nonzero(masks[0].numpy())
    assert set(rows) == {4, 5, 6} and set(columns) == {4, 5, 6}
    assert float(changed.sum()) == 18


def test_a_perfect_reconstruction_gives_a_perfect_map() -> None:
    """The linear model puts out its middle whatever comes in once its weights are 0."""
    model = oracle.optimum()
    for name, values in model.network.named_parameters():
        if name.endswith("weight"):
            values.zero_()
    images = torch.full((4, *oracle.SHAPE), 0.5)
    images[:, 0, 0, 1] = 0.9
    found = ranked(plain_maps(model, images, 1.0)["squared_error"], np.abs(images[:, 0].numpy() - 0.5) > 0.1)
    assert (found.auroc, found.ap, found.dice) == (1, 1, 1)


@pytest.mark.parametrize(
    ("name", "kind", "error", "kl"),
    [
        ("dsprites-disentangled", "bright", 0.989, 0.277),
        ("dsprites-beta16", "bright", 0.994, 0.842),
        ("dsprites-disentangled", "erased", 0.962, 0.256),
        ("dsprites-beta16", "erased", 0.975, 0.907),
    ],
)
def test_the_kl_map_runs_from_useless_to_good_as_beta_changes(name: str, kind: str, error: float, kl: float) -> None:
    found = anomaly_maps(load(name).model, open_dataset("dsprites"), Anomaly(kind), 60)  # type: ignore[arg-type]
    values = dict(zip(found.names, found.auroc, strict=True))
    assert list(values) == WITHOUT and found.count == 60 and found.beta == 1
    assert values["squared_error"] == pytest.approx(error, abs=0.015)
    assert values["kl_gradient"] == pytest.approx(kl, abs=0.06)
    assert values["nll_gradient"] < 0.4  # a Bernoulli's: it says how sure, not how wrong
    assert values["error_gradient"] > 0.67
    assert dict(zip(found.image_names, found.image_auroc, strict=True))["−log p"] > 0.7
    told = found.as_json()
    assert told["pixels"]["squared_error"]["ap"] == found.ap[0] and 0 < told["masked_pixels"] <= 60 * 81


def test_the_projection_finds_a_bright_square() -> None:
    model, data = load("dsprites-beta4").model, open_dataset("dsprites")
    clean = data.images(range(1000, 700_000, 100_000)).float() / 255
    changed, masks = inject(clean, Anomaly("bright"))
    shares: list[float] = []
    maps, pictures = projected(model, changed, threshold=0.0, steps=8, tell=shares.append)
    assert auroc(maps, masks.numpy()) > 0.97 and pictures.shape == tuple(clean.shape)
    assert shares == sorted(shares) and shares[-1] == 1
    with torch.inference_mode():
        usual = model.decode(model.encode(changed).mean)
    still, same = projected(model, changed, threshold=1e9)  # good enough as they are
    np.testing.assert_allclose(same, usual.numpy(), atol=1e-5)
    np.testing.assert_allclose(still, (changed - usual).abs().mean(1).numpy(), atol=1e-5)


def test_an_anomaly_that_changes_nothing_is_refused_and_of_large_images_few_are_taken() -> None:
    model, data = oracle.optimum(), oracle.data(50)
    with pytest.raises(UserError, match="changes no pixel"):
        anomaly_maps(model, data, Anomaly(strength=0.0), 10)
    assert count_of(load("dsprites-beta4").model, open_dataset("dsprites"), 5000) == 1024
    assert count_of(model, data, 5000) == 50


def test_latent_distances_are_those_of_the_gaussian() -> None:
    draws = np.random.default_rng(0)
    means = torch.from_numpy(draws.normal(size=(200, 4)) @ draws.normal(size=(4, 4)))
    found = fit(Posterior(means, torch.full((200, 4), -50.0)), variances=False)
    assert found.distance(means.numpy()).mean() == pytest.approx(4 * 199 / 200)
    values, vectors = np.linalg.eigh(found.covariance)
    point = found.mean + 3 * (vectors * np.sqrt(values)) @ vectors.T @ np.array([0.6, 0, 0.8, 0])
    assert found.distance(point[None])[0] == pytest.approx(9)
    wide = fit(Posterior(means, torch.zeros(200, 4)))
    np.testing.assert_allclose(wide.covariance, found.covariance + np.eye(4))
    assert Fit(np.zeros(1), np.array([[4.0]]), 9).distance(np.array([[4.0]])) == pytest.approx([4.0])


def test_of_a_model_with_passive_latents_the_aggregates_covariance_makes_no_outliers_of_noise() -> None:
    model, data = load("dsprites-disentangled").model, open_dataset("dsprites")
    found = outliers(model, data, 300)
    assert 3 < found.latent.mean() < 5.5  # 10 by the covariance of means alone
    assert found.latent_rank.min() == 1 and found.latent[found.order("latent")[0]] == found.latent.max()
    assert found.reconstruction[found.order("reconstruction")[0]] == found.reconstruction.max()
    first = found.as_json(5)["images"]
    assert len(first) == 5 and min(first[0]["latent_rank"], first[0]["reconstruction_rank"]) == 1
