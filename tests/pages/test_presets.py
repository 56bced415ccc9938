"""The presets of the page Train: runs that can be, and those of the papers."""

from __future__ import annotations

import pytest

from explorer.ui.train.state import PRESETS, Preset, TrainState, from_params
from models.kinds import NETWORKS


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.title)
def test_a_preset_is_a_run_that_can_be_and_its_link_says_the_same(preset: Preset) -> None:
    state = TrainState(settings=dict(preset.settings))
    config = state.config()
    again, complaints = from_params({k: [v] for k, v in state.to_params().items()})
    assert not complaints and again.config() == config
    taken = NETWORKS[config.network].sizes
    assert taken is None or (config.size or 64) in taken


def test_the_presets_are_those_of_the_papers() -> None:
    by_name = {preset.title: TrainState(settings=dict(preset.settings)).config() for preset in PRESETS}
    higgins, burgess = by_name["Higgins 2017, β = 4"], by_name["Burgess 2018, C = 25"]
    chen = by_name["Chen 2018, β = 6"]
    assert (higgins.objective, higgins.beta, higgins.network, higgins.latents) == ("beta", 4, "mlp", 10)
    assert (burgess.objective, burgess.gamma, burgess.capacity) == ("capacity", 1000, 25)
    assert (burgess.network, burgess.capacity_schedule, burgess.learning_rate) == (
        "burgess",
        "linear over=100000",
        5e-4,
    )
    assert (chen.objective, chen.beta, chen.batch_size, chen.tc_alpha, chen.tc_gamma) == ("tc", 6, 2048, 1, 1)
    assert by_name["Demo (seconds)"].steps <= 1000
