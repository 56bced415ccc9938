"""Runs by what differs among them, and numbers over seeds."""

from __future__ import annotations

from statistics import stdev

from hypothesis import given
from hypothesis import strategies as st

from explorer.recipe.run import TrainConfig
from explorer.training.sweep_groups import differing, groups, spread


def test_seeds_are_together_and_numbers_go_by_size() -> None:
    configs = [TrainConfig(beta=beta, seed=seed, threads=seed + 1) for beta in (16, 1, 4) for seed in (0, 1)]
    assert differing(configs) == ["beta"]
    assert [(group.label, group.runs) for group in groups(configs)] == [
        ("β = 1", (2, 3)),
        ("β = 4", (4, 5)),
        ("β = 16", (0, 1)),
    ]


def test_objectives_and_data_differ_too() -> None:
    configs = [TrainConfig(), TrainConfig(objective="capacity"), TrainConfig(data="scene", latents=6)]
    found = groups(configs)
    assert [group.runs for group in found] == [(0,), (1,), (2,)] or len(found) == 3
    assert len({group.label for group in found}) == 3 and all("data = " in group.label for group in found)


@given(st.lists(st.builds(TrainConfig, beta=st.sampled_from([1.0, 2.0]), seed=st.integers(0, 3)), max_size=8))
def test_every_run_is_in_one_group(configs: list[TrainConfig]) -> None:
    found = [run for group in groups(configs) for run in group.runs]
    assert sorted(found) == list(range(len(configs)))


def test_spread_is_the_mean_and_the_deviation_of_a_sample() -> None:
    assert spread([]) == "–" and spread([2.0]) == "2.00"
    values = [1.0, 2.0, 4.0]
    assert spread(values, ".4f") == f"{sum(values) / 3:.4f} ± {stdev(values):.4f}"
    assert spread([5.0, 5.0]) == "5.00 ± 0.00"
