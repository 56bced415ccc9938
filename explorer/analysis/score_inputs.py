"""What scores are computed from: the posterior of many images, their factors, the decoder's slopes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from explorer.analysis.scores import Preset

Representation = Literal["mean", "sampled"]


@dataclass(frozen=True)
class ScoreInputs:
    """Arrays of the same `n` images; what isn't known is None.

    codes: (n, D), what the scores call a code: posterior means, or one sample of each posterior.
    factors: (n, K) classes, with `factor_names`. means, log_vars: (n, D) of the posterior.
    jacobians: called with how many images are wanted, the decoder's Jacobians (m, P, D') at the means
    of the first of them, along the active latents.
    """

    codes: np.ndarray
    factors: np.ndarray | None = None
    factor_names: tuple[str, ...] = ()
    means: np.ndarray | None = None
    log_vars: np.ndarray | None = None
    jacobians: Callable[[int], np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def rows(self, chosen: np.ndarray | slice) -> ScoreInputs:
        """The same of some of the images; the decoder's slopes stay those of all."""
        some = {
            name: None if array is None else array[chosen]
            for name, array in (("factors", self.factors), ("means", self.means), ("log_vars", self.log_vars))
        }
        return replace(self, codes=self.codes[chosen], **some)  # type: ignore[arg-type]


def sampled(means: np.ndarray, log_vars: np.ndarray, seed: int) -> np.ndarray:
    """One sample of each posterior, (n, D) float32; the first rows don't depend on how many follow."""
    noise = np.random.default_rng(seed).standard_normal(means.shape, dtype=np.float32)
    return np.asarray(means + np.exp(0.5 * log_vars) * noise)


def jacobian_images(preset: Preset) -> int:
    """Images at which the decoder's slopes are taken."""
    from explorer.analysis.metrics.orthogonality_score import IMAGES

    return IMAGES[preset]
