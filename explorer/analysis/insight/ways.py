"""Ways from one image to another through the latents, averages of images, and analogies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from explorer.analysis.evaluation import choose, encode_all, whole_floats
from explorer.analysis.insight.progress import Tell, part, quiet
from explorer.analysis.traversal import hold_small
from explorer.datasets.base import Dataset
from explorer.errors import UserError
from models.beta_vae import BetaVAE
from models.turns import leave

KINDS = {"straight": "straight", "spherical": "spherical", "data": "along the data"}
NEIGHBOURS = 8
FINE = 4  # points on the way for each picture that is shown, by which its length is measured
ROWS = 50


@dataclass(frozen=True)
class Path:
    """A way of `steps` points: latents `(steps, D)`, their pictures `(steps, C, H, W)` in [0, 1].

    picture_length: Σ‖g(z_{t+1}) − g(z_t)‖₂ along a finer way, in pixel values. latent_length: Σ‖z_{t+1} − z_t‖₂.
    unlikely: the largest ‖z‖² / D on the way; of draws of the prior it is about 1.
    through: numbers of the images that a way along the data goes by.
    """

    kind: str
    z: np.ndarray
    pictures: np.ndarray
    picture_length: float
    latent_length: float
    unlikely: float
    through: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "kind": self.kind,
            "z": self.z.tolist(),
            "picture_length": self.picture_length,
            "latent_length": self.latent_length,
            "largest_square_per_latent": self.unlikely,
            "through": list(self.through),
        }


def straight(first: np.ndarray, second: np.ndarray, steps: int) -> np.ndarray:
    """Points `(steps, D)` evenly on the line from `first` to `second`, both `(D,)`."""
    share = np.linspace(0, 1, steps)[:, None]
    found: np.ndarray = (1 - share) * first + share * second
    return found


def spherical(first: np.ndarray, second: np.ndarray, steps: int) -> np.ndarray:
    """Points `(steps, D)` that turn evenly from `first` to `second`, with lengths between theirs (White 2016, eq. 1).

    With θ the angle between both: sin((1−s)θ)/sin θ · first + sin(sθ)/sin θ · second. Where the angle is 0 or π, or
    one is 0, there is no such turn, and the way is the straight one.
    """
    lengths = np.linalg.norm(first), np.linalg.norm(second)
    if min(lengths) == 0:
        return straight(first, second, steps)
    angle = math.acos(float(np.clip(first @ second / (lengths[0] * lengths[1]), -1, 1)))
    if math.sin(angle) < 1e-6:
        return straight(first, second, steps)
    share = np.linspace(0, 1, steps)[:, None]
    found: np.ndarray = (np.sin((1 - share) * angle) * first + np.sin(share * angle) * second) / math.sin(angle)
    return found


def along(points: np.ndarray, steps: int, lengths: np.ndarray | None = None) -> np.ndarray:
    """Points `(steps, D)` at even lengths on the line through `points` `(m, D)`.

    Args:
        lengths: of the m − 1 pieces, not below 0; how long they are in the latents if left out.
    """
    pieces = np.linalg.norm(np.diff(points, axis=0), axis=1) if lengths is None else lengths
    until = np.append(0.0, np.cumsum(pieces))
    if until[-1] == 0:
        return np.repeat(points[:1], steps, axis=0)
    wanted = np.linspace(0, until[-1], steps)
    columns = [np.interp(wanted, until, column) for column in points.T]
    return np.stack(columns, axis=1)


def nearest_way(points: np.ndarray, pictures: np.ndarray, first: int, second: int, most: int = NEIGHBOURS) -> list[int]:
    """The shortest way from point `first` to `second` over neighbours.

    Each of `points` `(n, D)` is joined with its `most` nearest ones; an edge is as long as the distance of both
    `pictures` `(n, P)`: a discrete geodesic of the decoder's metric (Chen et al. 2018). Where they are not joined,
    each is given one more neighbour until they are.

    Returns:
        Places of the points on the way, both ends included.
    """
    tree, count = cKDTree(points), len(points)
    neighbours = min(most, count - 1)
    while True:
        _, near = tree.query(points, k=neighbours + 1)
        tails = np.repeat(np.arange(count), neighbours + 1)
        heads = near.reshape(-1)
        tails, heads = tails[tails != heads], heads[tails != heads]
        weights = np.linalg.norm(pictures[tails] - pictures[heads], axis=1)
        graph = coo_matrix((np.maximum(weights, 1e-9), (tails, heads)), shape=(count, count)).tocsr()
        far, before = dijkstra(graph, directed=False, indices=first, return_predecessors=True)
        if np.isfinite(far[second]):
            break
        neighbours = min(2 * neighbours, count - 1)
    way = [second]
    while way[-1] != first:
        way.append(int(before[way[-1]]))
    return way[::-1]


def decoded(model: BetaVAE, z: np.ndarray) -> np.ndarray:
    """Pixel means `(n, C, H, W)` in [0, 1] of latents `(n, D)`. Raises UserError where they take too much memory."""
    hold_small(f"{len(z):,} pictures take", 4 * len(z) * math.prod(model.shape), "take fewer images or steps")
    with whole_floats(), torch.inference_mode():
        parts = []
        for own in torch.from_numpy(np.asarray(z, np.float32)).split(ROWS):
            leave()
            parts.append(model.decode(own.to(model.device)).float().cpu())
        return torch.cat(parts).numpy()


def way(model: BetaVAE, kind: str, z: np.ndarray, steps: int, through: Sequence[int] = ()) -> Path:
    """A path along `z` `(m, D)`: its first and last point, and those between where it leads along the data."""
    points = z if kind != "spherical" else z[[0, -1]]
    fine = (steps - 1) * FINE + 1
    make = {"spherical": lambda: spherical(z[0], z[-1], fine), "straight": lambda: straight(z[0], z[-1], fine)}
    whole = make[kind]() if kind in make else along(points, fine)
    pictures = decoded(model, whole)
    flat = pictures.reshape(len(pictures), -1).astype(np.float64)
    return Path(
        kind=kind,
        z=whole[::FINE],
        pictures=pictures[::FINE],
        picture_length=float(np.linalg.norm(np.diff(flat, axis=0), axis=1).sum()),
        latent_length=float(np.linalg.norm(np.diff(whole, axis=0), axis=1).sum()),
        unlikely=float((whole**2).mean(1).max()),
        through=tuple(through),
    )


def paths(
    model: BetaVAE, data: Dataset, ends: tuple[int, int], steps: int = 9, count: int = 200, seed: int = 0,
    tell: Tell = quiet,
) -> list[Path]:  # fmt: skip
    """Three ways between two images: straight, spherical, and along `count` images of the data.

    Args:
        ends: numbers of both images.
        steps: pictures of a way, its ends included.

    Raises:
        UserError: images of another shape, or numbers or a count that can't be had.
    """
    others = [int(i) for i in choose(data, min(count, len(data)), seed) if int(i) not in ends]
    images = [*ends, *others]
    means = means_of(model, data, images)
    tell(0.3)
    pictures = decoded(model, means)
    tell(0.7)
    flat = pictures.reshape(len(pictures), -1)
    found = nearest_way(means, flat, 0, 1) if len(images) > 2 else [0, 1]
    told = part(tell, 0.7, 1.0)
    made = [way(model, "straight", means[:2], steps)]
    told(0.3)
    made.append(way(model, "spherical", means[:2], steps))
    told(0.6)
    made.append(way(model, "data", means[found], steps, [images[place] for place in found]))
    told(1.0)
    return made


def means_of(model: BetaVAE, data: Dataset, images: Sequence[int]) -> np.ndarray:
    """Posterior means `(n, D)` of images by their numbers. Raises UserError where there is no such image."""
    for image in images:
        if not 0 <= image < len(data):
            raise UserError(f"{data.name} has images 0 to {len(data) - 1:,}, not {image:,}")
    mean: np.ndarray = encode_all(model, data, torch.tensor(list(images))).mean.double().numpy()
    return mean


@dataclass(frozen=True)
class Mixed:
    """Codes that were added: z `(D,)`, its picture, and that of the mean of the images themselves, pixel by pixel."""

    z: np.ndarray
    picture: np.ndarray
    of_pixels: np.ndarray


def mixed(model: BetaVAE, data: Dataset, images: Sequence[int], weights: Sequence[float]) -> Mixed:
    """Σ w_i µ(x_i), decoded; beside it Σ w_i x_i, cut to [0, 1].

    Weights (½, ½) give an average, (1, −1, 1) the analogy A − B + C (Mikolov et al. 2013; White 2016).
    """
    means = means_of(model, data, images)
    share = np.asarray(weights, np.float64)
    z = share @ means
    pixels = data.unit(list(images)).double().cpu().numpy()
    blend = np.clip(np.tensordot(share, pixels, axes=1), 0, 1)
    return Mixed(z, decoded(model, z[None])[0], blend)
