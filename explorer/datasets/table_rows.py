"""Tables: those that scikit-learn ships, and a person's own, a row a sample."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from explorer.datasets.base import ArrayDataset
from explorer.datasets.names import Request
from explorer.datasets.scaling import vectors
from explorer.datasets.table_files import MOST_COLUMNS, read_table
from explorer.errors import UserError
from explorer.files import printable

if TYPE_CHECKING:
    import pandas as pd

MOST_LEVELS = 20  # of a column of words that is taken as categories
MISSING = 0.5  # a column that lacks more than this share of its values is left out
TARGETS = ("class", "label", "target", "species")  # what a column is called that says what a row is
LISTED = 8  # names in a sentence


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it."""
    if request.root is None:
        return _shipped(request.name)
    return rows_of(read_table(request.root), request.name, printable(request.root))


@lru_cache(maxsize=4)
def _shipped(name: str) -> ArrayDataset:
    """A table of scikit-learn; the classes of its rows, where it has them, are its factor."""
    load = getattr(importlib.import_module("sklearn.datasets"), f"load_{name.replace('-', '_')}")
    found = load(**({"scaled": False} if name == "diabetes" else {}))
    columns = [unit_in(str(column)) for column in found.feature_names]
    if name == "diabetes":
        return vectors(name, found.data, columns)
    classes = np.asarray(found.target)[:, None]
    return vectors(name, found.data, columns, classes, ("class",), (len(found.target_names),))


def unit_in(title: str) -> tuple[str, str]:
    """A column's name and the unit behind it in brackets, as in "height (cm)"; no unit where there is none."""
    match = re.fullmatch(r"(.+?)\s*[(\[]([^()\[\]]{1,20})[)\]]", title)
    return (match[1], match[2]) if match else (title, "")


@dataclass
class _Columns:
    """What the columns of a table become."""

    values: list[np.ndarray] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)
    factors: list[np.ndarray] = field(default_factory=list)
    factor_names: list[str] = field(default_factory=list)
    factor_sizes: list[int] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)  # by the reason

    def leave(self, why: str, name: str) -> None:
        self.left_out.setdefault(why, []).append(name)


def rows_of(table: pd.DataFrame, name: str, where: str) -> ArrayDataset:
    """The rows of a table as samples.

    Numbers are taken as they are, words with at most 20 different ones as categories (a column of 0 and 1 for each),
    one called "class", "label", "target" or "species" as a factor that the model does not see. Rows with a missing
    value are left out, after columns that lack more than half of theirs.

    Raises:
        UserError: nothing is left.
    """
    table, notes = _whole_rows(table, where)
    found = _Columns()
    for title in table.columns:
        _take(found, str(title), table[title])
    for why, names in found.left_out.items():
        notes.append(f"Left out, as {why}: {_listed(names)}.")
    if not found.values:
        raise UserError(f"{where} has no column of numbers or categories that differ. {' '.join(notes)}".strip())
    if len(found.values) > MOST_COLUMNS:
        raise UserError(f"{where} becomes {len(found.values):,} columns; at most {MOST_COLUMNS:,} can be opened")
    return vectors(
        name,
        np.stack(found.values, axis=1),
        found.names,
        np.stack(found.factors, axis=1) if found.factors else None,
        tuple(found.factor_names) or None,
        tuple(found.factor_sizes) or None,
        tuple(notes),
    )


def _whole_rows(table: pd.DataFrame, where: str) -> tuple[pd.DataFrame, list[str]]:
    """The rows without missing values, and what was left out for it."""
    table = table.replace([np.inf, -np.inf], np.nan)
    notes = []
    lacking = table.isna().mean()
    sparse = [str(title) for title in table.columns[lacking > MISSING]]
    table = table.loc[:, lacking <= MISSING]
    if sparse:
        notes.append(f"Left out, as more than half of their values are missing: {_listed(sparse)}.")
    whole = table.dropna()
    if len(whole) < len(table):
        notes.append(f"{len(table) - len(whole):,} of {len(table):,} rows were left out: a value of theirs is missing.")
    if len(whole) < 2:
        raise UserError(f"{where} has {len(whole)} rows without a missing value; at least two are wanted")
    return whole, notes


def _take(found: _Columns, title: str, column: pd.Series) -> None:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=np.float64)
        if title.lower() in TARGETS and (values == np.rint(values)).all() and len(np.unique(values)) <= MOST_LEVELS:
            return _factor(found, title, column)
        if (title.startswith("Unnamed") or title.lower() in ("id", "index")) and len(np.unique(values)) == len(values):
            return found.leave("they only number the rows", title)
        if values.min() == values.max():
            return found.leave("they never change", title)
        if not np.isfinite(np.ptp(values)) or np.abs(values).max() > 1e30:
            return found.leave("their numbers are beyond 1e30", title)
        found.values.append(values)
        found.names.append(unit_in(title))
        return None
    words = column.astype(str)
    levels = sorted(words.unique())
    if len(levels) < 2:
        return found.leave("they never change", title)
    if len(levels) > MOST_LEVELS:
        return found.leave(f"they are texts of more than {MOST_LEVELS} kinds", title)
    if title.lower() in TARGETS:
        return _factor(found, title, words)
    for level in levels:
        found.values.append((words == level).to_numpy(dtype=np.float64))
        found.names.append((f"{title}: {level}"[:80], ""))
    return None


def _factor(found: _Columns, title: str, column: pd.Series) -> None:
    levels, classes = np.unique(column.to_numpy(), return_inverse=True)
    if len(levels) < 2:
        return found.leave("they never change", title)
    found.factors.append(classes)
    found.factor_names.append(title)
    found.factor_sizes.append(len(levels))
    return None


def _listed(names: list[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:LISTED])
    return shown if len(names) <= LISTED else f"{shown} and {len(names) - LISTED} more"
