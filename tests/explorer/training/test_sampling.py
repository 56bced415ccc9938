"""Partners of images: they differ in exactly so many factors, evenly, and none is held out."""

from __future__ import annotations

from collections import Counter
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.checkpoints.labels import read_labels
from explorer.datasets import open_dataset
from explorer.errors import UserError
from explorer.training import TrainConfig, train
from explorer.training.sampling import batches_of, grid_sizes, partners, split

SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=5).filter(lambda sizes: max(sizes) > 1)


@given(SIZES, st.data())
def test_a_partner_differs_in_exactly_so_many_factors(sizes: list[int], data: st.DataObject) -> None:
    changes = data.draw(st.integers(1, sum(size > 1 for size in sizes)))
    seed = data.draw(st.integers(0, 99))
    indices = torch.arange(prod(sizes)).repeat(3)
    found = partners(indices, tuple(sizes), changes, torch.Generator().manual_seed(seed))
    one, other = (np.stack(np.unravel_index(part.numpy(), sizes), 1) for part in (indices, found))
    assert ((one != other).sum(1) == changes).all()


def test_every_factor_and_every_other_class_come_evenly() -> None:
    sizes = (3, 1, 5)
    found = partners(torch.full((12_000,), 7), sizes, 1, torch.Generator().manual_seed(1))  # classes 1, 0, 2
    counts = Counter(found.tolist())
    assert sorted(counts) == sorted([2, 12, 5, 6, 8, 9])  # 0 and 2 of the first; 0, 1, 3, 4 of the last
    for index, share in {2: 1 / 4, 12: 1 / 4, 5: 1 / 8, 6: 1 / 8, 8: 1 / 8, 9: 1 / 8}.items():
        assert abs(counts[index] / 12_000 - share) < 5 * (share / 12_000) ** 0.5


def test_pairs_are_of_trained_images_and_of_their_step_alone() -> None:
    config = TrainConfig(data="dsprites", objective="pairs", batch_size=32, eval_images=20_000, changes=2)
    data = open_dataset("dsprites", size=32)
    training, held_out = split(data, config)
    batches = batches_of(config, data, training, held_out)
    held = set(held_out.tolist())
    own = 0
    for step in range(20):
        batch = batches.at(step)
        assert len(batch) == 32 and not held & set(batch.tolist())
        assert torch.equal(batch, batches_of(config, data, training, held_out).at(step))
        first, second = data.factors(batch).chunk(2)
        changed = (first != second).sum(1)
        assert set(changed.tolist()) <= {0, 2}
        own += int((changed == 0).sum())
    assert own < 40  # 2.7 % of 320 would be held out


def test_what_has_no_grid_of_factors_is_refused_in_a_sentence(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (60, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "plain.npz", images=images)
    config = TrainConfig(
        data="npz", root=str(tmp_path / "plain.npz"), network="mlp", objective="pairs", batch_size=4, steps=1, latents=2
    )
    with pytest.raises(UserError, match="images of every combination of known factors"):
        train(config, tmp_path / "run")
    with pytest.raises(UserError, match="changes must be at most 5"):
        train(TrainConfig(objective="pairs", size=32, changes=6, steps=1), tmp_path / "many")
    with pytest.raises(ValueError, match="batch_size must be even"):
        TrainConfig(objective="pairs", batch_size=33)


def test_a_grid_is_known_from_the_factors_not_from_the_name(tmp_path: Path) -> None:
    dsprites, scene = open_dataset("dsprites"), open_dataset("scene")
    assert grid_sizes(dsprites) == dsprites.factor_sizes and grid_sizes(scene) == scene.factor_sizes
    images = np.zeros((6, 28, 28), np.uint8)
    classes = np.array([[a, b] for a in range(2) for b in range(3)])
    np.savez(tmp_path / "grid.npz", images=images, factors=classes)
    np.savez(tmp_path / "mixed.npz", images=images, factors=classes[::-1])
    assert grid_sizes(open_dataset("npz", root=tmp_path / "grid.npz")) == (2, 3)
    assert grid_sizes(open_dataset("npz", root=tmp_path / "mixed.npz")) is None


def test_the_labelled_images_are_few_and_trained_on_and_the_same_for_every_seed() -> None:
    data = open_dataset("dsprites", size=32)
    seen: list[set[int]] = []
    for seed in (0, 1):
        config = TrainConfig(objective="labels", size=32, labelled=20, batch_size=32, latents=6, seed=seed)
        training, held_out = split(data, config)
        batches = batches_of(config, data, training, held_out)
        assert batches.labels is not None
        halves = [batches.at(step)[16:] for step in range(30)]
        seen.append({index for half in halves for index in half.tolist()})
        assert not seen[-1] & set(held_out.tolist())
        classes = data.factors(halves[3])
        told = batches.labels(3)
        assert told.shape == classes.shape == (16, 5)
        for factor in range(5):
            assert (told[classes[:, factor].argsort(), factor].diff() >= 0).all()
    assert seen[0] == seen[1] and len(seen[0]) == 20
    plain = batches_of(TrainConfig(size=32), data, training, held_out)
    assert plain.labels is None and plain.names == {} and len(batches.names) == 5


def test_labels_that_do_not_exist_or_find_no_dimension_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "plain.npz", images=np.zeros((60, 28, 28), np.uint8))
    here = {"data": "npz", "root": str(tmp_path / "plain.npz"), "network": "mlp", "batch_size": 4, "steps": 1}
    with pytest.raises(UserError, match="needs images whose factors are known"):
        train(TrainConfig(**here, objective="labels", latents=2), tmp_path / "run")
    with pytest.raises(UserError, match="latents must be at least 5, not 4"):
        train(TrainConfig(objective="labels", size=32, latents=4, steps=1), tmp_path / "few")


def test_dimensions_are_called_like_their_factors_and_follow_them(tmp_path: Path) -> None:
    """Two factors, a bright column and a bright row: a few steps on labels alone put each on its own dimension."""
    side = 28
    classes = np.array([[a, b] for a in range(7) for b in range(7)])
    images = np.zeros((len(classes), side, side), np.uint8)
    for image, (column, row) in zip(images, classes, strict=True):
        image[:, 4 * column : 4 * column + 4] = 120
        image[4 * row : 4 * row + 4] += 120
    np.savez(tmp_path / "bars.npz", images=images, factors=classes)
    config = TrainConfig(
        data="npz", root=str(tmp_path / "bars.npz"), network="mlp", objective="labels", beta=1, labelled=40, latents=3,
        batch_size=16, steps=150, eval_images=4, threads=1,
    )  # fmt: skip
    made = train(config, tmp_path / "run")
    names = read_labels(made.path).names
    data = open_dataset("npz", root=tmp_path / "bars.npz")
    assert list(names) == [0, 1] and list(names.values()) == [
        name.replace("_", " ") for name in data.factor_names or ()
    ]
    means = made.model.encode(data.images(range(49)).float() / 255).mean.detach().numpy()
    for factor in (0, 1):
        assert abs(np.corrcoef(means[:, factor], classes[:, factor])[0, 1]) > 0.95
