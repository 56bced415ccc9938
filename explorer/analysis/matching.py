"""Which dimension of one model is which of another: an assignment by Spearman correlation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata


@dataclass(frozen=True)
class Matching:
    """How dimensions of a first model (D) and of a second one (E) correspond.

    correlation: (D, E) Spearman correlation of the means, signed; 0 where a mean is constant.
    pairs: min(D, E) pairs (d, e), each dimension once, by d; no other choice has a larger sum of |ρ|.
    same: whether both are one model at two β: then dimension d is dimension d, the same way, whatever ρ is.
    """

    correlation: np.ndarray
    pairs: tuple[tuple[int, int], ...]
    same: bool = False


def match(first: np.ndarray, second: np.ndarray, same: bool = False) -> Matching:
    """Match the dimensions of two models by their means (n, D) and (n, E) of the same n images.

    The rank correlation sees any monotone relation, whatever its sign; the pairs are those with the
    largest sum of absolute values (Kuhn 1955, by `scipy.optimize.linear_sum_assignment`), as in the
    permutation-aware comparisons of Duan et al. 2020 (section 4). `same` as in Matching.

    Raises:
        ValueError: not the same images, or fewer than two.
    """
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(f"the means are of {len(first)} and {len(second)} images")
    correlation = np.clip(_ranks(first).T @ _ranks(second), -1.0, 1.0)
    if same:
        return Matching(correlation, tuple((d, d) for d in range(len(correlation))), same=True)
    rows, columns = linear_sum_assignment(np.abs(correlation), maximize=True)
    return Matching(correlation, tuple((int(d), int(e)) for d, e in zip(rows, columns, strict=True)))


def _ranks(means: np.ndarray) -> np.ndarray:
    """Ranks (n, D), centred and of length 1; 0 where all are equal."""
    ranks: np.ndarray = rankdata(np.asarray(means, dtype=np.float64), axis=0)
    ranks -= ranks.mean(axis=0)
    length = np.sqrt((ranks**2).sum(axis=0))
    scaled: np.ndarray = np.divide(ranks, length, out=np.zeros_like(ranks), where=length > 0)
    return scaled
