"""The page Library without a browser."""

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.runtime import caching
from streamlit.runtime.scriptrunner import StopException
from streamlit.testing.v1 import AppTest

from explorer import access, checkpoints, paths
from explorer.checkpoints import Evaluation, catalogue, describe, load
from explorer.checkpoints.notes import read_notes
from explorer.datasets import intake, own
from explorer.launch import model_actions
from explorer.training import TrainConfig, train
from explorer.ui.library import actions as library_actions
from explorer.ui.library import cards as library_cards
from explorer.ui.library.state import PAGE as STATE
from explorer.ui.library.state import LibraryState

from .conftest import Opener, explorer, make

PAGE = "pages/library.py"


def names(at: AppTest) -> list[str]:
    """The models that are shown."""
    return [box.label.strip("*").replace("\\", "") for box in at.checkbox if box.label.startswith("**")]


def button(at: AppTest, label: str) -> Any:
    """The first button of that name."""
    return next(button for button in at.button if button.label == label)


def said(at: AppTest) -> str:
    return " ".join(e.value for e in [*at.warning, *at.error, *at.info, *at.caption, *at.markdown]).replace("\\", "")


def measured(kl: float) -> Evaluation:
    return Evaluation(
        data="dsprites", count=500, seed=0, reconstruction=2 * kl, kl=kl, active_units=3, kl_per_dimension=(kl, 0, 0, 0)
    )


def test_every_model_is_listed_with_its_recipe_and_numbers(open_app: Opener) -> None:
    evaluation = Evaluation(
        data="dsprites", count=500, seed=0, reconstruction=20.5, kl=18.25,
        kl_per_dimension=(5.0, 6.0, 7.0, 0.25), active_units=3, mig=0.21,
    )  # fmt: skip
    make("measured", evaluation=evaluation)
    at = open_app(PAGE)
    assert not at.exception and not at.error
    said = " ".join(element.value for element in [*at.markdown, *at.caption]).replace("\\", "")
    assert [box.label for box in at.checkbox] == ["**alpha**", "**beta**", "**measured**"]
    assert "β = 4, β·D/(C·H·W) = 0.00391" in said
    assert "reconstruction 20.50 nats · KL 18.25 nats · 3 of 4 active · MIG 0.210" in said
    assert "on 500 images of dsprites" in said
    assert "the checkpoint holds no evaluation" in said
    assert [link.proto.label for link in at.page_link].count("Open in Explore") == 3


def test_a_damaged_model_gets_its_one_sentence_among_the_others(open_app: Opener, library: Path) -> None:
    (library / "alpha" / "config.json").write_text("{")
    (library / "beta" / "model.safetensors").write_bytes(b"")
    make("whole")
    at = open_app(PAGE)
    assert not at.exception
    assert len(at.error) == 2
    assert [link.proto.label for link in at.page_link].count("Open in Explore") == 1


def test_the_exploration_is_there_after_a_look_at_the_library(open_app: Opener) -> None:
    at = open_app(z="1.5", model="beta")
    at.switch_page(PAGE).run()
    at.query_params.clear()
    at.switch_page("pages/explore.py").run()
    assert at.selectbox(key="explore.model").value == "beta"
    assert explorer(at)["z"][0] == 1.5


def test_an_objective_is_in_words(open_app: Opener) -> None:
    base = {"data": "dsprites"}
    make("c", training={**base, "objective": "capacity", "gamma": 100, "capacity": 10})
    make("e", training={**base, "objective": "constrained", "epsilon": 9})
    make("t", training={**base, "objective": "tc", "beta": 6})
    make("g", training={**base, "objective": "beta", "beta": 2}, likelihood="gaussian", sigma=0.5)
    at = open_app(PAGE)
    assert not at.exception and not at.error
    said = " ".join(element.value for element in at.markdown).replace("\\", "")
    assert "100·|KL − 10 nats|" in said and "γ = 100 in place of β" in said
    assert "subject to KL < 9 nats" in said
    assert "total correlation weighted by β" in said
    assert "β = 6 on the total correlation alone" in said and "β = 6, β·D" not in said
    assert "implied σ² = β·σ² = 0.5" in said


