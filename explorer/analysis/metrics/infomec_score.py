"""InfoMEC: modularity, compactness and explicitness, all three from information."""

from typing import Any

import numpy as np
from scipy.special import digamma
from sklearn.metrics import log_loss

from explorer.analysis.metrics.information import entropy
from explorer.analysis.metrics.learners import fit_unpenalised
from explorer.analysis.metrics.result import MetricResult, undefined
from explorer.analysis.metrics.table import Array, Table, constant_columns, sizes_for
from models.shapes import Shaped

ROWS = {"full": 10_000, "fast": 2_000}
NEIGHBOURS = 10
LIVE_ABOVE = 1 / 20  # of the widest latent's range
NOISE = 1e-10  # parts rows with equal codes, as scikit-learn does


def infomec(codes: Any, factors: Any, seed: int = 0, preset: str = "full") -> MetricResult:
    """InfoM, InfoC and InfoE (Hsu et al. 2023, Disentanglement via Latent Quantization, section 4).

    The mutual information of each latent with each factor, estimated from 10 nearest neighbours
    (Ross 2014), over the factor's entropy. InfoM, the value: how far each latent that is live
    informs of one factor only; InfoC: how far each factor is told by one latent only; both the
    largest share of a row or column, put so that even shares give 0. InfoE: how much of each
    factor's log loss an unpenalised logistic regression on all latents takes away. A latent is live
    if its range is above a twentieth of the widest one's. One live latent is compact by itself; a live
    latent that tells nothing counts as one that tells of all factors alike.

    codes: (n, D) floats. factors: (n, K) integer classes of the same rows.

    parts: `infom`, `infoc`, `infoe`, in [0, 1] but for InfoE, which can fall below 0; `nmi` (D, K'),
    columns the `factors_used`; `active_latents`; `infoe_per_factor` (K',).
    """
    size = sizes_for(ROWS, preset)
    table = Table.of(codes, factors)
    sample = table.sample(size, np.random.default_rng(seed))
    if reason := table.problem(factors=2) or sample.problem(factors=2) or sample.unlearnable():
        return undefined("infomec", reason, seed, preset)
    used = sample.varying
    classes = sample.factors[:, used]
    spans = sample.codes.max(axis=0).astype(np.float64) - sample.codes.min(axis=0)
    live = np.flatnonzero(spans > spans.max() * LIVE_ABOVE)
    information = neighbour_information(sample.codes, classes, seed)
    nmi = information / entropy(classes)
    explicit = _explicitness(sample.codes, classes)
    parts: dict[str, Any] = {
        "infoe": float(explicit.mean()),
        "infoe_per_factor": explicit,
        "nmi": nmi,
        "active_latents": live,
        "factors_used": used,
    }
    told = nmi[live]
    if not told.size or told.sum() == 0:
        reason = "No live latent tells anything of a factor, so its shares are 0 over 0."
        parts |= {"infom": None, "infoc": None}
        return MetricResult("infomec", None, parts, len(sample), seed, preset, reason)
    parts["infom"] = _one_of(told)
    parts["infoc"] = _one_of(told.T)
    return MetricResult("infomec", parts["infom"], parts, len(sample), seed, preset, ceiling=1.0)


def neighbour_information(
    codes: Shaped[Array, "n D"], classes: Shaped[Array, "n K"], seed: int = 0
) -> Shaped[Array, "D K"]:
    """Mutual information (D, K) in nats of real codes (n, D) with classes (n, K), at least 0.

    Ross 2014 (Mutual Information between Discrete and Continuous Data Sets) with 10 neighbours, as
    scikit-learn's `mutual_info_classif` with this seed; exactly 0 for a constant latent.
    """
    from explorer.analysis.metrics import neighbour_kernel as kernel

    result = np.zeros((codes.shape[1], classes.shape[1]))
    constant = constant_columns(codes)
    for latent in np.flatnonzero(~constant):
        column = codes[:, latent].astype(np.float64)
        # Centred by the standard deviation's own scale, as the reference standardises first.
        column = (column - column.mean()) / column.std()
        column /= column.std()
        scale = NOISE * max(1.0, float(np.abs(column).mean()))
        column = column + scale * np.random.RandomState(seed % 2**32).standard_normal(len(column))
        for k in range(classes.shape[1]):
            result[latent, k] = _one_pair(column, classes[:, k], kernel)
    return result


def _one_pair(column: Array, labels: Array, kernel: Any) -> float:
    order = np.lexsort((column, labels))
    values, marks = column[order], labels[order]
    starts = np.flatnonzero(np.r_[True, marks[1:] != marks[:-1]])
    counts = np.diff(np.r_[starts, len(marks)])
    reach = np.zeros(len(values))
    for start, count in zip(starts, counts, strict=True):
        if count > 1:
            kernel.radii(values[start : start + count], min(NEIGHBOURS, count - 1), reach[start : start + count])
    sizes = np.repeat(counts, counts)
    repeated = sizes > 1  # a value that one row has tells nothing of its neighbours
    if not repeated.any():
        return 0.0
    points, reach, sizes = values[repeated], reach[repeated], sizes[repeated]
    order = np.argsort(points, kind="stable")
    points, reach = points[order], reach[order]
    around = np.empty(len(points), dtype=np.int64)
    kernel.within(points, reach, points, around)
    nearest = np.minimum(NEIGHBOURS, sizes - 1)
    value = digamma(len(points)) + digamma(nearest).mean()
    value -= digamma(sizes).mean() + digamma(around).mean()
    return max(0.0, float(value))


def _one_of(shares: Array) -> float:
    """How far the rows (A, B) have one large entry: 0 for even rows, 1 for a single entry; mean."""
    choices = shares.shape[1]
    if choices == 1:
        return 1.0
    total = shares.sum(axis=1)
    heard = total > 0  # a row of zeros has no share; it is as even as can be
    best = np.where(heard, shares.max(axis=1) / np.where(heard, total, 1.0), 1 / choices)
    return float((best.mean() - 1 / choices) / (1 - 1 / choices))


def _explicitness(codes: Array, classes: Array) -> Array:
    """The share (K,) of each factor's log loss that a logistic regression on the latents takes away.

    Without latents the regression, whose classes are weighted evenly, gives every class the same
    chance: a loss of the log of how many there are.
    """
    spread = codes.std(axis=0, dtype=np.float64)
    flat = constant_columns(codes)
    points = (codes - codes.mean(axis=0, dtype=np.float64)) / np.where(flat, 1.0, spread)
    points = np.where(flat, 0.0, points)
    shares = np.zeros(classes.shape[1])
    for k in range(classes.shape[1]):
        values, labels = np.unique(classes[:, k], return_inverse=True)
        model = fit_unpenalised(points, labels)
        loss = log_loss(labels, model.predict_proba(points), labels=np.arange(len(values)))
        shares[k] = 1 - loss / np.log(len(values))
    return shares
