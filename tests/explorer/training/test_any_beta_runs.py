"""A run that trains one model for every β of a range, and what comes of it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from pydantic import ValidationError

from explorer.checkpoints import describe, load, save
from explorer.checkpoints.recipe import in_short, price
from explorer.cli import main
from explorer.errors import UserError
from explorer.export.hub import write_hub_folder
from explorer.recipe.run import TrainConfig
from explorer.training import train
from models.any_beta import AnyBetaVAE

RISE = "factors from=1 begin=20% over=20%"
SMALL = {"data": "dsprites", "size": 32, "latents": 4, "batch_size": 64, "learning_rate": 2e-3, "eval_images": 64}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained for a while, long enough that β matters."""
    out = tmp_path_factory.mktemp("any") / "run"
    config = TrainConfig(
        objective="any", beta_low=0.5, beta_high=32, beta_high_schedule=RISE, steps=250, threads=1, **SMALL
    )
    train(config, out)
    return out


def held_out() -> torch.Tensor:
    from explorer.datasets import open_dataset

    data = open_dataset("dsprites", size=32)
    return data.images(torch.arange(0, len(data), len(data) // 300)).float() / 255


def test_the_rate_falls_and_the_distortion_rises_with_beta(trained: Path) -> None:
    images, model = held_out(), load(trained).model
    rates, distortions = [], []
    for beta in (0.5, 2.0, 8.0, 32.0):
        there = model.at(beta)
        posterior = there.encode(images)
        rates.append(posterior.kl().sum(1).mean().item())
        distortions.append(there.nll(posterior.mean, images).mean().item())
    assert rates == sorted(rates, reverse=True) and rates[0] > 1.5 * rates[-1]
    assert distortions == sorted(distortions)


def test_a_name_says_the_beta_and_every_way_leads_to_the_same_numbers(trained: Path) -> None:
    images = held_out()[:20]
    whole = load(trained)
    assert (whole.beta, whole.config.betas) == (4.0, (0.5, 32.0))
    ways = [load(trained, beta=2.0).model, load(f"{trained}@2").model, whole.model.at(2.0)]
    for model in ways:
        assert torch.equal(model.encode(images).mean, ways[0].encode(images).mean)
        assert torch.equal(model.decode(torch.ones(1, 4)), ways[0].decode(torch.ones(1, 4)))
    assert describe(trained).hash == whole.hash != describe(f"{trained}@2").hash
    with pytest.raises(UserError, match="is for β from 0.5 to 32, not 64"):
        load(f"{trained}@64")
    with pytest.raises(UserError, match="was trained for one β"):
        load("dsprites-beta4", beta=2.0)


def test_it_says_what_it_is(trained: Path) -> None:
    config = describe(trained).config
    assert price(config, trained / "checkpoint").words == "every β from 0.5 to 32"
    assert in_short(config) == "Beta-VAE, β = 0.5 to 32, shown at β = 4, trained on dSprites."


def test_at_one_beta_it_is_kept_as_a_plain_model_and_whole_as_what_it_is(trained: Path, tmp_path: Path) -> None:
    images = held_out()[:20]
    save(load(trained).model.at(8.0), tmp_path / "plain")
    plain = load(tmp_path / "plain")
    assert plain.config.betas is None and plain.beta is None
    assert torch.equal(plain.model.encode(images).mean, load(f"{trained}@8").model.encode(images).mean)
    save(load(f"{trained}@8"), tmp_path / "whole")
    again = load(tmp_path / "whole")
    assert again.config.betas == (0.5, 32.0)
    assert torch.equal(again.model.decode(torch.ones(1, 4)), load(trained).model.decode(torch.ones(1, 4)))


def test_it_starts_from_a_plain_model_as_that_model(tmp_path: Path) -> None:
    source = load("dsprites-beta1").model
    config = TrainConfig(
        start="dsprites-beta1", objective="any", steps=1, data="dsprites", learning_rate=1e-9, threads=1
    )
    train(config, tmp_path / "run")
    found = load(tmp_path / "run")
    assert isinstance(found.model.source, AnyBetaVAE)
    z = torch.ones(1, 10)
    for beta in (0.5, 32.0):
        torch.testing.assert_close(found.model.at(beta).decode(z), source.decode(z), atol=1e-4, rtol=0)


def test_a_shell_trains_one_and_reads_it_at_any_beta(trained: Path, tmp_path: Path) -> None:
    shell = CliRunner()
    out = str(tmp_path / "run")
    small = ["--size", "32", "--steps", "2", "--eval-images", "20", "--out", out]
    made = shell.invoke(main, ["train", "--beta-range", "1", "16", *small])
    assert made.exit_code == 0, made.output
    assert describe(out).config.betas == (1.0, 16.0)
    told = [
        shell.invoke(main, ["evaluate", *words, "--count", "60"]).output.split("\n", 1)[1]
        for words in ([f"{trained}@2"], [str(trained), "--beta", "2"], [str(trained), "--beta", "20"])
    ]
    assert told[0] == told[1] != told[2]
    wrong = shell.invoke(main, ["evaluate", str(trained), "--beta", "99"])
    assert wrong.exit_code != 0 and "is for β from 0.5 to 32, not 99" in str(wrong.output) + str(wrong.exception)


def test_a_range_the_wrong_way_round_is_a_sentence() -> None:
    with pytest.raises(ValidationError, match="the lowest β, 8, must be below the highest, 2"):
        TrainConfig(objective="any", beta_low=8, beta_high=2, beta_high_schedule="constant")


def test_a_network_that_beta_cannot_move_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="can't be trained for every β"):
        train(TrainConfig(objective="any", network="linear", **SMALL | {"steps": 2}), tmp_path / "run")


def test_what_is_given_away_is_the_plain_model_of_one_beta(trained: Path, tmp_path: Path) -> None:
    made = write_hub_folder(load(f"{trained}@8"), tmp_path / "given")
    found = load(made)
    assert found.config.betas is None and found.config.note is not None and "At β = 8 of run" in found.config.note
    z = torch.ones(3, 4)
    assert torch.equal(found.model.decode(z), load(f"{trained}@8").model.decode(z))
    program = runpy.run_path(str(made / "modeling.py"))
    torch.testing.assert_close(program["load"]().decode(z), found.model.decode(z))


def test_a_run_of_one_beta_starts_from_the_plain_model_of_a_beta(trained: Path, tmp_path: Path) -> None:
    config = TrainConfig(start=f"{trained}@8", beta=8.0, **SMALL | {"steps": 1, "learning_rate": 1e-9, "threads": 1})
    train(config, tmp_path / "run")
    found = load(tmp_path / "run")
    assert found.config.betas is None
    z = torch.ones(2, 4)
    torch.testing.assert_close(found.model.decode(z), load(f"{trained}@8").model.decode(z), atol=1e-4, rtol=0)
