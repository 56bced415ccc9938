"""What a person calls the dimensions of a model, kept with it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from explorer import paths
from explorer.checkpoints.labels import Labels, read_labels, write_labels
from explorer.errors import UserError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_labels_lie_beside_the_weights_and_move_with_them(tmp_path: Path) -> None:
    kept = Labels(names={3: "rotation", 0: '"><img onerror=alert(1)>'}, order=(3, 0))
    (tmp_path / "model").mkdir()
    write_labels(tmp_path / "model", kept)
    assert json.loads((tmp_path / "model" / "labels.json").read_text())["order"] == [3, 0]
    (tmp_path / "model").rename(tmp_path / "moved")
    assert read_labels(tmp_path / "moved") == kept
    assert read_labels(tmp_path / "model") == Labels()


def test_labels_of_a_shipped_model_lie_in_the_persons_folder(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "PRETRAINED", tmp_path / "shipped")
    model = tmp_path / "shipped" / "one"
    model.mkdir(parents=True)
    (model / "labels.json").write_text('{"names": {"1": "as shipped"}}')
    assert read_labels(model).names == {1: "as shipped"}
    write_labels(model, Labels(names={1: "mine"}))
    assert read_labels(model).names == {1: "mine"}
    assert (home / "labels" / "one.json").is_file()
    assert "as shipped" in (model / "labels.json").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        '{"names": []}',
        '{"names": {"x": "y"}}',
        '{"names": {"-1": "y"}}',
        '{"names": {"512": "y"}}',
        '{"names": {"1": ""}}',
        '{"names": {"1": "   "}}',
        '{"names": {"1": 7}}',
        '{"order": [0.5]}',
        '{"order": [512]}',
        '{"order": 3}',
        '{"more": 1}',
        '{"names": {"1": "' + "n" * 41 + '"}}',
        '{"order": [' + "0," * 600 + "0]}",
        "\x00",
        "[" * 100_000,
    ],
)
def test_labels_that_can_not_be_read_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.json").write_text(text)
    assert read_labels(tmp_path) == Labels()


def test_names_have_bounds() -> None:
    assert Labels(names={0: " " + "n" * 40 + " "}).names == {0: "n" * 40}
    for names in ({0: "n" * 41}, {0: " "}, {-1: "x"}, {512: "x"}):
        with pytest.raises(ValidationError):
            Labels(names=names)


@given(some.lists(some.integers(0, 20), max_size=30), some.permutations(range(12)))
def test_every_dimension_stands_once_the_chosen_ones_first(chosen: list[int], usual: list[int]) -> None:
    ordered = Labels(order=tuple(chosen)).ordered(usual)
    assert sorted(ordered) == sorted(usual)
    first = [d for d in dict.fromkeys(chosen) if d < 12]
    assert ordered[: len(first)] == first
    assert ordered[len(first) :] == [d for d in usual if d not in first]


def test_a_dimension_is_called_by_its_name() -> None:
    labels = Labels(names={3: "rotation"})
    assert labels.call(3) == "rotation (z3)" and labels.call(2) == "z2"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_not_be_written_gets_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="labels.json"):
            write_labels(tmp_path, Labels(names={0: "x"}))
    finally:
        tmp_path.chmod(0o700)


def test_a_place_that_is_no_file_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "labels.json").mkdir()
    assert read_labels(tmp_path) == Labels()
    with pytest.raises(UserError, match="labels.json"):
        write_labels(tmp_path, Labels(names={0: "x"}))