def test_search_filters_and_order_are_in_the_url_and_come_from_it(open_app: Opener) -> None:
    for number in (1, 2, 10):
        make(f"kl {number}", evaluation=measured(number))
    make("digits", training={"objective": "tc", "beta": 6.0, "data": "mnist"})
    at = open_app(PAGE)
    assert names(at) == ["alpha", "beta", "digits", "kl 1", "kl 10", "kl 2"]
    at.selectbox(key="library.sort").set_value("kl").run()
    assert names(at)[:3] == ["kl 1", "kl 2", "kl 10"]
    at.toggle(key="library.down").set_value(True).run()
    assert names(at)[:3] == ["kl 10", "kl 2", "kl 1"]  # what is not known stays last
    at.number_input(key="library.kl.1").set_value(5.0).run()
    assert names(at) == ["kl 2", "kl 1"] and ",5" in at.query_params["kl"]
    at.button(key="library.clear").click().run()
    at.text_input(key="library.q").set_value("mni").run()
    assert names(at) == ["digits"]
    again = open_app(PAGE)
    for name, value in at.query_params.items():
        again.query_params[name] = value
    again.run()
    assert names(again) == ["digits"] and again.selectbox(key="library.sort.1").value == "kl"
    at.query_params.clear()
    at.query_params["beta"] = "5,oops"
    at.query_params["objective"] = "tc"
    at.query_params["colour"] = "red"
    at.run()
    assert not at.exception and names(at) == ["digits"]
    assert "beta" in said(at) and "colour" in said(at)


def test_a_choice_that_another_one_overtakes_is_in_the_address(open_app: Opener, overtaken: Callable[[], None]) -> None:
    at = open_app(PAGE)
    overtaken()
    at.selectbox(key="library.sort").set_value("kl").run()
    assert at.query_params["sort"] in ("kl", ["kl"])


def test_a_state_is_what_its_address_says() -> None:
    state = LibraryState(
        q="a b", data=("mnist", "own:x,y"), beta=(1.5, None), kl=(None, 9), since="2026-01-02",
        sort="mig", down=True, view="table", page=3,
    )  # fmt: skip
    assert STATE.from_params(STATE.to_params(state)) == (state, [])


def test_a_name_tags_and_notes_are_kept_from_the_card(open_app: Opener, library: Path) -> None:
    at = open_app(PAGE)
    button(at, "Edit").click().run()
    name, tags, text = (
        next(iter(kind))
        for kind in (
            [t for t in at.text_input if t.label == "Name"],
            [m for m in at.multiselect if m.label == "Tags" and m.key.startswith("library.change")],
            at.text_area,
        )
    )
    name.set_value("<b>α/β</b> :smile: " + "é" * 200)
    text.set_value("*seen*")
    button(at, "Save").click().run()
    assert not at.exception and not at.warning
    entry = next(e for e in catalogue() if e.name.startswith("<b>α/β"))
    assert read_notes(entry.path).text == "*seen*" and entry.path.parent == library
    assert "*seen*" in said(at) and names(at)[0].startswith("<b>α/β</b>")
    at.text_input(key="library.q").set_value("seen").run()
    assert len(names(at)) == 1


def test_what_can_not_be_done_is_said(open_app: Opener) -> None:
    at = open_app(PAGE)
    button(at, "Edit").click().run()
    next(t for t in at.text_input if t.label == "Name").set_value("beta")
    button(at, "Save").click().run()
    assert "there is a model 'beta' already" in said(at).lower() and names(at) == ["alpha", "beta"]


