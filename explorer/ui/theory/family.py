"""Families of models: trained alike but for their β, so that their numbers lie on one curve.

Everything comes from the checkpoints' own evaluations: no weights are read, and torch is not needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.analysis.rate_distortion import Curve, Point, convex_curve
from explorer.checkpoints import Description, Evaluation, catalogue, describe
from explorer.checkpoints.recipe import Price, price
from explorer.datasets.names import DATASETS
from explorer.errors import UserError
from explorer.recipe.run import OF_OBJECTIVES, TrainConfig
from explorer.ui import page_cache
from explorer.words import number
from models.kinds import OBJECTIVES

if TYPE_CHECKING:
    from explorer.analysis.implied_beta import Multiplier
    from explorer.datasets import Dataset
    from models.beta_vae import BetaVAE

# What may differ within a family: the price of a nat, how it was found, and how the run was watched.
FREE = {
    "objective",
    *OF_OBJECTIVES,
    "threads",
    "device",
    "step",
    "log_every",
    "eval_every",
    "eval_images",
    "save_every",
    "download",
    "root",
}


@dataclass(frozen=True)
class Member:
    """A model of a family; `epsilon` where its β was found as a constraint's multiplier."""

    point: Point
    epsilon: float | None
    description: Description
    training: TrainConfig
    evaluation: Evaluation
    price: Price

    @property
    def chosen(self) -> str:
        """Such as "β = 4", or "ε = 15, found β = 3.8"."""
        if self.epsilon is None:
            return f"β = {self.point.beta:g}"
        found = self.price.value
        return f"ε = {self.epsilon:g}" + ("" if found is None else f", found β = {number(found)}")


@dataclass(frozen=True)
class Family:
    """Models whose rates and distortions can be compared, by rate, and the curve through the best of all."""

    members: tuple[Member, ...]
    curve: Curve

    @property
    def names(self) -> list[str]:
        """The models, the lowest rate first."""
        return [member.point.name for member in self.members]

    @property
    def points(self) -> list[Point]:
        """What the models cost."""
        return [member.point for member in self.members]

    @property
    def priced(self) -> list[Member]:
        """The models whose β was set by hand."""
        return [member for member in self.members if member.epsilon is None]

    @property
    def constrained(self) -> list[Member]:
        """The models whose ε was set, and whose β was found."""
        return [member for member in self.members if member.epsilon is not None]

    @property
    def title(self) -> str:
        """Such as "dSprites · compact · β = 1, 2, 4"."""
        first = self.members[0]
        info = DATASETS.get(first.training.data)
        chosen = [
            f"{symbol} = {', '.join(f'{value:g}' for value in sorted(set(values)))}"
            for symbol, values in (
                ("β", [member.point.beta or 0.0 for member in self.priced]),
                ("ε", [member.epsilon or 0.0 for member in self.constrained]),
            )
            if values
        ]
        data = info.title if info else first.training.data
        which = first.training.network if first.description.beta is None else first.description.name
        return " · ".join([data, which, *chosen])

    @property
    def measured_on(self) -> str:
        """How the numbers were measured, in words."""
        known = self.members[0].evaluation
        return (
            f"{known.count:,} images of {known.data} ({known.split}), one sampled z an image, seed {known.seed}, "
            "as the checkpoints say"
        )


def measured_families() -> list[Family]:
    """Every family at hand with at least two models on its curve, the largest first; then models for every β, each of
    which is a family."""
    groups: dict[str, list[Member]] = {}
    alone: list[list[Member]] = []
    for entry in catalogue():
        try:
            description = describe(entry.path)
            training = description.config.recipe
            which = price(description.config, entry.path)
        except UserError:
            continue  # the library says what is wrong with it
        known = description.config.evaluation
        if training is None or known is None:
            continue
        if description.config.curve is not None:
            alone.append(_along(description, training))
            continue
        if not training.still:
            continue
        bound = OBJECTIVES[training.objective].bound
        if which.role != "set" and not bound:
            continue
        # The curve's slope is asked of models whose β was chosen; one with a bound is priced by it.
        beta = None if bound else which.value
        point = Point(entry.name, beta, known.kl, known.reconstruction)
        alike = training.model_dump_json(exclude=FREE)
        where = f"{known.data}/{known.split}/{known.count}/{known.seed}"
        built = description.config.model.model_dump_json()
        member = Member(point, getattr(training, bound) if bound else None, description, training, known, which)
        groups.setdefault(f"{alike}{where}{built}", []).append(member)
    together = sorted((_family(members) for members in groups.values()), key=lambda f: -len(f.members) if f else 0)
    return [family for family in [*together, *map(_family, alone)] if family is not None]


def _family(members: list[Member]) -> Family | None:
    """They and their curve; None where there is no curve, as one model is none."""
    members.sort(key=lambda member: member.point.rate)
    try:
        return Family(tuple(members), convex_curve([m.point for m in members]))
    except UserError:
        return None


def _along(description: Description, training: TrainConfig) -> list[Member]:
    """A model for every β as it is at some seven of them."""
    curve, found = description.config.curve or (), []
    for point in curve[:: max(1, (len(curve) - 1) // 6)]:
        here = description.at(point.beta)
        evaluation = here.evaluation
        if evaluation is not None:
            name = f"{description.name}@{point.beta:g}"
            which = price(here.config, here.path, here.beta)
            at = Point(name, point.beta, point.rate, point.reconstruction)
            found.append(Member(at, None, here, training, evaluation, which))
    return found


def measured_multiplier(description: Description, count: int) -> Multiplier:
    """The β that a model is at rest with, on `count` of its images. Needs torch, and raises UserError."""
    network, data = page_cache.model(description), page_cache.dataset(description)
    return _multiplier(description.hash, data.identity, min(count, len(data)), network, data)


@st.cache_data(max_entries=256, show_spinner=False)
def _multiplier(content: str, identity: str, count: int, _model: BetaVAE, _data: Dataset) -> Multiplier:
    from explorer.analysis.implied_beta import read_beta

    return read_beta(_model, _data, count, page_cache.SEED)


def ties(description: Description, count: int) -> tuple[float | None, float, float | None]:
    """How dependent a model's sampled codes are: Gaussian total correlation in nats, and the largest |ρ|.

    Third, the total correlation that independent codes have by chance. Needs torch, and raises UserError; the total
    correlation is None where it is infinite.
    """
    network, data = page_cache.model(description), page_cache.dataset(description)
    return _ties(description.hash, data.identity, min(count, len(data)), network, data)


@st.cache_data(max_entries=256, show_spinner=False)
def _ties(
    content: str, identity: str, count: int, _model: BetaVAE, _data: Dataset
) -> tuple[float | None, float, float | None]:
    from explorer.analysis.evaluation import choose, encode_all
    from explorer.analysis.metrics import gaussian_total_correlation
    from explorer.analysis.score_inputs import sampled

    posterior = encode_all(_model, _data, choose(_data, count, page_cache.SEED))
    codes = sampled(posterior.mean.numpy(), posterior.log_var.numpy(), page_cache.SEED)
    found = gaussian_total_correlation(codes)
    covariance = found.parts["covariance"]
    spread = np.sqrt(np.diag(covariance))
    rho = covariance / np.outer(spread, spread) - np.eye(len(covariance))
    return found.value, float(np.abs(rho).max()), found.parts["by_chance"]
