"""dSprites: drawn as the published images are, in their order, and read from the published file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.datasets import open_dataset
from explorer.datasets.dsprites import PUBLISHED_FILE, DSprites
from explorer.errors import UserError

SIZES = (3, 6, 40, 32, 32)


def test_drawn_images_differ_from_the_published_ones_by_less_than_a_pixel(real_dsprites: Path) -> None:
    with np.load(real_dsprites) as published:
        images, classes = published["imgs"], published["latents_classes"][:, 1:]
    drawn = DSprites().images(np.ravel_multi_index(tuple(classes.T), SIZES))
    wrong = ((drawn[:, 0].numpy() > 127) != (images > 0)).sum((1, 2))
    assert wrong.mean() <= 1.0
    assert wrong.max() <= 6


def test_the_grid_is_the_published_one_with_posY_fastest() -> None:
    data = open_dataset("dsprites")
    assert len(data) == 737_280
    assert data.shape == (1, 64, 64)
    assert data.factor_names == ("shape", "scale", "orientation", "posX", "posY")
    assert data.factor_sizes == SIZES
    indices = [0, 1, 31, 32, 1024, 40_960, 245_760, 737_279]
    expected = np.stack(np.unravel_index(indices, SIZES), axis=1)
    assert np.array_equal(data.factors(indices).numpy(), expected)


@given(st.lists(st.integers(0, 737_279), min_size=1, max_size=20))
def test_every_index_unravels_as_numpy_does_it(indices: list[int]) -> None:
    found = DSprites().factors(indices)
    assert np.array_equal(found.numpy(), np.stack(np.unravel_index(indices, SIZES), axis=1))


def test_both_ends_of_orientation_are_the_same_image() -> None:
    data = DSprites()
    for shape in range(3):
        ends = torch.tensor([[shape, 4, 0, 11, 20], [shape, 4, 39, 11, 20]])
        first, last = data.render(ends)
        assert (first != last).sum() <= 2  # cos(2π) is not quite 1 in single precision


def test_posX_moves_right_and_posY_moves_down() -> None:
    data = DSprites()
    images = data.render(torch.tensor([[1, 3, 5, 0, 0], [1, 3, 5, 31, 0], [1, 3, 5, 0, 31]]))

    def centre(image: torch.Tensor) -> tuple[float, float]:
        rows, columns = torch.nonzero(image[0], as_tuple=True)
        return float(columns.float().mean()), float(rows.float().mean())

    (x, y), (x_right, y_same), (x_same, y_down) = (centre(image) for image in images)
    assert x_right - x == pytest.approx(32, abs=0.6) and y_same == pytest.approx(y, abs=0.6)
    assert y_down - y == pytest.approx(32, abs=0.6) and x_same == pytest.approx(x, abs=0.6)


def test_pixels_are_black_or_white_and_grey_only_below_the_published_size() -> None:
    indices = range(0, 737_280, 9973)
    assert set(DSprites().images(indices).unique().tolist()) == {0, 255}
    assert set(DSprites(128).images(indices).unique().tolist()) == {0, 255}
    assert DSprites(32).images(indices).unique().numel() > 2


def test_a_smaller_image_is_the_mean_of_the_pixels_it_covers() -> None:
    full, half = DSprites(64).images([123_456]).float(), DSprites(32).images([123_456])
    blocks = full.unfold(2, 2, 2).unfold(3, 2, 2).mean((-1, -2))
    assert torch.equal(half, blocks.round().to(torch.uint8))


def test_many_images_are_the_same_as_one_at_a_time() -> None:
    data = DSprites()
    indices = torch.randint(len(data), (2100,), generator=torch.Generator().manual_seed(0))
    together = data.images(indices)
    assert torch.equal(together[[0, 1023, 1024, 2099]], data.images(indices[[0, 1023, 1024, 2099]]))


def test_no_indices_give_no_images() -> None:
    assert DSprites().images([]).shape == (0, 1, 64, 64)


@pytest.mark.parametrize("indices", [[-1], [737_280], [0.5], [True], 3, [[1, 2]]])
def test_an_index_outside_the_set_is_refused(indices: object) -> None:
    with pytest.raises(IndexError):
        DSprites().images(indices)  # type: ignore[arg-type]


def test_the_published_file_gives_its_own_images_and_factors(real_dsprites: Path) -> None:
    data = open_dataset("dsprites", root=real_dsprites)
    with np.load(real_dsprites) as published:
        images, classes = published["imgs"], published["latents_classes"]
    assert len(data) == 112
    assert np.array_equal(data.images(range(112))[:, 0].numpy(), images * 255)
    assert np.array_equal(data.factors(range(112)).numpy(), classes[:, 1:])
    assert data.factor_names == DSprites.factor_names and data.factor_sizes == SIZES
    assert data.identity != open_dataset("dsprites").identity


def test_the_published_file_at_another_size_is_averaged_and_can_be_in_colour(real_dsprites: Path) -> None:
    full = open_dataset("dsprites", root=real_dsprites).images([5]).float()
    half = open_dataset("dsprites", root=real_dsprites, size=32, channels=3)
    assert half.shape == (3, 32, 32)
    blocks = full.unfold(2, 2, 2).unfold(3, 2, 2).mean((-1, -2)).round().to(torch.uint8)
    assert torch.equal(half.images([5]), blocks.expand(1, 3, 32, 32))


def test_the_folder_that_holds_the_published_file_will_do(real_dsprites: Path, tmp_path: Path) -> None:
    (tmp_path / PUBLISHED_FILE).write_bytes(real_dsprites.read_bytes())
    assert len(open_dataset("dsprites", root=tmp_path)) == 112
    with pytest.raises(UserError, match="there is no file .*dsprites_ndarray"):
        open_dataset("dsprites", root=tmp_path.parent / "elsewhere" / PUBLISHED_FILE)


def test_the_pickle_in_the_published_file_is_never_opened(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "d.npz",
        imgs=np.eye(64, dtype=np.uint8)[None],
        latents_classes=np.array([[0, 2, 5, 39, 31, 31]]),
        metadata=np.array({"a": "pickle"}, dtype=object),
    )
    data = open_dataset("dsprites", root=tmp_path / "d.npz")
    assert data.factors([0]).tolist() == [[2, 5, 39, 31, 31]]


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"imgs": np.zeros((2, 64, 64), np.uint8)}, "has no array 'latents_classes'"),
        ({"latents_classes": np.zeros((2, 6), np.int64)}, "has no array 'imgs'"),
        ({"imgs": np.zeros((2, 32, 32), np.uint8)}, r"uint8 \(N, 64, 64\) is wanted"),
        ({"imgs": np.zeros((2, 64, 64), np.float32)}, r"uint8 \(N, 64, 64\) is wanted"),
        ({"imgs": np.full((2, 64, 64), 9, np.uint8)}, "values above 1"),
        ({"latents_classes": np.zeros((3, 6), np.int64)}, r"\(2, K\) is wanted"),
        ({"latents_classes": np.zeros((2, 4), np.int64)}, "not those of dSprites"),
        ({"latents_classes": np.full((2, 6), 3, np.int64)}, "not those of dSprites"),
    ],
)
def test_a_file_that_is_not_dsprites_is_refused_with_the_reason(
    arrays: dict[str, np.ndarray], sentence: str, tmp_path: Path
) -> None:
    right = {"imgs": np.ones((2, 64, 64), np.uint8), "latents_classes": np.zeros((2, 6), np.int64)}
    np.savez(tmp_path / "d.npz", **(arrays if "has no" in sentence else right | arrays))
    with pytest.raises(UserError, match=sentence):
        open_dataset("dsprites", root=tmp_path / "d.npz")
