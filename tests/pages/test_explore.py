"""The page Explore without a browser: what is on it, and what it says when something is wrong."""

import json
import shutil

import numpy as np
import pytest
import torch

from explorer.analysis.evaluation import choose, evaluate
from explorer.checkpoints import Evaluation, load
from explorer.datasets import open_dataset

from .conftest import make


def sliders(at) -> list[str]:
    """Labels of the latent sliders from top to bottom."""
    return [slider.label for slider in at.slider]


def sentences(at) -> str:
    """All that is said in boxes."""
    return " ".join(box.value for box in [*at.warning, *at.error, *at.info]).replace("\\", "")


def written(at) -> dict[str, list[str]]:
    return {n: v if isinstance(v, list) else [v] for n, v in at.query_params.items()}


def value_of(at, dimension: int) -> float:
    return at.slider(key=f"explore.slider.{dimension}").value


def test_the_first_page_shows_a_model_with_all_its_sliders(open_app):
    at = open_app()
    assert not at.exception and not at.error and not at.warning
    assert at.selectbox(key="explore.model").value == "alpha"
    assert len(at.slider) == 4
    assert len(at.get("plotly_chart")) == 1


def test_sliders_stand_in_the_order_of_kl_measured_on_the_data(open_app):
    at = open_app()
    model, data = load("alpha").model, open_dataset("dsprites", size=64)
    kl = evaluate(model, data, count=1000, seed=0).kl_per_dimension
    order = np.argsort(-kl)
    assert [label.split()[0] for label in sliders(at)] == [f"z{d}" for d in order]
    for label, dimension in zip(sliders(at), order, strict=True):
        assert f"KL {kl[dimension]:.2f} nats" in label
        assert "active" in label
    bars = json.loads(at.get("plotly_chart")[0].proto.spec)["data"]
    heights = {x: y for trace in bars for x, y in zip(trace["x"], trace["y"], strict=True)}
    assert heights == pytest.approx({f"z{d}": kl[d] for d in range(4)})


def test_the_number_of_images_is_stated_and_can_be_chosen(open_app):
    at = open_app(count="50")
    assert any("50 images of dSprites" in caption.value for caption in at.caption)
    at.number_input(key="explore.count").set_value(80).run()
    assert any("80 images of dSprites" in caption.value for caption in at.caption)
    assert written(at)["count"] == ["80"]


def test_a_slider_moves_its_number_and_the_url(open_app):
    at = open_app()
    at.slider(key="explore.slider.2").set_value(1.25).run()
    assert at.number_input(key="explore.number.2").value == 1.25
    assert written(at) == {"model": ["alpha"], "z": [",,1.25"]}
    at.number_input(key="explore.number.0").set_value(-0.5).run()
    assert value_of(at, 0) == -0.5
    assert written(at)["z"] == ["-0.5,,1.25"]


def test_a_number_beyond_the_range_widens_the_slider(open_app):
    at = open_app()
    at.number_input(key="explore.number.1").set_value(7.5).run()
    assert value_of(at, 1) == 7.5 == at.slider(key="explore.slider.1").max


def test_one_dimension_is_reset_or_all(open_app):
    at = open_app(z="1,-1,0.5")
    at.button(key="explore.reset.1").click().run()
    assert [value_of(at, d) for d in range(3)] == [1.0, 0.0, 0.5]
    at.button(key="explore.reset").click().run()
    assert [value_of(at, d) for d in range(4)] == [0.0] * 4
    assert "z" not in written(at)


def test_a_sample_is_the_same_for_the_same_seed(open_app):
    first, again, other = (open_app(start="sample", seed=s) for s in ("3", "3", "4"))
    assert [value_of(first, d) for d in range(4)] == [value_of(again, d) for d in range(4)]
    assert value_of(first, 0) != value_of(other, 0)


def test_an_image_starts_the_sliders_at_its_posterior(open_app):
    at = open_app(start="image", image="1234")
    checkpoint, data = load("alpha"), open_dataset("dsprites", size=64)
    with torch.inference_mode():
        posterior = checkpoint.model.encode(data.images([1234]).float() / 255)
    for dimension in range(4):
        assert value_of(at, dimension) == pytest.approx(
            float(posterior.mean[0, dimension]), abs=1e-5
        )
    said = " ".join(caption.value for caption in at.caption)
    assert "Image 1,234" in said
    assert f"KL {float(posterior.kl().sum()):.2f} nats" in said
    assert len(at.get("plotly_chart")) == 2


def test_ranges_are_what_they_say(open_app):
    at = open_app(range="fixed", span="2.5")
    assert (at.slider[0].min, at.slider[0].max) == (-2.5, 2.5)
    at = open_app(range="prior", quantile="0.05")
    assert at.slider[0].max == pytest.approx(1.645, abs=0.01)
    at = open_app(range="aggregate", count="200")
    checkpoint, data = load("alpha"), open_dataset("dsprites", size=64)
    with torch.inference_mode():
        images = data.images(choose(data, 200, 0)).float() / 255
        posterior = checkpoint.model.encode(images)
    spread = (posterior.log_var.exp().mean(0) + posterior.mean.var(0, correction=0)).sqrt()
    top = posterior.mean.mean(0) + 1.6449 * spread
    for dimension in range(4):
        slider = at.slider(key=f"explore.slider.{dimension}")
        assert slider.max == pytest.approx(float(top[dimension]), abs=0.011)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "nope"), ("model", "../../etc/passwd"), ("model", "<b>x</b>"), ("z", "nan,1e999"),
        ("z", "1,2,3,4,5"), ("range", "foo"), ("image", "-1"), ("span", "x" * 500_000),
        ("seed", ""), ("start", "zero"), ("utm_source", "mail"),
    ],
)  # fmt: skip
def test_a_bad_value_in_the_url_gets_one_sentence_and_the_page_works(open_app, name, value):
    at = open_app(**{name: value})
    assert not at.exception and not at.error
    assert len(at.warning) == 1
    assert name in sentences(at)
    assert len(sentences(at)) < 500
    assert len(at.slider) == 4


