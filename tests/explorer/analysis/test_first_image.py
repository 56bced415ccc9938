"""A model is first shown from an image where the picture at its prior's mean is a poor one."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from explorer.analysis.evaluation import encode_all
from explorer.analysis.first_image import first_image
from explorer.checkpoints import describe, load, save
from explorer.datasets import open_dataset
from explorer.datasets.base import ArrayDataset
from explorer.errors import UserError
from explorer.recipe.run import TrainConfig
from explorer.training import train
from models import likelihoods
from models.beta_vae import BetaVAE
from models.networks import Network

SIDE = 9  # odd: a bar in the middle is as clear as one elsewhere


class Shift(nn.Module):
    """The encoder of a bar: its place along x, from −1 to 1, and a latent that says nothing."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        places = torch.linspace(-1, 1, SIDE, device=images.device)
        x = (images.mean((1, 2)) * places).sum(1) / images.mean((1, 2)).sum(1).clamp_min(1e-6)
        return torch.stack([x, torch.zeros_like(x), torch.full_like(x, -4.0), torch.zeros_like(x)], dim=1)


class Bar(nn.Module):
    """A bright bar at that place; fading towards the middle where it `fades`."""

    def __init__(self, fades: bool) -> None:
        super().__init__()
        self.fades = fades
        self.none = nn.Parameter(torch.zeros(1))  # by which it is known where a model is

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        places = torch.linspace(-1, 1, SIDE, device=z.device)
        bright = torch.exp(-((z[:, :1] - places) ** 2) * 20)
        if self.fades:
            bright = bright * z[:, :1].abs().clamp(max=1)
        levels = bright[:, None, None, :].expand(-1, 1, SIDE, SIDE).clamp(1e-3, 1 - 1e-3)
        return torch.log(levels / (1 - levels))


def bars() -> ArrayDataset:
    """Bars at the left and at the right, none in the middle."""
    places = torch.tensor([-0.9, -0.6, -0.45, 0.4, 0.7, 0.95])
    levels = torch.exp(-((places[:, None] - torch.linspace(-1, 1, SIDE)) ** 2) * 20)
    images = (levels[:, None, None, :].expand(-1, 1, SIDE, SIDE) * 255).round().to(torch.uint8)
    return ArrayDataset("bars", images, "bars")


@pytest.mark.parametrize("fades", [False, True])
def test_it_is_needed_where_the_picture_at_the_mean_is_fainter_than_what_images_become(fades: bool) -> None:
    data = bars()
    network = Network(Shift(), Bar(fades), (1, SIDE, SIDE), 2)
    model = BetaVAE(network, likelihoods.build("bernoulli", {})).eval()
    found = first_image(model, data, torch.arange(6))
    if not fades:
        assert found is None
        return
    means = encode_all(model, data, torch.arange(6)).mean
    assert found is not None and found.image == int(means.norm(dim=1).argmin()) == 3
    assert found.mean == pytest.approx(means[3].tolist(), abs=1e-4)


def test_a_run_says_it_and_a_copy_keeps_it(tmp_path: Path) -> None:
    config = TrainConfig(data="dsprites", size=32, latents=8, beta=0.2, steps=150, learning_rate=2e-3, threads=1)
    train(config, tmp_path / "run")
    first = describe(tmp_path / "run").config.first_image
    assert first is not None, "a sprite that is nowhere is black"
    data = open_dataset("dsprites", size=32)
    mean = load(tmp_path / "run").model.encode(data.images([first.image]).float() / 255).mean[0]
    assert first.mean == pytest.approx(mean.tolist(), abs=1e-4)
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))
    assert first.image in order[:512].tolist(), "of the held-out ones"
    save(load(tmp_path / "run"), tmp_path / "copy")
    assert describe(tmp_path / "copy").config.first_image == first


def test_one_that_can_not_be_is_refused(tmp_path: Path) -> None:
    folder = save(load("dsprites-beta1"), tmp_path / "copy")
    text = (folder / "config.json").read_text()
    short = text.replace('"mean": [', '"mean": [0.5,', 1)
    (folder / "config.json").write_text(short)
    with pytest.raises(UserError, match=r"first_image\.mean has 11 values for 10 latents"):
        describe(folder)
    (folder / "config.json").write_text(text.replace('"image": ', '"image": -', 1))
    with pytest.raises(UserError, match="image"):
        describe(folder)


def test_shipped_models_are_first_shown_from_what_their_sliders_start_at() -> None:
    first = describe("dsprites-beta1").config.first_image
    assert first is not None and describe("dsprites-disentangled").config.first_image is None
    data = open_dataset("dsprites", size=64)
    mean = load("dsprites-beta1").model.encode(data.images([first.image]).float() / 255).mean[0]
    assert first.mean == pytest.approx(mean.tolist(), abs=1e-3)
    assert all(math.isfinite(value) for value in first.mean)
