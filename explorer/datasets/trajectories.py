"""Anomalous diffusion: fractional and scaled Brownian motion, and their time-averaged mean squared displacements.

The exponents α and diffusion coefficients D are those of SPIVAE (Fernández-Fernández et al. 2024): ⟨x²⟩ = 2·D·t^α.
A TA-MSD curve of lag k is (1/(T − k))·Σ (x(t + k) − x(t))², of which the natural logarithm is held: for fractional
Brownian motion about ln 2D + α·ln k, a straight line with two parameters.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from explorer.datasets.base import ArrayDataset
from explorer.datasets.names import Request
from explorer.datasets.scaling import SEED, signals
from explorer.recipe.samples import Axis

STEPS = 400  # positions of a trajectory, the first of which is 0
ALPHAS = np.linspace(0.2, 1.8, 21)
DIFFUSIONS = np.geomspace(1e-5, 1e-2, 10)
EACH = 24  # trajectories of each pair
LAGS = 2 ** np.arange(7)  # 1 to 64


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it."""
    return _made(request.name)


def covariance(alpha: float, lags: np.ndarray) -> np.ndarray:
    """Of the increments of fractional Brownian motion with D = 1: |k+1|^α − 2|k|^α + |k−1|^α."""
    k = np.abs(np.asarray(lags, dtype=np.float64))
    return np.asarray((k + 1) ** alpha - 2 * k**alpha + np.abs(k - 1) ** alpha)


def fractional_noise(alpha: float, count: int, random: np.random.Generator) -> np.ndarray:
    """Increments `(count, STEPS − 1)` with exactly that covariance (circulant embedding, Davies and Harte 1987)."""
    length = STEPS - 1
    ring = np.concatenate([np.arange(length + 1), np.arange(length - 1, 0, -1)])
    power = np.fft.fft(covariance(alpha, ring)).real.clip(min=0)
    noise = random.standard_normal((count, 2 * length)) + 1j * random.standard_normal((count, 2 * length))
    return np.asarray(np.fft.fft(np.sqrt(power / (2 * length)) * noise, axis=1).real[:, :length])


def scaled_noise(alpha: float, count: int, random: np.random.Generator) -> np.ndarray:
    """Independent increments `(count, STEPS − 1)` of variance 2·(t^α − (t−1)^α): ⟨x²⟩ = 2·t^α."""
    t = np.arange(1, STEPS)
    return np.asarray(random.standard_normal((count, STEPS - 1)) * np.sqrt(2 * (t**alpha - (t - 1) ** alpha)))


def ta_msd(positions: np.ndarray, lags: np.ndarray = LAGS) -> np.ndarray:
    """Time-averaged mean squared displacements `(n, lags)` of trajectories `(n, T)`."""
    moved = [np.square(positions[:, lag:] - positions[:, :-lag]).mean(1) for lag in lags]
    return np.stack(moved, axis=1)


@lru_cache(maxsize=4)
def _made(name: str) -> ArrayDataset:
    increments = fractional_noise if name.startswith("fbm") else scaled_noise
    random = np.random.default_rng(SEED)
    pairs = np.stack(np.meshgrid(np.arange(len(ALPHAS)), np.arange(len(DIFFUSIONS)), indexing="ij"), -1).reshape(-1, 2)
    factors = pairs.repeat(EACH, axis=0)
    each = len(DIFFUSIONS) * EACH
    steps = np.concatenate([increments(float(alpha), each, random) for alpha in ALPHAS])
    positions = np.pad(np.cumsum(steps * np.sqrt(DIFFUSIONS[factors[:, 1]])[:, None], axis=1), ((0, 0), (1, 0)))
    names, sizes = ("alpha", "diffusion"), (len(ALPHAS), len(DIFFUSIONS))
    if name.endswith("msd"):
        axis = Axis(name="log₂ of the lag", first=0, last=len(LAGS) - 1)
        curves = np.log(ta_msd(positions))[:, None]
        return signals(name, curves, axis, [("ln TA-MSD", "")], factors, names, sizes)
    axis = Axis(name="t", unit="steps", first=0, last=STEPS - 1)
    size = np.abs(positions).max(1, keepdims=True)
    notes = ("Each trajectory is divided by its own largest distance: how far it came is not in the data.",)
    lead = [("x, by its largest", "")]
    return signals(name, (positions / size)[:, None], axis, lead, factors[:, :1], names[:1], sizes[:1], notes)
