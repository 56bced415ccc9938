"""Plans of many runs: what a recipe says, the same on every machine; and each run trained once, whoever starts it."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from explorer import paths
from explorer.checkpoints import load
from explorer.cli import main
from explorer.errors import UserError
from explorer.training.sweep_plan import Range, combinations, planned_settings
from explorer.training.sweep_recipe import count_of, indices_of, read_recipe, run_sweep

STUDY = """
steps = 300000
[sweep]
data = ["dsprites", "scene"]
seed = [0, 1, 2]
[[part]]
name = "beta"
objective = "beta"
sweep.beta = [1, 4]
[[part]]
name = "constrained"
objective = "constrained"
[[part.zip]]
epsilon = [5, 20]
latents = [6, 16]
[part.random]
count = 3
learning_rate = { low = 1e-4, high = 1e-2, log = true }
batch_size = [32, 64, 128]
[[run]]
name = "alone"
objective = "capacity"
capacity = 10
"""


def plan(text: str) -> list[tuple[str, dict[str, Any]]]:
    return planned_settings(tomllib.loads(text), "recipe")


def test_lists_steps_and_draws_are_combined_as_a_product_says() -> None:
    made = plan(STUDY)
    both = list(itertools.product(["dsprites", "scene"], [0, 1, 2]))
    common = {"steps": 300000, "objective": "beta"}
    first = [common | {"data": d, "seed": s, "beta": b} for (d, s), b in itertools.product(both, [1, 4])]
    assert [settings for _, settings in made[:12]] == first
    second = made[12:48]
    steps = [(5, 6), (20, 16)]
    wanted = [(d, s, e, n, k) for (d, s), (e, n), k in itertools.product(both, steps, range(3))]
    assert [(r["data"], r["seed"], r["epsilon"], r["latents"], int(name[-1])) for name, r in second] == wanted
    assert made[48:] == [("alone", {"steps": 300000, "objective": "capacity", "capacity": 10})]
    assert made[0][0] == "beta_data-dsprites_seed-0_beta-1"
    assert made[12][0] == "constrained_data-dsprites_seed-0_epsilon-5_latents-6_draw-0"


def test_a_draw_is_the_same_everywhere_and_with_other_settings_beside_it() -> None:
    text = "[random]\ncount = 40\nbeta = { low = 0.5, high = 32, log = true }\n"
    alone = [settings["beta"] for _, settings in plan(text)]
    beside = [settings["beta"] for _, settings in plan(text + "latents = { low = 2, high = 4, integer = true }\n")]
    assert alone == beside and len(set(alone)) == 40
    fewer = [settings["beta"] for _, settings in plan(text.replace("count = 40", "count = 3"))]
    assert alone[:3] == fewer
    assert alone != [settings["beta"] for _, settings in plan(text + "draw_seed = 1\n")]
    below = sum(beta < 4 for beta in alone)  # the middle in the logarithm
    assert 10 < below < 30
    many = plan("[random]\ncount = 300\nlatents = { low = 2, high = 4, integer = true }\n")
    assert {settings["latents"] for _, settings in many} == {2, 3, 4}


@given(st.floats(1e-6, 1e6), st.floats(1, 1e6), st.booleans(), st.booleans(), st.floats(0, 1, exclude_max=True))
def test_what_is_drawn_lies_within_its_range(low: float, factor: float, log: bool, integer: bool, share: float) -> None:
    try:
        source = Range(low=low, high=low * factor, log=log, integer=integer)
    except ValueError:
        return
    assert source.low <= source.draw(share) <= source.high


def test_a_long_name_gives_way_to_a_number_and_stays_its_own() -> None:
    lists = {f"setting_{n}": [10**9 + n, 2 * 10**9 + n] for n in range(9)}
    names = [name for name, _ in combinations(lists)]
    assert len(set(names)) == 512 and max(map(len, names)) == 120
    assert combinations({"beta": [1, 4.5], "seed": [0]})[1] == ("beta-4.5_seed-0", {"beta": 4.5, "seed": 0})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[zip]]\nbeta = [1, 2]\nseed = [1]", "must be of one length, not beta 2, seed 1"),
        ("zip = 3", r"zip must be tables of lists"),
        ("[random]\nbeta = [1]", r"\[random\] must hold count"),
        ("[random]\ncount = 2", r"\[random\] must hold count"),
        ("[random]\ncount = 2\nbeta = { low = 3, high = 1 }", "low must not be above high"),
        ("[random]\ncount = 2\nbeta = { low = 0, high = 1, log = true }", "low must be above 0"),
        ("[random]\ncount = 2\nlatents = { low = 2.2, high = 2.8, integer = true }", "no whole number"),
        ("[random]\ncount = 2\nbetta = [1]", "random.betta is not a setting"),
        ("[sweep]\nbeta = [1]\n[random]\ncount = 2\nbeta = [1]", "beta is in two lists"),
        ("[[part]]\nbeta = 1", r"\[\[part\]\] number 1 needs a name"),
        ("[[part]]\nname = 'a'\n[[part]]\nname = 'a'", "two runs are called 'a'"),
        ("[random]\ncount = 100001\nbeta = [1]", "whole number from 1 to 100,000"),
    ],
)
def test_what_a_recipe_can_not_say_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        plan(text)


def test_indices_are_numbers_and_ranges() -> None:
    assert indices_of("3") == [3] and indices_of("8, 0-2,1-3") == [0, 1, 2, 3, 8]
    for wrong in ("", "a", "3-1", "1--2", "-1", "1-99999999999"):
        with pytest.raises(UserError, match="--indices"):
            indices_of(wrong)


QUICK = """
data = "dsprites"
network = "linear"
steps = 2
batch_size = 8
eval_images = 8
latents = 2
threads = 1
device = "cpu"
"""


def test_a_shell_trains_what_it_is_asked_for_by_index(tmp_path: Path) -> None:
    recipe = tmp_path / "study.toml"
    recipe.write_text(QUICK + "[sweep]\nseed = [0, 1, 2, 3]\n")
    out = ["--out", str(tmp_path / "out")]
    assert CliRunner().invoke(main, ["sweep", str(recipe), "--count"]).output == "4\n" and count_of(recipe) == 4
    made = CliRunner().invoke(main, ["sweep", str(recipe), *out, "--index", "2"])
    assert made.exit_code == 0 and "1/1 seed-2: trained" in made.output, made.output
    made = CliRunner().invoke(main, ["sweep", str(recipe), *out, "--indices", "1-2"])
    assert "seed-1: trained" in made.output and "seed-2: skipped; finished before" in made.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["seed-1", "seed-2"]
    listed = CliRunner().invoke(main, ["sweep", str(recipe), *out, "--dry-run"]).output.splitlines()
    assert [line.split()[:3] for line in listed] == [
        ["0", "seed-0", "new"], ["1", "seed-1", "finished"], ["2", "seed-2", "finished"], ["3", "seed-3", "new"],
    ]  # fmt: skip
    for wrong in (["--index", "4"], ["--indices", "2-9"], ["--index", "1", "--indices", "1"]):
        refused = CliRunner().invoke(main, ["sweep", str(recipe), *out, *wrong])
        assert refused.exit_code == 2 and refused.stderr.count("\n") == 1


def test_two_processes_and_one_that_is_killed_train_each_run_once(tmp_path: Path) -> None:
    recipe, out = tmp_path / "study.toml", tmp_path / "out"
    recipe.write_text(QUICK.replace("steps = 2", "steps = 400\nlog_every = 1") + "[sweep]\nseed = [0, 1, 2]\n")

    def start(indices: str) -> subprocess.Popen[str]:
        words = ["-m", "explorer", "sweep", str(recipe), "--out", str(out), "--indices", indices]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, *words], cwd=paths.PROJECT, env=environment, stdout=subprocess.PIPE, text=True
        )

    killed = start("0-2")
    log = out / "seed-0" / "metrics.jsonl"
    while killed.poll() is None and not (log.is_file() and log.read_bytes().count(b"\n") > 3):
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    both = [start("0-2"), start("0-2")]
    told = "".join(process.communicate()[0] for process in both)
    assert [process.returncode for process in both] == [0, 0], told
    left = [outcome.run.name for outcome in run_sweep(read_recipe(recipe, out)) if outcome.status == "trained"]
    trained = sorted([*re.findall(r"(seed-\d): trained", told), *left])
    assert trained == ["seed-0", "seed-1", "seed-2"], told
    whole = run_sweep(read_recipe(recipe, tmp_path / "whole", [0]))
    assert load(out / "seed-0").hash == load(whole[0].run.path).hash
