"""How the dimensions of a representation go together: of means and of samples, over kinds of dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from explorer.analysis.metrics.table import constant_columns
from explorer.analysis.metrics.total_correlation import total_correlation_of
from explorer.analysis.score_inputs import Representation

Kind = Literal["all", "active", "mixed", "passive"]
KINDS: tuple[Kind, ...] = ("all", "active", "mixed", "passive")


@dataclass(frozen=True)
class Correlations:
    """Pearson correlations `(D, D)` over images of posterior means and of one sample of each posterior.

    NaN where a dimension is constant. `regimes` `(D,)` says which dimension is of which kind.
    """

    mean: np.ndarray
    sampled: np.ndarray
    regimes: tuple[str, ...]

    def dimensions(self, kind: Kind) -> list[int]:
        """The dimensions of a kind, in their order."""
        return [j for j, regime in enumerate(self.regimes) if kind in ("all", regime)]

    def of(self, representation: Representation, kind: Kind = "all") -> np.ndarray:
        """The correlations `(k, k)` among the dimensions of a kind."""
        chosen = self.dimensions(kind)
        whole = self.mean if representation == "mean" else self.sampled
        return whole[np.ix_(chosen, chosen)]

    def total_correlation(self, representation: Representation, kind: Kind = "all") -> float | None:
        """Nats, of a Gaussian with these correlations: −½ log det (Watanabe 1960).

        Constant dimensions are left out, and no dimension has 0. None where one is a linear function of
        the others, which makes it infinite.
        """
        found = self.of(representation, kind)
        live = ~np.isnan(np.diag(found))
        return total_correlation_of(found[np.ix_(live, live)])

    def as_json(self) -> dict[str, Any]:
        """Plain values, None for NaN."""
        both: tuple[Representation, ...] = ("mean", "sampled")
        return {
            "method": "pearson",
            "mean": _plain(self.mean),
            "sampled": _plain(self.sampled),
            "gaussian_total_correlation": {
                name: {kind: self.total_correlation(name, kind) for kind in KINDS} for name in both
            },
        }

    @classmethod
    def from_json(cls, value: dict[str, Any], regimes: Sequence[str]) -> Correlations:
        """The inverse of `as_json`. Raises KeyError, TypeError or ValueError on other values."""
        mean, sampled = (np.array(value[name], dtype=np.float64) for name in ("mean", "sampled"))
        if not mean.shape == sampled.shape == (len(regimes), len(regimes)):
            raise ValueError("the correlations have another shape")
        return cls(mean, sampled, tuple(regimes))


def correlate(means: np.ndarray, samples: np.ndarray, regimes: Sequence[str]) -> Correlations:
    """The correlations of means and of samples, `(n, D)` each, of dimensions of these kinds `(D,)`."""
    return Correlations(_pearson(means), _pearson(samples), tuple(regimes))


def _pearson(codes: np.ndarray) -> np.ndarray:
    constant = constant_columns(codes)
    table = codes.astype(np.float64)
    table -= table.mean(axis=0)
    sizes = np.sqrt((table**2).sum(axis=0))
    found = np.full((codes.shape[1],) * 2, np.nan)
    live = ~constant & (sizes > 0)
    table = table[:, live] / sizes[live]
    found[np.ix_(live, live)] = np.clip(table.T @ table, -1, 1)
    found[np.flatnonzero(live), np.flatnonzero(live)] = 1.0
    return found


def _plain(values: np.ndarray) -> list[list[float | None]]:
    return [[None if np.isnan(v) else float(v) for v in row] for row in values]
