"""What a training logged as a table with commas: one row a logged step, of one run or of several. No torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.checkpoints.training_log import log_of, record_of
from explorer.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from explorer.export.formats import ExportRequest

CURVES = "-curves.csv"  # what the name of such a file ends in
LISTS = {"kl_per_dimension": "kl_z", "activity": "activity_z"}  # lists in a record, and how their columns begin


def curves_of(scene: ExportRequest) -> bytes:
    """The log that goes with a checkpoint, as `curves_table` has it.

    Raises:
        UserError: there is none.
    """
    log = log_of(scene.checkpoint.path)
    if log is None:
        raise UserError(f"no log of the training of {scene.checkpoint.name} is here")
    return curves_table({scene.checkpoint.name: log})


def curves_table(logs: Mapping[str, Path]) -> bytes:
    """A row for each record of these logs: the run, its kind ("train" or "eval", held out), the step, and its numbers.

    `logs` has the file of each run by the run's name; one that can't be read, or is damaged in places, gives the rows
    that can be read. A number that a record doesn't have is an empty cell.
    """
    rows = [{"run": name} | _flat(record) for name, log in logs.items() for record in _records(log)]
    head = list(dict.fromkeys(["run", "kind", "step", *(column for row in rows for column in row)]))
    return csv_of(head, ([row.get(column, "") for column in head] for row in rows))


def csv_of(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table with commas, UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue().encode()


def parquet_of(frame: pd.DataFrame) -> bytes:
    """A table as Parquet. Raises UserError where pyarrow, which writes it, is not installed."""
    made = io.BytesIO()
    try:
        frame.to_parquet(made, index=False)
    except ImportError as error:
        raise UserError("Parquet is written by pyarrow, which is not installed: pip install pyarrow") from error
    return made.getvalue()


def _records(log: Path) -> Iterator[dict[str, Any]]:
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            yield from filter(None, map(record_of, lines))
    except OSError:
        return


def _flat(record: dict[str, Any]) -> dict[str, object]:
    """Lists laid out in columns of their own; what is neither number nor text is left out."""
    flat: dict[str, object] = {}
    for name, value in record.items():
        if name in LISTS and isinstance(value, list):
            flat |= {f"{LISTS[name]}{d}": f"{v:.6g}" for d, v in enumerate(value) if isinstance(v, int | float)}
        elif isinstance(value, float):
            flat[name] = f"{value:.6g}"
        elif isinstance(value, int | str):
            flat[name] = value
    return flat
