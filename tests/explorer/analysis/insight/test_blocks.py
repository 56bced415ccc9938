"""Groups of latents: what they cost, where they move, what they exchange."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.analysis.evaluation import choose, encode_all
from explorer.analysis.insight.blocks import blocks, exchanged, grouped, traversed
from explorer.checkpoints import load
from explorer.checkpoints.labels import Group, Labels, read_labels, write_labels
from explorer.datasets import open_dataset

LATENTS = 6


@given(
    st.lists(st.integers(0, LATENTS - 1), min_size=1, unique=True),
    st.lists(st.floats(-50, 50), min_size=LATENTS, max_size=LATENTS),
    st.floats(-5, 5),
)
def test_a_group_moves_by_as_much_as_is_said_and_nothing_else_does(
    latents: list[int], start: list[float], by: float
) -> None:
    group = grouped("g", latents, np.random.default_rng(len(latents)).normal(size=(40, LATENTS)), "principal")
    [z] = traversed(np.array(start), group, [by])
    moved = z - start
    assert np.linalg.norm(moved) == pytest.approx(abs(by), abs=1e-9)
    assert not moved[[latent for latent in range(LATENTS) if latent not in latents]].any()
    swapped = exchanged(np.array(start), z, group)
    assert np.array_equal(swapped[0], z) and np.array_equal(swapped[1], np.array(start))


def test_the_principal_axis_is_the_one_along_which_codes_vary() -> None:
    draws = np.random.default_rng(0)
    axis = np.array([0.6, 0.0, 0.8])
    means = draws.normal(size=(2000, 1)) * axis + 1e-3 * draws.normal(size=(2000, 3))
    group = grouped("g", [0, 2], means, "principal")
    assert group.direction[0] == pytest.approx(0.6, abs=1e-3) and group.direction[2] == pytest.approx(0.8, abs=1e-3)
    assert grouped("g", [0, 2], means).direction == pytest.approx({0: 0.5**0.5, 2: 0.5**0.5})


def test_groups_without_a_common_latent_add_up_to_the_whole() -> None:
    model, data = load("dsprites-beta4").model, open_dataset("dsprites")
    far = Group(name="of another model", weights={400: 1.0})
    groups = [Group(name="a", weights={0: 1, 3: 2}), Group(name="b", weights={5: 1}), far]
    found = blocks(model, data, groups, 60, seed=1)
    each = encode_all(model, data, choose(data, 60, 1)).kl().double().mean(0).numpy()
    assert [group.name for group in found.groups] == ["a", "b"]
    assert found.kl == pytest.approx([each[0] + each[3], each[5]]) and found.total == pytest.approx(each.sum())
    assert found.kl.sum() + found.rest_kl == pytest.approx(found.total) and 0 not in found.rest and 1 in found.rest
    assert found.axes[1] == pytest.approx(1.0) and 0 <= found.axes[0] <= 1


def test_labels_keep_groups_and_older_ones_have_none(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "labels.json").write_text('{"names": {"1": "size"}, "order": [1, 0]}')
    old = read_labels(tmp_path)
    assert old.groups == () and old.names == {1: "size"}
    write_labels(tmp_path, old)
    assert "groups" not in (tmp_path / "labels.json").read_text()
    kept = old.model_copy(update={"groups": (Group(name="place", weights={0: 1, 1: 0}),)})
    write_labels(tmp_path, kept)
    assert read_labels(tmp_path) == kept != Labels()
