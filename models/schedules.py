"""How a number moves over the steps of a run: one table of schedules, and no torch.

A schedule is written as one line of text, in a form, a shell, a URL, a recipe and `config.json` alike: its name, then
what differs from the usual. It leads to the number that it belongs to, which is written on its own:

    beta = 4            beta_schedule = "linear over=5000"               from 0 to 4 in 5,000 steps, then 4
    beta = 2.5          beta_schedule = "factors from=100 over=10000"    from 100 to 2.5 by equal factors
    learning_rate = 1e-3  rate_schedule = "cosine to=x0.05 begin=50%"    from the middle of the run down to 5e-5
    beta = 1.5          beta_schedule = "stages 0:50% 0.1:75%"           0, then 0.1, and 1.5 in the last quarter

A level is a number, or `x0.05` for a part of the number that the schedule belongs to. A place is a step, or `50%` of
the run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, Self

MOST = 1e6  # the highest level
MAX_STAGES = 100
NEARLY = 0.999  # of the way: a sigmoid never gets to its end
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


@dataclass(frozen=True)
class Level:
    """A value of the number: itself, or a part of the number as it is set."""

    value: float
    relative: bool = False

    @classmethod
    def read(cls, text: str) -> Self:
        """Of its text. Raises ValueError."""
        if not re.fullmatch(f"x?{_NUMBER}", text, re.ASCII):
            raise ValueError(f"{text:.20} is no level: 0.5 would be one, and x0.05 a part of the number")
        value = float(text.removeprefix("x"))
        if not value <= MOST:
            raise ValueError(f"{text:.20} is above the highest level, {MOST:g}")
        return cls(value, text.startswith("x"))

    def of(self, number: float) -> float:
        """The level where the number is `number`."""
        return number * self.value if self.relative else self.value

    def __str__(self) -> str:
        return f"{'x' if self.relative else ''}{self.value!r}".removesuffix(".0")


@dataclass(frozen=True)
class Place:
    """A step of a run, or a part of all its steps."""

    value: float
    relative: bool = False

    @classmethod
    def read(cls, text: str) -> Self:
        """Of its text. Raises ValueError."""
        if re.fullmatch(r"\d{1,10}", text, re.ASCII):
            return cls(int(text))
        if re.fullmatch(f"{_NUMBER}%", text, re.ASCII) and (share := float(Decimal(text[:-1]) / 100)) <= 1:
            return cls(share, True)
        raise ValueError(f"{text:.20} is no place in a run: 5000 would be one, and 50% a part of it")

    @classmethod
    def share(cls, part: float) -> Self:
        """A part of the run."""
        return cls(part, True)

    def of(self, steps: int) -> float:
        """The step in a run of `steps`, between two of them where a part of the run ends there."""
        return self.value * steps if self.relative else self.value

    @property
    def words(self) -> str:
        """Such as "step 5,000" or "50 % of the run"."""
        return f"{self._percent} % of the run" if self.relative else f"step {int(self.value):,}"

    @property
    def length(self) -> str:
        """Such as "5,000 steps" or "50 % of the run"."""
        return self.words if self.relative else f"{int(self.value):,} steps"

    @property
    def _percent(self) -> str:
        return f"{(Decimal(repr(float(self.value))) * 100).normalize():f}"

    def __str__(self) -> str:
        return f"{self._percent}%" if self.relative else str(int(self.value))


ZERO, NUMBER = Level(0.0), Level(1.0, True)


@dataclass(frozen=True)
class Schedule:
    """How a number moves: from `first` to `last`, on the way that its kind takes.

    Attributes:
        kind: the name in `SCHEDULES`.
        begin: where it starts to move; `over`: how long it does, to the end of the run where that is None.
        cycles: how many times a cyclical one comes up, in the first half of as many equal parts of the run.
        middle, width: the step at which a sigmoid is halfway, and the steps in which σ's argument grows by one.
        stages: levels, and where each ends.
    """

    kind: str = "constant"
    first: Level = ZERO
    last: Level = NUMBER
    begin: Place = Place(0)
    over: Place | None = None
    cycles: int = 4
    middle: Place = Place(0.5, True)
    width: Place = Place(0.05, True)
    stages: tuple[tuple[Level, Place], ...] = ()

    def __str__(self) -> str:
        """The text that it is read from, without what is as usual."""
        if self.kind == "stages":
            return " ".join(["stages", *(f"{level}:{until}" for level, until in self.stages)])
        usual = Schedule(self.kind, first=ZERO if self.last == NUMBER else NUMBER)
        said = [
            f"{key}={getattr(self, argument.name)}"
            for key, argument in ARGUMENTS.items()
            if key in SCHEDULES[self.kind].takes and getattr(self, argument.name) != getattr(usual, argument.name)
        ]
        return " ".join([self.kind, *said])

    def argument(self, key: str) -> str:
        """What it is told under a key of `ARGUMENTS`, as text; empty where it is told nothing."""
        value = getattr(self, ARGUMENTS[key].name)
        return "" if value is None else str(value)

    def told(self, key: str, text: str) -> str:
        """The text of the same schedule, told otherwise under `key`; as usual where `text` is empty."""
        known = {other: self.argument(other) for other in SCHEDULES[self.kind].takes} | {key: text.strip()}
        return " ".join([self.kind, *(f"{other}={value}" for other, value in known.items() if value)])

    def check(self, number: float, steps: int) -> None:
        """Raise ValueError where it can't be run, for this number and in a run of `steps`."""
        if SCHEDULES[self.kind].by_factors and not (self.first.of(number) > 0 and self.last.of(number) > 0):
            raise ValueError(f"the schedule {self.kind} goes by factors, so that it can't begin or end at 0")
        ends = [until.of(steps) for _, until in self.stages]
        if any(later <= sooner for sooner, later in zip(ends, ends[1:], strict=False)):
            raise ValueError(f"the stages {str(self).removeprefix('stages ')} don't follow one another")

    def at(self, number: float, step: int, steps: int) -> float:
        """The number at `step` of `steps`, where `number` is what is set."""
        if self.kind == "stages":
            now = next((level for level, until in self.stages if step < until.of(steps)), NUMBER)
            return now.of(number)
        part = SCHEDULES[self.kind].part(self, step, steps)
        first, last = self.first, self.last
        if SCHEDULES[self.kind].by_factors:
            return float(first.of(number) ** (1 - part) * last.of(number) ** part)
        if last.relative and (first.relative or not first.value):  # exact in multiples of the number
            return number * (first.value + (last.value - first.value) * part)
        return first.of(number) + (last.of(number) - first.of(number)) * part

    def moves(self, step: int, steps: int) -> bool:
        """Whether it has not come to its last level for good at `step`."""
        if self.kind == "stages":
            return bool(self.stages) and step < self.stages[-1][1].of(steps)
        if self.kind == "cyclical":
            return step < steps * (1 - 0.5 / self.cycles)
        return SCHEDULES[self.kind].part(self, step, steps) < NEARLY

    def span(self, steps: int) -> tuple[float, float]:
        """Where it starts to move, and for how many steps it does."""
        begin = self.begin.of(steps)
        if self.over is None:
            return begin, max(steps - begin, 1)
        return begin, round(self.over.of(steps)) if self.over.relative else self.over.value

    def words(self, sign: str, number: float) -> str:
        """How the number called `sign` moves, without a full stop; empty where it doesn't."""
        return SCHEDULES[self.kind].words(self, sign, number)


