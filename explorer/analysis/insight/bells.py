"""Concepts: classes of a factor as Gaussians on the latent that tells them best; classified, combined and decoded."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from explorer.analysis.evaluation import choose, encode_all
from explorer.analysis.insight.progress import Tell, quiet
from explorer.datasets.base import Dataset
from explorer.errors import UserError
from models.beta_vae import BetaVAE

SMALLEST = 1e-12  # a variance that is not divided by less
MOST_PICTURES = 256  # combinations that are decoded


@dataclass(frozen=True)
class Bell:
    """A Gaussian on one latent."""

    mean: float
    variance: float

    def product(self, other: Bell) -> Bell:
        """The Gaussian that is proportional to the product of both densities: "this and that" on one axis."""
        precision = 1 / self.variance + 1 / other.variance
        return Bell((self.mean / self.variance + other.mean / other.variance) / precision, 1 / precision)

    def agreement(self, other: Bell) -> float:
        """∫ N₁ N₂ = N(m₁ − m₂; 0, s₁² + s₂²), a density for one unit of the latent."""
        variance = self.variance + other.variance
        return math.exp(-((self.mean - other.mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)

    def kl(self, other: Bell) -> float:
        """KL(this ‖ other) in nats."""
        ratio = self.variance / other.variance
        return 0.5 * (ratio + (self.mean - other.mean) ** 2 / other.variance - 1 - math.log(ratio))

    def log_density(self, at: np.ndarray) -> np.ndarray:
        """log N(at; mean, variance), of any shape."""
        found: np.ndarray = -0.5 * ((at - self.mean) ** 2 / self.variance + math.log(2 * math.pi * self.variance))
        return found


@dataclass(frozen=True)
class Concept:
    """The classes of one factor on one latent.

    bells: a Gaussian each, None of a class with fewer than two images. counts: images it was fitted to.
    score: variance of the classes' means over their mean variance on this axis. scores: `(D,)` the same of all axes.
    correct: share of the held-out images that get their own class by density; by_mean: by the nearest mean.
    confusion: `(C, C)`, held-out images by their class (row) and the class that they get (column).
    chance: share of the largest class among the held-out images.
    """

    factor: str
    classes: tuple[str, ...]
    axis: int
    bells: tuple[Bell | None, ...]
    counts: tuple[int, ...]
    score: float
    scores: np.ndarray
    correct: float
    by_mean: float
    confusion: np.ndarray
    chance: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "factor": self.factor,
            "axis": self.axis,
            "score": self.score,
            "correct": self.correct,
            "by_nearest_mean": self.by_mean,
            "largest_class": self.chance,
            "classes": [
                {
                    "class": name,
                    "images": count,
                    "mean": None if bell is None else bell.mean,
                    "std": None if bell is None else math.sqrt(bell.variance),
                }
                for name, bell, count in zip(self.classes, self.bells, self.counts, strict=True)
            ],
            "confusion": self.confusion.tolist(),
        }


@dataclass(frozen=True)
class Concepts:
    """All factors with an axis each, from `fitted` images and `tested` others; means `(fitted, D)` and their classes
    `(fitted, K)` are kept for histograms."""

    concepts: tuple[Concept, ...]
    means: np.ndarray
    labels: np.ndarray
    fitted: int
    tested: int
    seed: int

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "concepts": [concept.as_json() for concept in self.concepts],
            "fitted": self.fitted,
            "tested": self.tested,
            "seed": self.seed,
        }


def binned(classes: np.ndarray, size: int, most: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Classes 0 to size − 1 in `most` equal ranges at the most, with what each range is called."""
    if size <= most:
        return classes, tuple(str(value) for value in range(size))
    group = np.arange(size) * most // size
    names = []
    for place in range(most):
        inside = np.flatnonzero(group == place)
        low, high = int(inside[0]), int(inside[-1])
        names.append(str(low) if low == high else f"{low}–{high}")
    return group[classes], tuple(names)


def fitted_bells(means: np.ndarray, variances: np.ndarray, labels: np.ndarray, count: int) -> list[list[Bell | None]]:
    """Gaussians of each of `count` classes on every axis: a list of D for each class.

    m_c is the mean of µ_j over the class and s_c² = Var(µ_j) + E[σ_j²], that of the class's aggregate posterior.
    """
    found: list[list[Bell | None]] = []
    for place in range(count):
        inside = labels == place
        if inside.sum() < 2:
            found.append([None] * means.shape[1])
            continue
        spread = means[inside].var(0) + variances[inside].mean(0)
        middle = means[inside].mean(0)
        found.append([Bell(float(m), max(float(v), SMALLEST)) for m, v in zip(middle, spread, strict=True)])
    return found


def separation(bells: Sequence[Sequence[Bell | None]]) -> np.ndarray:
    """Variance of the classes' means over the mean of their variances, `(D,)`; 0 where fewer than two have one."""
    known = [row for row in bells if row[0] is not None]
    if len(known) < 2:
        return np.zeros(len(bells[0]))
    middle = np.array([[bell.mean for bell in row if bell is not None] for row in known])
    spread = np.array([[bell.variance for bell in row if bell is not None] for row in known])
    found: np.ndarray = middle.var(0) / spread.mean(0)
    return found


