"""Scores as JSON, as a table with commas, and as lines for a terminal. Needs neither torch nor NumPy."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer.analysis.scores import PARTS, SCORES

if TYPE_CHECKING:
    from explorer.analysis.metrics.result import MetricResult

    Results = Mapping[str, Mapping[str, MetricResult]]

KEYS = ("value", "interval", "interval_of", "ceiling", "yardstick", "repeats", "count", "reason")


@dataclass(frozen=True)
class Row:
    """One line: a score of one model, or a part of one.

    `ceiling` and `yardstick` as in MetricResult; `yardstick_of` says whose score that is. `whole`: it is a count.
    """

    name: str
    title: str
    value: float | None
    interval: tuple[float, float] | None
    interval_of: str | None
    ceiling: float | None
    yardstick: float | None
    yardstick_of: str
    count: int
    reason: str | None
    whole: bool = False

    def words(self, value: float) -> str:
        """The row's value, or a bound of it, as a text: a count without decimals."""
        return f"{value:z.{0 if self.whole else 3}f}"


def score_rows(result: MetricResult) -> list[Row]:
    """The lines of one result: the score, then its parts that are scores too."""
    about = SCORES[result.name]
    size = f" at {result.count:,} rows" if about.sized and result.value is not None else ""
    found = [
        Row(
            result.name,
            about.title + size,
            result.value,
            result.interval,
            result.interval_of,
            result.ceiling,
            result.yardstick,
            about.yardstick,
            result.count,
            result.reason,
            about.whole,
        )
    ]
    for part, name in PARTS.get(result.name, {}).items():
        if result.parts.get(part) is not None:
            value = float(result.parts[part])
            interval = result.parts.get("intervals", {}).get(part)
            found.append(
                Row(
                    f"{result.name}.{part}",
                    name + size,
                    value,
                    interval and tuple(interval),
                    interval and result.interval_of,
                    result.ceiling,
                    None,
                    "",
                    result.count,
                    None,
                )
            )
    return found


def as_json(
    about: Mapping[str, Any], results: Results, together: Mapping[str, MetricResult], parts: bool
) -> dict[str, Any]:
    """One object: for one model its scores, for several those of each by its name, and of all."""
    keys = (*KEYS, "parts") if parts else KEYS

    def plain(of: Mapping[str, MetricResult]) -> dict[str, Any]:
        return {
            name: {"title": score_rows(r)[0].title} | {key: r.as_json()[key] for key in keys} for name, r in of.items()
        }

    if len(results) == 1:
        (name,) = results
        return {"model": name, **about, "metrics": plain(results[name])}
    return {
        "models": list(results),
        **about,
        "metrics": {name: plain(of) for name, of in results.items()},
        "together": plain(together),
    }


def as_csv(about: Mapping[str, Any], results: Results, together: Mapping[str, MetricResult]) -> str:
    """A line for each score of each model; what is true of all stands in every line.

    Where a model is doubtful, there is a last column that says in its lines why.
    """
    doubts: Mapping[str, Sequence[str]] = about.get("doubts", {})
    same = [key for key in about if key not in ("count", "factors", "doubts")]
    head = [
        "model",
        "score",
        "title",
        "value",
        "low",
        "high",
        "interval_of",
        "ceiling",
        "yardstick",
        "count",
        "reason",
        *same,
        *(["doubts"] if doubts else []),
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    named: list[tuple[str, Mapping[str, MetricResult]]] = list(results.items())
    if together:
        named.append((" + ".join(results), together))
    for model, of in named:
        for result in of.values():
            for row in score_rows(result):
                low, high = row.interval or (None, None)
                numbers = [row.value, low, high, row.interval_of, row.ceiling, row.yardstick, row.count]
                shown = ["" if v is None else v for v in numbers]
                writer.writerow(
                    [
                        _safe(model),
                        row.name,
                        row.title,
                        *shown,
                        row.reason or "",
                        *(about[key] for key in same),
                        *([_safe("; ".join(doubts.get(model, ())))] if doubts else []),
                    ]
                )
    return text.getvalue()


def as_text(
    about: Mapping[str, Any], results: Results, together: Mapping[str, MetricResult], size: int
) -> Iterator[str]:
    """Lines for a terminal."""
    settings = (
        f"on {about['count']:,} of {size:,} images of {about['data']} ({about['split']}), "
        f"{about['representation']} codes, seed {about['seed']}, {about['preset']}"
    )
    for model, of in results.items():
        if of:
            yield f"{model} {settings}"
            yield from (f"  doubtful: {doubt}" for doubt in about.get("doubts", {}).get(model, ()))
        for result in of.values():
            yield from map(_line, score_rows(result))
    if together:
        yield f"{' + '.join(results)} {settings}"
        for result in together.values():
            yield from map(_line, score_rows(result))


def _line(row: Row) -> str:
    if row.value is None:
        return f"{row.name:28s}      –  {row.reason}"
    said = [f"{row.name:28s} {row.words(row.value):>6s}"]
    if row.interval:
        said.append(f"[{row.interval[0]:z.3f}, {row.interval[1]:z.3f}] of {row.interval_of}")
    if row.ceiling is not None and row.ceiling < 0.9995:
        said.append(f"no code exceeds {row.words(row.ceiling)}")
    if row.yardstick is not None:
        said.append(f"{row.yardstick_of} score {row.yardstick:.3f}")
    if "." not in row.name and not (row.interval_of or "").endswith("rows"):
        said.append(f"{row.count:,} rows")
    return "  ".join(said)


def _safe(text: str) -> str:
    """A name that a spreadsheet doesn't take for a formula."""
    return f"'{text}" if text.startswith(tuple("=+-@\t\r")) else text
