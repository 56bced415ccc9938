"""CSV, TSV and Parquet files as tables in memory, read by pandas within limits."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.datasets.in_memory import check_fits, kind_of
from explorer.errors import UserError
from explorer.files import printable

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
MOST_COLUMNS, MOST_ROWS = 4096, 10_000_000
IN_MEMORY = 4  # bytes that a byte of a text file may become
LOOK = 2**16  # of a text, by which its separator is found
MOST_LINE = 2**20


def read_table(path: Path) -> pd.DataFrame:
    """The table in a file. Where its first line holds numbers only, columns are called by their numbers.

    Raises:
        UserError: it can't be read as a table; one sentence.
    """
    import pandas as pd

    kind = kind_of(path)
    if kind != "file":
        what = "there is no file" if kind is None else f"this is a {kind}, not a file:"
        raise UserError(f"{what} {printable(path)}; a .csv, .tsv or .parquet file is wanted")
    where = printable(path)
    try:
        size = path.stat().st_size
        check_fits(IN_MEMORY * size, where)
        table = _parquet(path) if path.suffix.lower() == ".parquet" else _text(path)
    except UserError:
        raise
    except (OSError, ValueError, ArithmeticError, LookupError, MemoryError, csv.Error) as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{where} can't be read as a table: {said}") from error
    if not isinstance(table, pd.DataFrame) or not len(table) or not len(table.columns):
        raise UserError(f"{where} holds no rows; a line of column names and a line for each sample are wanted")
    if len(table.columns) > MOST_COLUMNS or len(table) > MOST_ROWS:
        raise UserError(
            f"{where} has {len(table):,} rows of {len(table.columns):,} columns; at most {MOST_ROWS:,} rows of "
            f"{MOST_COLUMNS:,} columns can be opened"
        )
    table.columns = [str(name)[:80].strip() or f"column {place}" for place, name in enumerate(table.columns, 1)]
    return table


def _text(path: Path) -> pd.DataFrame:
    """Raises what pandas raises, all of which are ValueErrors and LookupErrors."""
    import pandas as pd

    with path.open("rb") as file:
        start = file.read(LOOK)
        if b"\0" in start:
            raise UserError(f"{printable(path)} is not a text file; a .csv, .tsv or .parquet file is wanted")
        while start and b"\n" not in start and len(start) < MOST_LINE and (more := file.read(LOOK)):
            start += more
    if not start.strip():
        raise UserError(f"{printable(path)} is empty")
    encoding = "utf-8-sig"
    try:
        start.decode(encoding, "strict")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:  # not only a letter that was cut in two
            encoding = "latin-1"
    lines = start.decode(encoding, "replace").splitlines()
    separator = _separator(path, lines)
    head = next(csv.reader(io.StringIO(lines[0]), delimiter=separator), [])
    if len(head) > MOST_COLUMNS:
        raise UserError(f"{printable(path)} has {len(head):,} columns; at most {MOST_COLUMNS:,} can be opened")
    decimal = "," if separator == ";" and any("," in line for line in lines[1:20]) else "."
    numbers_only = bool(head) and all(_is_number(cell, decimal) for cell in head)
    second = next(csv.reader(io.StringIO(lines[1]), delimiter=separator), []) if len(lines) > 1 else []
    spaced = numbers_only and evenly(head) and not evenly(second)  # a line of places, above its curves
    frame = pd.read_csv(
        path, sep=separator, header=None if numbers_only and not spaced else 0, encoding=encoding, decimal=decimal,
        skipinitialspace=True, on_bad_lines="error", low_memory=False, encoding_errors="replace",
    )  # fmt: skip
    return _without_origin(frame)


def _without_origin(frame: pd.DataFrame) -> pd.DataFrame:
    """A table that this program wrote, without the last column, whose first row says where it is from."""
    if not len(frame) or not len(frame.columns) or frame.columns[-1] != "origin":
        return frame
    ours = str(frame.iloc[0, -1]).startswith('{"check": ') and frame.iloc[1:, -1].isna().all()
    return frame.iloc[:, :-1] if ours else frame


def _separator(path: Path, lines: list[str]) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    counts = {mark: lines[0].count(mark) for mark in ",;\t|"}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else ","


def _is_number(cell: str, decimal: str = ".") -> bool:
    try:
        float(cell.replace(decimal, "."))
    except ValueError:
        return False
    return True


def evenly(names: list[str]) -> bool:
    """Whether names are numbers that rise in equal steps, as the places of a curve's values do."""
    if len(names) < 3 or not all(_is_number(name) for name in names):
        return False
    places = [float(name) for name in names]
    step = (places[-1] - places[0]) / (len(places) - 1)
    return step > 0 and all(abs(place - places[0] - step * number) < 0.01 * step for number, place in enumerate(places))


def _parquet(path: Path) -> pd.DataFrame:
    try:
        import pyarrow as pa
        import pyarrow.parquet as parquet
    except ImportError:
        raise UserError("a .parquet file is read by pyarrow, which is not installed: pip install pyarrow") from None
    try:
        with parquet.ParquetFile(path) as file:
            about = file.metadata
            if about.num_columns > MOST_COLUMNS or about.num_rows > MOST_ROWS:
                raise UserError(
                    f"{printable(path)} has {about.num_rows:,} rows of {about.num_columns:,} columns; at most "
                    f"{MOST_ROWS:,} rows of {MOST_COLUMNS:,} columns can be opened"
                )
            check_fits(8 * about.num_columns * about.num_rows, printable(path))
            return file.read().to_pandas()
    except pa.ArrowException as error:
        said = " ".join(str(error).split())[:200]
        raise UserError(f"{printable(path)} can't be read as a Parquet file: {said}") from error
