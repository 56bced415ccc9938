"""What a recipe's tables say as single runs: grids, lists in step, random draws, and parts with settings of their own.

A plan is only names and settings: 12,600 runs of it are made in well under a second, and the number of a run, its
index, is the same on every machine.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from explorer.errors import UserError, in_words
from explorer.recipe.run import TrainConfig

MAX_RUNS = 100_000
NAME = r"[\w+=-][\w.+=-]{0,119}"
LONGEST = 120  # letters of a name; of a longer one the end gives way to a number made of all of it
Settings = dict[str, Any]
Named = tuple[str, Settings]


class Range(BaseModel):
    """From which a setting is drawn: evenly between `low` and `high`, both possible, or evenly in the logarithm."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: Annotated[float, Field(allow_inf_nan=False)]
    high: Annotated[float, Field(allow_inf_nan=False)]
    log: bool = False
    integer: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Range:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        if self.log and self.low <= 0:
            raise ValueError("low must be above 0 for a draw in the logarithm")
        if self.integer and math.floor(self.high) < math.ceil(self.low):
            raise ValueError("there is no whole number between low and high")
        return self

    def draw(self, share: float) -> float | int:
        """The value at a share of the way, from 0 to 1, to six digits."""
        low, high = (math.ceil(self.low), math.floor(self.high) + 1) if self.integer else (self.low, self.high)
        value = low * (high / low) ** share if self.log else low + share * (high - low)
        if self.integer:
            return min(int(value), math.floor(self.high))
        return min(max(float(f"{value:.6g}"), self.low), self.high)


@dataclass(frozen=True)
class Axis:
    """Values that are combined with those of every other axis; each is settings with a word for the run's name."""

    values: tuple[Named, ...]
    keys: tuple[str, ...]


def planned_settings(table: Settings, where: str) -> list[Named]:
    """Name and settings of every run of a recipe, in order; its index is its place in the list.

    Args:
        table: the recipe. Single settings are common to all runs. [sweep]: lists, all combinations of which are runs.
            [[zip]]: lists of one length, which go in step. [random]: `count` draws with `seed`, each setting a list or
            a `Range`. [[part]]: settings, [sweep], [[zip]] and [random] of its own, with those of the top; all runs
            are then in parts. [[run]]: one more run, with a name. The axis that was given last changes fastest.
        where: the recipe's name, for sentences.

    Raises:
        UserError: a table can't be read so, two runs have one name, or there are more than 100,000.
    """
    common = dict(table)
    parts, singles = common.pop("part", []), common.pop("run", [])
    axes = _axes(common, where)
    found: list[Named] = []
    for name, own in _tables(parts, "part", where):
        settings = common | own
        more = _axes(settings, f"{where}: part {name}")
        _once([*axes, *more], settings, f"{where}: part {name}")
        found += [(_name(name, word), run) for word, run in _combined(settings, [*axes, *more], where)]
    if axes and not parts:
        _once(axes, common, where)
        found += _combined(common, axes, where)
    found += [(name, common | own) for name, own in _tables(singles, "run", where)]
    if len(found) > MAX_RUNS:
        raise UserError(f"{where}: {len(found):,} runs are more than the {MAX_RUNS:,} allowed")
    if not found:
        raise UserError(f"{where} has none of [sweep], [[zip]], [random], [[part]] and [[run]], so it names no runs")
    seen: set[str] = set()
    for name, _ in found:
        if name in seen:
            raise UserError(f"{where}: two runs are called {name!r}")
        seen.add(name)
    return found


def combinations(lists: dict[str, list[Any]]) -> list[Named]:
    """Every combination of the lists, the last changing fastest, named by its values: beta-4_seed-0."""
    return _combined({}, [_listed({key: values}) for key, values in lists.items()], "")


def _combined(common: Settings, axes: Sequence[Axis], where: str) -> list[Named]:
    count = prod(len(axis.values) for axis in axes)
    if count > MAX_RUNS:
        raise UserError(f"{where}: {count:,} runs are more than the {MAX_RUNS:,} allowed")
    found = []
    for chosen in product(*(axis.values for axis in axes)):
        settings = dict(common)
        for _, own in chosen:
            settings |= own
        found.append((_name(*(word for word, _ in chosen)), settings))
    return found


