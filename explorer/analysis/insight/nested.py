"""What the k latents of highest KL already say of an image, for every k."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.evaluation import choose, encode_all, whole_floats, why_not_finite
from explorer.analysis.insight.progress import Tell, quiet
from explorer.analysis.traversal import hold_small
from explorer.datasets.base import Dataset
from explorer.errors import UserError
from models.beta_vae import BetaVAE, Posterior
from models.turns import leave

Codes = Literal["mean", "sampled"]
PART = 50  # images at a time
ALL_UP_TO = 40  # latents of which each k is computed; of more, the first ones and evenly from there


@dataclass(frozen=True)
class Nested:
    """Costs of images from their first k latents, means over `count` images.

    order: `(D,)`, the latents by falling KL; kl: `(D,)` in nats, by latent.
    kept: `(m,)` the k that were computed, from 0 to D.
    nll: `(m,)`, −log p(x|z⁽ᵏ⁾) in nats an image; squared_error: `(m,)`, ‖x − x̂‖² summed over pixels and channels.
    codes: whether z is the posterior's mean or one sample of it.
    """

    order: np.ndarray
    kl: np.ndarray
    kept: np.ndarray
    nll: np.ndarray
    squared_error: np.ndarray
    count: int
    seed: int
    codes: Codes

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        arrays = {name: getattr(self, name).tolist() for name in ("order", "kl", "kept", "nll", "squared_error")}
        return arrays | {"count": self.count, "seed": self.seed, "codes": self.codes}


def kept_of(latents: int) -> list[int]:
    """The k at which costs are computed: all up to 40 latents; of more the first 20, and 20 evenly to the last."""
    if latents <= ALL_UP_TO:
        return list(range(latents + 1))
    half = ALL_UP_TO // 2
    rest = np.linspace(half, latents, half + 1).round().astype(int).tolist()
    return sorted({*range(half), *rest})


def first_only(z: Tensor, order: Sequence[int], k: int) -> Tensor:
    """`z` `(n, D)` with all latents but the first k of `order` at 0, the prior's mean."""
    if k >= z.shape[1]:
        return z
    kept = torch.zeros(z.shape[1], dtype=torch.bool, device=z.device)
    kept[list(order[:k])] = True
    return torch.where(kept, z, torch.zeros_like(z))


def order_of_kl(posterior: Posterior) -> tuple[list[int], np.ndarray]:
    """The latents by falling mean KL, and that KL `(D,)` in nats."""
    kl = posterior.kl().double().mean(0).numpy()
    return np.argsort(-kl, kind="stable").tolist(), kl


def nested(
    model: BetaVAE, data: Dataset, count: int, seed: int = 0, codes: Codes = "mean", tell: Tell = quiet
) -> Nested:
    """Decode images of `data` from their first k latents.

    Args:
        count: images, drawn with `seed`; the noise of samples is drawn with it too.
        codes: decode the posterior's means, or a sample of each.
        tell: is told how far it is.

    Raises:
        UserError: images of another shape, a count that can't be had, or costs that are not finite.
    """
    indices = choose(data, count, seed)
    posterior = encode_all(model, data, indices)
    order, kl = order_of_kl(posterior)
    z = posterior.mean if codes == "mean" else posterior.sample(torch.Generator().manual_seed(seed))
    kept = kept_of(model.latents)
    data = data.to(model.device)
    nll, squares = np.zeros(len(kept)), np.zeros(len(kept))
    parts = list(zip(indices.split(_rows(model)), z.split(_rows(model)), strict=True))
    with whole_floats(), torch.inference_mode():
        for number, (chosen, own) in enumerate(parts):
            images, own = data.unit(chosen).to(model.device), own.to(model.device)
            for place, k in enumerate(kept):
                leave()
                raw = model.raw(first_only(own, order, k))
                nll[place] += float(model.likelihood.nll(raw, images).double().sum())
                error = model.likelihood.images(raw) - images
                squares[place] += float(error.square().flatten(1).sum(1).double().sum())
                tell((number + (place + 1) / len(kept)) / len(parts))
    if not np.isfinite([*nll, *squares]).all():
        raise UserError(why_not_finite(model, z[:1], data.name))
    return Nested(np.array(order), kl, np.array(kept), nll / count, squares / count, count, seed, codes)


def nested_pictures(model: BetaVAE, data: Dataset, images: Sequence[int], order: Sequence[int]) -> np.ndarray:
    """Images and what their first k latents say of them, `(n, m + 1, C, H, W)` in [0, 1].

    The first column has the images themselves, the others those k that `kept_of` gives, from the posteriors' means.

    Raises:
        UserError: more pictures than one asker is given memory for.
    """
    kept = kept_of(model.latents)
    hold_small(
        f"{len(images)} images at {len(kept)} numbers of latents take",
        4 * len(images) * (len(kept) + 1) * math.prod(model.shape),
        "take fewer images",
    )
    with whole_floats(), torch.inference_mode():
        pixels = data.unit(list(images)).to(model.device)
        mean = model.encode(pixels).mean
        columns = [pixels, *(model.decode(first_only(mean, order, k)) for k in kept)]
        return torch.stack(columns, dim=1).float().cpu().numpy()


def _rows(model: BetaVAE) -> int:
    return max(1, min(PART, model.rows))
