"""Codes as arrays: out of a model and into the scores again, with the same numbers; and files that hold none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from explorer.analysis import metrics
from explorer.analysis.given_codes import read_codes
from explorer.cli import main
from explorer.errors import UserError

COUNT = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Codes of one model in each format."""
    place = tmp_path_factory.mktemp("codes")
    for form, name in (("codes", "c.csv"), ("codes-npz", "c.npz"), ("codes-parquet", "c.parquet")):
        words = ["export", "dsprites-disentangled", "--to", form, "--count", str(COUNT), "--out", str(place / name)]
        made = CliRunner().invoke(main, words)
        assert made.exit_code == 0, made.output
    return place


def test_every_format_holds_the_same_codes(folder: Path) -> None:
    arrays = np.load(folder / "c.npz")
    assert arrays["mean"].shape == arrays["std"].shape == (COUNT, 10) and arrays["factors"].shape == (COUNT, 5)
    table = pd.read_parquet(folder / "c.parquet")
    np.testing.assert_array_equal(table["mean_z3"].to_numpy(), arrays["mean"][:, 3])
    np.testing.assert_array_equal(table["posX"].to_numpy(), arrays["factors"][:, 3])
    whole = read_codes(folder / "c.npz")
    for other in map(read_codes, (folder / "c.csv", folder / "c.parquet")):
        np.testing.assert_allclose(other.codes, whole.codes, rtol=1e-4, atol=1e-5)
        assert other.factor_names == whole.factor_names == ("shape", "scale", "orientation", "posX", "posY")
        assert other.factors is not None and whole.factors is not None
        assert [len(np.unique(column)) for column in other.factors.T] == [
            len(np.unique(column)) for column in whole.factors.T
        ]


def test_scores_of_a_file_are_those_of_its_arrays(folder: Path) -> None:
    words = ["measure", "--codes", str(folder / "c.npz"), "--count", str(COUNT), "--preset", "fast", "--json"]
    told = CliRunner().invoke(main, [*words, "--metrics", "mig,sap,active_units,beta_vae"])
    assert told.exit_code == 0, told.output
    value = json.loads(told.stdout)
    arrays = np.load(folder / "c.npz")
    order = np.random.default_rng(0).permutation(COUNT)
    wanted = metrics.mig(arrays["mean"][order], arrays["factors"][order], seed=0, preset="fast").value
    assert value["metrics"]["mig"]["value"] == pytest.approx(wanted) and value["model"] == "c"
    assert value["metrics"]["active_units"]["value"] >= 4
    both = CliRunner().invoke(main, [*words[:3], "--codes", str(folder / "c.csv"), *words[3:], "--metrics", "mig,udr"])
    assert both.exit_code == 0 and json.loads(both.stdout)["together"]["udr"]["value"] > 0.8, both.output


def test_only_codes_have_the_scores_that_need_no_more(tmp_path: Path) -> None:
    np.save(tmp_path / "plain.npy", np.random.default_rng(0).normal(size=(300, 3)))
    told = CliRunner().invoke(main, ["measure", "--codes", str(tmp_path / "plain.npy"), "--metrics", "active_units"])
    assert told.exit_code == 0 and "3" in told.output
    refused = CliRunner().invoke(main, ["measure", "--codes", str(tmp_path / "plain.npy"), "--metrics", "mig"])
    assert refused.exit_code == 2 and refused.stderr.count("\n") == 1
    for words in (["measure"], ["measure", "dsprites-beta4", "--codes", "x.npz"]):
        asked = CliRunner().invoke(main, words)
        assert asked.exit_code == 2 and "one of both" in asked.stderr


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"other": np.ones((3, 2))}, "has no array codes or mean; it has other"),
        ({"codes": np.ones(3)}, r"of shape \(images, latents\)"),
        ({"codes": np.array([["a"]])}, "must be numbers"),
        ({"codes": np.array([[np.nan, 1]])}, "finite"),
        ({"codes": np.ones((3, 2)), "std": np.zeros((3, 2))}, "must be positive"),
        ({"codes": np.ones((3, 2)), "factors": np.ones((2, 2))}, "with 3 images"),
        ({"codes": np.empty((0, 2))}, r"of shape \(images, latents\)"),
        ({"codes": np.array([{}], dtype=object)}, "can't be read"),
    ],
)
def test_what_holds_no_codes_is_a_sentence(tmp_path: Path, arrays: dict[str, np.ndarray], why: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=why):
        read_codes(tmp_path / "a.npz")


def test_files_that_are_none_are_a_sentence(tmp_path: Path) -> None:
    for name, content in (("a.npz", b"PK\3\4"), ("a.npy", b""), ("a.csv", b"a,b\n1,2\n"), ("a.parquet", b"PAR1")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError):
            read_codes(tmp_path / name)
    for name in ("a.txt", "none.npz"):
        with pytest.raises(UserError):
            read_codes(tmp_path / name)
