"""Peaks: curves with one Gaussian peak each, whose place and width are the two factors.

After the example of shifted spectra in pyroVED (Ziatdinov et al. 2021): 100 places from −12 to 12, 60 centres, 450
widths, and noise of another strength for each curve.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from explorer.datasets.base import ArrayDataset
from explorer.datasets.names import Request
from explorer.datasets.scaling import SEED, signals
from explorer.recipe.samples import Axis

COUNT, LENGTH, END = 5000, 100, 12.0
CENTRES = np.arange(60) / 10 - 3
WIDTHS = 0.5 + np.arange(450) / 100
NOISES = np.arange(1, 100) / 1000  # standard deviations


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it."""
    return _made()


def curves(centres: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Peaks without noise `(n, 100)`: exp(−(t − µ)²/2σ²) of centres µ and widths σ, both `(n,)`."""
    t = np.linspace(-END, END, LENGTH)
    return np.asarray(np.exp(-((t - centres[:, None]) ** 2) / (2 * widths[:, None] ** 2)))


@lru_cache(maxsize=1)
def _made() -> ArrayDataset:
    random = np.random.default_rng(SEED)
    factors = np.stack([random.integers(0, len(CENTRES), COUNT), random.integers(0, len(WIDTHS), COUNT)], axis=1)
    noise = random.choice(NOISES, COUNT)[:, None] * random.standard_normal((COUNT, LENGTH))
    values = curves(CENTRES[factors[:, 0]], WIDTHS[factors[:, 1]]) + noise
    axis = Axis(name="t", first=-END, last=END)
    names, sizes = ("centre", "width"), (len(CENTRES), len(WIDTHS))
    return signals("peaks", values[:, None], axis, [("height", "")], factors, names, sizes)
