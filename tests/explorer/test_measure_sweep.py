"""measure and sweep: numbers that are the metrics' own, and recipes that finish what they began."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from explorer import paths
from explorer.analysis import metrics
from explorer.analysis.codes import codes_of
from explorer.checkpoints import load, save
from explorer.checkpoints.store import build_model
from explorer.cli import main
from explorer.datasets import open_dataset
from explorer.errors import UserError
from explorer.importing.preview import import_checkpoint
from explorer.recipe.model import ModelConfig
from explorer.training.directory import RunDirectory
from explorer.training.sweep_recipe import read_recipe, run_sweep

PUBLISHED = paths.PROJECT.parent / "shared" / "checkpoints" / "disentangling-vae"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    torch.set_num_threads(1)
    return tmp_path / "home"


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


# --- measure ----------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """An untrained model of dSprites images, beside the home of this test."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = build_model(ModelConfig(network="linear", shape=(1, 64, 64), latents=3))
    return save(made, tmp_path / "model", training={"data": "dsprites"})


def test_measure_prints_what_the_metrics_say_of_the_codes(model: Path) -> None:
    arguments = ("measure", model, "--count", "300", "--seed", "3", "--preset", "fast", "--json")
    result = run(*arguments, "--metrics", "mig,sap")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["model"], found["data"], found["count"], found["seed"]) == ("model", "dsprites", 300, 3)
    assert found["representation"] == "mean"
    data = open_dataset("dsprites", size=64)
    table = codes_of(load(model).model, data, 300, 3)
    assert table.codes.shape == (300, 3) and table.factors.shape == (300, 5)
    for name in ("mig", "sap"):
        value = getattr(metrics, name)(table.codes, table.factors, seed=3, preset="fast").value
        assert found["metrics"][name]["value"] == pytest.approx(value)
        assert found["metrics"][name]["reason"] is None
    sampled = json.loads(run(*arguments, "--metrics", "mig", "--representation", "sampled").stdout)
    assert sampled["metrics"]["mig"]["value"] != found["metrics"]["mig"]["value"]
    parts = json.loads(run(*arguments, "--metrics", "mig", "--parts").stdout)["metrics"]["mig"]["parts"]
    assert np.array(parts["mutual_information"]).shape == (3, 5)


def test_codes_are_the_posterior_of_the_images_whose_factors_stand_beside_them(model: Path) -> None:
    made, data = load(model).model, open_dataset("dsprites", size=64)
    table = codes_of(made, data, 50, seed=1)
    sizes = np.array(data.factor_sizes)
    strides = np.append(np.cumprod(sizes[::-1])[::-1][1:], 1)  # the last factor changes fastest
    images = data.images(table.factors @ strides).float() / 255
    np.testing.assert_allclose(table.codes, made.encode(images).mean.numpy(), atol=1e-5)
    assert len(np.unique(table.factors, axis=0)) == 50
    again = codes_of(made, data, 50, seed=1, representation="sampled")
    assert (again.factors == table.factors).all() and (again.codes != table.codes).all()


@pytest.mark.parametrize(
    ("name", "expected"), [("VAE_dsprites", 0.101), ("betaH_dsprites", 0.161), ("btcvae_dsprites_a5", 0.291)]
)
def test_published_checkpoints_have_the_mig_that_is_known_of_them(name: str, expected: float) -> None:
    if not (PUBLISHED / name / "model.pt").is_file():
        pytest.skip(f"the published checkpoint {name} is not on this machine")
    import_checkpoint(PUBLISHED / name)
    found = json.loads(run("measure", name, "--data", "dsprites", "--metrics", "mig", "--json").stdout)
    assert found["count"] == 10_000
    assert found["metrics"]["mig"]["value"] == pytest.approx(expected, abs=0.015)
    # 20 bins for 40 and 32 values; codes that are the factors lose a little more to chance.
    assert found["metrics"]["mig"]["ceiling"] == pytest.approx(0.9024, abs=0.01)


def test_the_table_says_why_a_score_has_no_value(model: Path) -> None:
    result = run("measure", model, "--count", "1", "--metrics", "mig")
    assert result.exit_code == 0
    assert "–  A score needs at least two rows" in result.stdout


