"""Every setting of a run does what it says, or is refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from explorer.training import TrainConfig, train
from explorer.training.directory import RunDirectory
from explorer.training.loop import learning_rate
from explorer.training.sampling import Batches


def tiny(**more: Any) -> TrainConfig:
    settings = {
        "data": "dsprites",
        "size": 32,
        "steps": 6,
        "batch_size": 8,
        "eval_images": 8,
        "log_every": 1,
        "eval_every": 3,
    }
    return TrainConfig.model_validate(settings | more)


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "beta", "beta_schedule": "linear over=3"},
        {"objective": "beta", "beta_schedule": "cyclical"},
        {"objective": "beta", "beta_schedule": "factors from=100 over=3"},
        {"objective": "constrained", "epsilon": 3},
        {"objective": "capacity", "capacity": 2, "gamma_schedule": "sigmoid"},
        {"objective": "tc", "beta": 6},
        {"likelihood": "gaussian", "sigma": 0.2},
        {"likelihood": "optimal-gaussian"},
        {"precision": "bfloat16"},
        {"objective": "tc", "beta_schedule": "stages 1:2 x0.5:80%"},
        {"clip": 1.0, "rate_schedule": "cosine to=x0.05 begin=50%"},
        {"network": "burgess"},
        {"network": "locatello", "size": 64},
        {"network": "mlp", "size": 28},
        {"data": "scene", "size": 32, "latents": 3},
        {"images": 30, "steps": 999},
    ],
    ids=lambda settings: "-".join(str(v) for v in settings.values()),
)
def test_each_kind_of_run_trains_and_logs_what_it_did(settings: dict[str, Any], tmp_path: Path) -> None:
    config = tiny(**settings)
    checkpoint = train(config, tmp_path / "run")
    run = RunDirectory(tmp_path / "run")
    records = list(run.metrics())
    trained = [r for r in records if r["kind"] == "train"]
    assert [r["step"] for r in trained] == list(range(1, config.total_steps + 1))
    for record in trained:
        assert len(record["kl_per_dimension"]) == config.latents
        assert record["kl"] == pytest.approx(sum(record["kl_per_dimension"]), rel=1e-4)
    evaluated = [r for r in records if r["kind"] == "eval"]
    assert evaluated[-1]["step"] == config.total_steps
    assert evaluated[-1].keys() >= {"reconstruction", "kl", "kl_per_dimension", "active_units"}
    assert run.state().current_status == "finished"
    assert checkpoint.config.evaluation is not None
    assert json.loads((run.path / "config.json").read_text())["data"] == config.data


def test_the_schedule_of_beta_is_what_the_log_shows(tmp_path: Path) -> None:
    train(tiny(objective="beta", beta=8, beta_schedule="linear over=4"), tmp_path / "run")
    records = [r for r in RunDirectory(tmp_path / "run").metrics() if r["kind"] == "train"]
    assert [r["beta"] for r in records] == [0, 2, 4, 6, 8, 8]


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_rate_holds_then_comes_down_to_its_end(schedule: str) -> None:
    config = tiny(steps=1000, rate_schedule=f"{schedule} to=x0.1 begin=50%", learning_rate=1.0)
    rates = [learning_rate(config, step) for step in range(1001)]
    assert rates[:501] == [1.0] * 501
    assert rates[1000] == pytest.approx(0.1)
    assert rates == sorted(rates, reverse=True)


@given(st.integers(8, 200), st.integers(0, 5), st.integers(0, 100))
def test_every_epoch_shows_each_image_once_at_most(size: int, epoch: int, seed: int) -> None:
    config = tiny(seed=seed)
    per_epoch = size // 8
    steps = range(epoch * per_epoch, (epoch + 1) * per_epoch)
    batches = Batches(config, torch.arange(size))
    seen = [int(i) for step in steps for i in batches.at(step)]
    assert len(seen) == len(set(seen)) == per_epoch * 8
    assert set(seen) <= set(range(size))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"objective": "tc", "warmup": "linear"}, "warmup_steps"),
        ({"beta": 0, "beta_schedule": "factors from=3"}, "beta 0: .* by factors"),
        ({"beta_schedule": "wavy"}, "no schedule 'wavy'; there are constant, linear"),
        ({"beta_schedule": "linear until=5"}, "linear takes from=, to=, begin=, over=, not 'until=5'"),
        ({"beta_schedule": "linear over=5 over=6"}, "over stands twice"),
        ({"beta_schedule": "linear over=0"}, "over=0"),
        ({"beta_schedule": "linear over=120%"}, "120% is no place"),
        ({"beta_schedule": "linear from=-1"}, "-1 is no level"),
        ({"rate_schedule": "stages"}, "stages need levels"),
        ({"rate_schedule": "stages 1e-3"}, "is no stage"),
        ({"steps": 100, "beta_schedule": "stages 1:50% 2:40"}, "don't follow one another"),
        ({"objective": "capacity", "warmup": "linear", "warmup_steps": 5}, "warmup linear"),
        ({"images": 10**18}, "images must come to at most"),
        ({"root": "~no-such-person/x"}, "root"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_by_name(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        TrainConfig.model_validate(settings)


def test_every_setting_can_be_given_as_the_text_of_a_command_line() -> None:
    for name, value in tiny(channels=1, clip=1.0, threads=2, root="/data").model_dump().items():
        if value is not None and not isinstance(value, bool):
            assert getattr(TrainConfig.model_validate({name: str(value)}), name) == value


def test_a_place_given_as_a_path_is_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert TrainConfig(root=Path("photos")).root == str(tmp_path / "photos")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beta", float("nan")),
        ("beta", -1),
        ("beta", "x"),
        ("latents", 0),
        ("latents", 1e9),
        ("steps", 0),
        ("batch_size", 0),
        ("learning_rate", 0),
        ("learning_rate", float("inf")),
        ("size", 0),
        ("channels", 2),
        ("network", "x"),
        ("objective", "x"),
        ("epsilon", -1),
        ("seed", -1),
        ("device", "tpu"),
        ("clip", 0),
        ("precision", "int8"),
        ("sigma", 0),
        ("unheard_of", 1),
    ],
)
def test_a_setting_that_can_not_be_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=name):
        TrainConfig.model_validate({name: value})
