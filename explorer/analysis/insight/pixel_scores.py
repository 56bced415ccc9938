"""Where an image is unlike what a model knows: ten scores for each pixel, held against anomalies that were put in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.analysis.evaluation import choose, encode_all, whole_floats
from explorer.analysis.insight.injected import Anomaly, inject
from explorer.analysis.insight.outliers import Fit, fit
from explorer.analysis.insight.progress import Tell, part, quiet
from explorer.analysis.insight.ranking import auroc, ranked
from explorer.datasets.base import Dataset
from explorer.errors import UserError
from models.beta_vae import BetaVAE
from models.turns import leave

ROWS = 25  # images at a time: what is computed on the way is kept for the gradients
MOST_PIXELS = 1 << 22  # of all images together, not counting channels; of larger images fewer are taken
SMOOTH_SIDE, SMOOTH_SIGMA = 7, 3.0
STEPS, RATE, NEARNESS = 25, 0.5, 0.05  # of the projection: its steps, α and λ

# What each score is called, in the order in which they stand; the last one is computed only where it is asked for.
SCORES = {
    "squared_error": "squared error",
    "smoothed_error": "squared error, smoothed",
    "nll": "−log p(x|z)",
    "kl_gradient": "|∂KL/∂x|",
    "nll_gradient": "|∂(−log p)/∂x|",
    "error_gradient": "|∂½‖x−x̂‖²/∂x|",
    "both_gradient": "|∂(½‖x−x̂‖² + β·KL)/∂x|",
    "product": "KL gradient × −log p",
    "sum": "KL gradient + −log p",
    "projection": "projection",
}


@dataclass(frozen=True)
class AnomalyMaps:
    """How well each of s scores finds the changed pixels of `count` images, and which images were changed.

    names: `(s,)`, keys of `SCORES`. auroc, ap, dice: `(s,)`, pooled over the pixels of all images.
    mean_auroc: `(s,)`, the mean over images in which something changed.
    image_names, image_auroc: scores of whole images, and how well they tell `count` changed ones from the same clean.
    masked: pixels that changed, of `pixels` in all. beta: weight of the KL where it is used, 1 where none is known.
    """

    names: tuple[str, ...]
    auroc: np.ndarray
    ap: np.ndarray
    dice: np.ndarray
    mean_auroc: np.ndarray
    image_names: tuple[str, ...]
    image_auroc: np.ndarray
    count: int
    masked: int
    pixels: int
    beta: float
    anomaly: Anomaly
    seed: int

    def as_json(self) -> dict[str, Any]:
        """Plain values; None in place of what is absent."""
        scores = {
            name: {what: _plain(getattr(self, what)[place]) for what in ("auroc", "ap", "dice", "mean_auroc")}
            for place, name in enumerate(self.names)
        }
        images = {name: _plain(value) for name, value in zip(self.image_names, self.image_auroc, strict=True)}
        return {
            "pixels": scores,
            "images": images,
            "count": self.count,
            "masked_pixels": self.masked,
            "all_pixels": self.pixels,
            "beta": self.beta,
            "anomaly": {"kind": self.anomaly.kind, "size": self.anomaly.size, "strength": self.anomaly.strength},
            "seed": self.seed,
        }


@dataclass(frozen=True)
class Gradients:
    """Signed gradients `(n, C, H, W)` with respect to the image, z being the posterior's mean.

    kl: of the whole KL. nll: of −log p(x|z), x both what is encoded and what it is held against. error: of
    ½‖x − x̂‖², the same way.
    """

    kl: Tensor
    nll: Tensor
    error: Tensor


def gradients(model: BetaVAE, images: Tensor) -> Gradients:
    """Gradients of the cost of `images` `(n, C, H, W)` in [0, 1], on the model's device."""
    with torch.inference_mode(mode=False), torch.enable_grad():
        x = images.detach().clone().requires_grad_(True)
        posterior = model.encode(x)
        raw = model.raw(posterior.mean)
        nll = model.likelihood.nll(raw, x).sum()
        error = 0.5 * (x - model.likelihood.images(raw)).square().sum()
        costs = (posterior.kl().sum(), nll, error)
        found = [torch.autograd.grad(cost, x, retain_graph=True)[0].detach() for cost in costs]
    return Gradients(*found)


def pixel_nll(model: BetaVAE, raw: Tensor, images: Tensor) -> Tensor:
    """−log p(x_i|z) of every pixel, the mean over channels, in nats `(n, H, W)`; pixels are independent given z."""
    each = model.likelihood.nll(raw.reshape(-1, 1), images.reshape(-1, 1))
    return each.reshape(images.shape).mean(1)