def _axes(table: Settings, where: str) -> list[Axis]:
    """The axes of a table, which are taken out of it."""
    lists, steps, draws = table.pop("sweep", {}), table.pop("zip", []), table.pop("random", None)
    if not isinstance(lists, dict):
        raise UserError(f"{where}: sweep must be a table of lists, [sweep], not {lists!r:.80}")
    found = []
    for key, values in lists.items():
        _known(key, "sweep", where)
        if not isinstance(values, list) or not values:
            raise UserError(f"{where}: sweep.{key} must be a list of values, not {values!r:.80}")
        found.append(_listed({key: values}))
    for group in [steps] if isinstance(steps, dict) else steps if isinstance(steps, list) else [None]:
        found.append(_in_step(group, where))
    if draws is not None:
        found.append(_drawn(draws, where))
    return found


def _listed(lists: dict[str, list[Any]]) -> Axis:
    """Lists of one length as an axis, their values in step."""
    rows = [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
    named = ((_name(*(f"{_word(key)}-{_word(value)}" for key, value in row.items())), row) for row in rows)
    return Axis(tuple(named), tuple(lists))


def _in_step(group: Any, where: str) -> Axis:
    if not isinstance(group, dict) or not group or not all(isinstance(v, list) and v for v in group.values()):
        raise UserError(f"{where}: zip must be tables of lists, [[zip]], not {group!r:.80}")
    for key in group:
        _known(key, "zip", where)
    if len({len(values) for values in group.values()}) > 1:
        lengths = ", ".join(f"{key} {len(values)}" for key, values in group.items())
        raise UserError(f"{where}: lists of a [[zip]] go in step and must be of one length, not {lengths}")
    return _listed(group)


def _drawn(table: Any, where: str) -> Axis:
    """Random draws. What is drawn of a setting depends on the seed, its name and the number of the draw alone."""
    given = dict(table) if isinstance(table, dict) else {}
    count, seed = given.pop("count", None), given.pop("draw_seed", 0)
    if type(count) is not int or not 0 < count <= MAX_RUNS or type(seed) is not int or seed < 0 or not given:
        raise UserError(
            f"{where}: [random] must hold count, a whole number from 1 to {MAX_RUNS:,}, and the settings to draw; "
            "draw_seed is a whole number, 0 if left out"
        )
    columns = {key: _source(key, value, where) for key, value in given.items()}
    rows = []
    for number in range(count):
        row = {}
        for key, source in columns.items():
            share = float(np.random.default_rng([seed, number, zlib.crc32(key.encode())]).random())
            row[key] = source.draw(share) if isinstance(source, Range) else source[int(share * len(source))]
        rows.append((f"draw-{number:0{len(str(count - 1))}d}", row))
    return Axis(tuple(rows), tuple(columns))


def _source(key: str, value: Any, where: str) -> Range | list[Any]:
    _known(key, "random", where)
    if isinstance(value, list) and value:
        return value
    try:
        return Range.model_validate(value)
    except ValidationError as error:
        raise UserError(
            f"{where}: random.{key} must be a list or {{low, high, log, integer}}: {in_words(error)}"
        ) from error


def _known(key: str, table: str, where: str) -> None:
    if key not in TrainConfig.model_fields:
        raise UserError(f"{where}: {table}.{key} is not a setting that exists here")


def _once(axes: Sequence[Axis], common: Settings, where: str) -> None:
    """Raise UserError where a setting is given twice."""
    keys = [key for axis in axes for key in axis.keys]
    for key in keys:
        if key in common:
            raise UserError(f"{where}: {key} is given for all runs and in a list too; keep one")
        if keys.count(key) > 1:
            raise UserError(f"{where}: {key} is in two lists; keep one")


def _tables(tables: Any, kind: str, where: str) -> list[Named]:
    """Name and settings of each [[run]] or [[part]]."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UserError(f"{where}: {kind} must be written as tables, [[{kind}]], each with a name")
    found = []
    for number, table in enumerate(tables, start=1):
        name = table.get("name")
        if not isinstance(name, str) or not re.fullmatch(NAME, name):
            raise UserError(
                f"{where}: [[{kind}]] number {number} needs a name of letters, digits, '-', '_', '.', '+' "
                f"or '=', not {name!r:.80}"
            )
        found.append((name, {key: value for key, value in table.items() if key != "name"}))
    return found


def _name(*words: str) -> str:
    """Words as one name; of what is too long for a folder the beginning, with a number that tells it from others."""
    whole = "_".join(filter(None, words))
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 9]}_{zlib.crc32(whole.encode()):08x}"


def _word(value: Any) -> str:
    """A setting's name or value as part of a folder's name."""
    text = f"{value:g}" if isinstance(value, float) else str(value).lower()
    if isinstance(value, float) and float(text) != value:
        text = repr(value)
    return re.sub(r"[^\w.+]+|(?<=[a-z])_(?=[a-z])", "-", text).strip(".")[:60] or "empty"
