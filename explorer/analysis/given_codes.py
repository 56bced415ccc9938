"""Codes from elsewhere: arrays in a file, measured as those of a model are, without the model."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from explorer.analysis.metrics import MetricResult
from explorer.analysis.repeats import missing, score, udr_with_interval
from explorer.analysis.score_inputs import ScoreInputs, sampled
from explorer.analysis.scores import OF_ONE_MODEL, Preset, rows_for
from explorer.errors import UserError

MOST_BYTES = 1 << 30  # of a file
MOST_VALUES = 1 << 27  # of its arrays together
ENDINGS = (".npz", ".npy", ".csv", ".parquet")
BESIDE = ("image", "origin")  # columns that are neither codes nor factors


def read_codes(path: Path) -> ScoreInputs:
    """Codes (n, D) with what else the file has of the same n images.

    Of .npz: `codes` or `mean` (n, D); where there are, `std` (n, D), `factors` (n, K), `factor_names` (K,). Of .npy:
    the codes. Of tables: columns z0, z1, ... or mean_z0, ... and std_z0, ...; all others but `image` are factors, whose
    values are classes.

    Raises:
        UserError: the file can't be read so, or is larger than 1 GB, or holds numbers that are not finite.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise UserError(f"{path.name!r:.80} holds no codes: give {', '.join(ENDINGS)}")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path.name!r:.80} has more than 1 GB")
        found = _of_arrays(path) if ending in (".npz", ".npy") else _of_table(path)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, MemoryError) as error:
        raise UserError(f"{path.name!r:.80} can't be read: {str(error)[:200]}") from error
    return found


def scores_of(
    names: Sequence[str], inputs: dict[str, ScoreInputs], preset: Preset, seed: int, repeats: int, count: int | None
) -> tuple[dict[str, dict[str, MetricResult]], dict[str, MetricResult]]:
    """Scores of each of `inputs`, and of all together, on the first `count` rows of an order that the seed gives.

    A score takes as many rows as it does of a model. What needs the model itself has no value, and says so.

    Raises:
        UserError: there are fewer rows than `count`.
    """
    results: dict[str, dict[str, MetricResult]] = {}
    for name, of in inputs.items():
        if count is not None and not 1 <= count <= len(of):
            raise UserError(f"{name}: count must be between 1 and {len(of):,}, the rows of the file, not {count:,}")
        order = np.random.default_rng(seed).permutation(len(of))
        own = [metric for metric in names if metric in OF_ONE_MODEL]
        rows = {metric: order[: count or min(rows_for((metric,), preset), len(of))] for metric in own}
        results[name] = {metric: score(metric, of.rows(rows[metric]), seed, preset, repeats) for metric in own}
    together: dict[str, MetricResult] = {}
    if "udr" in names and len(inputs) > 1:
        if len({len(of) for of in inputs.values()}) > 1:
            raise UserError("udr compares codes of the same images: files of as many rows, in one order")
        first = slice(count or min(rows_for(("udr",), preset), len(next(iter(inputs.values())))))
        together["udr"] = udr_with_interval([of.rows(first) for of in inputs.values()], seed, preset, repeats)
    return results, together


def can_not_be_had(names: Sequence[str], inputs: ScoreInputs) -> list[str]:
    """Why none of these scores can be had, or nothing."""
    lacks = [missing(name, inputs) for name in names if name in OF_ONE_MODEL]
    return [lack for lack in lacks if lack] if lacks and all(lacks) else []


def with_noise(inputs: ScoreInputs, seed: int) -> ScoreInputs:
    """The same with one sample of each posterior as codes. Raises UserError where there are no deviations."""
    if inputs.means is None or inputs.log_vars is None:
        raise UserError("one sample of each posterior needs the file's standard deviations, std or std_z0, ...")
    codes = sampled(inputs.means, inputs.log_vars, seed)
    return ScoreInputs(codes, inputs.factors, inputs.factor_names, inputs.means, inputs.log_vars)


