"""The dual of a table: its columns as samples, each with a value for every row ("dual:NAME").

Each column is brought to [0, 1] by its own range before the table is turned, so that a model of columns compares how
they run over the rows and not how large they are.
"""

from __future__ import annotations

import importlib
from dataclasses import replace

import torch

from explorer.datasets.base import ArrayDataset
from explorer.datasets.in_memory import digest
from explorer.datasets.names import DATASETS, DUAL, Request
from explorer.errors import UserError
from explorer.recipe.samples import MOST_CHANNELS, Channel, Samples


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it. Raises UserError where the table has too many rows or one column."""
    name = request.name.removeprefix(DUAL)
    module = importlib.import_module(f"explorer.datasets.{DATASETS[name].module}")
    table: ArrayDataset = module.opened(replace(request, name=name))
    rows = len(table)
    assert table.samples is not None  # names.py gives duals of tables only
    if rows > MOST_CHANNELS:
        raise UserError(
            f"{DATASETS[name].title} has {rows:,} rows, and as many columns would its dual have; "
            f"at most {MOST_CHANNELS:,} can be opened"
        )
    if len(table.samples.channels) < 2:
        raise UserError(f"{DATASETS[name].title} has one column only: its dual would have one sample")
    values = table.unit(range(rows))[:, 0, 0].T.contiguous()[:, None, None, :]
    channels = tuple(Channel(name=f"row {number}") for number in range(1, rows + 1))
    said = "In each column of the table the lowest value is 0 and the highest 1 for the model."
    samples = Samples(kind="vector", channels=channels, scaling=said)
    columns = [channel.name for channel in table.samples.channels]
    classes = torch.arange(len(columns))[:, None]
    identity = f"{request.name}/{digest(values, classes, columns)}"
    notes = (*table.notes, f"The samples are its columns, in this order: {', '.join(columns)[:600]}.")
    return ArrayDataset(request.name, values, identity, classes, ("column",), (len(columns),), notes, samples)
