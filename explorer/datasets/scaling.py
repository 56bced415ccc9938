"""What data sets of curves and rows share: scaling to [0, 1] with units, and drawing factors by a seed."""

from __future__ import annotations

import numpy as np
import torch

from explorer.datasets.base import ArrayDataset
from explorer.datasets.in_memory import digest
from explorer.errors import UserError
from explorer.recipe.samples import Axis, Channel, Samples

SEED = 0  # of what is made on the spot: it is the same for everybody


def signals(
    name: str,
    values: np.ndarray,
    axis: Axis,
    leads: list[tuple[str, str]],
    factors: np.ndarray | None = None,
    factor_names: tuple[str, ...] | None = None,
    factor_sizes: tuple[int, ...] | None = None,
    notes: tuple[str, ...] = (),
    ends: tuple[float, float] | None = None,
) -> ArrayDataset:
    """Curves `(N, leads, T)` in units as a data set: all are brought to [0, 1] by one range.

    Args:
        leads: name and unit of each.
        factors: classes `(N, K)`.
        ends: the range that is brought to [0, 1], where it is not that of the values.

    Raises:
        UserError: there is nothing in them that differs.
    """
    low, high = ends or (float(values.min()), float(values.max()))
    if not high > low:
        raise UserError(f"{name} holds one value only, {low:g}: there is nothing to learn from it")
    channels = tuple(Channel(name=lead, unit=unit, offset=low, gain=high - low) for lead, unit in leads)
    said = f"All values lie between {low:.6g} and {high:.6g}, which are 0 and 1 for the model."
    samples = Samples(kind="signal", channels=channels, axis=axis, scaling=said)
    scaled = ((values - low) / (high - low)).astype(np.float32).clip(0, 1)
    return _held(name, scaled[:, :, None, :], samples, factors, factor_names, factor_sizes, notes)


def vectors(
    name: str,
    values: np.ndarray,
    columns: list[tuple[str, str]],
    factors: np.ndarray | None = None,
    factor_names: tuple[str, ...] | None = None,
    factor_sizes: tuple[int, ...] | None = None,
    notes: tuple[str, ...] = (),
    ends: np.ndarray | None = None,
) -> ArrayDataset:
    """Rows `(N, P)` in units as a data set: each column is brought to [0, 1] by its own range.

    Args:
        columns: name and unit of each.
        factors: classes `(N, K)`.
        ends: lowest and highest value of each column `(2, P)`, where they are not those of the values.
    """
    low, high = ends if ends is not None else (values.min(0), values.max(0))
    gain = np.where(high > low, high - low, 1.0)
    channels = tuple(
        Channel(name=column, unit=unit, offset=float(a), gain=float(b))
        for (column, unit), a, b in zip(columns, low, gain, strict=True)
    )
    said = "In each column the lowest value is 0 and the highest 1 for the model."
    samples = Samples(kind="vector", channels=channels, scaling=said)
    scaled = ((values - low) / gain).astype(np.float32).clip(0, 1)
    return _held(name, scaled[:, None, None, :], samples, factors, factor_names, factor_sizes, notes)


def _held(
    name: str,
    scaled: np.ndarray,
    samples: Samples,
    factors: np.ndarray | None,
    factor_names: tuple[str, ...] | None,
    factor_sizes: tuple[int, ...] | None,
    notes: tuple[str, ...],
) -> ArrayDataset:
    held = torch.from_numpy(np.ascontiguousarray(scaled))
    classes = None if factors is None else torch.from_numpy(np.ascontiguousarray(factors, dtype=np.int64))
    identity = f"{name}/{digest(held, classes, (samples.model_dump_json(), *(factor_names or ())))}"
    return ArrayDataset(name, held, identity, classes, factor_names, factor_sizes, notes, samples)