def test_a_score_of_several_models_says_so_beside_those_of_one(model: Path) -> None:
    options = ("--count", "200", "--metrics", "mig,udr", "--preset", "fast")
    found = json.loads(run("measure", model, *options, "--json").stdout)["metrics"]
    assert found["mig"]["value"] is not None and found["udr"]["value"] is None
    assert "at least two that differ in their seed" in found["udr"]["reason"]
    assert "differ in their seed" in run("measure", model, *options).stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--metrics", "migg"), "there is no metric 'migg'; there are mig, dci"),
        (("--metrics", ""), "there is no metric ''"),
        (("--metrics", "udr"), "several models"),
        (("--count", "99999999"), "count must be between 1 and 737,280"),
        (("--data", "nothing"), "there is no data set 'nothing'"),
    ],
)
def test_what_can_not_be_measured_is_said_in_a_sentence(model: Path, options: tuple[str, str], sentence: str) -> None:
    result = run("measure", model, *options)
    assert result.exit_code == 2
    assert sentence in result.stderr and result.stderr.count("\n") == 1


def test_data_without_factors_is_refused(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "images.npz", images=np.zeros((9, 64, 64), np.uint8))
    result = run("measure", model, "--data", "npz", "--root", tmp_path / "images.npz")
    assert result.exit_code == 2
    assert "no known factors" in result.stderr


# --- sweep ------------------------------------------------------------------------------------------

COMMON = """
data = "dsprites"
network = "linear"
latents = 2
batch_size = 8
eval_images = 8
steps = 2
device = "cpu"
"""


def a_recipe(tmp_path: Path, text: str, common: str = COMMON) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(common + text)
    return path