def test_several_are_ticked_tagged_deleted_and_put_back(open_app: Opener) -> None:
    make("gamma")
    at = open_app(PAGE)
    for name in ("alpha", "gamma"):
        next(box for box in at.checkbox if box.label == f"**{name}**").check().run()
    assert "**2 ticked**" in said(at)
    at.text_input(key="library.newtag").set_value("night").run()
    assert {e.name for e in catalogue() if "night" in read_notes(e.path).tags} == {"alpha", "gamma"}
    at.button(key="library.discard").click().run()
    assert not at.exception and names(at) == ["beta"] and "ticked" not in said(at)
    at.segmented_control(key="library.show").set_value("trash").run()
    button(at, "Put back").click().run()
    assert len(catalogue()) == 2 and len(model_actions.trashed()) == 1
    at.button(key="library.empty").click().run()
    assert model_actions.trashed() == [] and "The trash is empty." in said(at)


def test_a_run_is_a_model_here_and_deleted_with_all_that_it_has(open_app: Opener, library: Path) -> None:
    config = TrainConfig(data="dsprites", size=32, steps=2, batch_size=4, eval_images=4, latents=3)
    train(config, paths.runs() / "first")
    model_actions.annotate("first", tags=["mine"])
    at = open_app(PAGE, q="mine")
    at.query_params["q"] = "mine"
    at.run()
    assert names(at) == ["first"] and "a run" in said(at)
    model_actions.discard(["first"])
    assert not (paths.runs() / "first").exists()
    assert model_actions.restore(model_actions.trashed()[0]) == "first" and load("first").model.latents == 3


