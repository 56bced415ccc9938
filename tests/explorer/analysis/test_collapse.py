"""A run or a model whose latents carry nothing says so, with what helps, and no other does."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from explorer.analysis import blank
from explorer.analysis.collapse import tells_nothing, verdict, verdict_of_run
from explorer.analysis.evaluation import evaluate
from explorer.checkpoints import CheckpointConfig, ModelConfig, load, save
from explorer.checkpoints.store import build_model
from explorer.cli import main
from explorer.datasets import ArrayDataset, open_dataset
from explorer.training import TrainConfig
from explorer.training.log_reader import LogReader
from models import likelihoods

FEW = ["--size", "32", "--latents", "3", "--batch-size", "32", "--eval-images", "64", "--threads", "1"]


def shell(*arguments: str) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def collapsed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run whose β is far too large, and what the shell said at its end."""
    out = tmp_path_factory.mktemp("runs") / "pressed"
    arguments = ["--beta", "100000", "--steps", "160", "--log-every", "10", "--eval-every", "80"]
    return out, shell("train", *FEW, *arguments, "--out", str(out))


def test_the_end_of_training_says_that_the_run_has_collapsed_and_what_helps(collapsed: tuple[Path, str]) -> None:
    out, said = collapsed
    assert "the run has collapsed: no latent carries information, KL 0.0" in said
    assert "What helps: a lower β than 100000; a schedule" in said


def test_an_evaluation_says_it_and_an_untrained_model_is_not_taken_for_a_collapsed_one(
    collapsed: tuple[Path, str], tmp_path: Path
) -> None:
    out, _ = collapsed
    arguments = ["--count", "100"]
    assert "it has collapsed: no latent carries information: KL 0.0" in shell("evaluate", str(out), *arguments)
    told = json.loads(shell("evaluate", str(out), *arguments, "--json"))["collapse"]
    assert told["kind"] == "collapsed" and "What helps" in told["words"]
    # The same model before training, with an encoder that says nothing.
    torch.manual_seed(0)
    fresh = build_model(load(str(out)).config.model)
    last = [m for m in fresh.network.encoder.modules() if hasattr(m, "weight")][-1]
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.zero_()
    save(fresh, tmp_path / "fresh", training={"data": "dsprites", "objective": "beta", "beta": 4.0})
    told = json.loads(shell("evaluate", str(tmp_path / "fresh"), *arguments, "--json"))["collapse"]
    assert told["kind"] == "untrained" and "it is untrained, was read wrongly" in told["words"]
    assert "What helps" not in told["words"]


def test_a_model_whose_latents_are_awake_hears_nothing() -> None:
    found = json.loads(shell("evaluate", "dsprites-beta16", "--count", "50", "--json"))
    assert found["collapse"] is None
    for name in ("dsprites-beta1", "mnist-beta16", "scene-beta4"):
        config = load(name).config
        assert config.evaluation is not None
        assert verdict(config.evaluation, config) is None


def test_where_images_are_missing_an_import_is_left_open() -> None:
    config = CheckpointConfig(network="compact", shape=(1, 32, 32), latents=3)
    evaluation = load("dsprites-beta4").config.evaluation
    assert evaluation is not None
    nothing = evaluation.model_copy(update={"kl": 0.001, "active_units": 0})
    found = verdict(nothing, config)
    assert found is not None and found.kind == "unclear"
    known = config.model_copy(update={"training": {"objective": "capacity", "capacity": 0.5}})
    found = verdict(nothing, known)
    assert found is not None and found.kind == "collapsed" and "a C above 0.5 nats" in found.helps


@pytest.mark.parametrize(
    ("kl", "units", "activity", "variance", "nothing"),
    [
        (0.0, 0, [0, 0], [1, 1], True),
        (0.05, 1, [0.02, 0], [1, 1], True),  # at most 0.05 nats can be told
        (12.0, 3, [1, 1], [0.1, 0.1], False),
        (9.0, 0, [1e-9, 1e-9], [0.01, 0.01], True),  # the posterior is narrow, and the same for every image
        (9.0, 0, [0.005, 0.005], [1e-5, 1e-5], False),  # means move little, but the noise is far less
        (math.nan, 0, [0, 0], [1, 1], False),
    ],
)
def test_the_rule(kl: float, units: int, activity: list[float], variance: list[float], nothing: bool) -> None:
    assert tells_nothing(kl, units, activity, variance) == nothing


