"""Ways between images: closed forms, and what must hold of any model."""

import numpy as np
import pytest
import torch

from explorer.analysis.insight.ways import along, mixed, nearest_way, paths, spherical, straight
from explorer.checkpoints import load
from explorer.datasets import open_dataset
from explorer.errors import UserError
from tests.explorer.analysis.insight import linear_optimum as oracle


def test_a_spherical_way_keeps_the_length_and_turns_evenly() -> None:
    found = spherical(np.array([2.0, 0, 0]), np.array([0, 2.0, 0]), 4)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 2)
    np.testing.assert_allclose(np.degrees(np.arctan2(found[:, 1], found[:, 0])), [0, 30, 60, 90])
    line = straight(np.zeros(2), np.ones(2), 3)
    assert np.array_equal(spherical(np.zeros(2), np.ones(2), 3), line) and line[1].tolist() == [0.5, 0.5]
    np.testing.assert_allclose(spherical(np.ones(2), -np.ones(2), 3), straight(np.ones(2), -np.ones(2), 3))


def test_points_lie_at_even_lengths() -> None:
    corner = np.array([[0.0, 0], [3, 0], [3, 1]])
    np.testing.assert_allclose(along(corner, 5), [[0, 0], [1, 0], [2, 0], [3, 0], [3, 1]])
    assert along(corner[:1].repeat(2, 0), 3).tolist() == [[0, 0]] * 3


def test_the_way_along_the_data_goes_round_what_is_not_there() -> None:
    angles = np.linspace(0, np.pi, 41)
    ring = np.stack([np.cos(angles), np.sin(angles)], 1)
    way = nearest_way(ring, ring, 0, 40, most=2)
    assert way[0] == 0 and way[-1] == 40 and set(np.diff(way)) <= {1, 2}
    assert nearest_way(ring, ring, 0, 40, most=40) == [0, 40]
    apart = np.array([[0.0], [0.1], [9.0], [9.1]])  # two heaps that must be joined first
    assert nearest_way(apart, apart, 0, 3, most=1)[::3] in ([0, 3], [0]) and nearest_way(apart, apart, 0, 3, 1)[-1] == 3


def test_of_a_linear_model_straight_is_shortest_and_an_analogy_adds_up() -> None:
    model, data = oracle.optimum(), oracle.data(300)
    line, turn, through = paths(model, data, (3, 7), steps=5, count=100)
    with torch.inference_mode():
        ends = model.encode(data.unit([3, 7])).mean.double().numpy()
        pictures = model.decode(torch.from_numpy(ends).float())
    assert line.picture_length == pytest.approx(float((pictures[1] - pictures[0]).norm()), rel=1e-4)
    assert min(turn.picture_length, through.picture_length) >= line.picture_length * (1 - 1e-5)
    for of in (line, turn, through):
        assert of.pictures.shape == (5, 1, 1, 3)
        np.testing.assert_allclose(of.z[[0, -1]], ends, atol=1e-6)
        np.testing.assert_allclose(of.pictures[[0, -1]], pictures.numpy(), atol=1e-6)
    assert through.through[0] == 3 and through.through[-1] == 7
    found = mixed(model, data, [3, 7, 9], [1, -1, 1])
    own = [mixed(model, data, [i], [1]) for i in (3, 7, 9)]
    np.testing.assert_allclose(found.z, own[0].z - own[1].z + own[2].z, atol=1e-9)
    np.testing.assert_allclose(found.picture, own[0].picture - own[1].picture + own[2].picture, atol=1e-5)
    half = mixed(model, data, [3, 7], [0.5, 0.5])
    np.testing.assert_allclose(half.picture, line.pictures[2], atol=1e-6)


def test_ways_of_a_shipped_model_have_both_images_at_their_ends_and_a_way_to_itself_is_no_way() -> None:
    model, data = load("dsprites-beta4").model, open_dataset("dsprites")
    found = paths(model, data, (5, 600_000), steps=3, count=60)
    assert all(np.array_equal(of.pictures[0], found[0].pictures[0]) for of in found)
    assert found[2].picture_length > 0 and all(of.as_json()["latent_length"] > 0 for of in found)
    same = paths(model, data, (5, 5), steps=3, count=10)
    assert all(of.picture_length == pytest.approx(0, abs=1e-4) for of in same)
    with pytest.raises(UserError, match="not 800,000"):
        paths(model, data, (5, 800_000), count=10)
