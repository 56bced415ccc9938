"""Distance to orthogonality: do the latents move the picture in directions at right angles?"""

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from explorer.analysis.metrics.result import MetricResult, undefined
from explorer.analysis.metrics.table import Array, as_array, sizes_for
from models.shapes import Shaped

IMAGES = {"full": 100, "fast": 50}
UNMOVED = 1e-9  # of the largest column: a latent that moves no pixel has no direction


def distance_to_orthogonality(jacobians: Any, seed: int = 0, preset: str = "full") -> MetricResult:
    """DtO, at least 0 (Rolinek et al. 2019, Variational Autoencoders Pursue PCA Directions, eq. 29).

    The decoder's Jacobian at an image's code is U S Vᵀ. Where latents move the pixels at right
    angles, V is a permutation with signs; the value is the Frobenius distance from the nearest one,
    the mean over images. Equal singular values leave V free: then it may be large for no reason.

    jacobians: (n, P, D), how P pixels change with D latents; give those of active latents only.

    parts: `per_image` (n,); `alignment` (D, D), the mean over images of |V|, its columns put in the
    order of the latents; `random`, what V drawn at random would give.
    """
    count = sizes_for(IMAGES, preset)
    array = as_array(jacobians)
    if array.ndim != 3 or array.dtype.kind not in "fiu":
        raise ValueError(f"Jacobians must be numbers of shape (n, P, D); these are {array.dtype} {array.shape}.")
    if len(array) > count:
        array = array[np.random.default_rng(seed).choice(len(array), count, replace=False)]
    array = array.astype(np.float64)
    if not len(array) or not array.shape[2]:
        return undefined(
            "distance_to_orthogonality", "There is no active latent to take a direction from.", seed, preset
        )
    if not np.isfinite(array).all():
        return undefined("distance_to_orthogonality", "The decoder's slopes aren't all finite.", seed, preset)
    lengths = np.sqrt((array**2).sum(axis=1))
    if (lengths <= UNMOVED * max(float(lengths.max()), 1e-300)).any():
        reason = "A latent moves no pixel at some image, so it has no direction there."
        return undefined("distance_to_orthogonality", reason, seed, preset)
    distances, alignments = zip(*(distance_of(matrix) for matrix in array), strict=True)
    per_image = np.array(distances)
    parts = {
        "per_image": per_image,
        "alignment": np.mean(alignments, axis=0),
        "random": _random_distance(array.shape[2]),
    }
    return MetricResult("distance_to_orthogonality", float(per_image.mean()), parts, len(array), seed, preset)


def distance_of(jacobian: Shaped[Array, "P D"]) -> tuple[float, Shaped[Array, "D D"]]:
    """The distance of V from its nearest signed permutation, and |V| (D, D), of one Jacobian (P, D).

    Row d of |V| is latent d; columns are ordered so that the matched entries are the diagonal.
    """
    # The triangle of QR has the same V, and is small: pixels are many.
    triangle = np.linalg.qr(jacobian, mode="r")
    strengths = np.abs(np.linalg.svd(triangle, full_matrices=True)[2].T)
    rows, columns = linear_sum_assignment(-strengths)
    matched = float(strengths[rows, columns].sum())
    return float(np.sqrt(max(2 * (len(strengths) - matched), 0.0))), strengths[:, columns]


def _random_distance(latents: int) -> float:
    """The mean distance of 200 rotations drawn at random, always the same ones."""
    random = np.random.default_rng(0)
    squares = random.normal(size=(200, latents, latents))
    scale = np.arange(1.0, latents + 1)[:, None]
    return float(np.mean([distance_of(scale * np.linalg.qr(square)[0])[0] for square in squares]))
