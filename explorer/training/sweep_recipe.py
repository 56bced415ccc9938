"""Many runs from one recipe: a TOML file with common settings, lists to combine, and single runs.

data = "dsprites"            # any setting of TrainConfig, common to all runs
steps = 20000

[sweep]                      # every combination of these lists is a run
beta = [1, 4]
seed = [0, 1]

[[run]]                      # and each of these is one more, with settings of its own
name = "capacity-10"
objective = "capacity"
capacity = 10
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from explorer.errors import UserError, in_words
from explorer.recipe.run import TrainConfig
from explorer.training.directory import RunDirectory

MAX_RUNS = 1000
MAX_BYTES = 1 << 20
Progress = Literal["new", "started", "finished", "elsewhere"]


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep: its name within the sweep, its settings, and where it lies."""

    name: str
    config: TrainConfig
    path: Path

    @property
    def status(self) -> Progress:
        """How far it is: not begun, begun, finished, or being trained by another process just now."""
        run = RunDirectory(self.path)
        if not run.config_file.exists():
            return "new"
        if run.held():
            return "elsewhere"
        try:
            status = run.state().current_status
        except UserError:  # killed before its first state was written
            return "started"
        if status == "finished" and (run.checkpoint / "model.safetensors").is_file():
            return "finished"
        return "elsewhere" if status == "running" else "started"


@dataclass(frozen=True)
class Outcome:
    """What became of a run: "trained", "skipped" (finished before), "elsewhere", or "failed" and why."""

    run: PlannedRun
    status: Literal["trained", "skipped", "elsewhere", "failed"]
    message: str = ""


def read_recipe(recipe: str | Path, out: str | Path) -> list[PlannedRun]:
    """Every run of a recipe, in order, under the directory `out`. Nothing is started or written.

    Combinations of [sweep] come first, the last list changing fastest; then each [[run]].

    Raises:
        UserError: the file can't be read; a setting, value or name can't be used; a run's directory
            holds a run with other settings. One sentence that names the run and the setting.
    """
    path = Path(recipe)
    common = _table(path)
    lists, tables = common.pop("sweep", {}), common.pop("run", [])
    planned = _combinations(path, common, lists) + _single_runs(path, common, tables)
    if not planned:
        raise UserError(f"{path} has neither a [sweep] table nor a [[run]], so it names no runs")

    folder = Path(out).expanduser().resolve()
    runs: dict[str, PlannedRun] = {}
    for name, settings in planned:
        if name in runs:
            raise UserError(f"{path}: two runs are called {name!r}")
        runs[name] = PlannedRun(name, _checked(path, name, settings), folder / name)
    for run in runs.values():
        directory = RunDirectory(run.path)
        if directory.config_file.exists() and directory.config() != run.config:
            raise UserError(
                f"{directory.path} holds a run with other settings than {path} says; choose another "
                "--out, or another name for the recipe"
            )
    return list(runs.values())


def run_sweep(
    runs: list[PlannedRun], progress: bool = False, tell: Callable[[Outcome, int], None] = lambda outcome, number: None
) -> list[Outcome]:
    """Train each run in turn, in this process; finished ones are skipped, interrupted ones resumed.

    A run that fails doesn't stop the others. A run that another process is training is left to it.

    Args:
        progress: show a bar for the run that is being trained.
        tell: called with each outcome and its place, counted from 1, as soon as it is known.

    Raises:
        UserError: a device that this machine doesn't have; nothing was started.
        Stopped: SIGINT or SIGTERM came; the run in hand has saved, and the sweep can be given again.
    """
    import torch

    from explorer.training.loop import choose_device, train

    for device in {run.config.device for run in runs}:
        choose_device(device)

    outcomes: list[Outcome] = []
    threads = torch.get_num_threads()
    for number, run in enumerate(runs, start=1):
        status = run.status
        if status == "finished":
            outcome = Outcome(run, "skipped", "finished before")
        elif status == "elsewhere":
            outcome = Outcome(run, "elsewhere", "another process is training it")
        else:
            torch.set_num_threads(threads)  # as a run of its own would begin, whatever ran before it
            try:
                checkpoint = train(run.config, run.path, resume=status == "started", progress=progress)
                measured = checkpoint.config.evaluation
                assert measured is not None
                outcome = Outcome(
                    run,
                    "trained",
                    f"held out: reconstruction {measured.reconstruction:.2f}, KL {measured.kl:.2f} "
                    f"nats an image, {measured.active_units} active units",
                )
            except UserError as error:
                outcome = Outcome(run, "failed", str(error))
        outcomes.append(outcome)
        tell(outcome, number)
    return outcomes


