"""What the page Measure shows of models: scores and codes that are kept, and the job that makes more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer import access
from explorer.analysis.jobs import JobFile
from explorer.analysis.scores import SCORES
from explorer.checkpoints import Description
from explorer.checkpoints.recipe import source_of
from explorer.errors import UserError
from explorer.ui import page_cache
from explorer.ui.measure.state import MeasureState

if TYPE_CHECKING:
    from explorer.analysis.measurement import Encoded, Plan
    from explorer.analysis.metrics import MetricResult
    from explorer.datasets import Dataset

NEIGHBOURS = 8


@dataclass(frozen=True)
class MeasureView:
    """The models that are measured, on the images of the first one, with these settings."""

    names: tuple[str, ...]
    descriptions: tuple[Description, ...]
    data: Dataset
    state: MeasureState

    @property
    def plan(self) -> Plan:
        """All scores that can be had, with the settings of the page."""
        from explorer.analysis.measurement import Plan, can_be_measured

        names = [name for name in SCORES if can_be_measured(name, self.data, len(self.names)) is None]
        return Plan(tuple(names), self.state.preset, self.state.seed, self.state.representation, self.state.repeats)

    @property
    def absent(self) -> dict[str, str]:
        """The scores that can't be had, each with what is missing."""
        from explorer.analysis.measurement import can_be_measured

        found = {name: can_be_measured(name, self.data, len(self.names)) for name in SCORES}
        return {name: reason for name, reason in found.items() if reason is not None}

    @property
    def points(self) -> int:
        """How many images the scatter shows."""
        return min(self.state.points, len(self.data))

    def results(self) -> dict[str, dict[str, MetricResult]]:
        """What is measured by now, by model; "" holds the scores of all together."""
        from explorer.analysis.measurement import stored_scores

        return stored_scores(
            [(n, d.hash) for n, d in zip(self.names, self.descriptions, strict=True)], self.data, self.plan
        )

    def codes(self, number: int) -> Encoded | None:
        """The posterior of as many images as the scatter shows, or of as many as are there."""
        return _codes(
            self.descriptions[number].hash,
            self.data.identity,
            self.points,
            self.state.seed,
            self.job_stamp(number),
            self.data,
        )

    def job_stamp(self, number: int) -> tuple[int, int]:
        """Changes when the codes on the disk do."""
        from explorer.analysis import score_cache

        name = score_cache.key(
            "codes", self.descriptions[number].hash, self.data.identity, len(self.data), self.state.seed
        )
        try:
            status = (score_cache.CACHE.folder / f"{name}.npz").stat()
        except OSError:
            return (0, 0)
        return (status.st_mtime_ns, status.st_size)

    def pending(self, results: dict[str, dict[str, MetricResult]]) -> int:
        """How many scores are still to be computed."""
        wanted = sum(1 for name in self.plan.names if SCORES[name].needs != "models" for _ in self.names) + (
            "udr" in self.plan.names
        )
        return wanted - sum(len(of) for of in results.values())

    def uncoded(self) -> int:
        """How many images are still to be encoded for the scatter."""
        lacking = 0
        for number in range(len(self.names)):
            found = self.codes(number)
            lacking += self.points - (0 if found is None else len(found.means))
        return lacking

    @property
    def job(self) -> JobFile:
        """The job that computes what is pending: the same one for whoever asks for the same."""
        from explorer.analysis import score_cache

        name = score_cache.key(
            "job", [d.hash for d in self.descriptions], self.data.identity, repr(self.plan), self.points
        )
        return JobFile(score_cache.CACHE.folder / "jobs" / f"{name}.json")

    def start(self) -> None:
        """Start the job. Raises UserError where it can't be."""
        source = source_of(self.descriptions[0].config)
        plan = self.plan
        arguments = [
            "--metrics", ",".join(plan.names), "--data", source.name, "--split", source.split,
            "--preset", plan.preset, "--seed", str(plan.seed), "--repeats", str(plan.repeats),
            "--representation", plan.representation, "--points", str(self.points), "--device", "cpu",
        ]  # fmt: skip
        if source.root is not None and access.check_folder(source.root).exists():
            arguments += ["--root", source.root]
        self.job.start(arguments, [str(d.path) for d in self.descriptions])


def selection(names: Sequence[str], descriptions: Sequence[Description], state: MeasureState) -> MeasureView:
    """Models on the images of the first one.

    Raises:
        UserError: the images are not at hand, or a model takes others.
    """
    data = page_cache.dataset(descriptions[0])
    for name, description in zip(names, descriptions, strict=True):
        if description.config.shape != data.shape:
            raise UserError(
                f"{name} takes images of shape {description.config.shape}, {names[0]} of shape "
                f"{data.shape}: models are measured on the same images"
            )
    return MeasureView(tuple(names), tuple(descriptions), data, state)


@st.cache_resource(max_entries=8, show_spinner=False)
def _codes(
    content: str, identity: str, count: int, seed: int, stamp: tuple[int, int], _data: Dataset
) -> Encoded | None:
    from explorer.analysis.measurement import stored_codes

    return stored_codes(content, _data, count, seed)


def nearest(codes: np.ndarray, point: int) -> list[int]:
    """The points nearest to one, by Euclidean distance over all latents; itself left out."""
    far = ((codes - codes[point]) ** 2).sum(axis=1)
    order = np.argsort(far, kind="stable")
    return [int(i) for i in order if i != point][:NEIGHBOURS]


def answer(codes: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """The share (D,) of each latent's variance that lies between the values of a factor."""
    between = np.zeros(codes.shape[1])
    for value in np.unique(factor):
        members = codes[factor == value]
        between += len(members) * (members.mean(axis=0) - codes.mean(axis=0)) ** 2
    total = codes.var(axis=0) * len(codes)
    return np.asarray(between / np.where(total > 0, total, 1.0))


def factor_words(names: Sequence[str], classes: np.ndarray) -> str:
    """Such as "shape 1, scale 4" for one image's factors `(K,)`."""
    return ", ".join(f"{name} {int(value)}" for name, value in zip(names, classes, strict=True))
