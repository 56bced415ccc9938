"""Wing beats: power spectra of synthetic insects (the generator of a study with a β that a rule moves).

A body that swings at 10 Hz and a wing with five harmonics that fade by 1/3 each; Welch's spectrum below 2 kHz, its
logarithm, each row brought to [0, 1] by its own lowest and highest value.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.signal import welch

from explorer.datasets.base import ArrayDataset
from explorer.datasets.names import Request
from explorer.datasets.scaling import SEED, signals
from explorer.recipe.samples import Axis

RATE, SECONDS, HARMONICS, TOP = 20_800, 0.1, 5, 193
BEATS = np.array([80, 120, 180, 130, 100, 5, 500, 90, 130, 160, 200, 25])  # Hz, of twelve species
BODIES = np.array([500, 100, 3000, 500, 1000, 500, 800, 300, 800, 850, 400, 10_000])
EACH = 500
SPREAD = 0.1  # within a species


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it."""
    return _made()


def recordings(
    beats: np.ndarray, bodies: np.ndarray, wings: np.ndarray, random: np.random.Generator
) -> np.ndarray:  # fmt: skip
    """Recordings `(n, 2080)` of insects: beats in Hz, strength of body and wing, all `(n,)`."""
    t = np.arange(int(RATE * SECONDS)) / RATE
    count, shape = len(beats), (len(beats), len(t))
    body = np.maximum(bodies[:, None] * np.sin(2 * np.pi * 10 * t - np.pi / 3), 0)
    wing = np.zeros(shape)
    phase = random.uniform(0, 2 * np.pi, count)[:, None] + random.normal(0, 0.1, shape)
    for harmonic in range(HARMONICS):
        strength = random.normal(wings, np.abs(wings) / 3)[:, None] * np.exp(-harmonic / 3)
        frequency = 2 * np.pi * beats[:, None] * (harmonic + 1) + random.normal(0, 5, shape)
        wing += strength * np.sin(frequency * t + phase)
    share = body / np.maximum(body.max(1, keepdims=True), 1e-12)
    return np.asarray(body + wing * share + random.normal(0, 10, shape))


def spectra(sounds: np.ndarray) -> np.ndarray:
    """Spectra `(n, 193)` of recordings `(n, 2080)`: log₁₀ of Welch's, each brought to [0, 1] by its own range."""
    power = np.log10(welch(sounds, RATE, nperseg=1000, noverlap=800, nfft=2000)[1][:, :TOP] + 1e-12)
    low, high = power.min(1, keepdims=True), power.max(1, keepdims=True)
    return np.asarray((power - low) / (high - low))


@lru_cache(maxsize=1)
def _made() -> ArrayDataset:
    random = np.random.default_rng(SEED)
    parts = []
    for beat, body in zip(BEATS, BODIES, strict=True):
        beats = random.normal(beat, SPREAD * beat, EACH)
        bodies = random.normal(body, SPREAD * body, EACH)
        parts.append(spectra(recordings(beats, bodies, bodies * (1 - 0.5 * random.standard_normal(EACH)), random)))
    species = np.repeat(np.arange(len(BEATS)), EACH)[:, None]
    axis = Axis(name="frequency", unit="Hz", first=0, last=(TOP - 1) * RATE / 2000)
    notes = ("Each spectrum is brought to [0, 1] by its own lowest and highest value: loudness is not in the data.",)
    lead = [("log power, scaled by row", "")]
    return signals("spectra", np.concatenate(parts)[:, None], axis, lead, species, ("species",), (12,), notes, (0, 1))
