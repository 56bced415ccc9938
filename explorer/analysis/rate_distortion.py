"""The rate-distortion curve that a family of models has measured, and the β that KL < ε chooses on it.

Rate R = E[KL(q(z|x) || p(z))] and distortion D = −E[log p(x|z)], both in nats an image (Alemi et al. 2018).
Whoever minimises D + βR stops where dD + β dR = 0: models that are the best of their β lie on a convex,
falling curve D(R), on which β = −dD/dR; the constraint R < ε (Higgins et al. 2017, eq. 2) picks its point
at R = ε. Nothing here needs torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from explorer.errors import UserError

TOUCHES = 1e-9  # nats: a model that lies no further above the curve lies on it


@dataclass(frozen=True)
class Point:
    """What one model costs; `beta` is the β it was trained with, None where none was set."""

    name: str
    beta: float | None
    rate: float
    distortion: float

    def cost(self, beta: float) -> float:
        """D + βR, the loss of this model under another β, nats an image."""
        return self.distortion + beta * self.rate


@dataclass(frozen=True)
class Choice:
    """What the constraint R < ε chooses.

    `kind`: "measured", a model has that rate; "between", the curve is interpolated there; "below" and
    "beyond", ε lies outside the measured rates; "slack", the constraint doesn't bind and β = 0.
    `rate`, `distortion` and `beta` are None where nothing was measured. `low` and `high` are the
    bounds of `Curve.bracket`; `high` is None where the points don't bound it.
    """

    epsilon: float
    kind: Literal["measured", "between", "below", "beyond", "slack"]
    rate: float | None
    distortion: float | None
    beta: float | None
    low: float
    high: float | None

    @property
    def complementary_slackness(self) -> float | None:
        """β(R − ε), which is 0 at an optimum; None where nothing was measured."""
        if self.beta is None or self.rate is None:
            return None
        return self.beta * (self.rate - self.epsilon)


@dataclass(frozen=True)
class Curve:
    """The lower convex hull of measured points, by rate: the models that no mixture of others beats.

    Between two of them D is quadratic, with a knot (Schumaker 1983), so that it is convex. β = −dD/dR at a point lies
    between the slopes of the chords to both sides, log-linearly by their lengths; between two points it falls in a
    straight line to the chord's own slope, and in another to the next point. So it comes from the measured rates and
    distortions alone: no β that a model was trained with goes into it.

    `above` are the models that lie above it: where there is one, no falling convex curve passes through all.
    `slack_from` is the rate from which more rate was seen to buy nothing: by a model without a price, or one that got
    more for a lower price. None where no model has shown that.
    """

    points: tuple[Point, ...]
    above: tuple[Point, ...]
    slack_from: float | None

    def _slopes(self) -> np.ndarray:
        """−dD/dR at each point: falling, since the chords are."""
        chords, widths = np.log(self.chords), np.diff(self.rates)
        if len(chords) == 1:
            both: np.ndarray = np.exp(np.repeat(chords, 2))
            return both
        inner = (chords[:-1] * widths[1:] + chords[1:] * widths[:-1]) / (widths[:-1] + widths[1:])
        # At both ends: the chord is the geometric mean of the slopes at its ends.
        return np.exp([2 * chords[0] - inner[0], *inner, 2 * chords[-1] - inner[-1]])

    @cached_property
    def rates(self) -> np.ndarray:
        """Rates of `points`, rising."""
        return np.array([point.rate for point in self.points], dtype=np.float64)

    @cached_property
    def chords(self) -> np.ndarray:
        """−ΔD/ΔR between neighbours, nats per nat: falling."""
        distortions = np.array([point.distortion for point in self.points], dtype=np.float64)
        return -np.diff(distortions) / np.diff(self.rates)

    @cached_property
    def _knots(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """R, D and β where β bends: at the points, and between each two where it has its mean, the chord."""
        slopes = self._slopes()
        before, after = slopes[:-1], slopes[1:]
        flat = before == after
        part = np.where(flat, 0.5, (self.chords - after) / np.where(flat, 1, before - after))
        between = self.rates[:-1] + part.clip(0, 1) * np.diff(self.rates)
        rates = np.insert(self.rates, range(1, len(self.rates)), between)
        betas = np.insert(slopes, range(1, len(slopes)), self.chords)
        fallen = np.cumsum(np.diff(rates) * (betas[:-1] + betas[1:]) / 2)
        return rates, self.points[0].distortion - np.insert(fallen, 0, 0.0), betas

    def _at(self, rate: float) -> tuple[int, float]:
        """The knot before `rate`, and β there. Where three points lie on one line, two knots share a rate."""
        rates, _, betas = self._knots
        knot = min(max(int(np.searchsorted(rates, rate)) - 1, 0), len(rates) - 2)
        return knot, float(np.interp(rate, rates[knot : knot + 2], betas[knot : knot + 2]))

    def distortion(self, rate: float) -> float:
        """D at a rate between the measured ones."""
        rates, distortions, betas = self._knots
        knot, beta = self._at(rate)
        return float(distortions[knot] - (rate - rates[knot]) * (betas[knot] + beta) / 2)

    def beta(self, rate: float) -> float:
        """−dD/dR at a rate between the measured ones."""
        return self._at(rate)[1]

    def bracket(self, rate: float) -> tuple[float, float | None]:
        """The lowest and highest −dD/dR at `rate` of any falling convex curve through all of `points`.

        Both are reached, by a curve with a bend at `rate`. Such a curve lies nowhere below its neighbours' chords,
        drawn on: the steepest tangent at `rate` comes from the left point down to the chord of the right neighbour,
        the flattest goes from the chord of the left neighbour to the right point, and neither is steeper or
        flatter than those chords. `high` is None up to the first point, where nothing bounds it.
        """
        chords = [math.inf, *map(float, self.chords), 0.0]  # before, between and after the points
        for place, measured in enumerate(self.rates):
            if math.isclose(measured, rate):
                return chords[place + 1], _finite(chords[place])
        place = int(np.searchsorted(self.rates, rate))
        if place == 0:
            return chords[1], None
        if place == len(self.rates):
            return 0.0, chords[-2]
        before, own, after = chords[place - 1 : place + 2]
        left, right = rate - float(self.rates[place - 1]), float(self.rates[place]) - rate
        low = max(after, own - (before - own) * left / right)
        return low, min(before, own + (own - after) * right / left)

    def excess(self, point: Point) -> float:
        """How many nats a model lies above the curve; above its last point, where it has more rate than that."""
        return point.distortion - self.distortion(min(point.rate, self.points[-1].rate))

    def choose(self, epsilon: float) -> Choice:
        """The point of the curve that the constraint R < ε chooses."""
        first, last = self.points[0], self.points[-1]
        low, high = self.bracket(epsilon)
        if self.slack_from is not None and epsilon >= self.slack_from:
            return Choice(epsilon, "slack", last.rate, last.distortion, 0.0, 0.0, 0.0)
        for point in self.points:
            if math.isclose(point.rate, epsilon, abs_tol=1e-9):
                return Choice(epsilon, "measured", point.rate, point.distortion, self.beta(epsilon), low, high)
        if epsilon < first.rate:
            return Choice(epsilon, "below", None, None, None, low, None)
        if epsilon > last.rate:
            return Choice(epsilon, "beyond", None, None, None, 0.0, float(self.chords[-1]))
        return Choice(epsilon, "between", epsilon, self.distortion(epsilon), self.beta(epsilon), low, high)


def convex_curve(points: Sequence[Point]) -> Curve:
    """The curve through the best of `points`.

    Raises:
        UserError: fewer than two of them are of any use, so that there is no curve.
    """
    hull: list[Point] = []
    for point in sorted(points, key=lambda p: (p.rate, p.distortion)):
        if hull and point.distortion >= hull[-1].distortion:
            continue  # more rate, nothing for it
        while len(hull) > 1 and _falls_steeper(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    if len(hull) < 2:
        raise UserError("a curve needs two models, one of which has more rate and less distortion")
    others = [point for point in points if point not in hull]
    best = hull[-1]
    # At a lower price: of two seeds of one β the one with a little more rate shows nothing.
    bought_nothing = best.beta == 0 or any(
        point.rate > best.rate and best.beta is not None and point.beta is not None and point.beta < best.beta
        for point in others
    )
    curve = Curve(tuple(hull), (), best.rate if bought_nothing else None)
    return replace(curve, above=tuple(p for p in others if curve.excess(p) > TOUCHES))


def _falls_steeper(before: Point, middle: Point, after: Point) -> bool:
    """Whether D falls more steeply after `middle` than before it, so that a mixture beats it."""
    left = (before.distortion - middle.distortion) * (after.rate - middle.rate)
    right = (middle.distortion - after.distortion) * (middle.rate - before.rate)
    return right > left


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def set_beta_at(points: Sequence[Point], rate: float) -> float | None:
    """The β that models of that rate are trained with: log β linear in R between two models' own.

    That is exact for a linear Beta-VAE while no dimension wakes or dies (KL_j = ½ ln(λ_j / (βσ²))). None
    outside the rates of the models that have a β above 0.
    """
    known = sorted((p.rate, math.log(p.beta)) for p in points if p.beta)
    if len(known) < 2 or not known[0][0] <= rate <= known[-1][0]:
        return None
    rates, logs = zip(*known, strict=True)
    return math.exp(float(np.interp(rate, rates, logs)))


def cheapest(points: Sequence[Point], beta: float) -> Point:
    """The model with the lowest D + βR: where a line of slope −β touches the points from below."""
    return min(points, key=lambda point: point.cost(beta))


def beaten(points: Sequence[Point]) -> list[tuple[Point, Point]]:
    """Models that cost more, at the β they were trained with, than another one does; with that other one."""
    pairs = [(point, cheapest(points, point.beta)) for point in points if point.beta is not None]
    return [(point, best) for point, best in pairs if best is not point]
