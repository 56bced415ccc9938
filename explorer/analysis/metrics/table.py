"""The table of codes and factors that metrics measure: checking it and drawing rows from it.

The table is a population of `n` rows. A metric that wants fewer rows than there are draws distinct
rows with its seed; one that wants as many or more takes all of them in the order in which they
stand, so that a stored sample gives its stored value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.shapes import Shaped

Array = NDArray[Any]
Sizes = TypeVar("Sizes")

# Codes above this are refused: their squares summed over the rows come near what float32 holds.
LARGEST = 1e15


def sizes_for(presets: Mapping[str, Sizes], preset: str) -> Sizes:
    """The sample sizes of a preset. Raises ValueError where there is no such preset."""
    if preset not in presets:
        raise ValueError(f"There is no preset {preset!r}; use one of {', '.join(presets)}.")
    return presets[preset]


def as_array(value: Any) -> Array:
    """A NumPy array of numbers, nested lists or a torch tensor on any device."""
    if hasattr(value, "detach"):  # a torch tensor, which may hang on a graph or live on a GPU
        value = value.detach().cpu()
    return np.asarray(value)


def as_codes(codes: Any) -> Array:
    """Codes as a float array (n, D), float32 where they were: bin edges depend on the type.

    Accepts NumPy arrays, nested lists and torch tensors on any device.
    Raises ValueError where the codes aren't a matrix of real numbers.
    """
    array = as_array(codes)
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        raise ValueError(f"Codes must be numbers of shape (n, D); these are {array.dtype} {array.shape}.")
    if array.dtype.kind != "f":
        return array.astype(np.float64)
    if array.dtype.itemsize < 4:
        return array.astype(np.float32)
    return array


def numbered(factors: Array) -> Array:
    """Factor classes (n, K) as 0.0, 1.0, … in the order of their values, whatever those are."""
    columns = [np.unique(column, return_inverse=True)[1] for column in factors.T]
    return np.stack(columns, axis=1).astype(np.float64)


def codes_problem(codes: Array, latents: int = 1) -> str | None:
    """Why codes (n, D) can't be measured, in a sentence; None where they can.

    latents: how many latents the metric needs at least.
    """
    rows, dims = codes.shape
    if rows < 2:
        return f"A score needs at least two rows, and there {'is one' if rows else 'are none'}."
    if dims < latents:
        have = "is only one" if dims else "are none"
        return f"This score needs at least {_number(latents)}, and there {have}."
    if not np.isfinite(codes).all():
        bad = np.flatnonzero(~np.isfinite(codes).all(axis=0))
        return f"The codes hold values that aren't finite, in latent {', '.join(map(str, bad))}."
    if float(np.abs(codes).max()) > LARGEST:
        return f"The codes hold values beyond {LARGEST:g}, too large to be squared and summed."
    return None


def constant_columns(codes: Array) -> Array:
    """Which latents (D,) of codes (n, D) are constant, or vary too little for a variance."""
    same = (codes == codes[:1]).all(axis=0)
    return np.asarray(same | (codes.var(axis=0, dtype=np.float64) == 0))


@dataclass(frozen=True)
class Table:
    """Codes (n, D) and the factor classes (n, K) of the same rows."""

    codes: Shaped[Array, "n D"]
    factors: Shaped[Array, "n K"]

    @classmethod
    def of(cls, codes: Any, factors: Any) -> "Table":
        """Reads the two arrays. Raises ValueError where their shapes or types can't be a table."""
        code_array, factor_array = as_codes(codes), as_array(factors)
        if factor_array.ndim != 2 or factor_array.dtype.kind not in "fiub":
            raise ValueError(
                f"Factors must be integer classes of shape (n, K); these are {factor_array.dtype} {factor_array.shape}."
            )
        if len(code_array) != len(factor_array):
            raise ValueError(
                f"Codes and factors must have the same rows; there are {len(code_array)} "
                f"codes and {len(factor_array)} rows of factors."
            )
        if factor_array.dtype.kind == "f":
            finite = factor_array[np.isfinite(factor_array)]
            if (finite != np.round(finite)).any():
                raise ValueError("Factors must be integer classes; these have fractions.")
        elif factor_array.dtype.kind == "b":
            factor_array = factor_array.astype(np.int64)
        return cls(code_array, factor_array)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def varying(self) -> Array:
        """Numbers of the factors that take at least two values, in order."""
        if not len(self):
            return np.arange(0)
        return np.flatnonzero((self.factors != self.factors[:1]).any(axis=0))

    def problem(self, latents: int = 1, factors: int = 1) -> str | None:
        """Why this table can't be measured, in a sentence; None where it can.

        latents, factors: how many latents and how many varying factors the metric needs at least.
        """
        if reason := codes_problem(self.codes, latents):
            return reason
        if self.factors.dtype.kind == "f" and not np.isfinite(self.factors).all():
            return "The factors hold values that aren't finite."
        varying = len(self.varying)
        if varying == 0:
            return "No factor varies over these rows."
        if varying < factors:
            return "Only one factor varies over these rows, and this score compares factors."
        return None

    def unlearnable(self) -> str | None:
        """Why a classifier can't learn the factors from these rows, in a sentence; None if it can."""
        for k in self.varying:
            classes = len(np.unique(self.factors[:, k]))
            if classes > len(self) / 2:
                return (
                    f"Factor {k} has {classes} classes in the {len(self)} rows to learn from, "
                    "and a class can't be learnt from a single row."
                )
        return None

    def rows(self, indices: Array) -> "Table":
        """The table of these rows."""
        return Table(self.codes[indices], self.factors[indices])

    def sample(self, size: int, rng: np.random.Generator) -> "Table":
        """`size` distinct rows drawn at random, or all of them as they stand if there are no more.

        The reference draws factor values independently, so that it may meet a row twice; here a
        draw never does, because a repeated row adds nothing.
        """
        if len(self) <= size:
            return self
        return self.rows(rng.choice(len(self), size, replace=False))

    def is_whole_world(self) -> bool:
        """Whether the rows are all combinations of two or more factors' values, each once."""
        if len(self.varying) < 2:
            return False
        columns = [np.unique(column, return_inverse=True) for column in self.factors.T]
        sizes = [len(values) for values, _ in columns]
        if len(self) != np.prod(sizes, dtype=np.float64):
            return False
        cells = np.ravel_multi_index([numbers for _, numbers in columns], sizes)
        return len(np.unique(cells)) == len(self)


