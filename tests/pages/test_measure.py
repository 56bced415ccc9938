"""The page Measure without a browser: what is there, what is missing, and what the address may say."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import streamlit as st
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from explorer.analysis.jobs import Job, JobFile
from explorer.analysis.measurement import Plan, Subject, measure
from explorer.analysis.scores import OF_ONE_MODEL, SCORES
from explorer.checkpoints import load
from explorer.cli import main
from explorer.datasets import open_dataset
from explorer.files import write_json
from explorer.ui.measure.state import MeasureState, from_params, to_params

from .conftest import Opener, make

PAGE = "pages/measure.py"
SMALL = {"repeats": "0", "points": "500"}


def said(at: AppTest) -> str:
    parts = [*at.markdown, *at.caption, *at.error, *at.warning, *at.info]
    return " ".join(str(element.value) for element in parts).replace("\\", "")


def measured(names: list[str], scores: tuple[str, ...] = OF_ONE_MODEL) -> dict[str, Any]:
    """Measure as the page's job does, without a process of its own."""
    subjects = []
    for name in names:
        checkpoint = load(name)
        subjects.append(Subject(name, checkpoint.hash, partial(getattr, checkpoint, "model")))
    data = open_dataset("dsprites", size=64)
    return measure(subjects, data, Plan(scores, "fast", repeats=0))


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page offers as files, by their names."""
    offered: dict[str, Any] = {}

    def offer(label: str, data: Any, name: str, *args: object, **kwargs: object) -> bool:
        offered[name] = data
        return False

    monkeypatch.setattr(st, "download_button", offer)
    return offered


def without_origin(content: bytes) -> str:
    """A table with commas as it was before it was told where it is from."""
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert rows[0][-1] == "origin"
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerows(row[:-1] for row in rows)
    return made.getvalue()


def in_a_shell(*arguments: str) -> str:
    """What the command says of the same."""
    command = ["measure", *arguments, "--metrics", "all", "--preset", "fast"]
    return CliRunner().invoke(main, command, catch_exceptions=False).stdout


def test_nothing_is_measured_before_somebody_asks_and_the_page_says_what_there_is(open_app: Opener) -> None:
    at = open_app(PAGE, **SMALL)
    assert not at.exception and not at.error
    assert at.multiselect(key="measure.models").value == ["alpha"]
    assert "16 scores" in at.button(key="measure.start").label
    assert "500 images to encode" in at.button(key="measure.start").label
    words = said(at)
    assert "Nothing is measured with these settings yet" in words
    assert "choose at least two" in words
    assert "Mutual information gap" not in words and "best latent minus that of the second" in words


def test_scores_are_shown_with_matrices_and_carriers_once_they_are_kept(
    open_app: Opener, files: dict[str, Any]
) -> None:
    results = measured(["alpha"])["alpha"]
    at = open_app(PAGE, **SMALL)
    assert not at.exception and not at.error
    table = at.dataframe[0].value
    shown = dict(zip(table["Score"], table["alpha"], strict=True))
    for name, title in (
        ("mig", "MIG"),
        ("dci", f"DCI disentanglement at {results['dci'].count:,} rows"),
        ("irs", "IRS"),
    ):
        assert shown[title] == f"{results[name].value:.3f}"
    assert shown[f"DCI completeness at {results['dci'].count:,} rows"] == f"{results['dci'].parts['completeness']:.3f}"
    bounds = dict(zip(table["Score"], table["No code exceeds"], strict=True))
    assert bounds["MIG"] == f"{results['mig'].ceiling:.3f}" and bounds["SAP"] == "1.000"
    others = dict(zip(table["Score"], table["To compare with"], strict=True))
    assert (
        others["SAP"] == f"{results['sap'].yardstick:.3f}"
        and others[f"DCI completeness at {results['dci'].count:,} rows"] == ""
    )
    assert shown["Active units"] == str(int(results["active_units"].value)) and bounds["Active units"] == "4"
    carriers = at.dataframe[1].value
    np.testing.assert_allclose(carriers["Gap"].mean(), results["mig"].value, atol=1e-9)
    figures = [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
    matrix = next(f for f in figures if f["data"][0]["type"] == "heatmap")
    np.testing.assert_allclose(matrix["data"][0]["z"], results["mig"].parts["mutual_information"])
    at.segmented_control(key="measure.matrix").set_value("importance").run()
    figures = [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
    matrix = next(f for f in figures if f["data"][0]["type"] == "heatmap")
    np.testing.assert_allclose(matrix["data"][0]["z"], results["dci"].parts["importance"])
    assert "measure.start" not in [button.key for button in at.button]
    assert json.loads(files["scores.json"]) == json.loads(in_a_shell("alpha", "--json", "--parts"))
    assert without_origin(files["scores.csv"]) == in_a_shell("alpha", "--csv")


def test_two_models_are_aligned_and_ranked(open_app: Opener) -> None:
    results = measured(["alpha", "beta"], ("mig", "udr"))
    at = open_app(PAGE, model=["alpha", "beta"], **SMALL)
    assert not at.exception and not at.error
    assert f"UDR **{results['']['udr'].value:.3f}**" in said(at)
    columns = at.dataframe[0].value.columns
    assert {"alpha", "beta", "all together"} <= set(columns)
    assert at.selectbox(key="measure.partner").value == "beta"


def test_a_model_that_changes_is_measured_anew(open_app: Opener) -> None:
    measured(["alpha"], ("mig",))
    before = open_app(PAGE, **SMALL).dataframe[0].value
    assert list(before["Score"]) == ["MIG"]
    make("alpha", seed=77)
    assert "Nothing is measured" in said(open_app(PAGE, **SMALL))


def test_images_without_factors_have_the_scores_that_need_none(
    open_app: Opener, files: dict[str, Any], tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "own.npz", images=random.integers(0, 255, (300, 64, 64), dtype=np.uint8))
    training = {"data": "npz", "root": str(tmp_path / "own.npz"), "latents": 4}
    make("plain", training=training)
    at = open_app(PAGE, model="plain", **SMALL)
    assert not at.exception and not at.error
    assert "6 scores" in at.button(key="measure.start").label
    assert "MIG: not measured. The images' factors are not known" in said(at)
    assert "measure on dsprites or scene" in said(at)
    without = tuple(name for name in OF_ONE_MODEL if SCORES[name].needs != "factors")
    data = open_dataset("npz", root=str(tmp_path / "own.npz"), size=64, channels=1)
    checkpoint = load("plain")
    subject = Subject("plain", checkpoint.hash, lambda: checkpoint.model)
    measure([subject], data, Plan(without, "fast", repeats=0))
    at = open_app(PAGE, model="plain", **SMALL)
    assert not at.exception and "measure.start" not in [button.key for button in at.button]
    assert without_origin(files["scores.csv"]) == in_a_shell("plain", "--csv")
    assert "factors are not known" in files["scores.csv"].decode()


def test_models_of_other_images_and_models_without_data_get_a_sentence(open_app: Opener) -> None:
    make("wide", shape=(1, 32, 32), training={"data": "dsprites", "latents": 4})
    at = open_app(PAGE, model=["alpha", "wide"], **SMALL)
    assert not at.exception and "Wide takes images of shape" in at.error[0].value.replace("\\", "")
    make("unknown", training={})
    at = open_app(PAGE, model="unknown", **SMALL)
    assert not at.exception and "does not say which images" in said(at)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"preset": "slow"}, "preset"),
        ({"points": "1e9"}, "points"),
        ({"seed": "-1"}, "seed"),
        ({"x": "ten"}, "x"),
        ({"nonsense": "1"}, "no setting of this page"),
        ({"model": "gone"}, "There is no model 'gone' here"),
    ],
)
def test_a_bad_value_in_the_address_gets_one_sentence(open_app: Opener, params: dict[str, str], sentence: str) -> None:
    at = open_app(PAGE, **params)
    assert not at.exception
    assert sentence in at.warning[0].value.replace("\\", "")
    assert at.multiselect(key="measure.models").value == ["alpha"]
    wrong = next(iter(params))
    assert at.query_params.get(wrong) in (None, "alpha")  # the address can be copied
    at.run()
    assert sentence in at.warning[0].value.replace("\\", "")  # and the sentence is still there
    at.query_params = dict(params)  # the back button leads to the wrong one, and past it
    at.run()
    assert sentence in at.warning[0].value.replace("\\", "") and at.query_params[wrong] == params[wrong]


def test_numbers_beyond_the_model_show_its_last_latent(open_app: Opener) -> None:
    measured(["alpha"], ("mig",))
    at = open_app(PAGE, latent="99", factor="99", x="300", y="301", colour="50", **SMALL)
    assert not at.exception
    assert at.number_input(key="measure.latent").value == 3
    assert at.selectbox(key="measure.x").value == 3


def test_the_whole_state_goes_through_the_address() -> None:
    state = MeasureState(
        models=("a,b", "c"),
        preset="full",
        representation="sampled",
        seed=3,
        repeats=2,
        points=100_000,
        look="c",
        matrix="accuracy",
        latent=2,
        factor=1,
        x=0,
        y=4,
        colour=2,
        image=7,
        partner="a,b",
    )
    again, complaints = from_params(to_params(state))
    assert again == state and not complaints
    assert to_params(MeasureState()) == {}


@pytest.mark.parametrize(
    ("status", "sentence"),
    [("failed", "The measurement failed: the disk is gone"), ("stopped", "Stopped. What was finished")],
)
def test_a_job_that_ended_early_says_how_and_can_be_started_again(
    open_app: Opener, status: Literal["failed", "stopped"], sentence: str
) -> None:
    from explorer.checkpoints import describe
    from explorer.ui.measure.models import selection

    view = selection(["alpha"], [describe("alpha")], MeasureState(models=("alpha",), repeats=0, points=500))
    write_json(view.job.path, asdict(Job(status, 0.4, "DCI", "the disk is gone")))
    at = open_app(PAGE, **SMALL)
    assert not at.exception and sentence in said(at)
    assert at.button(key="measure.start")


def test_a_job_that_was_killed_is_lost_and_its_page_offers_to_go_on(open_app: Opener, tmp_path: Path) -> None:
    from explorer.analysis import score_cache
    from explorer.checkpoints import describe
    from explorer.ui.measure.models import selection

    state = MeasureState(models=("alpha",), repeats=0, points=500)
    view = selection(["alpha"], [describe("alpha")], state)
    view.start()
    deadline = time.monotonic() + 480
    job = view.job.read()
    while job is None or job.status == "starting":
        assert time.monotonic() < deadline
        time.sleep(0.1)
        job = view.job.read()
    import psutil

    psutil.Process(job.pid).kill()
    while (job := view.job.read()).running:
        time.sleep(0.05)
    assert job.status == "lost"
    at = open_app(PAGE, **SMALL)
    assert not at.exception and "was lost" in said(at)
    assert at.button(key="measure.start")
    assert score_cache.CACHE.folder.is_dir() and isinstance(view.job, JobFile)