def classified(at: np.ndarray, bells: Sequence[Bell | None], by: str = "density") -> np.ndarray:
    """The class `(n,)` of values `(n,)` on an axis: the one of largest density, or of the nearest mean ("mean")."""
    if by == "density":
        rows = [np.full(len(at), -np.inf) if bell is None else bell.log_density(at) for bell in bells]
    else:
        rows = [np.full(len(at), -np.inf) if bell is None else -np.abs(at - bell.mean) for bell in bells]
    found: np.ndarray = np.argmax(rows, axis=0)
    return found


def concepts(
    model: BetaVAE, data: Dataset, count: int, seed: int = 0, most: int = 4, axes: dict[str, int] | None = None,
    tell: Tell = quiet,
) -> Concepts:  # fmt: skip
    """Fit Gaussians to classes of every factor on half of `count` images, and classify the other half.

    Args:
        most: classes of a factor; one with more has its classes taken together, in equal ranges.
        axes: latents of factors for which another one than the best is wanted.

    Raises:
        UserError: images without known factors, of another shape, a count that can't be had, or no such latent.
    """
    if data.factor_names is None or data.factor_sizes is None:
        raise UserError(f"{data.name} has no labels: concepts are fitted to images whose classes are known")
    indices = choose(data, count, seed)
    half = len(indices) // 2
    if half < 1:
        raise UserError("concepts want two images at the least: one half to fit, one to test")
    posterior = encode_all(model, data, indices)
    tell(0.9)
    means, variances = posterior.mean.double().numpy(), posterior.log_var.double().exp().numpy()
    factors = data.factors(indices).cpu().numpy()
    kept = [k for k, size in enumerate(data.factor_sizes) if size > 1]
    columns = [binned(factors[:, k], data.factor_sizes[k], most) for k in kept]
    bells = [fitted_bells(means[:half], variances[:half], own[:half], len(names)) for own, names in columns]
    scores = np.array([separation(rows) for rows in bells]).reshape(len(kept), means.shape[1])
    places, chosen = linear_sum_assignment(scores, maximize=True)
    best = {int(place): int(axis) for place, axis in zip(places, chosen, strict=True)}
    wanted = axes or {}
    made, used = [], []
    for place, (k, (own, names)) in enumerate(zip(kept, columns, strict=True)):
        name = data.factor_names[k]
        axis = wanted.get(name, best.get(place, int(scores[place].argmax())))
        if not 0 <= axis < means.shape[1]:
            raise UserError(f"there is no latent {axis}; this model has 0 to {means.shape[1] - 1}")
        row = tuple(of_class[axis] for of_class in bells[place])
        made.append(_concept(name, names, axis, row, scores[place], own, means, half))
        used.append(own[:half])
    tell(1.0)
    return Concepts(tuple(made), means[:half], np.stack(used, 1), half, len(indices) - half, seed)


def _concept(
    name: str, names: tuple[str, ...], axis: int, bells: tuple[Bell | None, ...], scores: np.ndarray,
    labels: np.ndarray, means: np.ndarray, half: int,
) -> Concept:  # fmt: skip
    truth, at = labels[half:], means[half:, axis]
    found = classified(at, bells)
    confusion = np.zeros((len(names), len(names)), int)
    np.add.at(confusion, (truth, found), 1)
    counts = np.bincount(labels[:half], minlength=len(names))
    return Concept(
        factor=name,
        classes=names,
        axis=axis,
        bells=bells,
        counts=tuple(int(c) for c in counts),
        score=float(scores[axis]),
        scores=scores,
        correct=float((found == truth).mean()),
        by_mean=float((classified(at, bells, "mean") == truth).mean()),
        confusion=confusion,
        chance=float(confusion.sum(1).max() / len(truth)),
    )


@dataclass(frozen=True)
class Combination:
    """One class of each of several factors, as latents `(D,)`; agreement is the product over axes that are shared, a
    density each; 1 where each has its own."""

    classes: tuple[str, ...]
    z: np.ndarray
    agreement: float


def combined(chosen: Sequence[Concept], latents: int, start: np.ndarray | None = None) -> list[Combination]:
    """Every combination of the classes of `chosen`, at the means of their Gaussians; other latents as in `start`, or 0.

    Two on one axis are multiplied. Raises UserError where there are more than 256, or a class has no Gaussian left.
    """
    options = [[(name, bell) for name, bell in zip(c.classes, c.bells, strict=True) if bell] for c in chosen]
    total = math.prod(len(option) for option in options)
    if total > MOST_PICTURES:
        raise UserError(f"{total:,} combinations are more than {MOST_PICTURES}: choose fewer factors or classes")
    if not total:
        raise UserError("no class of a factor has two images: measure on more")
    found = []
    for parts in itertools.product(*options):
        held: dict[int, Bell] = {}
        agreement = 1.0
        for concept, (_, bell) in zip(chosen, parts, strict=True):
            if concept.axis in held:
                agreement *= held[concept.axis].agreement(bell)
                held[concept.axis] = held[concept.axis].product(bell)
            else:
                held[concept.axis] = bell
        z = np.zeros(latents, np.float32) if start is None else np.array(start, np.float32)
        for axis, bell in held.items():
            z[axis] = bell.mean
        found.append(Combination(tuple(name for name, _ in parts), z, agreement))
    return found
