"""Scene: every factor changes the picture, and only the part of it that it names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from explorer.datasets import open_dataset
from explorer.datasets.scene import Scene, palette, trace

SMALL = 32
FLOOR, WALL, OBJECT, SCALE, SHAPE, VIEW = range(6)
SIZES = (10, 10, 10, 8, 4, 15)
PLAIN = (0, 3, 6, 5, 1, 9)  # some picture
classes = st.tuples(*(st.integers(0, size - 1) for size in SIZES))


def picture(*factors: tuple[int, ...], size: int = SMALL) -> Tensor:
    return Scene(size).render(torch.tensor(factors)).int()


def changed(factors: tuple[int, ...], factor: int, value: int) -> tuple[int, ...]:
    return factors[:factor] + (value,) + factors[factor + 1 :]


def made_of(part: int, factors: tuple[int, ...]) -> Tensor:
    """The pixels `(H, W)` in which there is some floor (0), wall (1) or object (2)."""
    weights = trace(SMALL)[(factors[SHAPE] * 8 + factors[SCALE]) * 15 + factors[VIEW]]
    return weights[part] > 0


def test_the_factors_are_those_of_the_original_and_the_last_is_fastest() -> None:
    data = open_dataset("scene")
    assert len(data) == 480_000
    assert data.shape == (3, 64, 64)
    assert data.factor_sizes == SIZES
    assert data.factor_names == ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
    indices = [0, 1, 15, 60, 480, 4800, 48_000, 479_999]
    expected = np.stack(np.unravel_index(indices, SIZES), axis=1)
    assert np.array_equal(data.factors(indices).numpy(), expected)


@settings(max_examples=60, deadline=None)
@given(classes, classes)
def test_different_factors_are_different_pictures(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    same = bool((picture(first) == picture(second)).all())
    assert same == (first == second)


def test_each_step_of_each_factor_can_be_seen() -> None:
    for factor, size in enumerate(SIZES):
        series = picture(*(changed(PLAIN, factor, value) for value in range(size)))
        for one in range(size):
            for other in range(one):
                difference = (series[one] - series[other]).abs()
                assert difference.max() >= 12, (factor, one, other)


def test_all_480_geometries_are_different() -> None:
    weights = trace(28).flatten(1)
    assert len(torch.unique(weights, dim=0)) == 480


@pytest.mark.parametrize("factor", [FLOOR, WALL, OBJECT])
def test_a_hue_changes_only_the_pixels_of_its_own_part(factor: int) -> None:
    before, after = picture(PLAIN, changed(PLAIN, factor, (PLAIN[factor] + 5) % 10))
    touched = (before != after).any(0)
    part = made_of(factor, PLAIN)
    assert not (touched & ~part).any()
    assert touched.sum() > 0.9 * part.sum()


def test_the_object_grows_with_its_scale() -> None:
    for shape in range(4):
        area = [int(made_of(2, changed(changed(PLAIN, SHAPE, shape), SCALE, scale)).sum()) for scale in (0, 3, 7)]
        assert area == sorted(area) and area[2] > 1.8 * area[0]


def test_the_view_moves_the_corner_of_the_room_from_one_side_to_the_other() -> None:
    columns = []
    for view in (0, 7, 14):
        row = picture(changed(PLAIN, VIEW, view), size=64)[0, :, 2].sum(0)
        columns.append(int((row[1:] - row[:-1]).abs().argmax()))
    assert abs(columns[1] - 31) <= 1
    assert (columns[0] - 31.0) * (columns[2] - 31.0) < 0
    assert abs(columns[0] - columns[2]) > 20


def test_the_object_throws_a_shadow_on_the_floor() -> None:
    weights = trace(64)[(2 * 8 + 5) * 15 + 7]  # a sphere
    floor = weights[0].float() / 255
    bright, dark = floor[60, 4], floor[30:60, 36:50][floor[30:60, 36:50] > 0.05].min()
    assert dark < 0.6 * bright


def test_the_floor_under_the_object_shows_no_light_at_its_edge() -> None:
    weights = trace(64)[(0 * 8 + 7) * 15 + 7].float() / 255  # a large cube, seen from the front
    mixed = (weights[2] > 0.1) & (weights[0] > 0.1)
    assert weights[0][mixed & (torch.arange(64)[:, None] > 36)].max() < 0.9


@pytest.mark.parametrize("size", [16, 64, 128])
def test_it_is_drawn_at_the_size_that_is_asked_for(size: int) -> None:
    images = open_dataset("scene", size=size).images([0, 479_999])
    assert images.shape == (2, 3, size, size) and images.dtype == torch.uint8
    assert images.float().std() > 20


def test_a_larger_picture_shows_the_same_scene() -> None:
    small, large = picture(PLAIN, size=32)[0], picture(PLAIN, size=128)[0]
    shrunk = torch.nn.functional.avg_pool2d(large.float(), 4)
    assert (small - shrunk).abs().mean() < 2


def test_in_grey_it_is_the_luma_of_the_colours() -> None:
    weights = torch.tensor([0.299, 0.587, 0.114])
    colour, grey = open_dataset("scene", size=32), open_dataset("scene", size=32, channels=1)
    assert grey.shape == (1, 32, 32) and grey.identity != colour.identity
    expected = torch.einsum("nchw,c->nhw", colour.images([777]).float(), weights)
    assert (grey.images([777])[:, 0] - expected).abs().max() <= 0.51


def test_hues_are_spread_evenly_enough_to_be_told_apart() -> None:
    for colours in palette():
        assert torch.pdist(colours).min() > 15


def test_the_same_index_gives_the_same_picture_again() -> None:
    data = open_dataset("scene", size=32)
    indices = torch.randint(len(data), (5000,), generator=torch.Generator().manual_seed(1))
    assert torch.equal(data.images(indices)[-3:], data.images(indices[-3:]))
    assert data.images([]).shape == (0, 3, 32, 32)
