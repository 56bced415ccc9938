"""Whether a model is at rest, and why numbers can't be had: true reasons, and none made up."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from explorer.analysis.evaluation import evaluate
from explorer.analysis.implied_beta import read_beta
from explorer.analysis.summary import Summary, summarise
from explorer.checkpoints import ModelConfig, load, save
from explorer.checkpoints.store import build_model
from explorer.cli import main
from explorer.datasets import Dataset, open_dataset
from explorer.errors import UserError
from models import likelihoods
from models.beta_vae import BetaVAE

SHIPPED = "dsprites-beta8"


@pytest.fixture(scope="module")
def data() -> Dataset:
    return open_dataset("dsprites", size=64)


@pytest.fixture(scope="module")
def untrained() -> BetaVAE:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_model(ModelConfig(network="compact", shape=(1, 64, 64), latents=10)).eval()


def test_a_trained_model_is_at_rest_and_the_same_disturbed_or_untrained_is_not(
    data: Dataset, untrained: BetaVAE
) -> None:
    model = load(SHIPPED).model
    rested = read_beta(model, data, count=400, seed=1)
    assert rested.at_rest is True and rested.rest_in_words.startswith("at rest")
    before = copy.deepcopy(model.state_dict())
    disturbed = copy.deepcopy(model)
    for weight in disturbed.network.decoder.parameters():
        weight.mul_(1.3)
    found = read_beta(disturbed, data, count=400, seed=1)
    assert found.at_rest is False and found.rest.gain > 1
    assert read_beta(untrained, data, count=400, seed=1).at_rest is False
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_shell_says_that_an_untrained_model_is_not_at_rest(untrained: BetaVAE, tmp_path: Path) -> None:
    save(untrained, tmp_path / "model", data="dsprites")
    words = ["multiplier", str(tmp_path / "model"), "--count", "100"]
    assert "not at rest" in CliRunner().invoke(main, words).stdout
    said = json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)
    assert said["at_rest"] is False
    few = json.loads(CliRunner().invoke(main, [*words[:-1], "20", "--json"]).stdout)
    assert few["at_rest"] is None and few["gain"] is None


def test_one_image_has_no_standard_error_and_more_divide_by_one_less(data: Dataset) -> None:
    one = summarise(load(SHIPPED).model, data, 1)
    as_json = json.loads(json.dumps(one.as_json()))
    assert set(as_json["standard_errors"].values()) == {None}
    assert set(as_json["decomposition"]["standard_errors"].values()) == {None}
    assert Summary.from_json(as_json).evaluation.kl_error is None
    two = [evaluate(load(SHIPPED).model, data, indices=torch.tensor([i])).kl for i in (3, 4000)]
    both = evaluate(load(SHIPPED).model, data, indices=torch.tensor([3, 4000]))
    assert both.kl_error == pytest.approx(abs(two[0] - two[1]) / 2, rel=1e-5)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_weights_that_are_no_numbers_are_named(data: Dataset, part: str, value: float) -> None:
    model = copy.deepcopy(load(SHIPPED).model)
    list(getattr(model.network, part).parameters())[-1].data[:] = value
    for ask in (evaluate, read_beta):
        with pytest.raises(UserError, match=rf"network\.{part}\.\d+\.bias holds NaN or infinity"):
            ask(model, data, 20)


@pytest.mark.parametrize("sigma", [1e-19, 1e-25, 1e-200])
def test_a_sigma_too_small_to_divide_by_is_named(data: Dataset, sigma: float) -> None:
    model = BetaVAE(load(SHIPPED).model.network, likelihoods.build("gaussian", {"sigma": sigma})).eval()
    for ask in (evaluate, read_beta):
        with pytest.raises(UserError, match=f"σ = {sigma:.3g} is so small"):
            ask(model, data, 20)


def test_pixels_of_another_scale_are_refused(data: Dataset) -> None:
    model, z = load(SHIPPED).model, torch.zeros(2, 10)
    images = data.images([0, 1]).float()
    for wrong in (images, images / 127.5 - 1, images / 255 + 0.01):
        for ask in (model.encode, lambda x: model.nll(z, x)):
            with pytest.raises(ValueError, match=r"images are floats in \[0, 1\]"):
                ask(wrong)
    with pytest.raises(ValueError, match="divide by 255"):
        model.nll(z, data.images([0, 1]))
    assert model.encode(images / 255 * 1.0005).mean.shape == (2, 10)
