"""A person's own signals: each row of a table, or of an array, is a curve."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from explorer.datasets.arrays import FACTOR_KEYS, ArrayFile, read_factors
from explorer.datasets.base import ArrayDataset
from explorer.datasets.in_memory import check_fits
from explorer.datasets.names import Request
from explorer.datasets.scaling import signals
from explorer.datasets.table_files import evenly, read_table
from explorer.errors import UserError
from explorer.files import printable
from explorer.recipe.samples import Axis

KEYS = ("signals", "values", "curves", "spectra", "x")  # what the curves are called in a file with several arrays
AXES = ("axis", "t", "time", "frequency", "wavelength", "position")  # and the places of their values
SHORTEST, LONGEST, MOST_LEADS = 2, 4096, 64


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it."""
    assert request.root is not None  # the table says that it is needed
    if request.root.suffix.lower() in (".npy", ".npz"):
        return _of_arrays(request.root, request.name)
    return _of_table(request.root, request.name)


def _of_table(path: Path, name: str) -> ArrayDataset:
    table = read_table(path)
    notes = []
    numbers = table.select_dtypes("number")
    words = [str(title) for title in table.columns if title not in numbers.columns]
    factors, factor_names, sizes = None, None, None
    for title in words:
        levels, classes = np.unique(table[title].astype(str).to_numpy(), return_inverse=True)
        if factors is None and 2 <= len(levels) < len(table):
            factors, factor_names, sizes = classes[:, None], (title,), (len(levels),)
        else:
            notes.append(f"The column {printable(title)} is not used: it holds words.")
    titles = [str(title) for title in numbers.columns]
    if evenly(titles):
        axis = Axis(name="place", first=float(titles[0]), last=float(titles[-1]))
    else:
        axis = Axis(name="place", first=0, last=max(len(titles) - 1, 1))
    values = numbers.to_numpy(dtype=np.float64)[:, None]
    return _checked(values, axis, name, printable(path), factors, factor_names, sizes, notes)


def _of_arrays(path: Path, name: str) -> ArrayDataset:
    file = ArrayFile(path)
    key = _key(file)
    header, where = file.headers[key], file.called(key)
    if header.dtype.kind not in "fiub" or len(header.shape) not in (2, 3):
        raise UserError(
            f"{where} has dtype {header.dtype} and shape {header.shape}; numbers (N, T) or (N, leads, T) are wanted, "
            "a curve a row"
        )
    check_fits(3 * 8 * int(np.prod(header.shape)), where)
    values = np.asarray(file.read(key), dtype=np.float64)
    values = values[:, None] if values.ndim == 2 else values
    axis, notes = _axis(file, values.shape[-1])
    classes, names, sizes = None, None, None
    found = next((one for one in FACTOR_KEYS if one in file.headers), None)
    if found is not None:
        factors = read_factors(file, found, len(values))
        classes = factors.numpy()
        names = tuple(f"factor {number}" for number in range(1, classes.shape[1] + 1))
        sizes = tuple(int(top) + 1 for top in classes.max(0))
    return _checked(values, axis, name, where, classes, names, sizes, notes)


def _key(file: ArrayFile) -> str:
    named = next((key for key in KEYS if key in file.headers), None)
    if named:
        return named
    likely = [key for key, header in file.headers.items() if len(header.shape) in (2, 3) and key not in FACTOR_KEYS]
    if len(likely) == 1:
        return likely[0]
    there = ", ".join(printable(key) for key in list(file.headers)[:8])
    raise UserError(
        f"{printable(file.path)} has {len(likely)} arrays that may be curves (it holds {there}); call the one that "
        "is meant 'signals'"
    )


def _axis(file: ArrayFile, length: int) -> tuple[Axis, list[str]]:
    for key in AXES:
        header = file.headers.get(key)
        if header is None or header.shape != (length,) or header.dtype.kind not in "fiu":
            continue
        places = np.asarray(file.read(key), dtype=np.float64)
        if evenly([str(place) for place in places.tolist()]):
            return Axis(name=key, first=float(places[0]), last=float(places[-1])), []
        return Axis(name="place", first=0, last=length - 1), [
            f"{printable(key)!r} is not used: its values don't rise in equal steps."
        ]
    return Axis(name="place", first=0, last=max(length - 1, 1)), []


def _checked(
    values: np.ndarray,
    axis: Axis,
    name: str,
    where: str,
    factors: np.ndarray | None,
    factor_names: tuple[str, ...] | None,
    factor_sizes: tuple[int, ...] | None,
    notes: list[str],
) -> ArrayDataset:
    """Curves `(N, leads, T)` as a data set. Raises UserError where they are none."""
    count, leads, length = values.shape
    if count < 2 or not SHORTEST <= length <= LONGEST or not 1 <= leads <= MOST_LEADS:
        raise UserError(
            f"{where} has {count:,} curves of {leads:,} leads and {length:,} values; at least two curves, of at most "
            f"{MOST_LEADS} leads and {SHORTEST} to {LONGEST:,} values, are wanted"
        )
    whole = np.isfinite(values).all((1, 2)) & (np.abs(np.nan_to_num(values)).max((1, 2)) <= 1e30)
    if not whole.all():
        notes.append(f"{count - int(whole.sum()):,} of {count:,} curves were left out: a value of theirs is missing.")
        values = values[whole]
        factors = None if factors is None else factors[whole]
        if len(values) < 2:
            raise UserError(f"{where} has {len(values)} curves without a missing value; at least two are wanted")
    titles = [("value", "")] if leads == 1 else [(f"lead {number}", "") for number in range(1, leads + 1)]
    return signals(name, values, axis, titles, factors, factor_names, factor_sizes, tuple(notes))
