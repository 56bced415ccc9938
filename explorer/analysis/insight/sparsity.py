"""What is left of a model when its smallest weights are set to zero: costs, codes and scores against the share."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.evaluation import choose, encode_all, whole_floats
from explorer.analysis.insight.nested import first_only
from explorer.analysis.insight.progress import Tell, quiet
from explorer.analysis.traversal import hold_small
from explorer.checkpoints.config import ACTIVE_VARIANCE
from explorer.datasets.base import Dataset
from explorer.errors import UserError
from models.beta_vae import BetaVAE
from models.turns import leave

Part = Literal["both", "encoder", "decoder"]
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
ROWS = 50  # images at a time
LEAST_TOLD = 40  # images below which no probe is trained


@dataclass(frozen=True)
class Pruned:
    """A model at m shares of zeros, means over `count` images.

    share: `(m,)`, as asked for; zeros: `(m,)`, how many of `weights` are 0 then.
    nll: `(m,)`, −log p(x|z = µ) in nats an image; squared_error: `(m,)`, summed over pixels.
    kl: `(m, D)` in nats; active: `(m,)`, dimensions with Var(µ) > 0.01.
    mig: `(m,)`, of the means, NaN where it is undefined; None where no factors are known. probe: `(m,)`, the share of
    held-out images whose class of `factor` a logistic regression of the means tells; None likewise.
    """

    share: np.ndarray
    zeros: np.ndarray
    weights: int
    nll: np.ndarray
    squared_error: np.ndarray
    kl: np.ndarray
    active: np.ndarray
    mig: np.ndarray | None
    probe: np.ndarray | None
    factor: str
    part: Part
    count: int
    seed: int

    def as_json(self) -> dict[str, Any]:
        """Plain values; None in place of what is absent or not finite."""
        names = ("share", "zeros", "nll", "squared_error", "kl", "active")
        return {name: getattr(self, name).tolist() for name in names} | {
            "mig": _plain(self.mig),
            "probe": _plain(self.probe),
            "probe_factor": self.factor,
            "weights": self.weights,
            "part": self.part,
            "count": self.count,
            "seed": self.seed,
        }


def prunable(model: BetaVAE, part: Part) -> list[str]:
    """The names of the weights that count: those with two dimensions or more, so no biases.

    Raises:
        UserError: the network's encoder and decoder can't be told apart, and one of them was asked for.
    """
    names = [name for name, tensor in model.network.named_parameters() if tensor.ndim >= 2]
    chosen = [name for name in names if part == "both" or name.startswith(f"{part}.")]
    if not chosen:
        raise UserError(f"this network has no weights that are called its {part}'s; take both")
    return chosen


def pruned(model: BetaVAE, share: float, part: Part = "both", by_layer: bool = False) -> tuple[BetaVAE, int, int]:
    """A copy of a model whose smallest weights are 0; how many of them are, and of how many.

    Zeroed are all weights whose size is at most that of the ⌊share·N⌋-th smallest of the N that count, so that of
    equal ones all go. Nothing is trained again.

    Args:
        share: from 0, which changes nothing, to 1.
        by_layer: take that share of each tensor, not of all together.

    Raises:
        UserError: as `prunable`.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share is between 0 and 1, not {share}")
    names = prunable(model, part)
    made = copy.deepcopy(model).requires_grad_(False)
    weights = dict(made.network.named_parameters())
    groups = [[weights[name]] for name in names] if by_layer else [[weights[name] for name in names]]
    with torch.no_grad():
        for group in groups:
            sizes = torch.cat([tensor.abs().flatten() for tensor in group])
            number = math.floor(share * len(sizes) + 1e-9)
            if number:
                limit = sizes.kthvalue(number).values
                for tensor in group:
                    tensor[tensor.abs() <= limit] = 0
        zeros = sum(int((weights[name] == 0).sum()) for name in names)
    return made, zeros, sum(weights[name].numel() for name in names)


