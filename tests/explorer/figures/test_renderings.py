"""Samples as pictures: images as they are, a curve where its values are, bars as high as theirs."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.figures.image_grid import to_uint8
from explorer.figures.renderings import MARGIN, cell_size, render
from explorer.recipe.samples import Axis, Channel, Samples

SIGNAL = Samples(kind="signal", channels=(Channel(name="x"),), axis=Axis(name="t", last=1))


def vector(columns: int) -> Samples:
    return Samples(kind="vector", channels=tuple(Channel(name=str(c)) for c in range(columns)))


def test_images_are_drawn_as_they_are() -> None:
    image = np.random.default_rng(0).random((2, 3, 5, 4))
    assert np.array_equal(render(image, None), to_uint8(image))
    assert render(image, None, 3).shape == (2, 15, 12, 3)


@pytest.mark.parametrize("value", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("length", [2, 100, 4096])
def test_a_level_curve_lies_at_its_value(value: float, length: int) -> None:
    picture = render(np.full((1, 1, length), value), SIGNAL)
    ink = 255 - picture[..., 0].astype(float)
    rows = (ink * (np.arange(len(ink))[:, None] + 0.5)).sum(0) / ink.sum(0)
    assert rows == pytest.approx((1 - MARGIN - value * (1 - 2 * MARGIN)) * len(ink), abs=0.51)


def test_a_spike_one_value_wide_is_seen_however_long_the_signal_is() -> None:
    values = np.zeros((1, 1, 4096))
    values[0, 0, 2000] = 1
    picture = render(values, SIGNAL)
    top = picture[: len(picture) // 4]
    assert (top < 255).any()


def test_bars_are_as_high_as_their_values() -> None:
    samples = vector(4)
    picture = render(np.array([[[0.0, 0.5, 1.0, 0.25]]]), samples)
    height, width = cell_size((1, 1, 4), samples)
    assert picture.shape == (height, width, 3)
    filled = (picture[:, width // 8 :: width // 4, 0] == 31).sum(0)
    assert filled == pytest.approx(np.array([0, 0.5, 1, 0.25]) * (1 - 2 * MARGIN) * height, abs=1.5)


def test_values_beyond_the_range_and_no_numbers_stay_in_the_picture() -> None:
    for values in (np.full((1, 1, 9), 7.0), np.full((1, 1, 9), -7.0), np.full((1, 1, 9), np.nan)):
        assert render(values, SIGNAL).shape == (*cell_size((1, 1, 9), SIGNAL), 3)
        assert render(values, vector(9)).dtype == np.uint8


def test_leads_are_told_apart_by_their_colours() -> None:
    two = Samples(kind="signal", channels=(Channel(name="a"), Channel(name="b")), axis=Axis(name="t", last=1))
    picture = render(np.stack([np.full((1, 30), 0.2), np.full((1, 30), 0.8)])[None], two)[0]
    assert len({tuple(pixel) for pixel in picture[:, 40] if pixel.min() < 250}) >= 2
