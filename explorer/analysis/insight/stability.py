"""How alike the latents of several models are: matched by rank correlation over the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.analysis.matching import Matching, match

ALIVE = 0.1  # nats of mean KL above which a latent counts


@dataclass(frozen=True)
class Stability:
    """Models (m of them) against one another.

    matchings: by pair (a, b), a < b: the correlation `(D_a, D_b)` and the pairs of latents.
    mean: `(m, m)`, the mean |ρ| of matched pairs that are alive in both models; NaN where there is none.
    of_all: the same over all matched pairs, asleep or not. Both have 1 on the diagonal.
    alive: how many latents of each model have a KL above 0.1 nats.
    """

    matchings: dict[tuple[int, int], Matching]
    mean: np.ndarray
    of_all: np.ndarray
    alive: tuple[int, ...]
    count: int

    @property
    def value(self) -> float | None:
        """The mean over pairs of models; None where no pair has a matched latent that is alive in both."""
        found = self.mean[np.triu_indices(len(self.mean), 1)]
        return float(found[np.isfinite(found)].mean()) if np.isfinite(found).any() else None

    def partner(self, first: int, second: int, latent: int) -> tuple[int, float] | None:
        """The latent of `second` that is matched with `latent` of `first`, and their signed ρ; None where none is."""
        if first == second:
            return latent, 1.0
        turned = first > second
        matching = self.matchings[min(first, second), max(first, second)]
        for d, e in matching.pairs:
            if (e if turned else d) == latent:
                return (d if turned else e), float(matching.correlation[d, e])
        return None

    def as_json(self) -> dict[str, Any]:
        """Plain values; None in place of what is absent."""
        return {
            "mean": _plain(self.mean),
            "of_all": _plain(self.of_all),
            "value": self.value,
            "alive": list(self.alive),
            "pairs": {
                f"{a},{b}": [[d, e, float(found.correlation[d, e])] for d, e in found.pairs]
                for (a, b), found in self.matchings.items()
            },
            "count": self.count,
        }


def stability(means: Sequence[np.ndarray], kls: Sequence[np.ndarray]) -> Stability:
    """Match each model with each other one.

    Args:
        means: posterior means `(n, D)` of the same n images, one table a model; D may differ.
        kls: mean KL `(D,)` of each model's latents in nats.

    Raises:
        ValueError: tables of different lengths, or fewer than two images.
    """
    models = len(means)
    matchings = {}
    mean, of_all = np.eye(models), np.eye(models)
    for a in range(models):
        for b in range(a + 1, models):
            found = matchings[a, b] = match(means[a], means[b])
            strengths = np.array([abs(found.correlation[d, e]) for d, e in found.pairs])
            both = np.array([kls[a][d] > ALIVE and kls[b][e] > ALIVE for d, e in found.pairs])
            of_all[a, b] = of_all[b, a] = strengths.mean()
            mean[a, b] = mean[b, a] = strengths[both].mean() if both.any() else np.nan
    alive = tuple(int((np.asarray(kl) > ALIVE).sum()) for kl in kls)
    return Stability(matchings, mean, of_all, alive, len(means[0]))


def _plain(values: np.ndarray) -> list[list[float | None]]:
    return [[float(v) if np.isfinite(v) else None for v in row] for row in values]
