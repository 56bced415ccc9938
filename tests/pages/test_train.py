"""The page Train without a browser: the form, its link, what is launched, and what is said of runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st

from explorer import launch, paths
from explorer.training import TrainConfig, train
from explorer.training.directory import RunDirectory
from explorer.ui.train import launch as train_launch
from explorer.ui.train import run_cache as train_cached
from explorer.ui.train import runs as train_list
from explorer.ui.train import watch as train_watch
from explorer.ui.train.state import check_value

from .conftest import Opener, said, tiny

PAGE = "pages/train.py"


pytestmark = pytest.mark.usefixtures("nothing_is_measured_or_started")


def test_the_form_teaches_and_launches_one_run_however_often_its_button_comes(
    open_app: Opener, nothing_is_measured_or_started: list[tuple[Path, bool]]
) -> None:
    at = open_app(PAGE)
    assert not at.exception and not at.error
    assert "shape (3), scale (6), orientation (40), posX (32), posY (32)" in said(at)
    at.segmented_control(key="train.objective").set_value("capacity").run()
    assert at.query_params["objective"] == "capacity"
    assert "|\\mathrm{KL} - C(t)|" in at.latex[0].value
    at.number_input(key="train.capacity").set_value(7.5).run()
    token = at.session_state["train.token"]
    at.button(key="train.launch").click().run()
    assert not at.exception
    assert at.query_params["run"] == "dsprites-C7.5"
    config = launch.find("dsprites-C7.5").config()
    assert (config.objective, config.capacity) == ("capacity", 7.5)
    assert "running" in said(at)
    assert token != at.session_state["train.token"]  # a second click of the same button is spent
    assert len(nothing_is_measured_or_started) == 1


def test_no_choice_can_be_emptied(open_app: Opener) -> None:
    """Streamlit lets a person clear a selectbox that stands on an option of None, from its second run on."""
    at = open_app(PAGE).run()
    assert not at.exception
    assert at.selectbox(key="train.channels").value == ""
    assert all(box.proto.HasField("default") for box in at.selectbox)


def test_a_click_that_another_one_overtakes_starts_its_run_and_shows_it(
    open_app: Opener, overtaken: Callable[[], None], nothing_is_measured_or_started: list[tuple[Path, bool]]
) -> None:
    at = open_app(PAGE)
    overtaken()
    at.segmented_control(key="train.objective").set_value("capacity").run()
    assert at.query_params["objective"] == "capacity"
    overtaken()
    at.button(key="train.launch").click().run()
    assert not at.exception and at.query_params["run"] == "dsprites-C25"
    assert "running" in said(at) and len(nothing_is_measured_or_started) == 1


def test_a_spent_button_starts_nothing(
    nothing_is_measured_or_started: list[tuple[Path, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer.ui.train import session as train_session

    monkeypatch.setattr(train_session, "spend", lambda token, seen=set(): not (token in seen or seen.add(token)))
    monkeypatch.setattr(train_session, "put", lambda **values: None)
    monkeypatch.setattr(train_session, "retell", lambda: None)
    for _ in range(3):
        train_launch.launched("the same", None)
    assert len(nothing_is_measured_or_started) == 1


def test_every_click_gets_a_run_of_its_own(
    nothing_is_measured_or_started: list[tuple[Path, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer.ui.train import session as train_session

    monkeypatch.setattr(train_session, "spend", lambda token: True)
    monkeypatch.setattr(train_session, "put", lambda **values: None)
    for _ in range(3):
        train_launch.launched("", None)
    names = sorted(path.name for path, _ in nothing_is_measured_or_started)
    assert names == ["dsprites-beta4", "dsprites-beta4-2", "dsprites-beta4-3"]


def test_of_two_clicks_for_the_same_free_name_the_slower_gets_the_next(
    nothing_is_measured_or_started: list[tuple[Path, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer.ui.train import session as train_session

    monkeypatch.setattr(train_session, "spend", lambda token: True)
    monkeypatch.setattr(train_session, "put", lambda **values: None)
    known = iter(["taken", "taken", "taken-2"])  # what was free when each looked
    monkeypatch.setattr(launch, "free_run_name", lambda name: next(known))
    for _ in range(2):
        train_launch.launched("", None)
    names = [path.name for path, _ in nothing_is_measured_or_started]
    assert names == ["taken", "taken-2"]


def test_a_name_that_is_taken_is_said_before_the_click(open_app: Opener) -> None:
    (paths.runs() / "mine").mkdir(parents=True)
    at = open_app(PAGE, name="mine", size="32")
    assert "There is a run 'mine' already" in said(at)
    assert at.button(key="train.launch").disabled


@pytest.mark.parametrize(
    "typed, called",
    [("fashion sweep", "fashion-sweep"), (" β = 4, long ", "β=4-long"), ("../../etc", "etc"), ("größer/2", "größer-2")],
)
def test_a_name_is_made_from_what_was_typed(
    typed: str, called: str, open_app: Opener, nothing_is_measured_or_started: list[tuple[Path, bool]]
) -> None:
    at = open_app(PAGE, name=typed)
    assert f"It will be called {called}." in said(at).replace("\\", "")
    at.button(key="train.launch").click().run()
    assert [path.name for path, _ in nothing_is_measured_or_started] == [called]


def test_a_job_is_resumed_with_what_it_asked_the_cluster_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = launch.SlurmJob(partition="gpu", gpus=1, minutes=7)
    run = RunDirectory(paths.runs() / "job")
    run.path.mkdir(parents=True)
    run.write_state(status="stopped", step=1, steps=3)
    launch.Launch(where="slurm", job="12", asked=asked, at=1.0).write(run)
    given = []
    monkeypatch.setattr(launch, "has_slurm", lambda: True)
    monkeypatch.setattr(launch, "resume", lambda run, job: given.append(job))
    train_list.resume(run)
    assert given == [asked]


ADDRESSES = [
    ({"beta": "-1"}, "beta: must be at least 0"),
    ({"beta": "nan"}, "finite"),
    ({"steps": "1e99"}, "steps"),
    ({"bogus": "1"}, "'bogus', which is no setting"),
    ({"download": "true"}, "'download', which is no setting"),
    ({"vary": "data"}, "vary is 'data', not one of beta, epsilon, capacity"),
    ({"name": "../../etc"}, "it will be called etc"),
    ({"name": "/../"}, "the name of a run is made of letters"),
    ({"data": "nothing"}, "there is no data set 'nothing'"),
    ({"objective": "tc", "batch_size": "2"}, "batch_size must be at least 3"),
    ({"vary": "beta"}, "the list of β is empty"),
    ({"vary": "beta", "values": "1 x"}, "beta: must be a number"),
    ({"vary": "beta", "values": " ".join(map(str, range(60))), "seeds": "1 2"}, "120 runs are more than"),
    ({"network": "locatello", "size": "32"}, "locatello takes square images of 64 pixels, not images of 32 pixels"),
    ({"data": "folder"}, "give the folder"),
    ({"run": "nowhere"}, "There is no run 'nowhere'"),
    ({"run": "../../x"}, "There is no run"),
    ({"name": "x" * 600}, "longer than the 500"),
]


def test_what_an_address_can_not_have_is_said_and_the_page_stands(open_app: Opener) -> None:
    at = open_app(PAGE)
    for params, sentence in ADDRESSES:
        for name in list(at.query_params):
            del at.query_params[name]
        for name, value in params.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception, params
        assert sentence.lower() in said(at).lower(), params


def test_a_run_made_in_a_shell_is_here_with_its_numbers_curves_and_pictures(open_app: Opener) -> None:
    train(tiny(steps=6), paths.runs() / "shell")
    at = open_app(PAGE)
    assert any("shell" in str(link.proto.label) for link in at.get("page_link"))
    at = open_app(PAGE, run="shell")
    assert not at.exception and not at.error
    assert "finished" in said(at) and "step 6 of 6" in said(at)
    charts = at.get("plotly_chart")
    assert len(charts) == 3
    axes = [json.loads(chart.proto.spec)["layout"]["xaxis"]["range"] for chart in charts]
    assert axes == [[0, 6]] * 3  # one clock, which ends where the run is
    kl = json.loads(charts[1].proto.spec if "z0" in charts[1].proto.spec else charts[2].proto.spec)
    records = [r for r in RunDirectory(paths.runs() / "shell").metrics() if r["kind"] == "train"]
    newest = {trace["name"]: trace["y"][-1] for trace in kl["data"] if isinstance(trace["y"], list)}
    assert len(newest) == 3
    for dimension, value in enumerate(records[-1]["kl_per_dimension"]):
        assert newest[f"z{dimension}"] == pytest.approx(value, abs=1e-5)
    assert "held-out images, reconstructed" in said(at)


@pytest.mark.parametrize("message", ["No space left on device", "a <b>bad</b> *thing* :smile: happened"])
def test_why_a_run_failed_is_read_as_it_was_written(open_app: Opener, message: str) -> None:
    run = RunDirectory(paths.runs() / "failed")
    run.path.mkdir(parents=True)
    (run.path / "config.json").write_text(tiny().model_dump_json())
    run.write_state(status="failed", step=2, steps=3, message=message)
    at = open_app(PAGE, run="failed")
    assert not at.exception
    assert len(at.error) == 1 and message.split()[0] in at.error[0].value
    assert "<b>" not in at.error[0].value.replace("\\<b\\>", "")
    at.button(key="train.resume").click().run()
    assert "running" in said(at)


def test_a_torn_state_and_a_torn_config_are_said_and_the_list_stands(open_app: Opener) -> None:
    for name, file in (("one", "state.json"), ("two", "config.json")):
        run = RunDirectory(paths.runs() / name)
        run.path.mkdir(parents=True)
        (run.path / "config.json").write_text(tiny().model_dump_json())
        run.write_state(status="stopped", step=2, steps=3)
        (run.path / file).write_text("{")
    at = open_app(PAGE)
    assert not at.exception and len(at.get("page_link")) >= 2
    for name in ("one", "two"):
        at = open_app(PAGE, run=name)
        assert not at.exception and "is not JSON" in said(at)


def test_restart_with_changes_fills_the_form(open_app: Opener) -> None:
    train(tiny(objective="constrained", epsilon=9.5), paths.runs() / "first")
    at = open_app(PAGE, run="first")
    at.button(key="train.restart").click().run()
    assert not at.exception
    assert [box.value for box in at.number_input if box.label == "ε in nats"] == [9.5]
    assert [box.value for box in at.text_input if box.label == "Name"] == ["first-2"]
    assert at.query_params["epsilon"] == "9.5" and "run" not in at.query_params


def test_a_run_is_renamed_and_deleted_from_its_page_and_put_back(open_app: Opener) -> None:
    train(tiny(), paths.runs() / "first")
    at = open_app(PAGE, run="first")
    at.text_input(key="train.rename.first").set_value("second").run()
    at.button(key="train.rename.do").click().run()
    assert at.query_params["run"] == "second" and not at.exception
    at.button(key="train.delete.do").click().run()
    assert not at.exception and "run" not in at.query_params
    assert not (paths.runs() / "second").exists()
    at.button(key=f"train.restore.{launch.trashed()[0].path.name}").click().run()
    assert (paths.runs() / "second").is_dir()


def test_every_setting_can_be_given_by_itself_and_is_checked_as_in_a_run() -> None:
    for name, info in TrainConfig.model_fields.items():
        if info.default is not None:
            assert check_value(name, str(info.default)) == info.default, name


def test_watchers_share_a_part_of_a_core() -> None:
    pace = train_cached.Pace(part=0.02, least=1.0, most=30.0)
    pace.cost = 0.008
    look = pace.cost + train_cached.AROUND
    assert pace.interval("one") == 1.0
    for number in range(20):
        last = pace.interval(str(number))
    assert train_cached.STATE_PACE.most < 5  # so soon a killed run is seen, however many watch
    assert last * 0.02 >= 20 * look * 0.99  # all their looks in a fiftieth of a core


def test_a_preset_shows_its_values_and_a_seed_too_large_for_a_browser_stays(open_app: Opener) -> None:
    at = open_app(PAGE, seed=str(2**62), size="32")
    assert not at.exception
    assert [box.value for box in at.text_input if box.label == "Seed"] == [str(2**62)]
    at.button(key="train.preset.Burgess 2018, C = 25").click().run()
    assert not at.exception
    shown = {box.label: box.value for box in at.number_input}
    assert (shown["C in nats"], shown["γ"], shown["Steps"]) == (25.0, 1000.0, 150_000)
    assert shown["Size in pixels"] is None and at.query_params["network"] == "burgess"


def test_a_weight_of_other_code_goes_into_the_form_as_beta(open_app: Opener) -> None:
    at = open_app(PAGE, latents="4", size="32")
    for key, value in (("values", 32 * 32), ("latents", 4)):
        assert at.number_input(key=f"train.loss.{key}").value == value  # as the form has them
    at.number_input(key="train.loss.weight").set_value(0.01).run()
    told = " ".join(element.value for element in at.markdown).replace("\\", "")
    assert f"**β = {0.01 * 1024 / 2 / 0.1**2:.4g}** with Gaussian pixels of σ = 0.1" in told
    at.button(key="train.loss.use").click().run()
    assert not at.exception
    for name, text in (("beta", "512"), ("likelihood", "gaussian"), ("latents", "4")):
        assert at.query_params[name] in (text, [text])
    assert "sigma" not in at.query_params  # it is the usual one
    at.number_input(key="train.loss.weight").set_value(1e9).run()
    at.button(key="train.loss.use").click().run()
    assert not at.exception
    assert "Beta" in at.warning[0].value  # more than a run takes: said, and the form stays
    assert at.query_params["beta"] in ("512", ["512"])


def test_mutual_information_of_a_batch_is_said_to_be_too_high_above_what_the_batch_can_tell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[tuple[str, str]] = []
    for kind in ("caption", "warning"):
        monkeypatch.setattr(st, kind, lambda text, kind=kind, **how: said.append((kind, text)))
    for information in (2.0, 2.3, None):
        train_watch._of_a_batch(64, information)
    assert [kind for kind, _ in said] == ["caption", "caption", "warning", "caption"]
    assert "a batch of 64 images" in said[0][1] and "ln 64 − 2 = 2.2 nats" in said[0][1]
    assert "reads 2.3 nats, above the 2.2 that 64 images can tell" in said[2][1]
