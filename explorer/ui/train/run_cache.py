"""What the page Train computes, each thing once for all who look: a data set's look, costs, figures.

Nothing here imports torch before images are asked for.
"""

from __future__ import annotations

import atexit
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import streamlit as st
from pydantic import ValidationError

from explorer import access, paths
from explorer.datasets import open_dataset, own
from explorer.errors import UserError
from explorer.launch import MAX_SWEEP, RunStatus, name_of, run_status
from explorer.launch.command import settings as options
from explorer.launch.lifecycle import NICE
from explorer.launch.status import last_evaluation
from explorer.recipe.run import TrainConfig
from explorer.recipe.samples import Samples
from explorer.training.cost import Estimate, cost_key
from explorer.training.directory import RunDirectory, find_runs
from explorer.training.log_reader import LogReader, series, vectors
from explorer.training.progress_pictures import read_progress
from explorer.ui.pictures import Picture, image_sheet
from models.kinds import OBJECTIVES, built_here

if TYPE_CHECKING:
    import numpy as np
    import plotly.graph_objects as go

    from explorer.figures.curves import Series

LOOK = 8  # images that are shown of a data set
CELL = 62  # pixels of a picture that a run drew
MEASURING = 300  # seconds after which a measurement is given up


# --- a data set ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DataPreview:
    """A few images `(n, C, H, W)` in [0, 1] of a data set, and what is known of it."""

    images: np.ndarray
    count: int
    factors: list[tuple[str, int]] | None
    notes: tuple[str, ...]
    samples: Samples | None = None


def data_preview(config: TrainConfig, download: bool = False) -> DataPreview:
    """The data set of a config. Raises UserError where it can't be opened."""
    if config.root:
        access.check_folder(config.root)
    return _look(
        config.data,
        config.size,
        config.root,
        config.split,
        config.channels,
        _stamp(config.root or own.place_of(config.data)),
        download,
    )


@st.cache_data(max_entries=64, show_spinner=False)
def network_costs(shape: tuple[int, int, int], latents: int, likelihood: str) -> dict[str, tuple[int, int]]:
    """Parameters and FLOPs an image, forward and backward, of each network that takes images of `shape`."""
    from explorer.training.cost import arithmetic as count

    found = {}
    for network in built_here():
        model = TrainConfig.model_validate({"network": network, "latents": latents, "likelihood": likelihood}).model(
            shape
        )
        with suppress(UserError):
            found[network] = count(model)
    return found


@st.cache_data(max_entries=16, show_spinner=False)
def _look(
    name: str,
    size: int | None,
    root: str | None,
    split: str,
    channels: int | None,
    stamp: tuple[int, ...],
    _download: bool,
) -> DataPreview:
    from explorer.analysis.evaluation import order_of

    data = open_dataset(name, size, root, split, _download, channels)
    factors = None
    if data.factor_names and data.factor_sizes:
        factors = list(zip(data.factor_names, data.factor_sizes, strict=True))
    images = data.unit(order_of(data, 0)[:LOOK]).numpy()
    return DataPreview(images, len(data), factors, data.notes, data.samples)


def _stamp(root: str | None) -> tuple[int, ...]:
    try:
        status = Path(root).stat() if root is not None else None
    except (OSError, ValueError):
        return ()
    return () if status is None else (status.st_ino, status.st_mtime_ns, status.st_size)


# --- what a run will cost -----------------------------------------------------------------------------


class _Estimates:
    """Measurements, one at a time, each in a process of its own as a run's would be."""

    def __init__(self) -> None:
        self.known: dict[str, Estimate | str | None] = {}  # None while it is being measured
        self.wanted = ""
        self.lock, self.turn = threading.Lock(), threading.Lock()

    def of(self, config: TrainConfig) -> Estimate | str | None:
        """The measurement of such a run, begun where there is none; others that did not begin are let go."""
        key = cost_key(config)
        with self.lock:
            self.wanted = key
            if key not in self.known:
                if len(self.known) > 200:
                    self.known.clear()
                self.known[key] = None
                # not a pool's thread, for which the app would wait at its end
                threading.Thread(target=self._measure, args=(key, config), daemon=True).start()
            return self.known[key]

    def again(self, config: TrainConfig) -> None:
        """Forget the measurement of such a run."""
        with self.lock:
            self.known.pop(cost_key(config), None)

    def _measure(self, key: str, config: TrainConfig) -> None:
        with self.turn:
            found = _measure(config) if self.wanted == key else None
        with self.lock:
            if found is None:
                self.known.pop(key, None)
            else:
                self.known[key] = found


