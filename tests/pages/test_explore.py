"""The page Explore without a browser: what is on it, and what it says when something is wrong."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.analysis.evaluation import choose, evaluate
from explorer.analysis.scores import IMAGES
from explorer.checkpoints import Description, Evaluation, load
from explorer.checkpoints.labels import Labels, read_labels, write_labels
from explorer.datasets import open_dataset
from explorer.live import onnx_cache

from .conftest import Opener, explorer, make, send, touch, touched


def picture(at: AppTest) -> np.ndarray:
    """The picture that the server decoded for a browser that does not, `(H, W, 3)`."""
    head, _, body = explorer(at)["picture"].partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))).convert("RGB"))


def decoded(name: str, z: list[float]) -> np.ndarray:
    """The same picture by torch, from 0 to 255."""
    with torch.inference_mode():
        image = load(name).model.decode(torch.tensor([z]))[0].numpy() * 255
    return np.broadcast_to(np.moveaxis(image, 0, -1), (*image.shape[1:], 3))


def sentences(at: AppTest) -> str:
    """All that is said in boxes."""
    return " ".join(box.value for box in [*at.warning, *at.error, *at.info]).replace("\\", "")


def written(at: AppTest) -> dict[str, list[str]]:
    return {n: v if isinstance(v, list) else [v] for n, v in at.query_params.items()}


def value_of(at: AppTest, dimension: int) -> float:
    return explorer(at)["z"][dimension]


def test_the_first_page_shows_a_model_with_all_its_sliders(open_app: Opener) -> None:
    at = open_app()
    assert not at.exception and not at.error and not at.warning
    assert at.selectbox(key="explore.model").value == "alpha"
    given = explorer(at)
    assert given["name"] == "alpha" and given["latents"] == 4 == len(given["dims"])
    assert given["shape"] == [1, 64, 64] and sorted(given["order"]) == [0, 1, 2, 3]
    assert len(at.get("plotly_chart")) == 1


def test_sliders_stand_in_the_order_of_kl_measured_on_the_data(open_app: Opener) -> None:
    at = open_app()
    model, data = load("alpha").model, open_dataset("dsprites", size=64)
    kl = evaluate(model, data, count=IMAGES, seed=0).kl_per_dimension
    order = np.argsort(-kl)
    assert explorer(at)["order"] == list(order)
    assert [row["kl"] for row in explorer(at)["dims"]] == pytest.approx(list(kl), abs=6e-5)
    assert all(isinstance(row["active"], bool) for row in explorer(at)["dims"])
    bars = json.loads(at.get("plotly_chart")[0].proto.spec)["data"]
    heights = {x: y for trace in bars for x, y in zip(trace["x"], trace["y"], strict=True)}
    assert heights == pytest.approx({f"z{d}": kl[d] for d in range(4)})


def test_the_number_of_images_is_stated_and_can_be_chosen(open_app: Opener) -> None:
    at = open_app(count="50")
    assert any("50 images of dSprites" in caption.value for caption in at.caption)
    at.number_input(key="explore.count").set_value(80).run()
    assert any("80 images of dSprites" in caption.value for caption in at.caption)
    assert written(at)["count"] == ["80"]


def test_a_slider_moves_the_picture_and_the_url(open_app: Opener) -> None:
    at = open_app()
    assert np.abs(picture(at) - decoded("alpha", [0.0] * 4)).max() <= 0.5 + 255e-3
    touch(at, z=[None, None, 1.25, None])
    assert written(at) == {"model": ["alpha"], "z": [",,1.25"]}
    assert explorer(at)["z"] == [0.0, 0.0, 1.25, 0.0]
    assert np.abs(picture(at) - decoded("alpha", [0.0, 0.0, 1.25, 0.0])).max() <= 0.5 + 255e-3
    touch(at, z=[-0.5, None, 1.25, None])
    assert written(at)["z"] == ["-0.5,,1.25"]


def test_a_number_beyond_the_range_is_taken(open_app: Opener) -> None:
    at = touch(open_app(), z=[None, 7.5])
    assert value_of(at, 1) == 7.5 > explorer(at)["high"][1]
    assert not at.warning and not at.error


def test_one_dimension_is_reset_or_all(open_app: Opener) -> None:
    at = open_app(z="1,-1,0.5")
    touch(at, z=[1.0, None, 0.5])
    assert explorer(at)["z"] == [1.0, 0.0, 0.5, 0.0]
    touch(at, z=[None] * 4)
    assert explorer(at)["z"] == [0.0] * 4
    assert "z" not in written(at)


def test_what_was_touched_is_told_back_with_its_number(open_app: Opener) -> None:
    """The browser tells an answer to its last touch from an older one by this number."""
    at = touch(open_app(), seq=41)
    assert explorer(at)["seq"] == 41


STRANGE: list[Any] = [
    None, 7, "text", [], {}, {"seq": -1}, {"z": "1,2"}, {"z": [2e3]}, {"z": [float("nan")]},
    {"z": [0.0] * 600}, {"locked": [-1]}, {"locked": ["x"]}, {"names": {"0": ""}},
    {"names": {"0": "n" * 41}}, {"names": {"x": "y"}}, {"order": [10**9]}, {"hash": "../../x"},
    {"image": -1}, {"image": 10**12}, {"more": 1},
]  # fmt: skip


def test_what_the_explorer_would_not_send_changes_nothing(open_app: Opener, library: Path) -> None:
    at = open_app(z="0.25")
    before, files = written(at), sorted(library.rglob("*"))
    for state in STRANGE:
        send(at, touched(at, **state) if isinstance(state, dict) and state else state)
        assert not at.exception and not at.warning and not at.error, state
        assert written(at) == before and value_of(at, 0) == 0.25, state
    assert sorted(library.rglob("*")) == files


def test_a_touch_of_a_model_that_is_no_longer_shown_changes_nothing(open_app: Opener, library: Path) -> None:
    at = open_app()
    late = touched(at, z=[9.0], names={"0": "late"})
    at.selectbox(key="explore.model").set_value("beta").run()
    send(at, late)
    assert written(at) == {"model": ["beta"]} and explorer(at)["names"] == {}
    assert not list(library.rglob("labels.json"))


def test_more_values_than_the_model_has_dimensions_are_left_out(open_app: Opener) -> None:
    at = touch(open_app(), z=[1.0] * 9, locked=[0, 7, 0], order=[3, 99, 3], names={"8": "none"})
    assert not at.exception and not at.warning
    assert written(at) == {"model": ["alpha"], "z": ["1,1,1,1"], "locked": ["0"]}
    assert explorer(at)["order"][0] == 3 and sorted(explorer(at)["order"]) == [0, 1, 2, 3]


def test_a_lock_is_in_the_url_and_comes_from_it(open_app: Opener) -> None:
    at = touch(open_app(), locked=[2, 0])
    assert written(at)["locked"] == ["2,0"]
    assert explorer(open_app(locked="1,3"))["locked"] == [1, 3]


def test_names_and_order_are_kept_with_the_model(open_app: Opener, library: Path) -> None:
    at = open_app()
    touch(at, names={"3": "rotation", "0": "  x  "}, order=[3, 2, 1, 0])
    assert read_labels(library / "alpha") == Labels(names={3: "rotation", 0: "x"}, order=(3, 2, 1, 0))
    fresh = open_app()
    assert explorer(fresh)["names"] == {"3": "rotation", "0": "x"}
    assert explorer(fresh)["order"] == [3, 2, 1, 0]
    assert explorer(open_app(model="beta"))["names"] == {}
    touch(fresh, names={})
    assert explorer(open_app())["names"] == {}


def test_a_name_alone_does_not_fix_the_order(open_app: Opener, library: Path) -> None:
    """Sliders that nobody moved go on standing by KL, also when it is measured anew."""
    touch(open_app(), names={"1": "size"})
    assert read_labels(library / "alpha") == Labels(names={1: "size"})


def test_names_that_can_not_be_kept_get_a_sentence(open_app: Opener, library: Path) -> None:
    at = open_app()
    (library / "alpha" / "labels.json").mkdir()
    touch(at, names={"3": "rotation"})
    assert not at.exception
    assert "labels.json" in sentences(at)


def test_the_name_of_a_dimension_stays_text(open_app: Opener, library: Path) -> None:
    name = '"><img onerror=alert(1)> *a* :smile:'
    write_labels(library / "alpha", Labels(names={0: name}))
    at = open_app()
    assert not at.exception and explorer(at)["names"] == {"0": name}


def test_a_sample_of_the_data_starts_the_sliders_at_that_image(open_app: Opener) -> None:
    at = open_app(z="1")
    offered = explorer(at)["samples"]
    assert len(offered) == 12
    index = offered[3]["index"]
    touch(at, image=index, z=[0.5] * 4)
    assert written(at)["start"] == ["image"] and written(at)["image"] == [str(index)]
    assert "z" not in written(at)
    data, checkpoint = open_dataset("dsprites", size=64), load("alpha")
    body = base64.b64decode(offered[3]["source"].partition(",")[2])
    small = np.asarray(Image.open(io.BytesIO(body)).convert("L"))
    assert np.array_equal(small, data.images([index])[0, 0])
    with torch.inference_mode():
        mean = checkpoint.model.encode(data.images([index]).float() / 255).mean[0]
    assert explorer(at)["z"] == pytest.approx(mean.tolist(), abs=1e-4)
    touch(at, image=offered[0]["index"], locked=[2], z=[0.1, 0.2, 0.3, 0.4])
    assert written(at)["z"] == [",,0.3"] and value_of(at, 2) == 0.3, "what is locked stays"


def test_a_model_that_can_not_be_exported_is_decoded_by_the_server(
    open_app: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_cache, "prepare", lambda description: "no operator for that")
    at = open_app(z="1")
    given = explorer(at)
    assert given["ready"] is False and given["parts"] is None
    assert "can't be exported" in given["waiting"] and "no operator for that" in given["waiting"]
    assert np.abs(picture(at) - decoded("alpha", [1.0, 0.0, 0.0, 0.0])).max() <= 0.5 + 255e-3


def test_a_browser_that_decodes_gets_addresses_and_no_picture(
    open_app: Opener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def prepare(description: Description) -> onnx_cache.Networks:
        files = onnx_cache.Networks(tmp_path / "d.onnx", tmp_path / "e.onnx")
        files.decoder.write_bytes(b"decoder of " + description.hash.encode())
        files.encoder.write_bytes(b"encoder of " + description.hash.encode())
        return files

    monkeypatch.setattr(onnx_cache, "prepare", prepare)
    at = open_app()
    given = explorer(at)
    assert given["ready"] is True and given["waiting"] == "" and given["picture"] is None
    decoder, encoder = given["parts"]["decoder"], given["parts"]["encoder"]
    assert decoder != encoder and "://" not in decoder + encoder
    assert not any("://" in address for address in given["assets"].values())
    touch(at, z=[0.5])
    assert explorer(at)["parts"]["decoder"] == decoder, "the same weights, another address"
    touch(at, z=[0.75], local=False)  # this browser said that it can't
    wanted = decoded("alpha", [0.75, 0.0, 0.0, 0.0])
    assert np.abs(picture(at) - wanted).max() <= 0.5 + 255e-3


def test_another_start_moves_all_but_what_is_locked(open_app: Opener) -> None:
    at = touch(open_app(), z=[None, 0.25, None, None], locked=[1, 3])
    at.button_group(key="explore.start").set_value("sample").run()
    assert written(at)["z"] == [",0.25,,0"] and written(at)["start"] == ["sample"]
    before = explorer(at)["z"]
    at.button(key="explore.another.sample").click().run()
    after = explorer(at)["z"]
    assert [after[1], after[3]] == [0.25, 0.0] and before[0] != after[0] and before[2] != after[2]


def test_a_sample_is_the_same_for_the_same_seed(open_app: Opener) -> None:
    first, again, other = (open_app(start="sample", seed=s) for s in ("3", "3", "4"))
    assert explorer(first)["z"] == explorer(again)["z"] == explorer(first)["start"]
    assert value_of(first, 0) != value_of(other, 0)


def test_an_image_starts_the_sliders_at_its_posterior(open_app: Opener) -> None:
    at = open_app(start="image", image="1234")
    checkpoint, data = load("alpha"), open_dataset("dsprites", size=64)
    with torch.inference_mode():
        posterior = checkpoint.model.encode(data.images([1234]).float() / 255)
    for dimension in range(4):
        assert value_of(at, dimension) == pytest.approx(float(posterior.mean[0, dimension]), abs=6e-5)
    said = " ".join(caption.value for caption in at.caption)
    assert "Image 1,234" in said
    assert f"KL {float(posterior.kl().sum()):.2f} nats" in said
    assert len(at.get("plotly_chart")) == 2


def test_ranges_are_what_they_say(open_app: Opener) -> None:
    at = open_app(range="fixed", span="2.5")
    assert (explorer(at)["low"], explorer(at)["high"]) == ([-2.5] * 4, [2.5] * 4)
    at = open_app(range="prior", quantile="0.05")
    assert explorer(at)["high"] == pytest.approx([1.645] * 4, abs=0.001)
    at = open_app(range="aggregate", count="200")
    checkpoint, data = load("alpha"), open_dataset("dsprites", size=64)
    with torch.inference_mode():
        images = data.images(choose(data, 200, 0)).float() / 255
        posterior = checkpoint.model.encode(images)
    spread = (posterior.log_var.exp().mean(0) + posterior.mean.var(0, correction=0)).sqrt()
    top = posterior.mean.mean(0) + 1.6449 * spread
    assert explorer(at)["high"] == pytest.approx(top.tolist(), abs=0.001)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "nope"), ("model", "../../etc/passwd"), ("model", "<b>x</b>"), ("z", "nan,1e999"),
        ("z", "1,2,3,4,5"), ("range", "foo"), ("image", "-1"), ("span", "x" * 500_000),
        ("seed", ""), ("start", "zero"), ("utm_source", "mail"), ("locked", "4"), ("locked", "x"),
    ],
)  # fmt: skip
def test_a_bad_value_in_the_url_gets_one_sentence_and_the_page_works(open_app: Opener, name: str, value: str) -> None:
    at = open_app(**{name: value})
    assert not at.exception and not at.error
    assert len(at.warning) == 1
    assert name in sentences(at)
    assert len(sentences(at)) < 500
    assert explorer(at)["latents"] == 4 and explorer(at)["locked"] == []


def test_an_image_that_the_data_does_not_have_is_named(open_app: Opener) -> None:
    at = open_app(start="image", image="737280")
    assert not at.exception
    assert "image 737,280 is not there" in sentences(at) and "737,279" in sentences(at)


def test_sentences_go_when_something_is_chosen(open_app: Opener) -> None:
    at = open_app(range="foo")
    touch(at, z=[1.0])
    assert not at.warning
    assert "range" not in written(at)


def test_another_model_starts_unmoved(open_app: Opener) -> None:
    at = open_app(z="1,1", locked="2")
    at.selectbox(key="explore.model").set_value("beta").run()
    assert explorer(at)["z"] == [0.0] * 4 and explorer(at)["locked"] == []
    assert written(at) == {"model": ["beta"]}


def test_without_its_data_a_model_is_explored_all_the_same(open_app: Opener) -> None:
    evaluation = Evaluation(
        data="mnist", split="test", count=64, seed=0, reconstruction=90.0, kl=6.0,
        kl_per_dimension=(1.0, 3.0, 2.0), active_units=2, activity=(0.001, 0.9, 0.6),
    )  # fmt: skip
    make(
        "digits",
        training={"objective": "beta", "beta": 4.0, "data": "mnist"},
        evaluation=evaluation,
        shape=(1, 28, 28),
        latents=3,
    )
    at = open_app(model="digits", start="image", range="aggregate")
    assert not at.exception and not at.error
    assert explorer(at)["order"] == [1, 2, 0]
    assert [row["active"] for row in explorer(at)["dims"]] == [False, True, True]
    said = " ".join(caption.value for caption in at.caption)
    assert "as the checkpoint says" in said and "64 images of mnist" in said.replace("\\", "")
    assert "MNIST is not in" in sentences(at)
    assert at.button(key="explore.download").label == "Download MNIST from the internet"


def test_a_model_without_a_recipe_says_what_is_absent(open_app: Opener) -> None:
    make("bare", training={}, network="mlp", shape=(1, 9, 12), latents=1)
    at = open_app(model="bare")
    assert not at.exception and not at.error
    assert explorer(at)["dims"] == [{"kl": None, "active": None}]
    assert explorer(at)["samples"] == []
    assert "does not say which images" in sentences(at)


@pytest.mark.parametrize(
    ("shape", "latents", "likelihood"),
    [((3, 32, 32), 2, "gaussian"), ((3, 128, 128), 3, "optimal-gaussian"), ((1, 64, 64), 70, "bernoulli")],
)
def test_other_shapes_and_likelihoods_work(
    open_app: Opener, shape: tuple[int, int, int], latents: int, likelihood: str
) -> None:
    training = {"objective": "beta", "beta": 2.0, "data": "dsprites" if shape[0] == 1 else "scene"}
    make("other", training=training, shape=shape, latents=latents, likelihood=likelihood)
    at = open_app(model="other", start="image", image="5", count="20")
    assert not at.exception and not at.error and not at.warning
    given = explorer(at)
    assert given["latents"] == latents == len(given["z"]) and given["shape"] == list(shape)
    assert np.abs(picture(at) - decoded("other", given["z"])).max() <= 0.5 + 255e-3