CONSTANT = Schedule()


@lru_cache(maxsize=1024)
def read(text: str) -> Schedule:
    """The schedule that a text is.

    Raises:
        ValueError: no such schedule, or one that can't be read; one sentence.
    """
    name, *words = text.split() or ["constant"]
    if name not in SCHEDULES:
        raise ValueError(f"there is no schedule {name[:20]!r}; there are {', '.join(SCHEDULES)}")
    if name == "stages":
        return Schedule(name, stages=_stages(words))
    given: dict[str, Any] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if key not in SCHEDULES[name].takes or not sign:
            able = ", ".join(f"{key}=" for key in SCHEDULES[name].takes) or "nothing more"
            raise ValueError(f"the schedule {name} takes {able}, not {word[:20]!r}")
        if ARGUMENTS[key].name in given:
            raise ValueError(f"{key} stands twice in {text[:80]!r}")
        given[ARGUMENTS[key].name] = ARGUMENTS[key].read(value)
    if "last" in given:  # then it leaves from the number, if nothing else is said
        given.setdefault("first", NUMBER)
    schedule = Schedule(name, **given)
    if schedule.over is not None and not schedule.over.value:
        raise ValueError("over=0 is no length; leave the schedule constant, or give it some steps")
    return schedule


class Scheduled:
    """A number with its schedule, in a run of `steps`."""

    def __init__(self, number: float, schedule: str = "constant", steps: int = 0) -> None:
        """Raises ValueError on a schedule that can't be read, or not be run for this number."""
        self.number, self.schedule, self.steps = number, read(schedule), steps
        self.schedule.check(number, steps)

    def at(self, step: int) -> float:
        """The number at `step`."""
        return self.schedule.at(self.number, step, self.steps)


# --- the kinds ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Argument:
    """What a schedule is told under a key: its name in `Schedule`, how it is read, its name in a form, its help."""

    name: str
    read: Callable[[str], object] = field(repr=False)
    label: str
    about: str


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII) or not 1 <= int(text) <= 1000:
        raise ValueError(f"cycles must be a whole number from 1 to 1000, not {text[:20]!r}")
    return int(text)