def test_a_sweep_trains_every_combination_and_every_single_run(tmp_path: Path) -> None:
    recipe = a_recipe(
        tmp_path,
        """
        [sweep]
        beta = [1, 4.5]
        seed = [0, 1]
        [[run]]
        name = "capacity"
        objective = "capacity"
        steps = 3
        """,
    )
    result = run("sweep", recipe, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    names = ["beta-1_seed-0", "beta-1_seed-1", "beta-4.5_seed-0", "beta-4.5_seed-1", "capacity"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)
    for name in names:
        assert f"{name}: trained; held out: reconstruction" in result.output
        training = load(tmp_path / "out" / name).config.training
        assert training is not None
        if name == "capacity":
            assert (training["objective"], training["steps"]) == ("capacity", 3)
        else:
            assert f"beta-{training['beta']:g}_seed-{training['seed']}" == name

    before = {name: (tmp_path / "out" / name / "state.json").read_bytes() for name in names}
    again = run("sweep", recipe, "--out", tmp_path / "out")
    assert again.exit_code == 0 and again.output.count("skipped; finished before") == 5
    assert before == {name: (tmp_path / "out" / name / "state.json").read_bytes() for name in names}


def test_a_dry_run_starts_nothing_and_lies_under_the_recipes_name(tmp_path: Path, home: Path) -> None:
    result = run("sweep", a_recipe(tmp_path, "[sweep]\nseed = [0, 1]"), "--dry-run")
    assert result.exit_code == 0
    assert str(home / "runs" / "recipe" / "seed-1") in result.output
    assert not home.exists()


def test_an_interrupted_sweep_goes_on_and_ends_in_the_same_weights(tmp_path: Path) -> None:
    text = "[sweep]\nseed = [0, 1]"
    common = COMMON.replace("steps = 2", "steps = 300\nlog_every = 1\nthreads = 1")
    recipe = a_recipe(tmp_path, text, common)
    command = [sys.executable, "-m", "explorer", "sweep", str(recipe), "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        command,
        cwd=paths.PROJECT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    log = tmp_path / "out" / "seed-0" / "metrics.jsonl"
    deadline = time.monotonic() + 480
    while process.poll() is None and time.monotonic() < deadline:
        if log.exists() and log.read_bytes().count(b"\n") >= 3:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "the same command goes on with it" in errors and "Traceback" not in errors
    stopped = RunDirectory(tmp_path / "out" / "seed-0").state()
    assert stopped.status == "stopped" and 0 < stopped.step < 300
    assert not (tmp_path / "out" / "seed-1").exists()

    outcomes = run_sweep(read_recipe(recipe, tmp_path / "out"))
    assert [outcome.status for outcome in outcomes] == ["trained", "trained"]
    whole = run_sweep(read_recipe(recipe, tmp_path / "whole"))
    assert [outcome.status for outcome in whole] == ["trained", "trained"]
    for name in ("seed-0", "seed-1"):
        assert load(tmp_path / "out" / name).hash == load(tmp_path / "whole" / name).hash


def test_a_run_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    recipe = a_recipe(
        tmp_path,
        f"""
        [[run]]
        name = "no-data"
        data = "folder"
        root = "{tmp_path / "nowhere"}"
        [[run]]
        name = "good"
        """,
    )
    result = run("sweep", recipe, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "1 of 2 runs failed; no-data: " in result.stderr
    assert "2/2 good: trained" in result.stdout


def test_a_run_that_another_process_trains_is_left_to_it(tmp_path: Path) -> None:
    runs = read_recipe(a_recipe(tmp_path, "[sweep]\nseed = [0]"), tmp_path / "out")
    directory = RunDirectory(runs[0].path)
    directory.path.mkdir(parents=True)
    directory.config_file.write_text(runs[0].config.model_dump_json())
    directory.write_state(status="running", step=1, steps=2)  # by this very process, which is alive
    assert [outcome.status for outcome in run_sweep(runs)] == ["elsewhere"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has none of [sweep], [[zip]], [random], [[part]] and [[run]]"),
        ("betta = 4\n[sweep]\nseed = [0]", "run seed-0: betta: is not a setting that exists here"),
        ("[sweep]\nbetta = [4]", "sweep.betta is not a setting"),
        ("[sweep]\nbeta = [1, -4]", "run beta--4: beta: must be at least 0"),
        ("[sweep]\nbeta = 4", "sweep.beta must be a list of values, not 4"),
        ("[sweep]\nbeta = []", "sweep.beta must be a list of values, not []"),
        ("[sweep]\nsteps = [1, 2]", "steps is given for all runs and in a list too"),
        ("[sweep]\nbeta = [1, 1.0]", "two runs are called 'beta-1'"),
        ("[sweep]\nbeta = [nan]", "run beta-nan: beta: "),
        ("sweep = 3", "sweep must be a table of lists"),
        ("[run]\nname = 'a'", "run must be written as tables"),
        ("[[run]]\nbeta = 1", "needs a name"),
        ("[[run]]\nname = '../up'", "needs a name"),
        ("[[run]]\nname = '.'", "needs a name"),
        ("[[run]]\nname = 'a'\n[[run]]\nname = 'a'", "two runs are called 'a'"),
        ("[[run]]\nname = 'a'\nnetwork = 'locatello'\nsize = 32", "run a: network locatello takes"),
        ("[[run]]\nname = 'a'\ndata = 'nothing'", "run a: there is no data set 'nothing'"),
        ("[sweep]\nseed = [" + "0," * 400 + "]\nbeta = [" + "0," * 400 + "]", "160,000 runs are more than the 100,000"),
        ("[sweep", "is not TOML: "),
        ("\x00", "is not TOML: "),
    ],
)
def test_a_recipe_that_can_not_be_used_starts_nothing(tmp_path: Path, text: str, sentence: str) -> None:
    result = run("sweep", a_recipe(tmp_path, text), "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_recipe_that_is_no_file_is_refused(tmp_path: Path) -> None:
    for recipe in (tmp_path, tmp_path / "missing.toml", "x" * 5000):
        result = run("sweep", recipe)
        assert result.exit_code == 2 and result.stderr.startswith("error: ")


def test_runs_of_another_recipe_are_not_written_over(tmp_path: Path) -> None:
    read = a_recipe(tmp_path, "[sweep]\nseed = [0]")
    run_sweep(read_recipe(read, tmp_path / "out"))
    changed = a_recipe(tmp_path, "[sweep]\nseed = [0]", COMMON.replace("steps = 2", "steps = 3"))
    with pytest.raises(UserError, match="holds a run with other settings"):
        read_recipe(changed, tmp_path / "out")