@st.cache_resource(show_spinner=False)
def _estimates() -> _Estimates:
    return _Estimates()


def estimated(config: TrainConfig) -> Estimate | str | None:
    """What a run costs here; a sentence where that can't be measured; None while it is being measured."""
    if why := access.why_not("train"):
        return why
    return _estimates().of(config.model_copy(update={"download": False}))


def measure_again(config: TrainConfig) -> None:
    """Let the next look measure anew."""
    _estimates().again(config.model_copy(update={"download": False}))


def _measure(config: TrainConfig) -> Estimate | str:
    command = [sys.executable, "-m", "explorer", "estimate", "--json", *options(config)]
    beside = sum(row(run).now.word == "running" for run in find_runs(paths.runs()))
    try:
        process = subprocess.Popen(
            command,
            cwd=paths.PROJECT,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            try:
                atexit.register(process.kill)  # it is nobody's once the app has ended
                psutil.Process(process.pid).nice(NICE)  # as a run has it
                said, complained = process.communicate(timeout=MEASURING)
            finally:
                process.kill()  # where it has not ended by itself
                atexit.unregister(process.kill)
        if process.returncode == 0:
            found = Estimate.model_validate_json(said)
            return found.model_copy(update={"beside": beside})
    except (OSError, psutil.Error, subprocess.SubprocessError, ValidationError) as error:
        return f"it could not be measured: {error}"
    lines = [line for line in complained.splitlines() if line.strip()]
    return (lines[-1] if lines else "it could not be measured").removeprefix("error: ")[:600]


# --- a run --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunRow:
    """A run in the list; `evaluation` holds its costs on held-out images, once it has finished."""

    name: str
    run: RunDirectory
    now: RunStatus
    config: TrainConfig | None
    evaluation: dict[str, Any] | None


_rows: dict[Path, tuple[tuple[int, ...], RunRow]] = {}


def row(run: RunDirectory) -> RunRow:
    """A run in short. One that is over is read once, until its files change."""
    stamp = tuple(number for file in (run.state_file, run.launch_file, run.config_file) for number in _stamp(str(file)))
    known = _rows.get(run.path)
    if known and known[0] == stamp and not known[1].now.going:
        return known[1]
    try:
        config = run.config()
    except UserError:
        config = None
    now = run_status(run)
    evaluation = last_evaluation(run) if now.word == "finished" else None
    found = RunRow(name_of(run), run, now, config, evaluation)
    if len(_rows) > 5000:
        _rows.clear()
    _rows[run.path] = stamp, found
    return found


@st.cache_resource(max_entries=MAX_SWEEP + 28, show_spinner=False)  # a sweep and some runs beside it
def follower(path: Path) -> LogReader:
    """The reader of a run's log, one for all who watch it."""
    return LogReader(RunDirectory(path).metrics_file)


@dataclass(frozen=True)
class Curves:
    """The figures of a run, with what they show in words; and the newest record of each kind."""

    loss: go.Figure
    kl: go.Figure
    schedule: go.Figure | None
    schedule_title: str
    trained: dict[str, Any]
    held_out: dict[str, Any] | None


def run_curves(path: Path, config: TrainConfig) -> Curves | None:
    """The figures of the run in `path`, from its first step to its newest; None while nothing is logged."""
    return _curves(path, config.objective, config.of_objective, follower(path).read())


def _still(lines: Mapping[str, Series]) -> bool:
    """Whether nothing of it moves, or nothing was logged."""
    return all(len(set(values)) < 2 for _, values in lines.values())


@st.cache_resource(max_entries=32, show_spinner=False)
def _curves(path: Path, objective: str, settings: dict[str, Any], version: int) -> Curves | None:
    from explorer.figures.curves import curves as drawn
    from explorer.figures.curves import kl_curves, traces

    records = follower(path).records("train")
    held_out = follower(path).records("eval")
    if not records:
        return None
    end = max(found[-1]["step"] for found in (records, held_out) if found)
    terms = {"loss": "loss", "reconstruction": "reconstruction"}
    kind = OBJECTIVES[objective]
    terms |= {"kl": "KL"} | {term.name: term.title for term in kind.terms}
    loss = drawn(
        {called: series(records, name) for name, called in terms.items()},
        "nats an image",
        {"reconstruction, held out": series(held_out, "reconstruction")},
        end,
    )
    steps, kl = vectors(records, "kl_per_dimension")
    panels = [
        (
            panel.unit,
            {line.title: series(records, line.name) for line in panel.lines},
            {panel.target_title: float(settings[panel.target])} if panel.target else {},
        )
        for panel in kind.clock
    ]
    panels.append(("rate", {"learning rate": series(records, "learning_rate")}, {}))
    told = [panel for place, panel in enumerate(panels) if not place or panel[2] or not _still(panel[1])]
    schedule = traces(told, end) if kind.clock else None
    return Curves(
        loss, kl_curves(steps, kl, end), schedule, kind.clock_title, records[-1], held_out[-1] if held_out else None
    )


def newest_held_out(run: RunDirectory) -> dict[str, Any] | None:
    """The newest costs of a run on held-out images, where all of them are numbers."""
    reader = follower(run.path)
    reader.read()
    records = reader.records("eval")
    names = ("reconstruction", "kl", "active_units")
    return records[-1] if records and all(isinstance(records[-1].get(name), int | float) for name in names) else None


def sweep_curves(families: Sequence[tuple[str, Sequence[RunRow]]], name: str) -> go.Figure | None:
    """One number of a sweep's logs over steps, a colour for each family of runs; None while nothing is logged."""
    paths = tuple((label, tuple(row.run.path for row in rows)) for label, rows in families)
    versions = tuple(follower(path).read() for _, runs in paths for path in runs)
    end = max((row.config.total_steps for _, rows in families for row in rows if row.config is not None), default=0)
    return _sweep_curves(paths, name, end, versions)


@st.cache_resource(max_entries=32, show_spinner=False)
def _sweep_curves(
    families: tuple[tuple[str, tuple[Path, ...]], ...], name: str, end: int, versions: tuple[int, ...]
) -> go.Figure | None:
    from explorer.figures.curves import family_curves

    found = [
        (label, {path.name: line for path in runs if (line := series(follower(path).records("train"), name))[0]})
        for label, runs in families
    ]
    shown = [(label, lines) for label, lines in found if lines]
    return family_curves(shown, "nats an image", end) if shown else None


@dataclass(frozen=True)
class Drawn:
    """What a run drew of itself: images over their reconstructions, and a traversal of each dimension in a row."""

    step: int
    dimensions: tuple[int, ...]
    reconstructions: Picture
    traversals: Picture


@st.cache_resource(max_entries=64, show_spinner=False)
def run_picture(path: Path, stamp: int) -> Drawn:
    """A picture that a run drew of itself; `stamp` is the file's time. Raises UserError."""
    import numpy as np

    found = read_progress(path)
    rows = np.moveaxis(found.pixels, -1, 2).astype(np.float32) / 255
    return Drawn(found.step, tuple(found.dimensions), image_sheet(rows[:2], CELL), image_sheet(rows[2:], CELL))


# --- how often ----------------------------------------------------------------------------------------


class Pace:
    """How often the watchers of a page may ask, so that all of them together cost a set part of a core."""

    def __init__(self, part: float, least: float, most: float) -> None:
        self.part, self.least, self.most = part, least, most
        self.seen: dict[str, float] = {}
        self.cost = 0.02  # seconds of computing a time, as last measured

    def interval(self, session: str) -> float:
        """Seconds between two looks of this session, which is one of those that watch now."""
        now = time.monotonic()
        self.seen[session] = now
        for other, when in list(self.seen.items()):
            if now - when > 4 * self.most:
                self.seen.pop(other, None)
        asked = len(self.seen) * (self.cost + AROUND) / self.part
        return round(min(max(asked, self.least), self.most), 1)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Learn what a look costs; the first one, which imports and draws anew, counts for little."""
        began = time.thread_time()
        yield
        spent = min(time.thread_time() - began, 4 * self.cost)
        self.cost += 0.2 * (spent - self.cost)


AROUND = 0.01  # seconds of computing that Streamlit takes around each look
STATE_PACE = Pace(part=0.03, least=1.0, most=4.5)
CURVES_PACE = Pace(part=0.015, least=2.0, most=60.0)
LIST_PACE = Pace(part=0.02, least=2.0, most=10.0)
