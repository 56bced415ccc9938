"""Heartbeats: synthetic beats of an electrocardiogram (McSharry et al. 2003), without noise.

A point runs around a circle once a beat; five Gaussians, at the angles of P, Q, R, S and T, push z up and down:
dz/dt = −Σ aᵢ·Δθᵢ·exp(−Δθᵢ²/2bᵢ²) − z.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from explorer.datasets.base import ArrayDataset
from explorer.datasets.names import Request
from explorer.datasets.scaling import SEED, signals
from explorer.recipe.samples import Axis

ANGLES = np.deg2rad([-70.0, -15.0, 0.0, 15.0, 100.0])  # of P, Q, R, S, T
AMPLITUDES = np.array([1.2, -5.0, 30.0, -7.5, 0.75])
WIDTHS = np.array([0.25, 0.1, 0.1, 0.1, 0.4])
COUNT, LENGTH, FINE = 4000, 256, 8  # beats, values of each, and steps of the integration between two values
LOW, HIGH = -0.4, 1.2  # mV, what the plain beat at 60 a minute is scaled to
RATES = np.linspace(50, 110, 13)  # beats a minute
CHANGES = np.linspace(0.5, 1.5, 11)  # how much of their usual height P, R and T have


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it."""
    return _made()


def beats(rates: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Beats `(n, 256)` of the oscillator, from angle −π to π, once it has come to its cycle; before scaling.

    Args:
        rates: in beats a minute `(n,)`.
        heights: of P, Q, R, S and T, as shares of the usual `(n, 5)`.
    """
    steps = LENGTH * FINE
    theta = np.linspace(-np.pi, np.pi, steps, endpoint=False)
    apart = (theta[:, None] - ANGLES + np.pi) % (2 * np.pi) - np.pi
    pushes = -AMPLITUDES * apart * np.exp(-(apart**2) / (2 * WIDTHS**2))  # (steps, 5)
    force = heights @ pushes.T  # (n, steps)
    seconds = 60 / rates / steps
    keep = np.exp(-seconds)[:, None]
    gained = (1 - keep) * force  # exact for a force that stays as it is for a step
    # z runs round and round: what it starts a beat with is what the beat before leaves, shrunk by keep^steps.
    powers = keep ** np.arange(steps - 1, -1, -1)
    z = (gained * powers).sum(1) / (1 - keep[:, 0] ** steps)
    out = np.empty((len(rates), LENGTH))
    for step in range(steps):
        if step % FINE == 0:
            out[:, step // FINE] = z
        z = z * keep[:, 0] + gained[:, step]
    return out


@lru_cache(maxsize=1)
def _made() -> ArrayDataset:
    random = np.random.default_rng(SEED)
    sizes = (len(RATES), len(CHANGES), len(CHANGES), len(CHANGES))
    factors = np.stack([random.integers(0, size, COUNT) for size in sizes], axis=1)
    heights = np.ones((COUNT, 5))
    heights[:, [0, 2, 4]] = CHANGES[factors[:, 1:]]
    plain = beats(np.array([60.0]), np.ones((1, 5)))
    values = (beats(RATES[factors[:, 0]], heights) - plain.min()) / np.ptp(plain) * (HIGH - LOW) + LOW
    axis = Axis(name="phase", unit="°", first=-180, last=180 - 360 / LENGTH)
    names = ("rate", "P height", "R height", "T height")
    return signals("ecg", values[:, None], axis, [("potential", "mV")], factors, names, sizes)
