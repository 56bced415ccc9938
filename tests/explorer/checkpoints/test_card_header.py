"""What a card tells the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from explorer import paths
from explorer.checkpoints import describe
from explorer.checkpoints.card import header
from explorer.datasets import open_dataset

SHIPPED = sorted(path.parent.name for path in paths.PRETRAINED.glob("*/config.json"))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_cards_hold_the_models_own_numbers_and_licence(name: str) -> None:
    text = (paths.PRETRAINED / name / "README.md").read_text()
    told = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
    of = describe(name)
    measured = of.config.evaluation
    assert measured is not None and told["license"] == "mit" and told["library_name"] == "beta-vae-explorer"
    assert told["pipeline_tag"] == "unconditional-image-generation"
    [result] = told["model-index"][0]["results"]
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert values["kl"] == pytest.approx(measured.kl, rel=1e-5) and values["active_units"] == measured.active_units
    assert result["dataset"]["name"] == measured.data and told["model-index"][0]["name"] == name
    assert text.startswith("\n".join(header(name, of.config)))


def test_another_model_has_no_licence_and_a_table_is_no_picture(tmp_path: Path) -> None:
    config = describe("dsprites-beta4").config
    told = yaml.safe_load("\n".join(header('my "model": 1', config)[1:-1]))
    assert "license" not in told and told["model-index"][0]["name"] == 'my "model": 1'
    table = config.model_copy(update={"samples": open_dataset("iris").samples})
    assert "pipeline_tag" not in yaml.safe_load("\n".join(header("rows", table)[1:-1]))
