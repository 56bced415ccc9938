"""The page Explore while its model is damaged, renamed, replaced or deleted, and models of strangers."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.checkpoints import ModelConfig, save
from explorer.checkpoints.store import build_model
from explorer.launch import model_actions
from explorer.ui.text import sentence

from .conftest import DSPRITES, Opener, explorer, make, touch
from .test_explore import decoded, picture, sentences, written


def test_a_damaged_model_gets_a_sentence(open_app: Opener, library: Path) -> None:
    (library / "beta" / "model.safetensors").write_bytes(b"<html>not found</html>")
    at = open_app(model="beta")
    assert not at.exception
    assert "not a whole safetensors file" in sentences(at)
    at.selectbox(key="explore.model").set_value("alpha").run()
    assert not at.error and explorer(at)["latents"] == 4


def test_a_model_deleted_while_open_gets_a_sentence_and_goes_on(open_app: Opener, library: Path) -> None:
    at = open_app(model="beta")
    wanted = decoded("beta", [1.0, 0.0, 0.0, 0.0])
    shutil.rmtree(library / "beta")
    touch(at, z=[1.0])
    assert not at.exception and not at.error
    assert "'beta' is no longer there" in sentences(at) and "keeps working" in sentences(at)
    assert at.selectbox(key="explore.model").value == "beta"
    assert explorer(at)["z"] == [1.0, 0.0, 0.0, 0.0]
    assert np.abs(picture(at) - wanted).max() <= 0.5 + 255e-3
    touch(at, names={"0": "size"})
    assert not (library / "beta").exists()  # nothing of it is made again
    at.selectbox(key="explore.model").set_value("alpha").run()
    assert not at.warning and "beta" not in at.selectbox(key="explore.model").options


def test_a_touch_that_another_one_overtakes_is_taken_whole(
    open_app: Opener, overtaken: Callable[[], None], library: Path
) -> None:
    at = open_app(model="alpha")
    overtaken()
    touch(at, image=5, names={"1": "size"})
    assert explorer(at)["names"] == {"1": "size"} and (library / "alpha" / "labels.json").is_file()
    assert written(at)["start"] == ["image"] and written(at)["image"] == ["5"]
    assert at.number_input(key="explore.image").value == 5
    overtaken()
    at.number_input(key="explore.image").set_value(6).run()
    assert written(at)["image"] == ["6"] and not at.warning


def test_every_run_tells_the_browser_what_a_control_shows(open_app: Opener) -> None:
    """A browser that never saw the first run's message must not show, and bring back, a value of its own."""
    at = open_app(start="image", image="7", range="fixed", span="2.5")
    for _ in range(2):
        start, reach = at.button_group(key="explore.start"), at.button_group(key="explore.range")
        assert [list(control.proto.default) for control in (start, reach)] == [[2], [2]]
        shown = [at.number_input(key=f"explore.{field}").proto for field in ("image", "span")]
        assert [control.default for control in shown] == [7, 2.5]
        controls: list[Any] = [start.proto, reach.proto, *shown]
        assert not any(control.set_value for control in controls)
        at.run()


def test_a_model_renamed_while_open_is_followed(open_app: Opener, library: Path) -> None:
    at = open_app(model="beta", z="1,0.5")
    model_actions.rename("beta", "a/b <i>\N{SNOWMAN}</i>")
    at.run()
    assert not at.exception and not at.error
    assert "is called 'a/b <i>\N{SNOWMAN}</i>' now" in sentences(at)
    assert at.selectbox(key="explore.model.1").value == "a/b <i>\N{SNOWMAN}</i>"
    assert explorer(at)["z"] == [1.0, 0.5, 0.0, 0.0]


def test_a_model_replaced_while_open_stays_until_the_new_one_is_asked_for(open_app: Opener, library: Path) -> None:
    at = open_app(model="beta", z="1,1,1,1")
    content = explorer(at)["hash"]
    make("beta", seed=9, latents=2)
    at.run()
    assert not at.exception and not at.error
    assert "'beta' was replaced" in sentences(at) and explorer(at)["hash"] == content
    at.button(key="explore.replaced").click().run()
    assert explorer(at)["latents"] == 2
    assert "z has 4 values" in sentences(at)


def test_weights_that_are_not_finite_get_a_sentence(open_app: Opener, library: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = library / "beta" / "model.safetensors"
    tensors = load_file(file)
    next(iter(tensors.values())).view(-1)[0] = float("nan")
    save_file(tensors, file)
    at = open_app(model="beta")
    assert not at.exception
    assert "not finite" in sentences(at)


@pytest.mark.parametrize("name", ["x <b>*y*<b> :smile: $z$", "שלום/🎉 " + "é" * 292])
def test_a_name_stays_text(open_app: Opener, name: str) -> None:
    make("strange", seed=3)
    model_actions.rename("strange", name)
    at = open_app(model=name)
    assert not at.exception and not at.warning
    assert at.selectbox(key="explore.model").value == name and explorer(at)["name"] == name


def test_without_any_model_the_page_says_so(open_app: Opener, library: Path) -> None:
    shutil.rmtree(library)
    at = open_app()
    assert not at.exception
    assert "no model on this machine" in sentences(at)


def test_a_recipe_of_strangers_is_read_with_care(open_app: Opener, library: Path) -> None:
    file = library / "beta" / "config.json"
    config = json.loads(file.read_text())
    config["training"] = {"objective": "beta", "beta": "four", "data": ["x"]}
    file.write_text(json.dumps(config))
    at = open_app(model="beta")
    assert not at.exception
    assert any("recipe can't be read" in text.value.replace("\\", "") for text in at.markdown)


def test_what_is_doubtful_of_a_model_is_said_as_it_is_written(open_app: Opener) -> None:
    doubt = "too few to believe it (38% of what is drawn is made again): read wrongly"
    model = build_model(ModelConfig(network="compact", shape=(1, 64, 64), latents=4))
    save(model, "odd", training=DSPRITES, doubts=(doubt,))
    at = open_app(model="odd")
    [said] = [w.value for w in at.warning if "doubtful" in w.value]
    assert said == f"**odd is doubtful**: {sentence(doubt)}" and "\\\\" not in said