# --- the recipe -------------------------------------------------------------------------------------


def _table(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():
            raise UserError(f"there is no recipe at {path}; it is a TOML file")
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path} has more than the {MAX_BYTES:,} bytes allowed in a recipe")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is not TOML: {error}") from error


def _combinations(path: Path, common: dict[str, Any], lists: Any) -> list[tuple[str, dict[str, Any]]]:
    """Name and settings of every combination of the lists in [sweep]."""
    if not isinstance(lists, dict):
        raise UserError(f"{path}: sweep must be a table of lists, [sweep], not {lists!r}")
    for key, values in lists.items():
        if key not in TrainConfig.model_fields:
            raise UserError(f"{path}: sweep.{key} is not a setting that exists here")
        if not isinstance(values, list) or not values:
            raise UserError(f"{path}: sweep.{key} must be a list of values, not {values!r}")
        if key in common:
            raise UserError(f"{path}: {key} is given for all runs and in [sweep] too; keep one")
    if prod(len(values) for values in lists.values()) > MAX_RUNS:
        raise UserError(f"{path}: [sweep] gives more than the {MAX_RUNS:,} runs allowed")
    if not lists:
        return []
    return [(name, common | chosen) for name, chosen in combinations(lists)]


def combinations(lists: dict[str, list[Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Every combination of the lists, the last changing fastest, named by its values: beta-4_seed-0."""
    combined = [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]
    return [("_".join(f"{_word(key)}-{_word(value)}" for key, value in chosen.items()), chosen) for chosen in combined]


def _single_runs(path: Path, common: dict[str, Any], tables: Any) -> list[tuple[str, dict[str, Any]]]:
    """Name and settings of every [[run]], which may say otherwise than the common settings."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UserError(f"{path}: run must be written as tables, [[run]], each with a name")
    if len(tables) > MAX_RUNS:
        raise UserError(f"{path}: more than the {MAX_RUNS:,} runs allowed")
    runs = []
    for number, table in enumerate(tables, start=1):
        name = table.get("name")
        if not isinstance(name, str) or not re.fullmatch(r"[\w+=-][\w.+=-]{0,119}", name):
            raise UserError(
                f"{path}: [[run]] number {number} needs a name of letters, digits, '-', '_', '.', '+' "
                f"or '=', not {name!r}"
            )
        own = {key: value for key, value in table.items() if key != "name"}
        runs.append((name, common | own))
    return runs


def _word(value: Any) -> str:
    """A setting's name or value as part of a folder's name."""
    text = f"{value:g}" if isinstance(value, float) else str(value).lower()
    if isinstance(value, float) and float(text) != value:
        text = repr(value)
    return re.sub(r"[^\w.+]+|(?<=[a-z])_(?=[a-z])", "-", text).strip(".")[:60] or "empty"


def _checked(path: Path, name: str, settings: dict[str, Any]) -> TrainConfig:
    """The settings of one run, held against TrainConfig, the data sets and the network's sizes."""
    from explorer.datasets import DATASETS

    try:
        config = TrainConfig.model_validate(settings)
    except ValidationError as error:
        raise UserError(f"{path}: run {name}: {in_words(error)}") from error
    if config.data not in DATASETS:
        raise UserError(f"{path}: run {name}: there is no data set {config.data!r}; there are {', '.join(DATASETS)}")
    size = config.size or DATASETS[config.data].size
    if size is not None:
        import torch

        from explorer.checkpoints.store import build_model

        try:
            with torch.device("meta"):
                build_model(config.model((config.channels or 1, size, size)))
        except UserError as error:
            raise UserError(f"{path}: run {name}: {error}") from error
    return config
