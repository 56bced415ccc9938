"""A kind is said once: one that is added is known everywhere, and one that is gone is a sentence."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from streamlit.testing.v1 import AppTest

from explorer.checkpoints import catalogue, describe, recipe
from explorer.checkpoints.overview import overview_of
from explorer.export.onnx import _pixels
from explorer.recipe.run import TrainConfig
from explorer.ui.compare import families
from explorer.ui.theory import family as theory_family
from models import kinds, likelihoods, networks, objectives
from tests.kinds import adding

HERE = Path(__file__).resolve().parent


def run(script: str, folder: Path, home: Path) -> None:
    """Run a script of this folder as a person at `home` who stands in `folder`."""
    surroundings = os.environ | {"BETA_VAE_HOME": str(home), "OMP_NUM_THREADS": "1"}
    surroundings.pop("PYTHONPATH", None)
    done = subprocess.run(
        [sys.executable, str(HERE / script)], cwd=folder, env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stdout.endswith("all asked\n"), done.stdout + done.stderr[-4000:]


def test_a_kind_that_is_added_is_known_everywhere_and_one_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    run("asking.py", adding.copy(tmp_path / "copy"), home)
    run("leaving.py", adding.PROJECT, home)


def test_every_entry_has_what_it_speaks_of_and_nothing_has_none() -> None:
    for kind in kinds.OBJECTIVES.values():
        importlib.import_module(f"models.{kind.module}")
    assert objectives.Objective.CLASSES.keys() == kinds.OBJECTIVES.keys()
    assert likelihoods.Likelihood.CLASSES.keys() == kinds.LIKELIHOODS.keys()
    assert networks.BUILDERS.keys() == kinds.built_here().keys()
    for name, kind in kinds.OBJECTIVES.items():
        values = kinds.values_of(kind, {})
        made = objectives.build(name, values, 100, 1000)
        assert made.name == name
        for text in (kind.loss, kind.short, kind.label, kind.beta):
            assert "{" not in text.format(**values)
        assert (kinds.BETA in kind.settings) == (kind.role in ("set", "part"))
    for build in (lambda: objectives.build("gone", {}, 1, 1), lambda: likelihoods.build("gone", {})):
        with pytest.raises(ValueError, match="there is no .* 'gone'; there are"):
            build()


@pytest.mark.parametrize("name", kinds.LIKELIHOODS)
def test_a_likelihood_makes_the_same_pixels_in_torch_in_words_and_as_onnx(name: str) -> None:
    likelihood = likelihoods.build(name, {}).eval()
    raw = torch.linspace(-3, 3, 40, dtype=torch.float64).reshape(2, 1, 4, 5)
    images = likelihood.images(raw)
    assert images.min() >= 0 and images.max() <= 1 and images.std() > 0.1
    assert torch.equal(eval(kinds.LIKELIHOODS[name].expression, {"torch": torch, "raw": raw}), images)
    shown = raw.float()
    axes: list[str | int | None] = ["n", 1, 4, 5]
    graph = helper.make_graph(
        _pixels(name),
        "pixels",
        [helper.make_tensor_value_info("raw", TensorProto.FLOAT, axes)],
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, axes)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    np.testing.assert_allclose(session.run(None, {"raw": shown.numpy()})[0], images, atol=1e-6)
    pixels = torch.linspace(0.01, 0.99, 40, dtype=torch.float64)
    torch.testing.assert_close(likelihood.images(likelihood.raw(pixels)), pixels)


def test_a_run_says_the_settings_of_its_objective_and_takes_those_of_others() -> None:
    config = TrainConfig(objective="constrained", epsilon=3.0, beta=9.0, sigma=0.5)
    said = config.model_dump()
    assert said["epsilon"] == 3.0 and not {"beta", "gamma", "sigma", "beta_schedule"} & said.keys()
    assert config.same_run(TrainConfig(objective="constrained", epsilon=3.0, gamma=1.0))
    old = {"objective": "capacity", "gamma": 5.0, "capacity": 2.0, "epsilon": 12.0, "beta": 4.0, "tc_alpha": 1.0}
    found = TrainConfig.model_validate(old).of_objective
    assert found == {
        "capacity": 2.0, "gamma": 5.0, "capacity_schedule": "linear over=70%", "gamma_schedule": "constant",
    }  # fmt: skip


@pytest.mark.parametrize("name", [entry.name for entry in catalogue() if entry.origin == "shipped"])
def test_which_beta_a_model_has_is_one_answer_on_every_page(name: str) -> None:
    [entry] = [entry for entry in catalogue() if entry.name == name]
    description = describe(entry.path)
    price = recipe.price(description.config, entry.path)
    assert overview_of(entry).beta == price.value
    here = recipe.price(description.config, entry.path, description.beta)  # where a model for every β is shown
    assert families.CurveModel(name, description).beta == here.whole
    shown = {m.point.name: m for family in theory_family.measured_families() for m in family.members}
    if name in shown and price.role == "found":
        assert f"β = {price.value:.3g}" in shown[name].chosen
    if name == "dsprites-constrained":
        assert price.role == "found" and f"{price.value:.3f}" == "3.819"
        assert price.words.startswith("β = 3.82, found by the constraint, β·D/(C·H·W) = ")
    page = AppTest.from_file(str(adding.PROJECT / "app.py"), default_timeout=400)
    page.query_params["model"] = name
    page.run().switch_page("pages/library.py")
    page.query_params["q"] = name
    page.run()
    said = "\n".join(str(e.value) for e in (*page.markdown, *page.caption)).replace("\\", "")
    assert price.words in said
