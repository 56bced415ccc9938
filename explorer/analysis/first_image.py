"""From which image a model is shown first, where its prior's mean is a poor picture."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.analysis.evaluation import encode_all
from explorer.checkpoints.config import FirstImage
from explorer.datasets.base import Dataset
from models.beta_vae import BetaVAE
from models.shapes import Float

COUNT = 512  # images that the prior's mean is held against
RARE = 0.01  # share of them that may have less contrast, or fainter edges


@torch.no_grad()
def first_image(model: BetaVAE, data: Dataset, indices: Tensor) -> FirstImage | None:
    """The image of `indices` whose posterior mean is nearest to the prior's mean; None where no image is needed.

    It is needed where the picture at the prior's mean has less contrast or fainter edges than 99 % of what the model
    makes of images: a blank or a smear, since what images have in common need not look like one.
    """
    chosen = indices[:COUNT]
    means = encode_all(model, data, chosen).mean
    at_mean, *made = (
        _clearness(model.decode(part.to(model.device)).cpu())
        for part in (torch.zeros(1, model.latents), *means.split(64))
    )
    if bool(((torch.cat(made) <= at_mean).float().mean(0) >= RARE).all()):
        return None
    return started_from(model, data, int(chosen[int(means.norm(dim=1).argmin())]))


@torch.no_grad()
def started_from(model: BetaVAE, data: Dataset, image: int) -> FirstImage:
    """That a model is shown first from the image of that number, at its posterior's mean."""
    mean = encode_all(model, data, torch.tensor([image])).mean[0]
    return FirstImage(image=image, mean=tuple(round(float(value), 4) for value in mean))


def _clearness(images: Float[Tensor, "n C H W"]) -> Float[Tensor, "n 2"]:
    """Contrast and strength of edges: the deviation of an image's values, and of their steps from pixel to pixel."""
    steps = [images.diff(dim=dim).square().flatten(1).sum(1) for dim in (2, 3)]
    return torch.stack([images.flatten(1).std(dim=1, correction=0), sum(steps, torch.zeros(1)).sqrt()], dim=1)
