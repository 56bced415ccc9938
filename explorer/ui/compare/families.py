"""Which models are chosen for curves, which of them can share a plane, and which differ in β alone.

Reads what checkpoints say of themselves, and their training logs; needs no torch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from explorer.checkpoints import Description, Entry
from explorer.checkpoints.recipe import price, source_of
from explorer.checkpoints.training_log import log_of
from explorer.datasets.names import DATASETS
from explorer.errors import UserError
from explorer.files import read_json
from explorer.recipe.run import TrainConfig
from explorer.training.log_reader import LogReader, series
from models.kinds import LIKELIHOODS, OBJECTIVES

MOST = 200  # models of a set
RECORDS = 100  # of a training log that are drawn: means of as many neighbours as it takes

# What tells a family's members apart, and what has no say in the weights.
VARYING = {
    "beta",
    "seed",
    "root",
    "download",
    "device",
    "step",
    "threads",
    "log_every",
    "eval_every",
    "eval_images",
    "save_every",
}


@dataclass(frozen=True)
class CurveModel:
    """A model of the set."""

    name: str
    description: Description

    @property
    def training(self) -> TrainConfig | None:
        """The settings of its run, None where there are none that can be read."""
        try:
            return self.description.config.recipe
        except UserError:
            return None

    @property
    def beta(self) -> float | None:
        """The weight of its whole KL at the end of training, None where there is none."""
        try:
            return price(self.description.config, self.description.path, self.description.beta).whole
        except UserError:
            return None

    @property
    def plane(self) -> str:
        """Its data set, image size and likelihood in words: models that differ in it share no curve.

        Raises:
            UserError: the checkpoint doesn't say what it was trained on.
        """
        config, source = self.description.config, source_of(self.description.config)
        channels, height, width = config.shape
        of = f" of {source.root}" if DATASETS[source.name].root_needed and source.root else ""
        set_by_hand = LIKELIHOODS[config.likelihood].variance == "set"
        likelihood = config.likelihood + (f" σ {config.sigma:g}" if set_by_hand else "")
        colour = "grey" if channels == 1 else "colour"
        return f"{source.title}{of}, {height} × {width} {colour}, {likelihood}"


def model_sets(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """The sets of models there are by their names in the URL, but for "" and "any"."""
    found: dict[str, list[Entry]] = {}
    shipped = [entry for entry in entries if entry.origin == "shipped"]
    if shipped:
        found["shipped"] = shipped
    by_data: dict[str, list[Entry]] = defaultdict(list)
    by_sweep: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if name := _data_of(entry.path, _stamp(entry.path / "config.json")):
            by_data[f"data/{name}"].append(entry)
        if entry.origin == "run" and "/" in entry.name:
            by_sweep[f"sweep/{entry.name.split('/')[0]}"].append(entry)
    return found | by_data | by_sweep


def title(name: str, entries: Sequence[Entry]) -> str:
    """A set in words."""
    kind, _, rest = name.partition("/")
    words = {
        "shipped": "Shipped models",
        "data": f"Models of {DATASETS[rest].title if rest in DATASETS else rest}",
        "sweep": f"Sweep {rest}",
    }
    return f"{words[kind]} ({len(entries)})"


def planes(members: Sequence[CurveModel]) -> tuple[dict[str, list[CurveModel]], dict[str, str]]:
    """Members by plane, that of most models first; and the reasons of those that have none, by name."""
    found: dict[str, list[CurveModel]] = defaultdict(list)
    absent = {}
    for member in members:
        try:
            found[member.plane].append(member)
        except UserError as error:
            absent[member.name] = str(error)
    ordered = sorted(found, key=lambda plane: (-len(found[plane]), plane))
    return {plane: sorted(found[plane], key=_rank) for plane in ordered}, absent


def families(members: Sequence[CurveModel]) -> list[list[CurveModel]]:
    """Groups of at least two values of β, alike in all else but the seed; the largest first."""
    found: dict[str, list[CurveModel]] = defaultdict(list)
    for member in members:
        training = member.training
        if member.description.beta is not None:  # one model, at several β
            found[member.description.content].append(member)
        elif training is not None and OBJECTIVES[training.objective].role == "set":
            key = training.model_dump_json(exclude=VARYING)
            found[f"{key} {member.description.config.model.model_dump_json()}"].append(member)
    whole = [group for group in found.values() if len({m.beta for m in group}) > 1]
    return sorted(whole, key=lambda group: -len(group))


def way(checkpoint: Path) -> tuple[list[float], list[float]] | None:
    """KL and reconstruction in nats through training, as its log has them; None without a log.

    Records of the training batches; of a long log each point is the mean of as many neighbours.
    """
    log = log_of(checkpoint)
    return None if log is None else _way(log, _stamp(log))


@lru_cache(maxsize=256)
def _way(log: Path, stamp: tuple[int, int]) -> tuple[list[float], list[float]] | None:
    records = _records(log)
    steps, kl = series(records, "kl")
    same, reconstruction = series(records, "reconstruction")
    if len(steps) < 2 or steps != same:
        return None
    stride = -(-len(steps) // RECORDS)
    return _means(kl, stride), _means(reconstruction, stride)


def _records(log: Path) -> list[dict[str, Any]]:
    follower = LogReader(log)
    follower.read()
    return follower.records("train")


def _means(values: list[float], stride: int) -> list[float]:
    parts = [values[i : i + stride] for i in range(0, len(values), stride)]
    return [sum(part) / len(part) for part in parts]


def _rank(member: CurveModel) -> tuple[bool, float, str]:
    beta = member.beta
    return beta is None, beta or 0.0, member.name


def _stamp(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return (0, 0)
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=4096)
def _data_of(path: Path, stamp: tuple[int, int]) -> str | None:
    try:
        name = read_json(path / "config.json")["training"]["data"]
    except (UserError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) and name in DATASETS else None
