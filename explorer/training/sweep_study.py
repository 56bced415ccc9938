"""A study: many runs by what was tried, each number as a mean with its interval over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from explorer.checkpoints import Evaluation, describe
from explorer.errors import UserError
from explorer.recipe.run import TrainConfig
from explorer.training.directory import RunDirectory, find_runs
from explorer.training.sweep_groups import Group, differing, groups

LEVEL = 0.95
# What is told of each run: its model's own numbers on held-out images, as its config.json has them. Nats an image.
NUMBERS: dict[str, Callable[[Evaluation], float | None]] = {
    "reconstruction": lambda of: of.reconstruction,
    "kl": lambda of: of.kl,
    "elbo": lambda of: -of.reconstruction - of.kl,
    "active_units": lambda of: float(of.active_units),
    "mig": lambda of: of.mig,
}


@dataclass(frozen=True)
class Interval:
    """A number over n runs: their mean, the standard deviation of a sample, and half the 95 % interval of the mean.

    The last two are None of a single run.
    """

    mean: float
    deviation: float | None
    half: float | None
    count: int

    def __str__(self) -> str:
        digits = 2 if abs(self.mean) >= 1 else 3
        spread = "" if self.half is None else f" ± {self.half:.{digits}f}"
        return f"{self.mean:.{digits}f}{spread}, n = {self.count}"


def interval(values: Sequence[float]) -> Interval:
    """The mean of `values` with t₀.₉₇₅(n − 1)·s/√n (Student 1908): where the mean of many such runs lies, 95 times of
    100, if the numbers are normal over seeds. There is one value at least."""
    if len(values) == 1:
        return Interval(values[0], None, None, 1)
    from scipy.stats import t

    deviation = stdev(values)
    half = float(t.ppf(0.5 + LEVEL / 2, len(values) - 1)) * deviation / math.sqrt(len(values))
    return Interval(fmean(values), deviation, half, len(values))


@dataclass(frozen=True)
class Member:
    """A run of a study: its name, what was asked, how it stands, why it failed, and what its model is worth."""

    name: str
    config: TrainConfig
    status: str
    why: str
    evaluation: Evaluation | None


@dataclass(frozen=True)
class Row:
    """Runs that are alike in the settings of the study: which, how many have finished, and each number over those."""

    group: Group
    finished: int
    numbers: dict[str, Interval]


@dataclass(frozen=True)
class Study:
    """Rows by the settings in `by`, smallest values first; `failed` are runs that ended without a model.

    `unread` are folders whose settings can't be read, with the reason.
    """

    by: tuple[str, ...]
    rows: tuple[Row, ...]
    members: tuple[Member, ...]
    unread: tuple[tuple[str, str], ...]

    @property
    def numbers(self) -> list[str]:
        """Those that some row has, in the order of `NUMBERS`."""
        return [name for name in NUMBERS if any(name in row.numbers for row in self.rows)]

    @property
    def failed(self) -> list[Member]:
        """The runs that failed or were killed."""
        return [member for member in self.members if member.status in ("failed", "killed")]


def study_of(folder: Path, by: Sequence[str] | None = None) -> Study:
    """The study in a folder of runs.

    Args:
        by: the settings that tell rows apart; those that differ among the runs, the seed aside, if left out. Runs that
            differ in others are taken together.

    Raises:
        UserError: there are no runs, or no such setting.
    """
    known, unread = _members(folder)
    if not known:
        raise UserError(f"{folder} holds no runs that can be read")
    for name in by or ():
        if name not in TrainConfig.model_fields:
            raise UserError(
                f"there is no setting {name!r:.80}; a study is told apart by settings of train, such as beta"
            )
    configs = [member.config for member in known]
    names = tuple(by) if by is not None else tuple(differing(configs))
    return Study(names, tuple(_row(group, known) for group in groups(configs, names)), tuple(known), tuple(unread))


def _members(folder: Path) -> tuple[list[Member], list[tuple[str, str]]]:
    known: list[Member] = []
    unread = []
    for run in sorted(find_runs(folder), key=lambda run: run.path):
        name = run.path.relative_to(folder).as_posix()
        try:
            known.append(_member(name, run))
        except UserError as error:
            unread.append((name, str(error)))
    return known, unread


def _member(name: str, run: RunDirectory) -> Member:
    config = run.config()
    try:
        state = run.state()
    except UserError:  # not begun
        return Member(name, config, "new", "", None)
    if state.current_status != "finished":
        return Member(name, config, state.current_status, state.message, None)
    try:
        return Member(name, config, "finished", "", describe(run.checkpoint).config.evaluation)
    except UserError as error:
        return Member(name, config, "failed", str(error), None)


def _row(group: Group, members: Sequence[Member]) -> Row:
    own = [members[place] for place in group.runs]
    known = [member.evaluation for member in own if member.evaluation is not None]
    numbers = {}
    for name, take in NUMBERS.items():
        values = [value for value in map(take, known) if value is not None]
        if values:
            numbers[name] = interval(values)
    return Row(group, sum(member.status == "finished" for member in own), numbers)