def smooth(maps: Tensor) -> Tensor:
    """Maps `(n, H, W)` through a Gaussian of 7 × 7 pixels, of a signal 7 values, and σ = 3 that sums to 1.

    Beyond the border there are zeros.
    """
    offsets = torch.arange(SMOOTH_SIDE, dtype=maps.dtype, device=maps.device) - SMOOTH_SIDE // 2
    bell = torch.exp(-offsets.square() / (2 * SMOOTH_SIGMA**2))
    kernel = bell[:, None] * bell[None] / bell.sum() ** 2
    if maps.shape[1] == 1:
        kernel = bell[None] / bell.sum()
    padding = (kernel.shape[0] // 2, kernel.shape[1] // 2)
    return F.conv2d(maps[:, None], kernel[None, None], padding=padding)[:, 0]


def plain_maps(model: BetaVAE, images: Tensor, beta: float, tell: Tell = quiet) -> dict[str, np.ndarray]:
    """All scores but the projection of `images` `(n, C, H, W)` in [0, 1] on the CPU: each `(n, H, W)`, float32.

    Gradient maps are absolute values, the mean over channels, smoothed. In "product" and "sum" the map of the KL's
    gradient and that of −log p are first brought to [0, 1] over all these images.
    """
    found: dict[str, list[Tensor]] = {}
    parts = images.split(_rows(model))
    with whole_floats():
        for number, chosen in enumerate(parts):
            leave()
            x = chosen.to(model.device)
            by = gradients(model, x)
            with torch.inference_mode():
                raw = model.raw(model.encode(x).mean)
                squares = (x - model.likelihood.images(raw)).square().mean(1)
                own = {
                    "squared_error": squares,
                    "smoothed_error": smooth(squares),
                    "nll": pixel_nll(model, raw, x),
                    "kl_gradient": _strength(by.kl),
                    "nll_gradient": _strength(by.nll),
                    "error_gradient": _strength(by.error),
                    "both_gradient": _strength(by.error + beta * by.kl),
                }
            for name, values in own.items():
                found.setdefault(name, []).append(values.float().cpu())
            tell((number + 1) / len(parts))
    maps = {name: torch.cat(values) for name, values in found.items()}
    kl, nll = _to_one(maps["kl_gradient"]), _to_one(maps["nll"])
    maps |= {"product": kl * nll, "sum": kl + nll}
    return {name: np.nan_to_num(values.numpy()) for name, values in maps.items()}


def projected(
    model: BetaVAE, images: Tensor, threshold: float, steps: int = STEPS, tell: Tell = quiet
) -> tuple[np.ndarray, np.ndarray]:
    """Move images to where the model reconstructs them well, and see what had to go (Dehaene et al. 2020).

    E(x) = c(x) + λ‖x − x₀‖₁ with c(x) = −log p(x|z=µ(x)); x ← x − α·∇E(x) ⊙ (x − x̂(x))², cut to [0, 1], until c(x)
    is at most `threshold` nats, `steps` times at most. The gradient goes through x̂, too.

    Returns:
        |x₀ − x̂(x_T)|, the mean over channels, `(n, H, W)`; and x̂(x_T) `(n, C, H, W)`.
    """
    maps, pictures = [], []
    parts = images.split(_rows(model))
    with whole_floats(), torch.inference_mode(mode=False):
        for number, chosen in enumerate(parts):
            first = chosen.to(model.device).clone()
            x = first.clone()
            for step in range(steps):
                leave()
                with torch.enable_grad():
                    x = x.detach().requires_grad_(True)
                    raw = model.raw(model.encode(x).mean)
                    cost = model.likelihood.nll(raw, x)
                    energy = cost.sum() + NEARNESS * (x - first).abs().sum()
                    slope = torch.autograd.grad(energy, x)[0]
                with torch.no_grad():
                    error = (x - model.likelihood.images(raw)).square()
                    going = (cost > threshold).to(x.dtype)[:, None, None, None]
                    x = (x - going * RATE * slope * error).clamp(0, 1).detach()
                tell((number + (step + 1) / steps) / len(parts))
                if not bool(going.any()):
                    break
            with torch.no_grad():
                back = model.decode(model.encode(x).mean)
                maps.append((first - back).abs().mean(1).float().cpu())
                pictures.append(back.float().cpu())
    return np.nan_to_num(torch.cat(maps).numpy()), torch.cat(pictures).numpy()


def count_of(model: BetaVAE, data: Dataset, count: int) -> int:
    """How many images are measured on where `count` are asked for: fewer of large ones, and never more than all."""
    return max(1, min(count, len(data), MOST_PIXELS // (model.shape[1] * model.shape[2])))


def anomaly_maps(
    model: BetaVAE, data: Dataset, anomaly: Anomaly, count: int, seed: int = 0, beta: float | None = None,
    projection: bool = False, tell: Tell = quiet,
) -> AnomalyMaps:  # fmt: skip
    """Put an anomaly into `count_of` images and see which score finds it.

    Args:
        count, seed: of the images; places of anomalies are drawn with the seed, too.
        beta: weight of the KL in the gradient of both; 1 where it is None.
        projection: whether the projection, which takes most of the time, is among the scores.

    Raises:
        UserError: images of another shape, or an anomaly that changes no pixel.
    """
    indices = choose(data, count_of(model, data, count), seed)
    clean = images_at(model, data, indices)
    changed, masks = inject(clean, anomaly, seed)
    marked = masks.numpy()
    if not marked.any() or marked.all():
        raise UserError("this anomaly changes no pixel of these images, or every one: choose another strength or size")
    weight = 1.0 if beta is None else beta
    maps = plain_maps(model, changed, weight, part(tell, 0.0, 0.2 if projection else 0.9))
    reference = fit(encode_all(model, data, indices))
    before, after = whole_scores(model, clean, reference), whole_scores(model, changed, reference)
    if projection:
        lowest = float(before["−log p"].min())
        maps["projection"] = projected(model, changed, lowest, tell=part(tell, 0.2, 1.0))[0]
    pooled = [ranked(values, marked) for values in maps.values()]
    some = [n for n in range(len(marked)) if marked[n].any() and not marked[n].all()]
    mean = [np.mean([auroc(values[n], marked[n]) for n in some]) for values in maps.values()]
    was_changed = np.repeat([False, True], len(clean))
    return AnomalyMaps(
        names=tuple(maps),
        auroc=np.array([found.auroc for found in pooled]),
        ap=np.array([found.ap for found in pooled]),
        dice=np.array([found.dice for found in pooled]),
        mean_auroc=np.array(mean),
        image_names=tuple(before),
        image_auroc=np.array([auroc(np.append(before[name], after[name]), was_changed) for name in before]),
        count=len(clean),
        masked=int(marked.sum()),
        pixels=marked.size,
        beta=weight,
        anomaly=anomaly,
        seed=seed,
    )


@dataclass(frozen=True)
class OneImage:
    """An image with an anomaly in it `(C, H, W)` in [0, 1], what the model makes of it, which pixels changed `(H, W)`,
    and the map `(H, W)` of each score by its name."""

    changed: np.ndarray
    reconstruction: np.ndarray
    mask: np.ndarray
    maps: dict[str, np.ndarray]


def one_image(
    model: BetaVAE, data: Dataset, image: int, anomaly: Anomaly, seed: int = 0, beta: float | None = None
) -> OneImage:
    """All maps of one image; "product" and "sum" are then brought to [0, 1] over it alone.

    Raises:
        UserError: no such image, or of another shape.
    """
    if not 0 <= image < len(data):
        raise UserError(f"{data.name} has images 0 to {len(data) - 1:,}, not {image:,}")
    clean = images_at(model, data, [image])
    changed, masks = inject(clean, anomaly, seed)
    maps = plain_maps(model, changed, 1.0 if beta is None else beta)
    with torch.inference_mode():
        x = clean.to(model.device)
        lowest = float(model.nll(model.encode(x).mean, x)[0])
        back = model.decode(model.encode(changed.to(model.device)).mean)[0].float().cpu().numpy()
    maps["projection"] = projected(model, changed, lowest)[0]
    return OneImage(changed[0].numpy(), back, masks[0].numpy(), {name: of[0] for name, of in maps.items()})


def whole_scores(model: BetaVAE, images: Tensor, reference: Fit) -> dict[str, np.ndarray]:
    """Scores of whole images `(n,)`: the KL in nats, −log p(x|z=µ) in nats, the latent distance d²."""
    kls, nlls, means = [], [], []
    with whole_floats(), torch.inference_mode():
        for chosen in images.split(_rows(model)):
            leave()
            x = chosen.to(model.device)
            posterior = model.encode(x)
            kls.append(posterior.kl().double().sum(1).cpu())
            nlls.append(model.nll(posterior.mean, x).double().cpu())
            means.append(posterior.mean.double().cpu())
    return {
        "KL": torch.cat(kls).numpy(),
        "−log p": torch.cat(nlls).numpy(),
        "latent distance": reference.distance(torch.cat(means).numpy()),
    }


def images_at(model: BetaVAE, data: Dataset, indices: Sequence[int] | Tensor) -> Tensor:
    """Images `(n, C, H, W)` in [0, 1] on the CPU. Raises UserError where they have another shape than the model's."""
    if data.shape != model.shape:
        raise UserError(f"the model takes images of shape {model.shape}, {data.name} has {data.shape}")
    return data.unit(indices).cpu()


def _strength(gradient: Tensor) -> Tensor:
    return smooth(gradient.abs().mean(1))


def _to_one(values: Tensor) -> Tensor:
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if bool(high > low) else torch.zeros_like(values)


def _rows(model: BetaVAE) -> int:
    return max(1, min(ROWS, model.rows))


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
