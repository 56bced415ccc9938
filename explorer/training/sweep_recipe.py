"""Many runs from one recipe: a TOML file with common settings, lists to combine, and single runs (sweep_plan.py).

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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from explorer.errors import UserError, in_words
from explorer.recipe.model import ModelConfig
from explorer.recipe.run import TrainConfig
from explorer.training.directory import RunDirectory
from explorer.training.sweep_plan import planned_settings
from models.kinds import NETWORKS

MAX_BYTES = 1 << 20
Progress = Literal["new", "started", "finished", "elsewhere"]


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep: its name within the sweep, its settings, where it lies, and its place in the plan."""

    name: str
    config: TrainConfig
    path: Path
    index: int = 0

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


def read_recipe(recipe: str | Path, out: str | Path, indices: Sequence[int] | None = None) -> list[PlannedRun]:
    """The runs of a recipe, in order, under the directory `out`. Nothing is started or written.

    Args:
        indices: which runs, by their places in the plan, counted from 0; all if left out. Only these are checked.

    Raises:
        UserError: the file can't be read; a setting, value or name can't be used; there is no such index; a run's
            directory holds a run with other settings. One sentence that names the run and the setting.
    """
    path = Path(recipe)
    planned = planned_settings(_table(path), str(path))
    folder = Path(out).expanduser().resolve()
    runs = []
    for index in range(len(planned)) if indices is None else indices:
        if not 0 <= index < len(planned):
            raise UserError(f"{path} has runs 0 to {len(planned) - 1:,}, not {index:,}")
        name, settings = planned[index]
        run = PlannedRun(name, _checked(path, name, settings), folder / name, index)
        directory = RunDirectory(run.path)
        if directory.config_file.exists() and directory.config() != run.config:
            raise UserError(
                f"{directory.path} holds a run with other settings than {path} says; choose another "
                "--out, or another name for the recipe"
            )
        runs.append(run)
    return runs


def count_of(recipe: str | Path) -> int:
    """How many runs a recipe has. Raises UserError where it can't be read."""
    path = Path(recipe)
    return len(planned_settings(_table(path), str(path)))


def indices_of(text: str) -> list[int]:
    """Numbers such as "7", "100-199" or "0-3,8,10-12", each once, in order. Raises UserError on anything else."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not re.fullmatch(r"[0-9]{1,7}", first) or (dash and not re.fullmatch(r"[0-9]{1,7}", last)):
            raise UserError(f"--indices {text!r:.80} must be numbers and ranges, such as 100-199 or 0-3,8")
        if dash and int(last) < int(first):
            raise UserError(f"--indices {text!r:.80}: {part.strip()} ends before it begins")
        found += range(int(first), int(last or first) + 1)
    return sorted(set(found))


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
                outcome = _lost(run, error)
        outcomes.append(outcome)
        tell(outcome, number)
    return outcomes


def _lost(run: PlannedRun, error: UserError) -> Outcome:
    """What became of a run that could not be trained here: another process may have been faster."""
    status = run.status
    if status == "finished":
        return Outcome(run, "skipped", "finished meanwhile by another process")
    if status == "elsewhere":
        return Outcome(run, "elsewhere", "another process is training it")
    return Outcome(run, "failed", str(error))


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
    if size is not None and not NETWORKS[config.network].takes(size, size):
        wrong = _unbuildable(config.model((config.channels or 1, size, size)).model_dump_json())
        if wrong:
            raise UserError(f"{path}: run {name}: {wrong}")
    return config


@lru_cache(maxsize=1024)
def _unbuildable(model: str) -> str:
    """Why there is no such network, or nothing; asked once for all runs that share it."""
    import torch

    from explorer.checkpoints.store import build_model

    try:
        with torch.device("meta"):
            build_model(ModelConfig.model_validate_json(model))
    except UserError as error:
        return str(error)
    return ""
