"""How well a score ranks what is marked above what is not: AUROC, average precision, the best Dice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ranked:
    """auroc: P(a marked score > an unmarked one), ties count ½. ap: average precision, the sum of precision times the
    gain in recall over falling thresholds, as scikit-learn has it. dice: the largest 2·TP/(2·TP + FP + FN) of a
    threshold. All NaN where all are marked or none is.
    """

    auroc: float
    ap: float
    dice: float


def ranked(scores: np.ndarray, marked: np.ndarray) -> Ranked:
    """Rank `scores`, of any shape, by `marked`, bool of the same shape; one sort, whatever ties there are."""
    order = np.argsort(-scores, axis=None, kind="stable")
    hits = marked.ravel()[order]
    total, others = int(hits.sum()), int(len(hits) - hits.sum())
    if not total or not others:
        return Ranked(np.nan, np.nan, np.nan)
    falling = scores.ravel()[order]
    ends = np.append(np.flatnonzero(falling[1:] != falling[:-1]), len(falling) - 1)  # the last of each tie
    true = np.cumsum(hits)[ends].astype(np.float64)
    false = ends + 1 - true
    recall, false_rate = np.append(0.0, true / total), np.append(0.0, false / others)
    return Ranked(
        auroc=float(np.trapezoid(recall, false_rate)),
        ap=float((np.diff(recall) * true / (true + false)).sum()),
        dice=float((2 * true / (true + false + total)).max()),
    )


def auroc(scores: np.ndarray, marked: np.ndarray) -> float:
    """Only the AUROC."""
    return ranked(scores, marked).auroc
