"""A recipe in words."""

from __future__ import annotations

import pytest

from explorer.checkpoints import describe
from explorer.checkpoints.config import CheckpointConfig
from explorer.checkpoints.recipe import told_apart


def recipe(**changes: object) -> tuple[CheckpointConfig, None]:
    """The config of a shipped model whose recipe says something else."""
    config = describe("dsprites-beta4").config
    return config.model_copy(update={"training": (config.training or {}) | changes}), None


@pytest.mark.parametrize(
    ("models", "labels"),
    [
        ([recipe(beta=1), recipe(beta=16)], ["β = 1", "β = 16"]),
        ([recipe(seed=0), recipe(seed=3)], ["seed 0", "seed 3"]),
        (
            [recipe(beta=b, seed=s) for b, s in ((1, 0), (1, 1), (4, 0))],
            ["β = 1, seed 0", "β = 1, seed 1", "β = 4, seed 0"],
        ),
        ([recipe(steps=500), recipe(steps=12000)], ["500 steps", "12,000 steps"]),
        ([recipe(data="scene"), recipe(beta=4)], ["Scene", "dSprites"]),
        ([recipe(objective="constrained", epsilon=15), recipe()], ["ε = 15 nats", "β = 4"]),
        ([recipe(), recipe()], ["", ""]),
        ([recipe(), recipe(), recipe(seed=1)], ["", "", ""]),
    ],
)
def test_models_are_called_by_what_differs(models: list[tuple[CheckpointConfig, None]], labels: list[str]) -> None:
    assert told_apart(models) == labels


def test_one_model_at_several_betas_is_called_by_them() -> None:
    described = [describe(f"dsprites-any-beta@{beta}") for beta in (1, 8)]
    assert told_apart([(each.config, each.beta) for each in described]) == ["β = 1", "β = 8"]
    assert told_apart([(CheckpointConfig(network="mlp", shape=(1, 8, 8), latents=2), None)] * 2) == ["", ""]