def _of_arrays(path: Path) -> ScoreInputs:
    if path.suffix.lower() == ".npy":
        return _inputs(_small(np.load(path, mmap_mode="r", allow_pickle=False)), None, None, ())
    with np.load(path, allow_pickle=False) as archive:
        _check_sizes(path)
        there = archive.files
        arrays = {name: archive[name] for name in ("codes", "mean", "std", "factors", "factor_names") if name in there}
    codes = arrays.get("codes", arrays.get("mean"))
    if codes is None:
        raise UserError(f"{path.name!r:.80} has no array codes or mean; it has {', '.join(there[:20]) or 'none'}")
    names = tuple(str(name)[:80] for name in np.ravel(arrays.get("factor_names", ())))
    return _inputs(codes, arrays.get("std"), arrays.get("factors"), names)


def _check_sizes(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > 8 * MOST_VALUES:
            raise UserError(f"{path.name!r:.80} holds more than {MOST_VALUES:,} numbers")


def _of_table(path: Path) -> ScoreInputs:
    import pandas as pd

    frame = pd.read_csv(path) if path.suffix.lower() == ".csv" else pd.read_parquet(path)
    columns = [str(column) for column in frame.columns]
    codes = _numbered(columns, "mean_z") or _numbered(columns, "z")
    if not codes:
        raise UserError(f"{path.name!r:.80} has no columns z0, z1, ... or mean_z0, mean_z1, ...")
    stds = _numbered(columns, "std_z")
    factors = [c for c in columns if c not in (*codes, *stds, *BESIDE)]
    std = frame[stds].to_numpy(float) if len(stds) == len(codes) else None
    columns_of = [np.unique(frame[factor].astype(str), return_inverse=True)[1] for factor in factors]
    classes = np.stack(columns_of, axis=1) if factors else None
    return _inputs(frame[codes].to_numpy(float), std, classes, tuple(factors))


def _numbered(columns: Sequence[str], head: str) -> list[str]:
    """The columns HEAD0, HEAD1, ... as far as they go."""
    found: list[str] = []
    while f"{head}{len(found)}" in columns:
        found.append(f"{head}{len(found)}")
    return found


def _small(array: np.ndarray) -> np.ndarray:
    if array.size > MOST_VALUES:
        raise UserError(f"{array.size:,} numbers are more than the {MOST_VALUES:,} that are read")
    return np.asarray(array)


def _inputs(
    codes: np.ndarray, std: np.ndarray | None, factors: np.ndarray | None, names: tuple[str, ...]
) -> ScoreInputs:
    if codes.ndim != 2 or not codes.size or not np.issubdtype(codes.dtype, np.number):
        raise UserError(f"codes must be numbers of shape (images, latents), not {codes.dtype} of shape {codes.shape}")
    means = _small(codes).astype(np.float32)
    if not np.isfinite(means).all():
        raise UserError("codes must be finite numbers")
    log_vars = None
    if std is not None:
        if std.shape != codes.shape or not np.isfinite(std).all() or (std <= 0).any():
            raise UserError("standard deviations must be positive, and as many as codes")
        log_vars = (2 * np.log(std)).astype(np.float32)
    if factors is None:
        return ScoreInputs(means, None, (), means, log_vars)
    classes = factors[:, None] if factors.ndim == 1 else factors
    if classes.ndim != 2 or len(classes) != len(means) or not classes.shape[1]:
        raise UserError(f"factors must have shape (images, factors) with {len(means):,} images, not {factors.shape}")
    numbered = np.stack([np.unique(column, return_inverse=True)[1] for column in classes.T], axis=1).astype(np.int64)
    told = names if len(names) == classes.shape[1] else tuple(f"factor {k}" for k in range(classes.shape[1]))
    return ScoreInputs(means, numbered, told, means, log_vars)
