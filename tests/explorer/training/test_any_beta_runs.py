"""A run that trains one model for every β of a range, and what comes of it."""

from __future__ import annotations

import json
import math
import re
import runpy
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from pydantic import ValidationError

from explorer.analysis.evaluation import evaluate
from explorer.checkpoints import describe, load, save
from explorer.checkpoints.recipe import in_short, price
from explorer.cli import main
from explorer.datasets import open_dataset
from explorer.errors import UserError
from explorer.export.hub import write_hub_folder
from explorer.export.onnx import decoder_onnx, encoder_onnx
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
    assert in_short(config) == "Beta-VAE, β = 0.5 to 32, trained on dSprites."


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


def test_its_curve_is_measured_at_the_end_and_read_between_its_points(trained: Path) -> None:
    whole = load(trained)
    curve = whole.config.curve
    assert curve is not None and (curve[0].beta, curve[-1].beta) == (0.5, 32.0)
    rates = [point.rate for point in curve]
    assert rates == sorted(rates, reverse=True)
    told = whole.config.evaluation
    assert told is not None
    data = open_dataset("dsprites", size=32)
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))
    found = evaluate(whole.model.at(curve[7].beta), data, indices=order[:64])  # the held-out images
    assert curve[7].rate == pytest.approx(found.kl, rel=1e-6)
    assert curve[7].reconstruction == pytest.approx(found.reconstruction, rel=1e-6)
    here = describe(f"{trained}@{curve[7].beta!r}").evaluation
    assert here is not None and here.kl == pytest.approx(curve[7].rate) and here.count == told.count
    middle = describe(trained).at(math.sqrt(curve[3].beta * curve[4].beta)).evaluation
    assert middle is not None and middle.kl == pytest.approx((curve[3].rate + curve[4].rate) / 2)
    listed = (trained / "checkpoint" / "README.md").read_text()
    assert f"| 32 | {curve[-1].reconstruction:.2f} | {curve[-1].rate:.2f} |" in listed


def test_a_curve_that_can_not_be_is_refused(trained: Path, tmp_path: Path) -> None:
    spoils: list[tuple[Callable[[dict[str, Any]], object], str]] = [
        (lambda c: c["curve"].reverse(), "don't rise"),
        (lambda c: c["curve"][3]["kl_per_dimension"].pop(), "has not 4 values at β = 0.84"),
        (lambda c: c["curve"][3].update(beta=1e3), "don't rise"),
        (lambda c: c.pop("betas"), "has a curve over β, and was trained for one"),
    ]
    for spoil, why in spoils:
        shutil.copytree(trained / "checkpoint", tmp_path / "spoilt", dirs_exist_ok=True)
        config = json.loads((tmp_path / "spoilt" / "config.json").read_text())
        spoil(config)
        (tmp_path / "spoilt" / "config.json").write_text(json.dumps(config))
        with pytest.raises(UserError, match=re.escape(why)):
            describe(tmp_path / "spoilt")


def test_for_the_page_it_is_exported_with_beta_as_an_input_and_for_others_as_a_plain_model(trained: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    at_two = load(f"{trained}@2")
    images, z = held_out()[:3], torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    made = decoder_onnx(at_two, every_beta=True), encoder_onnx(at_two, every_beta=True)
    decoder, encoder = (onnxruntime.InferenceSession(part) for part in made)
    assert at_two.content.encode() in made[0]
    for beta in (0.5, 2.0, 17.3, 32.0):
        there, log_beta = at_two.model.at(beta), np.log([beta]).astype(np.float32)
        pixels = decoder.run(["images"], {"z": z.numpy(), "log_beta": log_beta})[0]
        assert np.abs(pixels - there.decode(z).numpy()).max() < 1e-5
        mean, log_var = encoder.run(["mean", "log_var"], {"images": images.numpy(), "log_beta": log_beta})
        posterior = there.encode(images)
        assert np.abs(mean - posterior.mean.numpy()).max() < 1e-4
        assert np.abs(log_var - posterior.log_var.numpy()).max() < 1e-4
    plain = onnxruntime.InferenceSession(decoder_onnx(at_two))
    assert [given.name for given in plain.get_inputs()] == ["z"]
    assert np.abs(plain.run(None, {"z": z.numpy()})[0] - at_two.model.decode(z).numpy()).max() < 1e-5


def test_a_shell_exports_the_plain_model_of_a_beta(trained: Path, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    out = tmp_path / "two.onnx"
    made = CliRunner().invoke(main, ["export", f"{trained}@2", "--to", "onnx", "--out", str(out)])
    assert made.exit_code == 0, made.output
    session, z = onnxruntime.InferenceSession(out), torch.ones(1, 4)
    assert session.get_modelmeta().custom_metadata_map["beta"] == "2"
    wanted = load(f"{trained}@2").model.decode(z).numpy()
    assert np.abs(session.run(None, {"z": z.numpy()})[0] - wanted).max() < 1e-5


def test_a_run_for_another_range_starts_from_the_plain_model(trained: Path, tmp_path: Path) -> None:
    small = SMALL | {"steps": 1, "learning_rate": 1e-9, "threads": 1}
    train(TrainConfig(start=f"{trained}@8", objective="any", beta_low=1, beta_high=8, **small), tmp_path / "run")
    found = load(tmp_path / "run")
    assert found.config.betas == (1.0, 8.0)
    assert "its range is another" in (tmp_path / "run" / "log.txt").read_text()
    z = torch.ones(2, 4)
    torch.testing.assert_close(found.model.decode(z), load(f"{trained}@8").model.decode(z), atol=1e-4, rtol=0)


def test_a_card_tells_the_command_that_trains_it(tmp_path: Path) -> None:
    config = TrainConfig(start="dsprites-beta1", objective="any", steps=1, data="dsprites", eval_images=64, threads=1)
    train(config, tmp_path / "run")
    card = (tmp_path / "run" / "checkpoint" / "README.md").read_text()
    command = next(line for line in card.splitlines() if line.startswith("python -m explorer train"))
    words = shlex.split(command)[3:]
    made = CliRunner().invoke(main, [*words[:-1], str(tmp_path / "again")])
    assert made.exit_code == 0, made.output
    assert describe(tmp_path / "again").hash == describe(tmp_path / "run").hash


def test_a_run_of_one_beta_starts_from_the_plain_model_of_a_beta(trained: Path, tmp_path: Path) -> None:
    config = TrainConfig(start=f"{trained}@8", beta=8.0, **SMALL | {"steps": 1, "learning_rate": 1e-9, "threads": 1})
    train(config, tmp_path / "run")
    found = load(tmp_path / "run")
    assert found.config.betas is None
    z = torch.ones(2, 4)
    torch.testing.assert_close(found.model.decode(z), load(f"{trained}@8").model.decode(z), atol=1e-4, rtol=0)
