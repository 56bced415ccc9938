"""`compare` in a shell: the numbers that evaluate gives, a picture, a page, and a sentence for what is wrong."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from explorer.checkpoints import ModelConfig, save
from explorer.checkpoints.store import build_model
from explorer.cli import main

DSPRITES = {"objective": "beta", "beta": 4.0, "data": "dsprites"}


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three small models: two for dSprites of different size and latents, and one whose images are not here."""
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path))
    for seed, (name, shape, data) in enumerate(
        [("grey", (1, 64, 64), "dsprites"), ("small", (1, 32, 32), "dsprites"), ("digits", (1, 28, 28), "mnist")]
    ):
        torch.manual_seed(seed)
        latents = 4 - seed
        model = build_model(ModelConfig(network="mlp", shape=shape, latents=latents))
        save(model, name, training=DSPRITES | {"data": data, "size": shape[1], "latents": latents})
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


def test_the_numbers_are_those_of_evaluate_and_what_is_lacking_is_said_of_its_model() -> None:
    told = run("compare", "grey", "small", "digits", "gone", "--count", "60", "--seed", "3", "--json")
    assert told.exit_code == 0, told.output
    found = {row["name"]: row for row in json.loads(told.stdout)["models"]}
    for name in ("grey", "small"):
        wanted = json.loads(run("evaluate", name, "--count", "60", "--seed", "3", "--json").stdout)
        for key in ("reconstruction", "kl", "active_units", "count", "seed"):
            assert found[name][key] == wanted[key]
        assert found[name]["elbo"] == -wanted["reconstruction"] - wanted["kl"]
    assert found["grey"]["beta_norm"] == 4 * 4 / 64**2
    assert "MNIST is not" in found["digits"]["reason"] and found["digits"]["kl"] is None
    assert "no model 'gone'" in found["gone"]["reason"]
    pairs = json.loads(told.stdout)["matched_with_first"]["small"]
    assert len(pairs) == 3 and len({d for d, _, _ in pairs}) == 3
    words = run("compare", "grey", "small", "--count", "60").output
    assert "* best among" in words and "0*" not in words.splitlines()[1]  # of another size: no peers


def test_picture_and_page_hold_all_models(library: Path) -> None:
    shipped = ["gone", "dsprites-beta4", "mnist-beta4"]  # which bring their networks
    for name, link, models in (("sheet.png", "matched", ["grey", "small", "digits"]), ("page.html", "kl", shipped)):
        told = run(
            "compare",
            *models,
            "--count",
            "60",
            "--link",
            link,
            "--image",
            "7",
            "--t",
            ",1.5",
            "--out",
            str(library / name),
        )
        assert told.exit_code == 0, told.output
    image = Image.open(io.BytesIO((library / "sheet.png").read_bytes()))
    assert image.width > 2 * 9 * 56 and len(image.getcolors(1 << 20) or ()) > 50
    page = (library / "page.html").read_text()
    assert all((f'id="decoder{number}"' in page) == (number > 0) for number in range(3))
    assert "no numbers" in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["grey"], "2 to 6 models, not 1"),
        (["grey", "small", "--out", "x.gif"], "must end in .png or .html"),
        (["grey", "small", "--link", "hand"], "needs --hand once for each model"),
        (["grey", "small", "--link", "hand", "--hand", "9", "--hand", ""], "none of its 4 dimensions"),
        (["grey", "digits", "--link", "matched"], "digits is not matched"),
        (["grey", "small", "--t", "1,x"], "value 2: 'x' is not a number"),
        (["grey", "small", "--t", "1,2,3,4,5"], "5 values, and there are 4 sliders"),
        (["grey", "small", "--image", "1", "--mean"], "three starts"),
        (["gone", "lost", "--out", "x.html"], "none of the models can be opened"),
    ],
)
def test_a_mistake_gives_one_sentence(arguments: list[str], said: str) -> None:
    told = run("compare", *arguments, "--count", "10")
    assert told.exit_code == 2 and said in told.stderr and told.stderr.count("\n") == 1


def test_evaluate_says_in_text_and_json_that_its_parts_still_move() -> None:
    told = run("evaluate", "dsprites-beta8", "--count", "60")
    parts = json.loads(run("evaluate", "dsprites-beta8", "--count", "60", "--json").stdout)["decomposition"]
    assert parts["converged"] is False and parts["warning"] in told.output
    assert parts["doubling"]["total_correlation"] < -0.3 < 0.3 < parts["doubling"]["mutual_information"]
    assert "from 30 to 60 images" in parts["warning"]
    assert "Total correlation holds what mutual information lacks" in parts["warning"]