def test_an_image_that_the_data_does_not_have_is_named(open_app):
    at = open_app(start="image", image="737280")
    assert not at.exception
    assert "image 737,280 is not there" in sentences(at) and "737,279" in sentences(at)


def test_sentences_go_when_something_is_chosen(open_app):
    at = open_app(range="foo")
    at.slider[0].set_value(1.0).run()
    assert not at.warning
    assert "range" not in written(at)


def test_another_model_starts_unmoved(open_app):
    at = open_app(z="1,1")
    at.selectbox(key="explore.model").set_value("beta").run()
    assert [value_of(at, d) for d in range(4)] == [0.0] * 4
    assert written(at) == {"model": ["beta"]}


def test_without_its_data_a_model_is_explored_all_the_same(open_app):
    evaluation = Evaluation(
        data="mnist", split="test", count=64, seed=0, reconstruction=90.0, kl=6.0,
        kl_per_dimension=(1.0, 3.0, 2.0), active_units=2, activity=(0.001, 0.9, 0.6),
    )  # fmt: skip
    make(
        "digits", training={"objective": "beta", "beta": 4.0, "data": "mnist"},
        evaluation=evaluation, shape=(1, 28, 28), latents=3,
    )  # fmt: skip
    at = open_app(model="digits", start="image", range="aggregate")
    assert not at.exception and not at.error
    assert [label.split()[0] for label in sliders(at)] == ["z1", "z2", "z0"]
    assert [label.split()[-1] for label in sliders(at)] == ["active", "active", "inactive"]
    said = " ".join(caption.value for caption in at.caption)
    assert "as the checkpoint says" in said and "64 images of mnist" in said.replace("\\", "")
    assert "MNIST is not in" in sentences(at)
    assert at.button(key="explore.download").label == "Download MNIST from the internet"


def test_a_model_without_a_recipe_says_what_is_absent(open_app):
    make("bare", training={}, network="mlp", shape=(1, 9, 12), latents=1)
    at = open_app(model="bare")
    assert not at.exception and not at.error
    assert sliders(at) == ["z0 · KL not known"]
    assert "does not say which images" in sentences(at)


@pytest.mark.parametrize(
    ("shape", "latents", "likelihood"),
    [
        ((3, 32, 32), 2, "gaussian"),
        ((3, 128, 128), 3, "optimal-gaussian"),
        ((1, 64, 64), 70, "bernoulli"),
    ],
)
def test_other_shapes_and_likelihoods_work(open_app, shape, latents, likelihood):
    training = {"objective": "beta", "beta": 2.0, "data": "dsprites" if shape[0] == 1 else "scene"}
    make("other", training=training, shape=shape, latents=latents, likelihood=likelihood)
    at = open_app(model="other", start="image", image="5", count="20")
    assert not at.exception and not at.error and not at.warning
    assert len(at.slider) == latents


def test_a_damaged_model_gets_a_sentence(open_app, library):
    (library / "beta" / "model.safetensors").write_bytes(b"<html>not found</html>")
    at = open_app(model="beta")
    assert not at.exception
    assert "not a whole safetensors file" in sentences(at)
    at.selectbox(key="explore.model").set_value("alpha").run()
    assert not at.error and len(at.slider) == 4


def test_a_model_deleted_while_open_gets_a_sentence_and_another_is_shown(open_app, library):
    at = open_app(model="beta")
    shutil.rmtree(library / "beta")
    at.slider[0].set_value(1.0).run()
    assert not at.exception
    assert "no model 'beta'" in sentences(at)
    assert at.selectbox(key="explore.model").value == "alpha"


def test_a_model_replaced_while_open_is_the_new_one(open_app, library):
    at = open_app(model="beta", z="1,1,1,1")
    make("beta", seed=9, latents=2)
    at.run()
    assert not at.exception
    assert len(at.slider) == 2
    assert "z has 4 values" in sentences(at)


def test_weights_that_are_not_finite_get_a_sentence(open_app, library):
    from safetensors.torch import load_file, save_file

    file = library / "beta" / "model.safetensors"
    tensors = load_file(file)
    next(iter(tensors.values())).view(-1)[0] = float("nan")
    save_file(tensors, file)
    at = open_app(model="beta")
    assert not at.exception
    assert "not finite" in sentences(at)


def test_a_name_stays_text(open_app):
    make("x <b>*y*<b> :smile: $z$", seed=3)
    at = open_app(model="x <b>*y*<b> :smile: $z$")
    assert not at.exception and not at.warning
    assert at.selectbox(key="explore.model").value == "x <b>*y*<b> :smile: $z$"


def test_without_any_model_the_page_says_so(open_app, library):
    shutil.rmtree(library)
    at = open_app()
    assert not at.exception
    assert "no model on this machine" in sentences(at)


def test_a_recipe_of_strangers_is_read_with_care(open_app, library):
    file = library / "beta" / "config.json"
    config = json.loads(file.read_text())
    config["training"] = {"objective": "beta", "beta": "four", "data": ["x"]}
    file.write_text(json.dumps(config))
    at = open_app(model="beta")
    assert not at.exception
    assert any("recipe" in caption.value for caption in at.caption)