def prune(
    model: BetaVAE,
    data: Dataset,
    count: int,
    seed: int = 0,
    part: Part = "both",
    by_layer: bool = False,
    shares: Sequence[float] = SHARES,
    tell: Tell = quiet,
) -> Pruned:
    """Prune a model by each of `shares` and measure it on `count` images drawn with `seed`; z is the mean.

    Raises:
        UserError: as `prunable`; images of another shape; a count that can't be had.
    """
    if part not in get_args(Part):
        raise UserError(f"part {part[:40]!r} must be {', '.join(get_args(Part))}")
    indices = choose(data, count, seed)
    factors, factor = _factors(data, indices)
    rows: list[tuple[int, float, float, np.ndarray, int, float, float]] = []
    weights = 0
    for number, share in enumerate(shares):
        made, zeros, weights = pruned(model, share, part, by_layer)
        posterior = encode_all(made, data, indices)
        nll, error = _costs(made, data, indices, posterior.mean)
        means = posterior.mean.double().numpy()
        mig, probe = _scores(means, factors, factor, seed)
        kl = posterior.kl().double().mean(0).numpy()
        rows.append((zeros, nll, error, kl, int((means.var(0) > ACTIVE_VARIANCE).sum()), mig, probe))
        tell((number + 1) / len(shares))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    known = factors is not None
    return Pruned(
        share=np.array(shares),
        zeros=columns[0],
        weights=weights,
        nll=columns[1],
        squared_error=columns[2],
        kl=columns[3],
        active=columns[4],
        mig=columns[5] if known else None,
        probe=columns[6] if known and np.isfinite(columns[6]).any() else None,
        factor=data.factor_names[factor] if data.factor_names and known else "",
        part=part,
        count=count,
        seed=seed,
    )


def pruned_pictures(model: BetaVAE, made: BetaVAE, data: Dataset, images: Sequence[int], left_out: int) -> np.ndarray:
    """Images, what a model makes of them, and what its pruned copy does, `(n, 3, C, H, W)` in [0, 1].

    Args:
        left_out: so many latents of the copy, those of lowest KL on these images, are at 0.
    """
    hold_small(f"{len(images)} images take", 12 * len(images) * math.prod(model.shape), "take fewer")
    with whole_floats(), torch.inference_mode():
        pixels = data.unit(list(images)).to(model.device)
        posterior = model.encode(pixels)
        order = posterior.kl().mean(0).argsort(descending=True).tolist()
        z = first_only(made.encode(pixels).mean, order, model.latents - left_out)
        columns = [pixels, model.decode(posterior.mean), made.decode(z)]
        return torch.stack(columns, dim=1).float().cpu().numpy()


def _costs(model: BetaVAE, data: Dataset, indices: Tensor, means: Tensor) -> tuple[float, float]:
    """−log p(x|µ) and the squared error, means over images."""
    rows = max(1, min(ROWS, model.rows))
    nll = error = 0.0
    with whole_floats(), torch.inference_mode():
        for chosen, z in zip(indices.split(rows), means.split(rows), strict=True):
            leave()
            images = data.unit(chosen).to(model.device)
            raw = model.raw(z.to(model.device))
            nll += float(model.likelihood.nll(raw, images).double().sum())
            error += float((model.likelihood.images(raw) - images).square().flatten(1).sum(1).double().sum())
    return nll / len(indices), error / len(indices)


def _factors(data: Dataset, indices: Tensor) -> tuple[np.ndarray | None, int]:
    """Factor classes of images, and which factor the probe is asked for: the one of fewest classes, two at least."""
    sizes = data.factor_sizes
    if not sizes or max(sizes) < 2:
        return None, 0
    factor = min((size, k) for k, size in enumerate(sizes) if size > 1)[1]
    return data.factors(indices).cpu().numpy(), factor


def _scores(means: np.ndarray, factors: np.ndarray | None, factor: int, seed: int) -> tuple[float, float]:
    """MIG of means, and the held-out accuracy of a probe; NaN where one is undefined."""
    from explorer.analysis import metrics

    if factors is None:
        return math.nan, math.nan
    value = metrics.mig(means, factors, seed=seed, preset="fast").value
    return math.nan if value is None else float(value), _probe(means, factors[:, factor])


def _probe(means: np.ndarray, classes: np.ndarray) -> float:
    """The share of the second half of images that a logistic regression on the first half tells."""
    from sklearn.linear_model import LogisticRegression

    half = len(means) // 2
    if len(means) < LEAST_TOLD or len(np.unique(classes[:half])) < 2:
        return math.nan
    spread = means[:half].std(0)
    scaled = (means - means[:half].mean(0)) / np.where(spread > 1e-6, spread, 1.0)
    found = LogisticRegression(max_iter=500).fit(scaled[:half], classes[:half])
    return float(found.score(scaled[half:], classes[half:]))


def _plain(values: np.ndarray | None) -> list[float | None] | None:
    return None if values is None else [float(v) if np.isfinite(v) else None for v in values]