def records(*kls: float, step: int = 100) -> list[dict[str, Any]]:
    return [{"kind": "train", "step": step * (i + 1), "kl": kl} for i, kl in enumerate(kls)]


def test_a_run_that_may_still_wake_is_only_asleep() -> None:
    fell = records(8.0, 0.4, 0.02, 0.01, 0.0, 0.0, 0.0, 0.0)
    usual = TrainConfig().model_dump()
    found = verdict_of_run(fell, [], usual, 1000, finished=False)
    assert found is not None and found.kind == "collapsed"
    assert "collapsed so far" in found.words and "from 8.00 at step 100" in found.words
    for settings, why in (
        ({"beta_schedule": "factors from=100 over=900"}, "while β still falls"),
        ({"objective": "capacity"}, "while C still rises"),
        ({"objective": "constrained"}, "while β still comes down"),
    ):
        found = verdict_of_run([*fell[:-3]], [], usual | settings, 1000, finished=False)
        assert found is not None and found.kind == "asleep" and why in found.words
        found = verdict_of_run(fell, [], usual | settings, 800, finished=True)
        assert found is not None and found.kind == "collapsed"
    early = verdict_of_run(fell, [], usual, 100_000, finished=False)
    assert early is not None and early.kind == "asleep" and "usual early in a run" in early.words
    woken = [*fell, *({"step": 900 + 10 * i, "kl": 3.0} for i in range(5))]
    assert verdict_of_run(woken, [], usual, 1000, finished=True) is None
    held_out = [{"kind": "eval", "step": 800, "kl": 6.0, "active_units": 3}]
    assert verdict_of_run(fell, held_out, usual, 1000, finished=True) is None
    assert verdict_of_run([], [], usual, 1000, finished=False) is None
    damaged: list[dict[str, Any]] = [{"step": 10, "kl": "x"}, {"kl": 1.0}, {"step": 20, "kl": None}]
    assert verdict_of_run(damaged, damaged, usual, 1000, finished=True) is None


def test_the_log_of_a_run_is_judged_as_it_lies(collapsed: tuple[Path, str]) -> None:
    log = LogReader(collapsed[0] / "metrics.jsonl")
    log.read()
    found = verdict_of_run(log.records("train"), log.records("eval"), TrainConfig(beta=1e5).model_dump(), 160, True)
    assert found is not None and found.kind == "collapsed"


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_cost_of_the_mean_image_is_what_the_likelihood_itself_says_of_it(likelihood: str) -> None:
    generator = np.random.default_rng(0)
    pixels = torch.from_numpy(generator.integers(0, 256, (300, 1, 8, 8), dtype=np.uint8))
    data = ArrayDataset("noise", pixels, "noise")
    model = build_model(ModelConfig(network="mlp", shape=(1, 8, 8), latents=2, likelihood=likelihood, sigma=0.3))
    mean_cost, grey_cost = blank.blank_costs(model, data)
    images = pixels.double() / 255
    own = likelihoods.build(likelihood, {"sigma": 0.3})
    for cost, picture in ((mean_cost, images.mean(0)), (grey_cost, torch.full((1, 8, 8), 0.5))):
        raw = torch.logit(picture.double()) if likelihood == "bernoulli" else picture.double()
        assert cost == pytest.approx(float(own.nll(raw.expand(300, 1, 8, 8), images).mean()), rel=1e-9)


def test_a_trained_decoder_without_a_code_comes_near_the_mean_image(collapsed: tuple[Path, str]) -> None:
    checkpoint = load(str(collapsed[0]))
    data = open_dataset("dsprites", size=32)
    mean, grey = blank.blank_costs(checkpoint.model, data, 200)
    found = evaluate(checkpoint.model, data, 200)
    assert mean < found.reconstruction < mean + 0.25 * (grey - mean)
