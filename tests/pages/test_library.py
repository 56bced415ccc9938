"""The page Library without a browser."""

from explorer.checkpoints import Evaluation

from .conftest import explorer, make

PAGE = "pages/library.py"


def test_every_model_is_listed_with_its_recipe_and_numbers(open_app):
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
    assert len(at.page_link) == 3


def test_a_damaged_model_gets_its_one_sentence_among_the_others(open_app, library):
    (library / "alpha" / "config.json").write_text("{")
    (library / "beta" / "model.safetensors").write_bytes(b"")
    make("whole")
    at = open_app(PAGE)
    assert not at.exception
    assert len(at.error) == 2
    assert len(at.page_link) == 1


def test_the_exploration_is_there_after_a_look_at_the_library(open_app):
    at = open_app(z="1.5", model="beta")
    at.switch_page(PAGE).run()
    at.query_params.clear()
    at.switch_page("pages/explore.py").run()
    assert at.selectbox(key="explore.model").value == "beta"
    assert explorer(at)["z"][0] == 1.5


def test_an_objective_is_in_words(open_app):
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
    assert "total correlation weighted by β" in said and "β = 6, β·D" in said
    assert "implied σ² = β·σ² = 0.5" in said