def test_of_many_models_only_those_on_the_page_are_described_and_drawn_once(
    open_app: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        make(f"model {number:02}", seed=100 + number)
    described, drawn = [], []
    describe_one, draw = checkpoints.describe, library_cards._drawn
    monkeypatch.setattr(library_cards, "describe", lambda p: described.append(p) or describe_one(p))
    monkeypatch.setattr(library_cards, "_drawn", lambda d, start, dims: drawn.append(d.name) or draw(d, start, dims))
    at = open_app(PAGE)
    assert not at.exception and len(described) == 12 == len(drawn) == len(names(at))
    at.run()
    assert len(drawn) == 12  # from the disk
    at.query_params["page"] = "3"
    at.run()
    assert len(names(at)) == 8 and len(drawn) == 20
    at.query_params["page"] = "77"
    at.run()
    assert not at.exception and len(names(at)) == 8
    at.segmented_control(key="library.view").set_value("table").run()
    assert not at.exception and len(at.dataframe[0].value) == 32
    assert len(described) == 12 + 12 + 8 + 8


def test_images_are_given_looked_at_and_trained_on(
    open_app: Opener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for number in range(3):
            picture = io.BytesIO()
            Image.new("RGB", (40, 20), (80 * number, 0, 9)).save(picture, "PNG")
            made.writestr(f"{number}.png", picture.getvalue())
        made.writestr("<b>.png", b"no")
    at = open_app(PAGE)
    at.segmented_control(key="library.show").set_value("images").run()
    at.file_uploader[0].upload("a.zip", file.getvalue(), "application/zip").run()
    assert not at.exception and "**3 images**" in said(at) and "3 of 3 are not square" in said(at)
    assert "<b>.png: it is not a PNG" in said(at)
    assert at.text_input(key="library.images.name").value == "a"
    at.text_input(key="library.images.name").set_value(" ").run()
    at.button(key="library.images.keep").click().run()
    assert "Give the images a name first" in said(at)
    at.text_input(key="library.images.name").set_value("<i>cats</i>").run()
    at.button(key="library.images.keep").click().run()
    assert not at.exception and [one.name for one in own.sets()] == ["<i>cats</i>"]
    assert "**<i>cats</i>**" in said(at) and "**3 images**" not in said(at)
    assert not [p for p in own.sets_root().iterdir() if p.name.startswith(".incoming")]
    at.query_params.clear()
    at.query_params["data"] = "own:<i>cats</i>"
    at.switch_page("pages/train.py").run()
    assert not at.exception and at.selectbox(key="train.data").value == "own:<i>cats</i>"
    assert "3 images of 64 × 64 px, 3 channels" in said(at)
    monkeypatch.setattr(access, "folders", lambda: [tmp_path / "open"])
    at.query_params.clear()
    at.query_params["data"] = "folder"
    at.query_params["root"] = "/etc"
    at.run()
    assert not at.exception and "only from the folders that this server allows" in said(at)
    assert at.button(key="train.launch").disabled


def zipped(count: int, side: int = 40) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for number in range(count):
            picture = io.BytesIO()
            Image.new("L", (side, side), number).save(picture, "PNG")
            made.writestr(f"{number}.png", picture.getvalue())
    return file.getvalue()


def staged() -> list[str]:
    return [p.name for p in own.sets_root().glob(".incoming-*")]


def test_looking_at_images_is_stopped_by_its_button_and_then_nothing_is_stored(
    open_app: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The click comes while the page still looks, as a request of its own: the look ends at its next sign."""
    at = open_app(PAGE)
    at.segmented_control(key="library.show").set_value("images").run()
    looks: list[int] = []
    look = intake.look_at_files

    def clicked_meanwhile(files: Any, progress: Any) -> intake.PictureSet:
        def then(done: int) -> None:
            looks.append(done)
            raise StopException  # as any sign of the page does, once another run is asked for

        return look(files, then)

    monkeypatch.setattr(intake, "look_at_files", clicked_meanwhile)
    at.file_uploader[0].upload("a.zip", zipped(3), "application/zip").run()
    assert not at.exception and looks and staged() == []
    at.button(key="library.stop").click().run()
    assert "Stopped: nothing was stored" in said(at) and len(looks) == 1
    assert not [b for b in at.button if b.key == "library.stop"]


def test_a_folder_of_the_server_is_looked_at_and_its_notes_are_shown_and_kept(open_app: Opener, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    for kind in ("cats", "dogs"):
        (folder / kind).mkdir(parents=True)
        Image.new("L", (30, 30), len(kind) + 90 * (kind == "cats")).save(folder / kind / "a.png")
    at = open_app(PAGE)
    at.segmented_control(key="library.show").set_value("images").run()
    at.text_input(key="library.folder").set_value(str(folder)).run()
    assert not at.exception and "**2 images**" in said(at)
    assert "2 folders: cats (1), dogs (1)" in said(at)
    at.text_input(key="library.images.name").set_value("animals").run()
    at.button(key="library.images.keep").click().run()
    assert "**2 images**" not in said(at) and "2 folders: cats (1), dogs (1)" in said(at)
    at.text_input(key="library.folder").set_value(str(folder / "none")).run()
    assert "is not there" in said(at)


def test_what_a_session_looked_at_goes_with_its_connection_and_is_looked_at_again_where_it_comes_back(
    open_app: Opener,
) -> None:
    at = open_app(PAGE)
    at.segmented_control(key="library.show").set_value("images").run()
    at.file_uploader[0].upload("a.zip", zipped(3), "application/zip").run()
    assert "**3 images**" in said(at) and len(staged()) == 2  # the stage and its lock
    caching.clear_session_resource_cache("test session id")
    begin = time.monotonic()
    while staged():
        assert time.monotonic() - begin < 480
        time.sleep(0.02)
    at.run()
    assert not at.exception and "**3 images**" in said(at) and len(staged()) == 2
    at.button(key="library.let-go").click().run()
    assert staged() == []


def test_an_empty_library_says_what_to_do(open_app: Opener, library: Path) -> None:
    for entry in catalogue():
        model_actions.discard([entry.name])
    at = open_app(PAGE)
    assert not at.exception and "There is no model on this machine yet" in said(at)


def test_a_picture_of_a_model_that_is_replaced_meanwhile_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    before = describe("alpha")
    make("alpha", seed=99)
    with pytest.raises(ValueError, match="replaced while it was read"):
        library_cards._drawn(before, [0.0] * before.config.latents, [0])
    assert library_actions.ticked() == []
