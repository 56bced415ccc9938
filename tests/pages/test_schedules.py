"""The schedules of a new run's numbers, chosen and told on the page Train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from explorer.training import TrainConfig, train
from explorer.ui.train.run_cache import run_curves
from explorer.ui.train.state import TrainState

from .conftest import Opener, said, tiny
from .test_train import PAGE


def box(at: AppTest, label: str) -> Any:
    return next(field for field in [*at.selectbox, *at.text_input] if field.label == label)


def asked(at: AppTest, name: str) -> str:
    value = at.query_params[name]
    return value[0] if isinstance(value, list) else value


def test_a_schedule_is_chosen_detailed_and_told(open_app: Opener) -> None:
    at = open_app(PAGE)
    labels = [field.label for field in at.text_input]
    assert "From" not in labels  # β is constant, and has no details
    box(at, "Schedule of β").set_value("linear").run()
    assert "β rising from 0 over the whole run." in said(at)
    box(at, "Over").set_value("5000").run()
    box(at, "From").set_value("x0.1").run()
    assert not at.exception
    assert asked(at, "beta_schedule") == "linear from=x0.1 over=5000"
    assert "β rising from 0.4 over 5,000 steps." in said(at)
    assert "'--beta-schedule=linear from=x0.1 over=5000'" in " ".join(code.value for code in at.code)


def test_a_detail_that_can_not_be_is_said_and_the_run_stays_as_it_was(open_app: Opener) -> None:
    at = open_app(PAGE, beta_schedule="cyclical cycles=3")
    box(at, "Cycles").set_value("0").run()
    assert not at.exception
    assert "cycles must be a whole number from 1 to 1000" in " ".join(e.value for e in at.warning).replace("\\", "")
    assert asked(at, "beta_schedule") == "cyclical cycles=3"


def test_stages_and_the_schedule_of_the_rate_are_told_in_words(open_app: Opener) -> None:
    at = open_app(PAGE, objective="capacity", capacity="20", rate_schedule="cosine to=x0.05 begin=50%")
    assert "C rising from 0 over 70 % of the run." in said(at)
    assert "The learning rate falling to 5e-05 from 50 % of the run on along a cosine." in said(at)
    box(at, "Schedule of γ").set_value("stages").run()
    box(at, "Stages of γ").set_value("10:1000 x2:50%").run()
    assert not at.exception
    assert "γ in stages: 10 until step 1,000, 200 until 50 % of the run, then 100." in said(at)
    assert asked(at, "gamma_schedule") == "stages 10:1000 x2:50%"


def test_a_link_of_an_older_version_shows_its_schedule(open_app: Opener) -> None:
    at = open_app(PAGE, warmup="falling", warmup_steps="900", beta_start="50")
    assert not at.exception and not at.warning
    assert box(at, "Schedule of β").value == "factors"
    assert (box(at, "From").value, box(at, "Over").value) == ("50", "900")


def test_what_moves_is_drawn_on_one_clock(tmp_path: Path) -> None:
    settings = {"steps": 6, "objective": "capacity", "gamma_schedule": "linear from=1", "rate_schedule": "linear to=0"}
    config = tiny(**settings)
    train(config, tmp_path / "run")
    found = run_curves(tmp_path / "run", config)
    drawn = {trace.name: list(trace.y) for trace in found.schedule.data}
    assert set(drawn) == {"C", "KL", "γ", "learning rate"}
    assert drawn["γ"][0] == 1 and drawn["γ"] == sorted(drawn["γ"])
    assert drawn["learning rate"][0] == 1e-3 and drawn["learning rate"] == sorted(drawn["learning rate"], reverse=True)
    plain = tiny(objective="capacity", capacity_schedule="constant")
    train(plain, tmp_path / "plain")
    assert {trace.name for trace in run_curves(tmp_path / "plain", plain).schedule.data} == {"C", "KL"}


def test_the_draft_of_a_run_says_its_schedules() -> None:
    state = TrainState(settings={"beta_schedule": "factors from=100 over=50%"})
    assert state.config().schedules["beta"].at(4.0, 0, 100) == 100
    assert TrainConfig.model_validate(state.config().model_dump()) == state.config()
