"""Groups of latents: what they cost together, one direction within each, and their exchange between two images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from explorer.analysis.evaluation import choose, encode_all
from explorer.analysis.insight.progress import Tell, quiet
from explorer.checkpoints.labels import Group
from explorer.datasets.base import Dataset
from models.beta_vae import BetaVAE

Direction = Literal["even", "principal"]


@dataclass(frozen=True)
class Blocks:
    """Groups of latents over `count` images of a data set.

    groups: the groups. kl: `(G,)`, the mean KL of each in nats an image, the sum of its latents' KL: exact, since the
    posterior is diagonal. each: `(D,)`, the KL by latent. rest: latents in no group. axes: `(G,)`, for each group the
    share of its means' variance that lies along its direction, NaN where they do not vary.
    """

    groups: tuple[Group, ...]
    kl: np.ndarray
    each: np.ndarray
    rest: tuple[int, ...]
    axes: np.ndarray
    count: int
    seed: int

    @property
    def total(self) -> float:
        """The KL of all latents, nats an image. Groups that share a latent add up to more."""
        return float(self.each.sum())

    @property
    def rest_kl(self) -> float:
        """The KL of the latents in no group, nats an image."""
        return float(self.each[list(self.rest)].sum())

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "groups": [
                {
                    "name": group.name,
                    "latents": list(group.latents),
                    "direction": [group.direction[latent] for latent in group.latents],
                    "kl_nats": float(kl),
                    "variance_along": float(share) if np.isfinite(share) else None,
                }
                for group, kl, share in zip(self.groups, self.kl, self.axes, strict=True)
            ],
            "rest": list(self.rest),
            "rest_kl_nats": self.rest_kl,
            "total_kl_nats": self.total,
            "count": self.count,
            "seed": self.seed,
        }


def blocks(
    model: BetaVAE, data: Dataset, groups: Sequence[Group], count: int, seed: int = 0, tell: Tell = quiet
) -> Blocks:
    """What groups of a model's latents cost on `count` images drawn with `seed`.

    Raises:
        UserError: images of another shape, or a count that can't be had.
    """
    posterior = encode_all(model, data, choose(data, count, seed))
    tell(0.9)
    each = posterior.kl().double().mean(0).numpy()
    means = posterior.mean.double().numpy()
    own = [group for group in groups if max(group.latents) < model.latents]
    taken = {latent for group in own for latent in group.latents}
    return Blocks(
        groups=tuple(own),
        kl=np.array([each[list(group.latents)].sum() for group in own]),
        each=each,
        rest=tuple(latent for latent in range(model.latents) if latent not in taken),
        axes=np.array([_along(means, group) for group in own]),
        count=count,
        seed=seed,
    )


def grouped(name: str, latents: Sequence[int], means: np.ndarray, direction: Direction = "even") -> Group:
    """A group with its direction.

    Args:
        means: posterior means `(n, D)` of images.
        direction: "even": all latents alike; "principal": the first principal axis of the means within the group, its
            largest part positive; even where the means do not vary.
    """
    chosen = sorted(set(latents))
    weights = np.ones(len(chosen))
    if direction == "principal" and len(means) > 1:
        covariance = np.cov(means[:, chosen], rowvar=False).reshape(len(chosen), len(chosen))
        values, vectors = np.linalg.eigh(covariance)
        if values[-1] > 0:
            weights = vectors[:, -1] * np.sign(vectors[np.abs(vectors[:, -1]).argmax(), -1])
    return Group(name=name, weights={latent: round(float(w), 6) for latent, w in zip(chosen, weights, strict=True)})


def traversed(start: np.ndarray, group: Group, values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Latents `(n, D)` from `start` `(D,)` along the group's direction: z + s·v, ‖v‖ = 1, for each s of `values`."""
    z = np.tile(np.asarray(start, np.float64), (len(values), 1))
    for latent, weight in group.direction.items():
        z[:, latent] += np.asarray(values) * weight
    return z


def exchanged(first: np.ndarray, second: np.ndarray, group: Group) -> np.ndarray:
    """`first` `(D,)` with the group's latents of `second`, and the other way round: `(2, D)`."""
    z = np.stack([first, second]).astype(np.float64)
    z[:, list(group.latents)] = z[::-1, list(group.latents)]
    return z


def _along(means: np.ndarray, group: Group) -> float:
    """The share of the variance of the group's means along its direction."""
    own = means[:, list(group.latents)]
    whole = own.var(0).sum()
    return float((own @ np.array(list(group.direction.values()))).var() / whole) if whole > 0 else float("nan")
