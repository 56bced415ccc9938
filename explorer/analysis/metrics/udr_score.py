"""UDR: do models trained from several seeds find the same latents? It needs no factors."""

from collections.abc import Iterable
from typing import Any, Literal, get_args

import numpy as np
from scipy.stats import rankdata
from sklearn.linear_model import Lasso

from explorer.analysis.metrics.result import MetricResult, undefined
from explorer.analysis.metrics.table import Array, as_array, as_codes, codes_problem, constant_columns, sizes_for
from models.shapes import Shaped

ROWS = {"full": 2_000, "fast": 500}
INFORMATIVE_ABOVE = 0.01  # nats of mean KL under which a latent is switched off
LASSO_STRENGTH = 0.1

Likeness = Literal["lasso", "spearman"]


def udr(
    codes_of_models: Iterable[Any],
    kl_of_models: Iterable[Any],
    seed: int = 0,
    preset: str = "full",
    likeness: Likeness = "lasso",
) -> MetricResult:
    """Unsupervised disentanglement ranking, at least 0 (Duan et al. 2020, section 4).

    Two models are alike if each informative latent of one matches one latent of the other. A
    latent is informative above 0.01 nats of mean KL. The likeness of two latents is the weight of
    one in a Lasso (strength 0.1, so that a perfect match scores about 0.9) or their absolute
    Spearman correlation. A model's score is the median over its partners; the value is the mean
    over models. A model without an informative latent agrees with none.

    No bound of the Lasso's score is known, since weights of latents that depend on one another can be
    large: the yardstick is what models with the same independent latents score, 1 minus the strength.
    Correlations are at most 1, and so is a score of them.

    codes_of_models: a table (n, D) for each of at least two models, the rows the same images.
    kl_of_models: for each, the mean KL (D,) of its latents in nats.
    likeness: "lasso" or "spearman".

    parts: `model_scores` (M,); `pair_scores` (M, M), row i tells column j, the diagonal NaN;
    `likeness`, M lists of M matrices (D_i, D_j), 0 for latents that aren't informative and None on
    the diagonal; `informative_latents`, M arrays of numbers.
    """
    size = sizes_for(ROWS, preset)
    if likeness not in get_args(Likeness):
        raise ValueError(f"There is no likeness {likeness!r}; use lasso or spearman.")
    tables = [as_codes(codes) for codes in codes_of_models]
    kls = [as_array(kl) for kl in kl_of_models]
    if len(tables) != len(kls):
        raise ValueError(f"There are {len(tables)} models and {len(kls)} rows of KL.")
    for number, (codes, kl) in enumerate(zip(tables, kls, strict=True)):
        if kl.ndim != 1 or codes.shape != (len(tables[0]), len(kl)):
            raise ValueError(
                f"Model {number} has codes {codes.shape} and KL {kl.shape}; all models "
                "need the same rows, and each a KL for every latent."
            )
    if reason := _problem(tables, kls):
        return undefined("udr", reason, seed, preset)

    rows = np.arange(len(tables[0]))
    if len(rows) > size:
        rows = np.random.default_rng(seed).choice(len(rows), size, replace=False)
    masks = [kl > INFORMATIVE_ABOVE for kl in kls]
    scaled = [_standardised(codes[rows], mask) for codes, mask in zip(tables, masks, strict=True)]
    models = len(tables)
    pairs = np.full((models, models), np.nan)
    matrices: list[list[Array | None]] = [[None] * models for _ in range(models)]
    for i in range(models):
        for j in range(models):
            if i != j:
                matrix = _likeness(scaled[i], scaled[j], likeness, seed)
                matrices[i][j] = matrix
                pairs[i, j] = relative_strength(matrix[np.ix_(masks[i], masks[j])])
    scores = np.nanmedian(pairs, axis=0)
    value = float(scores.mean())
    parts = {
        "model_scores": scores,
        "pair_scores": pairs,
        "likeness": matrices,
        "informative_latents": [np.flatnonzero(mask) for mask in masks],
    }
    lasso = likeness == "lasso"
    return MetricResult(
        "udr", value, parts, len(rows), seed, preset,
        ceiling=None if lasso else 1.0, yardstick=1 - LASSO_STRENGTH if lasso else None,
    )  # fmt: skip


def relative_strength(matrix: Shaped[Array, "D E"]) -> float:
    """How far a matrix (A, B) of likeness in [0, 1] matches one to one, in [0, 1].

    The mean over columns of maximum squared over sum, averaged with the same over rows; a row or
    column of zeros counts as 0, and so does an empty matrix.
    """
    if not matrix.size:
        return 0.0
    halves = []
    for axis in (0, 1):
        total = matrix.sum(axis=axis)
        best = matrix.max(axis=axis)
        halves.append((best**2 / np.where(total > 0, total, 1.0)).mean())
    return float(np.mean(halves))


def _likeness(left: Array, right: Array, kind: Likeness, seed: int) -> Array:
    """Likeness (A, B) of the latents of two standardised tables (n, A) and (n, B)."""
    if kind == "lasso":
        model = Lasso(alpha=LASSO_STRENGTH, random_state=seed % 2**32)
        model.fit(left, right)
        weights = np.reshape(model.coef_, (right.shape[1], left.shape[1]))
        return np.asarray(np.abs(weights).T)
    ranks = [_unit(rankdata(side, axis=0)) for side in (left, right)]
    return np.asarray(np.minimum(np.abs(ranks[0].T @ ranks[1]), 1.0))


def _standardised(codes: Array, informative: Array) -> Array:
    """Codes (n, D) at mean 0 and standard deviation 1; 0 where a latent isn't informative."""
    scaled = _unit(codes.astype(np.float64)) * np.sqrt(len(codes))
    return np.asarray(scaled * informative)


def _unit(columns: Array) -> Array:
    """Columns (n, D) centred and of length 1; a constant one becomes 0."""
    constant = constant_columns(columns)
    centred = columns - columns.mean(axis=0)
    length = np.where(constant, 1.0, np.sqrt((centred**2).sum(axis=0)))
    return np.asarray(np.where(constant, 0.0, centred / length))


def _problem(tables: list[Array], kls: list[Array]) -> str | None:
    if len(tables) < 2:
        return "Agreement needs at least two models of the same data."
    for number, (codes, kl) in enumerate(zip(tables, kls, strict=True)):
        if reason := codes_problem(codes):
            return f"Model {number}: {reason}"
        if not np.isfinite(kl).all():
            return f"Model {number}: the KL values aren't all finite."
    return None
