"""`insight` in a shell, the sections on anomalies, planes, concepts, paths and sequences."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from explorer.analysis.insight.injected import Anomaly
from explorer.analysis.insight.pixel_scores import SCORES, anomaly_maps
from explorer.checkpoints import load
from explorer.cli import main
from explorer.datasets import open_dataset


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["insight", *map(str, arguments)], catch_exceptions=False)


def test_anomalies_prints_what_python_gives_and_writes_table_and_maps(tmp_path: Path) -> None:
    outs = [tmp_path / f"out.{kind}" for kind in ("csv", "png")]
    asked = [part for out in outs for part in ("--out", out)]
    told = run("anomalies", "dsprites-beta4", "--count", "10", "--kind", "noise", "--json", "--projection", *asked)
    found = json.loads(told.stdout)["models"]["dsprites-beta4"]
    model, data = load("dsprites-beta4").model, open_dataset("dsprites")
    wanted = anomaly_maps(model, data, Anomaly("noise", 0.14), 10, beta=4.0, projection=True)
    assert found == wanted.as_json() and list(found["pixels"]) == list(SCORES)
    rows = list(csv.DictReader(outs[0].open()))
    assert len(rows) == 13 and float(rows[0]["auroc"]) == pytest.approx(wanted.auroc[0], rel=1e-5)
    with Image.open(outs[1]) as sheet:
        assert sheet.height == 11 * 128 + 20 and sheet.width > 3 * 128
    told = run("anomalies", "dsprites-beta4", "--outliers", "--count", "20", "--json", "--out", outs[0])
    first = json.loads(told.stdout)["images"][0]
    rows = list(csv.DictReader(outs[0].open()))
    assert (
        len(rows) == 20
        and int(rows[0]["image"]) == first["image"]
        and 1 in (first["latent_rank"], first["reconstruction_rank"])
    )
    assert "mean d²" in run("anomalies", "dsprites-beta4", "--outliers", "--count", "20").output
    assert "squared error" in run("anomalies", "dsprites-beta4", "--count", "5").output
    wrong = run("anomalies", "dsprites-beta4", "dsprites-beta1", "--outliers")
    assert wrong.exit_code == 2 and "is for one MODEL" in wrong.output


def test_plane_writes_each_point_and_the_pictures_where_they_lie(tmp_path: Path) -> None:
    table, picture = tmp_path / "plane.csv", tmp_path / "plane.png"
    asked = ("plane", "scene-beta4", "--axes", "1", "3", "--side", "4", "--a", "20", "20", "--b", "40", "40")
    told = run(*asked, "--json", "--out", table, "--out", picture)
    found = json.loads(told.stdout)
    rows = list(csv.DictReader(table.open()))
    assert len(rows) == len(found["points"]) == 16 and len(rows[0]) == 2 + 6 + 3 + 3 * 64 * 64 + 1
    assert float(rows[5]["a"]) == pytest.approx(found["values"][0][5], rel=1e-4)
    assert float(rows[5]["a_by_z3"]) == pytest.approx(found["gradients"][0][5][1], rel=1e-4)
    square = [float(rows[5][f"c{c}_r{r}_x{x}"]) for c in range(3) for r in range(16, 25) for x in range(16, 25)]
    assert sum(square) / len(square) == pytest.approx(found["values"][0][5], abs=1e-4)
    with Image.open(picture) as sheet:
        assert sheet.size == (4 * 66 - 2, 4 * 66 - 2)
    told = run("plane", "dsprites-disentangled", "--layout", "polar", "--side", "6", "--count", "50", "--out", picture)
    assert "19 points of z" in told.output and "sqrt det G" in told.output
    wrong = run("plane", "scene-beta4", "--axes", "1", "1")
    assert wrong.exit_code == 2 and "two different latents" in wrong.output


def test_concepts_paths_and_sequences_print_numbers_and_write_files(tmp_path: Path) -> None:
    table, picture = tmp_path / "out.csv", tmp_path / "out.png"
    files = ("--out", table, "--out", picture)
    told = run("concepts", "dsprites-disentangled", "--count", "100", "--json", "--combine", "posX", *files)
    found = json.loads(told.stdout)["concepts"]
    rows = list(csv.DictReader(table.open()))
    assert len(rows) == sum(len(of["classes"]) for of in found) == 19
    assert sum(int(row["held_out"]) for row in rows if row["factor"] == "posX") == 50
    with Image.open(picture) as sheet:
        assert sheet.width >= 4 * 66 - 2
    assert "posX" in run("concepts", "dsprites-disentangled", "--count", "50", "--on", "posX=2").output
    assert "there is no factor" in run("concepts", "dsprites-beta4", "--count", "9", "--combine", "x").output
    told = run(
        "ways-between",
        "dsprites-beta4",
        "--from",
        "3",
        "--to",
        "90000",
        "--steps",
        "4",
        "--count",
        "30",
        "--json",
        *files,
    )
    ways = json.loads(told.stdout)["paths"]
    assert [way["kind"] for way in ways] == ["straight", "spherical", "data"] and ways[2]["through"][0] == 3
    assert len(list(csv.DictReader(table.open()))) == 12
    assert run("ways-between", "dsprites-beta4", "--plus", "7", "--out", picture).output.count("z: ") == 1
    assert "in pictures" in run("ways-between", "dsprites-beta4", "--count", "20").output
    told = run("sequences", "dsprites-beta4", "--count", "4", "--frames", "5", "--json", "--out", table)
    slow = json.loads(told.stdout)["models"]["dsprites-beta4"]
    assert slow["frames"] == 5 and slow["moving"] == "posX and posY"
    assert float(list(csv.DictReader(table.open()))[2]["slowness"]) == pytest.approx(slow["slowness"][2], rel=1e-5)
    assert "length over distance" in run("sequences", "dsprites-beta4", "--count", "3").output
