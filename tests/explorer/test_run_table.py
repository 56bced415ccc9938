"""What a training logged as a table: every logged step, and damage passed over."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from explorer import paths
from explorer.cli import main
from explorer.export.run_table import curves_table
from explorer.training import TrainConfig, train

TINY = TrainConfig(data="dsprites", size=32, latents=3, steps=6, batch_size=8, log_every=2, eval_every=3, threads=1)


def rows_of(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode())))


def test_a_run_and_its_checkpoint_give_every_logged_step(tmp_path: Path) -> None:
    run = paths.runs() / "one"
    train(TINY, run)
    out = tmp_path / "curves.csv"
    done = CliRunner().invoke(main, ["export", str(run), "--to", "curves", "--out", str(out)])
    assert done.exit_code == 0, done.output
    rows = rows_of(out.read_bytes())
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [(row["kind"], int(row["step"])) for row in rows] == [(r["kind"], r["step"]) for r in records]
    for row, record in zip(rows, records, strict=True):
        assert float(row["kl"]) == pytest.approx(record["kl"], rel=1e-5)
        for d, value in enumerate(record["kl_per_dimension"]):
            assert float(row[f"kl_z{d}"]) == pytest.approx(value, rel=1e-5)
        assert row["loss"] == "" if record["kind"] == "eval" else float(row["loss"]) > 0


def test_several_runs_are_told_apart_and_what_is_damaged_is_passed_over(tmp_path: Path) -> None:
    good, torn = tmp_path / "a", tmp_path / "b"
    good.write_text('{"kind": "train", "step": 2, "kl": 1.5}\n')
    torn.write_bytes(b'{"kind": "train", "step": 1, "kl": 2.5}\n\xff\xfe rubbish\n{"kind": "tra')
    rows = rows_of(curves_table({"g/a": good, "g/b": torn, "gone": tmp_path / "c"}))
    assert rows == [
        {"run": "g/a", "kind": "train", "step": "2", "kl": "1.5"},
        {"run": "g/b", "kind": "train", "step": "1", "kl": "2.5"},
    ]
    assert rows_of(curves_table({})) == []
