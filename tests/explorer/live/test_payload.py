"""What the explorer in the browser is given about a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from explorer.analysis.linking import order_by_kl
from explorer.checkpoints import Description, ModelConfig, describe, save
from explorer.checkpoints.labels import Labels
from explorer.checkpoints.store import build_model
from explorer.live.payload import payload


@pytest.fixture
def description(tmp_path: Path) -> Description:
    torch.manual_seed(0)
    config = ModelConfig(network="mlp", shape=(3, 6, 5), latents=3)
    return describe(save(build_model(config), tmp_path / "model"))


def test_it_is_json_and_says_what_the_model_is(description: Description) -> None:
    given = payload(
        description, Labels(names={2: "size"}, order=(2,)), [1.0, 3.0, 2.0], [True, False, True],
        [-1, -1, -1], [1, 1, 1], [0, 0, -0.00001], [0.123456, 0, 0], [1], samples=[], ready=False,
    )  # fmt: skip
    assert json.loads(json.dumps(given, allow_nan=False)) == given
    assert given["shape"] == [3, 6, 5] and given["latents"] == 3
    assert given["hash"] == description.hash and given["name"] == "model"
    assert given["dims"][1] == {"kl": 3.0, "active": False}
    assert given["names"] == {"2": "size"} and given["order"] == [2, 1, 0]
    assert given["z"][0] == 0.1235 and str(given["start"][2]) == "0.0"
    assert given["locked"] == [1] and given["ready"] is False


def test_what_is_not_known_is_null(description: Description) -> None:
    given = payload(description, Labels(), None, None, [0] * 3, [1] * 3, [0] * 3, [0] * 3)
    assert given["dims"] == [{"kl": None, "active": None}] * 3
    assert given["order"] == [0, 1, 2]


def test_a_field_that_the_browser_does_not_read_is_an_error_before_anything_is_sent(description: Description) -> None:
    with pytest.raises(ValidationError, match="pictures"):
        payload(description, Labels(), None, None, [0] * 3, [1] * 3, [0] * 3, [0] * 3, pictures="")


def test_dimensions_stand_by_kl_and_equal_ones_as_they_are_numbered() -> None:
    assert order_by_kl(4, [0.5, 2.0, 0.5, 3.0]) == [3, 1, 0, 2]
    assert order_by_kl(3, None) == [0, 1, 2]