ARGUMENTS: dict[str, Argument] = {
    "from": Argument("first", Level.read, "From", "Where it starts: a number, or x0.1 for a part of the number set."),
    "to": Argument("last", Level.read, "To", "Where it ends: a number, or x0.05 for a part of the number set."),
    "begin": Argument("begin", Place.read, "Begins at", "The step at which it starts to move, or 50% of the run."),
    "over": Argument("over", Place.read, "Over", "How many steps it takes, or 50% of the run; to the end if left out."),
    "cycles": Argument("cycles", _count, "Cycles", "How many times it comes up."),
    "middle": Argument("middle", Place.read, "Halfway at", "The step at which it is halfway, or 50% of the run."),
    "width": Argument(
        "width", Place.read, "Width", "Steps, or a part of the run; from 12 to 88 % of the way takes four of them."
    ),
}


def _stages(words: list[str]) -> tuple[tuple[Level, Place], ...]:
    if not words:
        raise ValueError("stages need levels and where each ends, such as 0:50% 0.5:75%; then comes the number itself")
    if len(words) > MAX_STAGES:
        raise ValueError(f"{len(words)} stages are more than the {MAX_STAGES} allowed")
    found = []
    for word in words:
        level, sign, until = word.partition(":")
        if not sign:
            raise ValueError(f"{word[:20]!r} is no stage: 0.5:75% would be one, the level 0.5 until 75 % of the run")
        found.append((Level.read(level), Place.read(until)))
    return tuple(found)


def _straight(schedule: Schedule, step: int, steps: int) -> float:
    begin, over = schedule.span(steps)
    return min(max((step - begin) / over, 0.0), 1.0) if over else 1.0


def _cosine(schedule: Schedule, step: int, steps: int) -> float:
    return 0.5 * (1 - math.cos(math.pi * _straight(schedule, step, steps)))


def _cyclical(schedule: Schedule, step: int, steps: int) -> float:
    period = steps / schedule.cycles
    return min(1.0, 2 * (step % period) / period) if steps else 1.0


def _sigmoid(schedule: Schedule, step: int, steps: int) -> float:
    away = (step - schedule.middle.of(steps)) / max(schedule.width.of(steps), 1e-9)
    return 1 / (1 + math.exp(-min(max(away, -700.0), 700.0)))


def _ends(schedule: Schedule, sign: str, number: float) -> str:
    """Such as "β rising from 0" or "β falling to 0.2"."""
    first, last = schedule.first.of(number), schedule.last.of(number)
    way = "rising" if first <= last else "falling"
    start = "" if schedule.first == NUMBER else f" from {first:g}"
    return f"{sign} {way}{start}{'' if schedule.last == NUMBER else f' to {last:g}'}"


def _when(schedule: Schedule) -> str:
    begin, over = schedule.begin, schedule.over
    if not begin.value:
        return "over the whole run" if over is None else f"over {over.length}"
    start = f"from {begin.words} on"
    return start if over is None else f"{start} over {over.length}"


def _on_the_way(how: str) -> Callable[[Schedule, str, float], str]:
    def words(schedule: Schedule, sign: str, number: float) -> str:
        return f"{_ends(schedule, sign, number)} {_when(schedule)}{how}"

    return words


def _cycling(schedule: Schedule, sign: str, number: float) -> str:
    return f"{_ends(schedule, sign, number)} in {schedule.cycles} cycles"


def _bending(schedule: Schedule, sign: str, number: float) -> str:
    return f"{_ends(schedule, sign, number)} along a sigmoid around {schedule.middle.words}"


def _staged(schedule: Schedule, sign: str, number: float) -> str:
    levels = (f"{level.of(number):g} until {until.words}" for level, until in schedule.stages)
    return f"{sign} in stages: {', '.join(levels)}, then {number:g}"


@dataclass(frozen=True)
class ScheduleKind:
    """A way for a number to move.

    Attributes:
        title: its name in a form.
        takes: the keys of `ARGUMENTS` that it has.
        part: how far on its way it is at a step, from 0 to 1.
        words: how it is told of a number, by the number's sign and what it is set to.
        by_factors: between its ends it goes by equal factors, not by equal steps.
    """

    title: str
    takes: tuple[str, ...]
    part: Callable[[Schedule, int, int], float] = field(repr=False)
    words: Callable[[Schedule, str, float], str] = field(repr=False)
    by_factors: bool = False


_SPAN = ("from", "to", "begin", "over")

SCHEDULES: dict[str, ScheduleKind] = {
    "constant": ScheduleKind("constant", (), lambda schedule, step, steps: 1.0, lambda schedule, sign, number: ""),
    "linear": ScheduleKind("in a straight line", _SPAN, _straight, _on_the_way("")),
    "cosine": ScheduleKind("along a cosine", _SPAN, _cosine, _on_the_way(" along a cosine")),
    "factors": ScheduleKind("by equal factors", _SPAN, _straight, _on_the_way(" by equal factors"), by_factors=True),
    "cyclical": ScheduleKind("in cycles", ("from", "cycles"), _cyclical, _cycling),
    "sigmoid": ScheduleKind("along a sigmoid", ("from", "to", "middle", "width"), _sigmoid, _bending),
    "stages": ScheduleKind("in stages", (), lambda schedule, step, steps: 1.0, _staged),
}