@dataclass(frozen=True)
class Split:
    """Rows to learn from and rows to judge by.

    count: how many rows of the table the two rest on.
    seen: the share of test rows, in [0, 1], that are train rows too; None where the test rows were
        given, because then the two tables can't be told apart row by row.
    """

    train: Table
    test: Table
    count: int
    seen: float | None

    @classmethod
    def of(cls, table: Table, test: tuple[Any, Any] | None, sizes: tuple[int, int], seed: int) -> "Split":
        """The train and test rows of a metric that learns, `sizes` of each.

        Where `test` gives the test rows, both tables are sampled apart. Otherwise the two are drawn
        from one table and have no row in common; if it is too small for that, all its rows are
        shared out in the proportion of `sizes`. A small table that is a whole world has no other
        rows to generalise to: there both are drawn from all of it with replacement and overlap, as
        the reference draws them, and `seen` says by how much.
        """
        rng = np.random.default_rng(seed)
        if test is not None:
            held_out = Table.of(*test)
            if held_out.codes.shape[1] != table.codes.shape[1] or (held_out.factors.shape[1] != table.factors.shape[1]):
                raise ValueError("The test rows must have the latents and the factors of the train rows.")
            train, held_out = table.sample(sizes[0], rng), held_out.sample(sizes[1], rng)
            return cls(train, held_out, len(train) + len(held_out), None)
        total, wanted = len(table), sum(sizes)
        if 1 < total < wanted and table.is_whole_world():
            learn, judge = rng.integers(total, size=sizes[0]), rng.integers(total, size=sizes[1])
        else:
            judged = sizes[1] if total >= wanted else -(-total * sizes[1] // wanted)
            order = rng.permutation(total)[:wanted]
            learn, judge = order[judged:], order[:judged]
        count = len(np.union1d(learn, judge))
        seen = float(np.isin(judge, learn).mean()) if len(judge) else 0.0
        return cls(table.rows(learn), table.rows(judge), count, seen)

    def problem(self, latents: int = 1, factors: int = 1) -> str | None:
        """Why factors can't be learnt and judged on these rows, in a sentence; None if they can."""
        if len(self.train) < 2:
            rows = len(self.train) + len(self.test)
            return f"{rows} rows are too few to learn from some and to judge by others."
        if reason := self.train.problem(latents, factors) or self.train.unlearnable():
            return reason
        if not len(self.test):
            return "There are no test rows."
        finite = np.isfinite(self.test.codes).all() and np.isfinite(self.test.factors).all()
        return None if finite else "The test rows hold values that aren't finite."

    def parts(self) -> dict[str, Any]:
        """What a result says about its split."""
        return {"train_count": len(self.train), "test_count": len(self.test), "test_rows_seen_in_training": self.seen}


class RowsByValue:
    """The rows of a table grouped by the value of one factor, to draw rows that share a value."""

    def __init__(self, values: Array) -> None:
        _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
        self.group: Array = group
        self._order = np.argsort(group, kind="stable")
        self._counts = counts
        self._starts = np.cumsum(counts) - counts
        # A value that only one row has can't show what stays the same while the rest changes.
        self.shared: Array = np.flatnonzero(counts[group] > 1)

    def partners(self, rows: Array, rng: np.random.Generator) -> Array:
        """For each of `rows` (any shape) a random row with the same value, with replacement."""
        group = self.group[rows]
        return np.asarray(self._order[self._starts[group] + rng.integers(self._counts[group])])


def shared_values(table: Table) -> tuple[Array, list[RowsByValue]]:
    """The varying factors of which rows share values, and their rows grouped by value."""
    grouped = [(k, RowsByValue(table.factors[:, k])) for k in table.varying]
    usable = [(k, groups) for k, groups in grouped if len(groups.shared)]
    return np.array([k for k, _ in usable], dtype=np.intp), [groups for _, groups in usable]


def _number(latents: int) -> str:
    return "one latent" if latents == 1 else f"{latents} latents"
