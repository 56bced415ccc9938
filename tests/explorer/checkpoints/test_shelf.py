"""Names, tags and notes of models; duplicate, rename, delete and put back; and the list of thousands."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import files, paths, trash
from explorer.checkpoints import ModelConfig, catalogue, describe, load, save
from explorer.checkpoints.labels import Labels, read_labels, write_labels
from explorer.checkpoints.notes import read_notes
from explorer.checkpoints.overview import overviews, passes
from explorer.checkpoints.store import build_model
from explorer.errors import UserError
from explorer.launch import model_actions
from explorer.naming import MAX_NAME, check_name, folder_name
from models.beta_vae import BetaVAE

STRANGE = [
    "<script>alert(1)</script>",
    "a/b",
    "/etc/passwd",
    "a\\..\\b",
    "👨‍👩‍👧 family",
    "שלום עולם",
    "x" * 300,
    "🎉" * 300,
    "con",
    "NUL.txt",
    "trailing.",
    "β = 4, D = 10",
    "%2e%2e%2f",
    "a'b\"c`$(rm)",
    "sweep/run/x",
]


@pytest.fixture
def model() -> BetaVAE:
    torch.manual_seed(0)
    return build_model(ModelConfig(network="linear", shape=(1, 8, 8), latents=2))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path))
    monkeypatch.setattr(paths, "PRETRAINED", tmp_path / "none")
    return tmp_path


def names() -> list[str]:
    return [entry.name for entry in catalogue()]


def test_any_name_is_kept_as_it_was_written_and_stored_in_a_safe_folder(model: BetaVAE, home: Path) -> None:
    save(model, "first")
    for name in STRANGE:
        assert model_actions.rename(model_actions.find("first").name, name) == name
        [entry] = catalogue()
        assert entry.name == name == describe(entry.path).name == load(name).name
        folder = entry.path.relative_to(home / "library")
        assert len(folder.parts) == 1 and folder.name.isascii() and len(folder.name) < 110
        assert sorted(path.name for path in home.iterdir()) == ["library"]
        model_actions.rename(name, "first")
    assert read_notes(model_actions.find("first").path).name == ""
    assert [path.name for path in (home / "library").iterdir() if path.is_dir()] == ["first"]


@settings(max_examples=120, deadline=None)
@given(st.text(max_size=MAX_NAME + 5))
def test_every_text_is_refused_or_has_one_safe_folder(text: str) -> None:
    try:
        name = check_name(text)
    except UserError as error:
        assert "can't be the name" in str(error) and len(str(error)) < 400
        return
    folder = folder_name(name)
    assert folder == Path(folder).name and folder.isascii() and folder.isprintable()
    assert not folder.startswith(".") and not folder.endswith((".", " ")) and 0 < len(folder) <= 100
    assert folder == folder_name(name)
    assert folder_name(name, lambda other: other == folder) != folder


def test_names_that_nobody_could_see_are_refused(model: BetaVAE) -> None:
    save(model, "first")
    for name in ("", " ", ".", "..", ".hidden", "a\nb", "\u202egnp", "\u200d", "x" * 301, "a\0b", " a"):
        with pytest.raises(UserError, match="can't be the name"):
            model_actions.rename("first", name)
    assert names() == ["first"]


def test_two_names_never_share_a_folder(model: BetaVAE) -> None:
    for name in ("a/b", "a b", "a?b", "A?B", "a-b"):
        save(model, "new")
        model_actions.rename("new", name)
    assert sorted(names()) == sorted(["a/b", "a b", "a?b", "A?B", "a-b"])
    assert len({entry.path for entry in catalogue()}) == 5


def test_of_two_who_write_the_same_name_one_gets_it(model: BetaVAE) -> None:
    """Eight at once rename and duplicate; every model is whole, no name comes twice, each is told why not."""
    for _ in range(10):
        for number in range(4):
            if f"source {number}" not in names():
                save(model, f"source {number}")
        said: list[str] = []
        ready = threading.Barrier(8)

        def work(number: int, said: list[str] = said, ready: threading.Barrier = ready) -> None:
            ready.wait()
            try:
                change = model_actions.rename if number < 4 else model_actions.duplicate
                change(f"source {number % 4}", "wanted")
            except UserError as error:
                said.append(str(error))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        why = ("there is a model 'wanted' already", "any more", "is no longer there")
        assert len(said) == 7 and all(any(w in s for w in why) for s in said), said
        assert names().count("wanted") == 1
        for name in names():
            load(name)
        assert not list(paths.library().glob(".incoming-*"))
        model_actions.discard(["wanted"])


def test_saving_twice_at_once_under_one_name_leaves_one_whole_model() -> None:
    models = [build_model(ModelConfig(network="linear", shape=(1, 8, 8), latents=n)) for n in (2, 3)]

    def work(number: int) -> None:
        for _ in range(10):
            save(models[number], "both", note=f"{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = load("both")
    assert found.config.note == str(found.config.latents - 2)


def test_what_was_deleted_comes_back_with_all_that_it_had(model: BetaVAE, home: Path) -> None:
    save(model, "first")
    path = model_actions.find("first").path
    write_labels(path, Labels(names={1: "size"}))
    model_actions.annotate("first", tags=["good", "good", " for class "], text="Seen on Monday.")
    model_actions.rename("first", "mine/β")
    model_actions.discard(["mine/β"])
    assert names() == [] and [item.name for item in model_actions.trashed()] == ["mine/β"]
    save(model, "other")
    model_actions.rename("other", "mine/β")
    with pytest.raises(UserError, match="there is another model"):
        model_actions.restore(model_actions.trashed()[0])
    model_actions.rename("mine/β", "other")
    assert model_actions.restore(model_actions.trashed()[0]) == "mine/β"
    entry = model_actions.find("mine/β")
    assert read_labels(entry.path).names == {1: "size"}
    assert read_notes(entry.path).tags == ("good", "for class")
    copy = model_actions.find(model_actions.duplicate("mine/β"))
    assert copy.name == "mine/β copy" and describe(copy.path).hash == describe(entry.path).hash
    assert read_notes(copy.path).text == "Seen on Monday." and read_labels(copy.path).names == {1: "size"}
    model_actions.discard(["mine/β"])
    trash.empty(model_actions.trashed())
    assert model_actions.trashed() == [] and not list((home / "trash").iterdir())


def test_a_shipped_model_is_tagged_and_duplicated_but_stays(model: BetaVAE, home: Path) -> None:
    save(model, home / "none" / "given")
    assert [entry.origin for entry in catalogue()] == ["shipped"]
    before = sorted((home / "none").rglob("*"))
    for change in (lambda: model_actions.rename("given", "x"), lambda: model_actions.discard(["given"])):
        with pytest.raises(UserError, match="comes with the program"):
            change()
    model_actions.annotate("given", tags=["good"])
    assert overviews()[0].notes.tags == ("good",)
    model_actions.duplicate("given", "own")
    model_actions.rename("own", "mine")
    assert names() == ["given", "mine"] and sorted((home / "none").rglob("*")) == before


def test_a_change_in_a_folder_is_seen_at_once(model: BetaVAE, monkeypatch: pytest.MonkeyPatch) -> None:
    save(model, "first")
    for path in paths.library().iterdir():
        if path.is_dir():
            os.utime(path, (1, 1))  # long ago: it is trusted
    assert names() == ["first"]
    save(model, "second")
    assert names() == ["first", "second"]
    (paths.library() / "first" / "config.json").unlink()
    assert names() == ["second"]
    shutil.rmtree(paths.library() / "second")
    assert names() == []


def test_the_list_follows_what_is_written_in_place(model: BetaVAE) -> None:
    save(model, "first", training={"objective": "beta", "beta": 4.0, "data": "dsprites"})
    [found] = overviews()
    assert (found.data, found.objective, found.beta, found.kl) == ("dsprites", "beta", 4.0, None)
    assert passes(found, "FIRST beta") and not passes(found, "first mnist")
    (paths.library() / "first" / "config.json").write_text("{")
    [found] = overviews()
    assert found.config is None and "not JSON" in found.error and found.beta is None


def test_a_folder_is_looked_into_once(model: BetaVAE, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many models there are, a second look at the list opens no file."""
    save(model, "first")
    for number in range(50):
        shutil.copytree(paths.library() / "first", paths.library() / f"copy {number}")
    for path in paths.library().iterdir():
        os.utime(path, (1, 1))
    assert len(overviews()) == 51

    def refuse(*args: object, **kwargs: object) -> None:
        pytest.fail("a file was opened")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "read_text", refuse)
    monkeypatch.setattr(sys.modules["explorer.checkpoints.catalogue"], "read_notes", refuse)
    assert len(overviews()) == 51


def test_what_was_never_finished_is_swept_up(model: BetaVAE) -> None:
    save(model, "first")
    left = paths.library() / ".incoming-old"
    left.mkdir()
    os.utime(left, (time.time() - 2 * files.ABANDONED,) * 2)
    model_actions.duplicate("first")
    assert not left.exists()
