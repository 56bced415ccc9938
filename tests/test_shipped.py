"""The shipped models are what their cards say."""

import numpy as np
import pytest

from explorer import paths
from explorer.analysis import metrics
from explorer.analysis.evaluation import choose, encode_all, evaluate
from explorer.checkpoints import describe, load
from explorer.datasets import open_dataset

COUNT = 10_000


@pytest.fixture(scope="module")
def dsprites():
    return open_dataset("dsprites", size=64)


@pytest.mark.parametrize("name", ["dsprites-beta1", "dsprites-beta4", "dsprites-disentangled"])
def test_the_numbers_of_the_card_are_the_models_own(name, dsprites):
    checkpoint = load(name)
    card = checkpoint.config.evaluation
    assert card is not None and card.count == COUNT
    found = evaluate(checkpoint.model, dsprites, COUNT, seed=card.seed)
    assert found.reconstruction == pytest.approx(card.reconstruction, rel=1e-3)
    np.testing.assert_allclose(found.kl_per_dimension, card.kl_per_dimension, atol=2e-3)


def test_the_best_model_is_disentangled_and_each_slider_carries_a_factor_of_its_own(dsprites):
    checkpoint = load("dsprites-disentangled")
    assert checkpoint.config.evaluation is not None
    chosen = choose(dsprites, COUNT, seed=0)
    codes = encode_all(checkpoint.model, dsprites, chosen).mean
    result = metrics.mig(codes, dsprites.factors(chosen), seed=0, preset="full")
    assert result.value is not None
    assert result.value >= 0.30
    assert result.value == pytest.approx(checkpoint.config.evaluation.mig, abs=2e-3)
    carriers = dict(zip(dsprites.factor_names, result.parts["best_latent"], strict=True))
    assert len({carriers["posX"], carriers["posY"], carriers["scale"]}) == 3


def test_each_brings_the_networks_of_its_own_weights_for_the_page():
    for folder in sorted(paths.PRETRAINED.iterdir()):
        found = {file.name for file in folder.glob("*.onnx")}
        content = describe(folder).hash
        assert found == {f"{content}.onnx", f"{content}.encoder.onnx"}, folder.name
        assert content.encode() in (folder / f"{content}.onnx").read_bytes()


def test_beta_trades_reconstruction_for_kl():
    one, four = (load(name).config.evaluation for name in ("dsprites-beta1", "dsprites-beta4"))
    assert one is not None and four is not None
    assert one.kl > four.kl
    assert one.reconstruction < four.reconstruction
