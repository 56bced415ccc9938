"""`insight` in a shell: the numbers of the page, files, and a sentence for what is wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from explorer.analysis.insight.contents import SECTIONS
from explorer.analysis.insight.nested import nested
from explorer.analysis.insight.sparsity import prune
from explorer.checkpoints import load
from explorer.cli import main
from explorer.datasets import open_dataset


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["insight", *map(str, arguments)], catch_exceptions=False)


def test_every_section_of_the_table_has_its_command_and_teaches_with_an_example() -> None:
    told = run("--help").output
    for name in SECTIONS:
        assert f"  {name} " in told
        help_of = run(name, "--help")
        assert help_of.exit_code == 0 and f"python -m explorer insight {name}" in help_of.output


def test_first_k_prints_what_python_gives_and_writes_table_strip_and_film(tmp_path: Path) -> None:
    outs = [tmp_path / f"out.{kind}" for kind in ("csv", "png", "gif")]
    asked = [part for out in outs for part in ("--out", out)]
    told = run("first-k", "dsprites-disentangled", "dsprites-beta4", "--count", "20", "--seed", "3", "--json", *asked)
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    wanted = nested(load("dsprites-beta4").model, open_dataset("dsprites"), 20, 3)
    assert found["models"]["dsprites-beta4"] == wanted.as_json()
    assert 0 < found["stability"]["value"] <= 1
    rows = list(csv.DictReader(outs[0].open()))
    assert len(rows) == 22 and float(rows[21]["nll_nats"]) == pytest.approx(wanted.nll[-1], rel=1e-6)
    with Image.open(outs[1]) as strip, Image.open(outs[2]) as film:
        assert strip.width > 12 * 64 and getattr(film, "n_frames", 1) == 11


def test_what_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    told = run("first-k", "dsprites-beta4", "--out", tmp_path / "out.txt")
    assert told.exit_code == 2 and "must end in .csv or .png or .gif" in told.output
    assert run("first-k", "gone").exit_code == 2


def test_intervene_prints_effects_and_patches_a_layer(tmp_path: Path) -> None:
    table, picture, units = tmp_path / "effects.csv", tmp_path / "patch.png", tmp_path / "units.csv"
    told = run("intervene", "dsprites-disentangled", "--count", "12", "--json", "--out", table)
    found = json.loads(told.stdout)
    assert len(found["effects"]["response"]) == 10 and set(found["effects"]["factors"]) >= {"posX", "shape"}
    rows = list(csv.DictReader(table.open()))
    assert [row["moved"] for row in rows] == [*(f"z{j}" for j in range(10)), *found["effects"]["factors"]]
    assert float(rows[3]["image_effect"]) == pytest.approx(found["effects"]["image_effect"][3], rel=1e-5)
    told = run("intervene", "dsprites-beta4", "--layer", "decoder:2", "--json", "--out", picture, "--out", units)
    found = json.loads(told.stdout)
    assert found["effect"] == pytest.approx(1) and found["recovery"] == 1 and len(found["unit_effects"]) == 512
    assert len(list(csv.DictReader(units.open()))) == 512
    with Image.open(picture) as sheet:
        assert sheet.width == 3 * 64 + 4
    wrong = run("intervene", "dsprites-beta4", "--layer", "decoder:99")
    assert wrong.exit_code == 2 and "there is no layer 'decoder:99'; there are encoder:0" in wrong.output
    same = run("intervene", "dsprites-beta4", "--count", "10", "--from", "5", "--to", "5")
    assert same.exit_code == 0 and "shares are absent" in same.output


def test_pruning_prints_what_python_gives_and_draws_each_share(tmp_path: Path) -> None:
    table, picture = tmp_path / "pruning.csv", tmp_path / "pruning.png"
    told = run("pruning", "dsprites-beta4", "--count", "50", "--share", "0.5", "--share", "0", "--json",
               "--out", table, "--out", picture)  # fmt: skip
    assert told.exit_code == 0, told.output
    wanted = prune(load("dsprites-beta4").model, open_dataset("dsprites"), 50, shares=(0, 0.5))
    assert json.loads(told.stdout)["models"]["dsprites-beta4"] == wanted.as_json()
    rows = list(csv.DictReader(table.open()))
    assert [row["share"] for row in rows] == ["0", "0.5"] and int(rows[1]["zeros"]) * 2 >= int(rows[1]["weights"]) - 1
    with Image.open(picture) as sheet:
        assert sheet.width == 4 * 64 + 3 * 2


def test_search_finds_at_least_what_the_encoder_did(tmp_path: Path) -> None:
    out = tmp_path / "found.png"
    told = run("search", "dsprites-beta4", "--image", "5000", "--json", "--out", out)
    found = json.loads(told.stdout)
    assert found["objective"] > found["start"] and len(found["z"]) == 10
    with Image.open(out) as sheet:
        assert sheet.width == 3 * 64 + 4
    wrong = run("search", "dsprites-beta4", "--region", "1,2")
    assert wrong.exit_code == 2 and "must be three whole numbers" in wrong.output
