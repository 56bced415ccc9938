"""The runs of a sweep by what differs among them: one group for each setting that was tried, its seeds together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from explorer.recipe.run import TrainConfig
from models.kinds import LIKELIHOODS, OBJECTIVES, settings_of

OF_MACHINE = ("device", "threads", "download", "root", "step", "log_every", "save_every")  # they change no result
SIGNS = {s.name: s.sign or s.letter for s in settings_of(*OBJECTIVES.values(), *LIKELIHOODS.values()).values()}


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone.

    Attributes:
        values: what the runs of this group have, of the settings that differ within the sweep.
        runs: their numbers, in the order given.
    """

    values: dict[str, Any]
    runs: tuple[int, ...]

    @property
    def label(self) -> str:
        """Such as "β = 4", or "β = 4, latents = 6"; empty where the whole sweep differs in the seed alone."""
        return ", ".join(f"{sign_of(name)} = {shown(value)}" for name, value in self.values.items())


def sign_of(setting: str) -> str:
    """The letter of a setting, or its name in words."""
    return SIGNS.get(setting) or setting.replace("_", " ")


def shown(value: Any) -> str:
    """A setting's value as a person writes it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def differing(configs: Sequence[TrainConfig]) -> list[str]:
    """The settings that are not the same in all runs, the seed and those of the machine left out."""
    recipes = [config.model_dump() for config in configs]
    names = [name for name in TrainConfig.model_fields if name not in (*OF_MACHINE, "seed")]
    return [name for name in names if len({repr(recipe.get(name)) for recipe in recipes}) > 1]


def groups(configs: Sequence[TrainConfig], names: Sequence[str] | None = None) -> list[Group]:
    """The runs by what differs among them, or by the settings `names`; numbers from the smallest to the largest."""
    names = differing(configs) if names is None else names
    found: dict[str, tuple[dict[str, Any], list[int]]] = {}
    for place, config in enumerate(configs):
        values = {name: getattr(config, name) for name in names}
        found.setdefault(repr(values), (values, []))[1].append(place)
    made = [Group(values, tuple(runs)) for values, runs in found.values()]
    return sorted(made, key=lambda group: [rank(value) for value in group.values.values()])


def rank(value: Any) -> tuple[int, float, str]:
    """What the values of a setting are sorted by: numbers by their size, then words and what was left out."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (0, float(value), "") if number else (1, 0.0, str(value))


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Mean ± standard deviation (of a sample, n − 1) of the same number of several runs; a dash where there is none."""
    if not values:
        return "–"
    if len(values) == 1:
        return f"{values[0]:{form}}"
    return f"{mean(values):{form}} ± {stdev(values):{form}}"
