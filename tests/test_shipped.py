"""The shipped models are what their cards say."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from explorer import paths
from explorer.analysis import measurement, metrics, score_cache
from explorer.analysis.evaluation import choose, encode_all, evaluate
from explorer.checkpoints import describe, load
from explorer.checkpoints.labels import read_labels
from explorer.checkpoints.recipe import source_of
from explorer.datasets import Dataset, open_dataset
from explorer.datasets.names import DATASETS
from explorer.training import TrainConfig
from explorer.ui.measure.models import selection
from explorer.ui.measure.state import MeasureState

COUNT = 10_000


@pytest.fixture(scope="module")
def dsprites() -> Dataset:
    return open_dataset("dsprites", size=64)


@pytest.mark.parametrize(
    "name", ["dsprites-beta1", "dsprites-constrained", "dsprites-disentangled", "scene-beta4", "scene-disentangled"]
)
def test_the_numbers_of_the_card_are_the_models_own(name: str) -> None:
    checkpoint = load(name)
    card = checkpoint.config.evaluation
    assert card is not None and card.count == COUNT
    found = evaluate(checkpoint.model, open_dataset(card.data, size=64), COUNT, seed=card.seed)
    assert found.reconstruction == pytest.approx(card.reconstruction, rel=1e-3)
    np.testing.assert_allclose(found.kl_per_dimension, card.kl_per_dimension, atol=2e-3)


def test_the_best_model_is_disentangled_and_each_slider_carries_a_factor_of_its_own(dsprites: Dataset) -> None:
    checkpoint = load("dsprites-disentangled")
    assert checkpoint.config.evaluation is not None
    chosen = choose(dsprites, COUNT, seed=0)
    codes = encode_all(checkpoint.model, dsprites, chosen).mean
    result = metrics.mig(codes, dsprites.factors(chosen), seed=0, preset="full")
    assert result.value is not None
    assert result.value >= 0.30
    assert result.value == pytest.approx(checkpoint.config.evaluation.mig, abs=2e-3)
    carriers = dict(zip(dsprites.factor_names or (), result.parts["best_latent"], strict=True))
    assert len({carriers["posX"], carriers["posY"], carriers["scale"]}) == 3


@pytest.mark.slow
def test_the_first_model_has_a_slider_of_its_own_for_each_factor() -> None:
    checkpoint = load("scene-disentangled")
    data = open_dataset("scene")
    chosen = choose(data, COUNT, seed=0)
    codes, factors = encode_all(checkpoint.model, data, chosen).mean, data.factors(chosen)
    gap = metrics.mig(codes, factors, seed=0, preset="full")
    assert gap.value is not None and gap.value >= 0.5
    assert sorted(gap.parts["best_latent"].tolist()) == [0, 1, 2, 3, 4, 5]
    importance = metrics.dci(codes, factors, seed=0, preset="full")
    assert importance.value is not None and importance.value >= 0.85
    sharp = load("scene-beta4").config.evaluation
    known = checkpoint.config.evaluation
    assert known is not None and sharp is not None and known.reconstruction <= sharp.reconstruction + 25
    names = read_labels(checkpoint.path).names
    assert [names[d] for d in range(6)] == ["floor hue", "wall hue", "object hue", "size", "shape", "view"]


def test_each_brings_the_networks_of_its_own_weights_for_the_page() -> None:
    for folder in sorted(paths.PRETRAINED.iterdir()):
        found = {file.name for file in folder.glob("*.onnx")}
        content = describe(folder).content
        assert found == {f"{content}.onnx", f"{content}.encoder.onnx"}, folder.name
        assert content.encode() in (folder / f"{content}.onnx").read_bytes()


@pytest.mark.parametrize(("data", "betas"), [("dsprites", (1, 2, 4, 8, 16)), ("mnist", (1, 4, 16)), ("scene", (1, 4))])
def test_beta_trades_reconstruction_for_kl_at_every_step(data: str, betas: tuple[int, ...]) -> None:
    family = [load(f"{data}-beta{beta}").config for beta in betas]
    told = [TrainConfig.model_validate(c.training).model_dump(exclude={"beta"}) for c in family]
    assert all(recipe == told[0] for recipe in told), "only β differs"
    cards = [config.evaluation for config in family]
    assert all(a.kl > b.kl for a, b in pairwise(cards))
    assert all(a.reconstruction < b.reconstruction for a, b in pairwise(cards))


@pytest.mark.parametrize("name", ["dsprites-any-beta", "scene-any-beta"])
def test_a_model_for_every_beta_walks_down_its_curve(name: str) -> None:
    model = load(name)
    assert model.config.curve is not None and model.config.betas == (0.5, 32)
    data = open_dataset(str((model.config.training or {})["data"]), size=64)
    chosen = choose(data, 1000, seed=1)
    costs = []
    for beta in np.geomspace(0.5, 32, 41).tolist():  # fresh images, 40 steps
        found = evaluate(model.model.at(beta), data, indices=chosen)
        costs.append((beta, found.kl, found.reconstruction, found.kl_per_dimension, found.activity))
    assert all(a[1] > b[1] for a, b in pairwise(costs)), "R falls at each step of β"
    assert all(a[2] < b[2] for a, b in pairwise(costs)), "D rises at each step of β"
    asleep = [costs_at[4] <= 0.01 for costs_at in costs]
    assert all((after | ~before).all() for before, after in pairwise(asleep)), "what has died stays dead"
    for point in model.config.curve:
        between = [c for c in costs if abs(np.log(c[0] / point.beta)) < 1e-6]
        for _, kl, reconstruction, *_ in between:  # other images than the curve's own
            assert kl == pytest.approx(point.rate, rel=0.05)
            assert reconstruction == pytest.approx(point.reconstruction, rel=0.05)


def test_the_constraint_holds_to_the_nats_that_were_chosen() -> None:
    config = load("dsprites-constrained").config
    assert config.training is not None
    assert config.training["objective"] == "constrained"
    assert config.evaluation.kl == pytest.approx(config.training["epsilon"], rel=0.02)


@pytest.mark.parametrize(
    ("beta", "reconstruction", "kl"),
    [(1, 24.6, 27.4), (2, 32.8, 18.8), (4, 49.1, 14.1), (8, 71.8, 9.9), (16, 113.5, 6.5)],
)
def test_a_card_says_why_it_differs_from_the_published_sweep(beta: int, reconstruction: float, kl: float) -> None:
    config = load(f"dsprites-beta{beta}").config
    assert config.evaluation.kl == pytest.approx(kl, rel=0.1)
    assert f"reconstruction {reconstruction} and KL {kl}" in (config.note or "")
    assert "times as many images" in (config.note or "")


DRAWN = [
    folder.name
    for folder in sorted(paths.PRETRAINED.iterdir())
    if DATASETS[source_of(describe(folder).config).name].grid
]


@pytest.mark.parametrize("name", DRAWN)
def test_the_page_measure_opens_with_the_scores_of_a_shipped_model(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path))
    view = selection([name], [describe(paths.PRETRAINED / name)], MeasureState())
    found = view.results()
    again = "a model or the code of its scores has changed: python recipes/ship.py --scores"
    assert view.pending(found) == 0 and len(found[name]) == 16, again
    kept = json.loads((paths.PRETRAINED / name / score_cache.SHIPPED).read_text())
    wanted = {measurement.key_of([view.descriptions[0].hash], view.data, score, view.plan) for score in found[name]}
    assert set(kept) == wanted, again
    assert all(result.value is not None for result in found[name].values())


def test_the_shipped_scores_of_a_model_are_what_is_computed_here(
    dsprites: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path))
    checkpoint = load("dsprites-beta4")
    plan = measurement.Plan(("mig", "modularity", "active_units", "kl_per_dimension", "irs"), "fast")
    shipped = measurement.stored_scores([("it", checkpoint.hash)], dsprites, plan)["it"]
    subject = measurement.Subject("it", checkpoint.hash, lambda: checkpoint.model)
    for name, result in measurement.measure([subject], dsprites, plan, again=True)["it"].items():
        assert shipped[name].value == pytest.approx(result.value, abs=2e-3), name
        if result.interval is not None:
            assert shipped[name].interval == pytest.approx(result.interval, abs=5e-3), name
