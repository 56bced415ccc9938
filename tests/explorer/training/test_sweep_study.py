"""A study's table: its numbers are the models' own, its intervals those of Student's t."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from explorer.checkpoints import describe
from explorer.cli import main
from explorer.errors import UserError
from explorer.export.study_files import FORMATS
from explorer.training.sweep_recipe import read_recipe, run_sweep
from explorer.training.sweep_study import interval, study_of

RECIPE = """
data = "dsprites"
network = "linear"
latents = 2
batch_size = 8
eval_images = 8
steps = 2
threads = 1
device = "cpu"
[sweep]
beta = [16, 1]
seed = [0, 1, 2]
[[run]]
name = "lost"
beta = 1
data = "folder"
root = "nowhere_at_all"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of two β and three seeds, and a run that failed."""
    place = tmp_path_factory.mktemp("study")
    (place / "study.toml").write_text(RECIPE)
    outcomes = run_sweep(read_recipe(place / "study.toml", place / "runs"))
    assert [outcome.status for outcome in outcomes].count("trained") == 6
    return place / "runs"


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12))
def test_the_interval_is_students(values: list[float]) -> None:
    found = interval(values)
    assert found.half is not None and found.deviation is not None
    assert found.mean == pytest.approx(np.mean(values)) and found.deviation == pytest.approx(np.std(values, ddof=1))
    scale = found.deviation / len(values) ** 0.5
    if scale > 1e-9:
        low, high = t.interval(0.95, len(values) - 1, loc=found.mean, scale=scale)
        assert (found.mean - found.half, found.mean + found.half) == pytest.approx((low, high))


def test_one_run_has_no_interval() -> None:
    assert str(interval([2.0])) == "2.00, n = 1" and str(interval([0.25, 0.25])) == "0.250 ± 0.000, n = 2"


def test_rows_are_the_settings_and_numbers_the_models_own(folder: Path) -> None:
    study = study_of(folder, ["beta"])
    assert [row.group.values for row in study.rows] == [{"beta": 1.0}, {"beta": 16.0}]
    costs = [describe(folder / f"beta-1_seed-{seed}" / "checkpoint").config.evaluation for seed in range(3)]
    values = [cost.kl for cost in costs if cost is not None]
    assert study.rows[0].numbers["kl"] == interval(values) and study.rows[0].finished == 3
    assert len(study.rows[1].group.runs) == 3
    by_all = study_of(folder)
    assert set(by_all.by) >= {"beta"} and sum(row.finished for row in by_all.rows) == 6


def test_every_format_holds_the_same_numbers(folder: Path) -> None:
    study = study_of(folder, ["beta"])
    wanted = [row.numbers["reconstruction"].mean for row in study.rows]
    for table in (
        pd.read_csv(io.BytesIO(FORMATS["csv"](study))),
        pd.read_parquet(io.BytesIO(FORMATS["parquet"](study))),
    ):
        assert table["reconstruction_mean"].tolist() == pytest.approx(wanted) and table["beta"].tolist() == [1, 16]
        assert table["kl_n"].tolist() == [3, 3] and (table["kl_low"] <= table["kl_high"]).all()
    markdown = FORMATS["markdown"](study).decode().splitlines()
    assert markdown[0].startswith("| β | finished |") and len(markdown) == 4
    assert str(study.rows[0].numbers["kl"]) in markdown[2]
    latex = FORMATS["latex"](study).decode()
    assert latex.count(r"\\") == 3 and "$\\pm$" in latex and "β" not in latex


def test_a_shell_prints_it_and_says_what_failed(folder: Path, tmp_path: Path) -> None:
    made = CliRunner().invoke(main, ["study", str(folder), "--by", "beta", "--out", str(tmp_path / "t.tex")])
    assert made.exit_code == 0 and (tmp_path / "t.tex").read_text().startswith(r"\begin{tabular}{lrrrr")
    told = CliRunner().invoke(main, ["study", str(folder)])
    assert told.exit_code == 0 and "n = 3" in told.stdout, told.output
    for words, why in (
        (["study", str(folder), "--by", "betta"], "no setting 'betta'"),
        (["study", "nothing here"], "no folder of runs"),
        (["study", str(folder), "--out", "t.doc"], "must end in"),
        (["study", str(tmp_path)], "holds no runs"),
    ):
        refused = CliRunner().invoke(main, words)
        assert refused.exit_code == 2 and why in refused.stderr


def test_an_empty_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no runs"):
        study_of(tmp_path)
