"""The models of the page Compare: what each is and makes of the images, or a sentence on why not.

Nothing here fails as a whole: what one model lacks is said of that model, and the others go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis.linking import Slot, Way, sample
from explorer.checkpoints import Description, Entry
from explorer.checkpoints.recipe import Source, source_of
from explorer.errors import UserError
from explorer.live.comparison import MOST_MATCHED, Links, Means, Side, at_image, first_of, linked, side_of
from explorer.ui import first_model, page_cache
from explorer.ui.compare.state import CompareState
from explorer.ui.summaries import stored_summary

if TYPE_CHECKING:
    from explorer.analysis.evaluation import EvaluationResult
    from explorer.analysis.matching import Matching
    from explorer.datasets import Dataset


@dataclass(frozen=True)
class Model:
    """A model that was asked for.

    Attributes:
        description: what it says of itself; None where there is none, and `problem` says why.
        source, data: its images; None where they can't be had, and `absent` says why.
    """

    name: str
    description: Description | None = None
    problem: str = ""
    source: Source | None = None
    data: Dataset | None = None
    absent: str = ""


@dataclass(frozen=True)
class View:
    """All that the page shows of its models.

    Attributes:
        evaluations: of each model on `state.count` images, or why there is none.
        complaint: what of the state could not be used.
    """

    models: Sequence[Model]
    sides: Sequence[Side]
    evaluations: Sequence[EvaluationResult | str]
    links: Links
    matchings: Sequence[Matching | None]
    way: Way
    complaint: str = ""

    @property
    def slots(self) -> list[Slot]:
        """The sliders, as they are linked now."""
        return self.links.slots[self.way] or []

    @property
    def first(self) -> int:
        """The model that the others are matched with."""
        return first_of(self.sides)


def sources(models: Sequence[Entry | str]) -> dict[str, Source]:
    """The data sets of these models by their titles."""
    found: dict[str, Source] = {}
    for entry in models:
        if isinstance(entry, Entry):
            try:
                source = source_of(first_model.described(entry).config)
            except UserError:
                continue
            title, place = source.title, (source.name, source.root, source.split)
            known = found.get(title)
            if known is not None and place != (known.name, known.root, known.split):
                title = f"{title}, {source.root}"  # another folder
            found.setdefault(title, source)
    return found


def opened(entry: Entry | str, given: Source | None) -> Model:
    """A model and its images, or those of `given`; a text is the name of a model that is not there."""
    if isinstance(entry, str):
        return Model(entry, problem=f"there is no model {entry[:80]!r} here")
    try:
        description = first_model.described(entry)
        page_cache.model(description)  # damaged weights are told of now, though the browser decodes
    except UserError as error:
        return Model(entry.name, problem=str(error))
    try:
        source = given or source_of(description.config)
        if given is not None:
            channels, height, width = description.config.shape
            size = height if height == width else None
            source = replace(given, size=size, channels=channels)
        return Model(entry.name, description, source=source, data=page_cache.dataset(description, source=source))
    except UserError as error:
        return Model(entry.name, description, absent=str(error))


def view(models: Sequence[Model], state: CompareState) -> View:
    """What the page shows of models in this state."""
    evaluations = [_evaluation(model, state) for model in models]
    sides = [_side(m, e, state) for m, e in zip(models, evaluations, strict=True)]
    means = [_means(model, state) for model in models]
    words = f"{min(state.count, MOST_MATCHED):,} images drawn with seed {state.seed}"
    complaint, hand = "", state.hand
    try:
        links, matchings = linked(sides, means, words, hand)
    except UserError as error:
        complaint, hand = str(error), ()
        links, matchings = linked(sides, means, words, hand)
    way = state.link or ("matched" if _all_matched(sides, matchings) else "kl")
    if links.slots[way] is None:
        complaint = complaint or links.why.get(way) or f"nothing is linked by {way} here"
        way = "kl"
    if state.start == "sample":
        slots = links.slots[way] or []
        starts = sample(slots, [side.start for side in sides], first_of(sides))
        sides = [replace(side, start=s) for side, s in zip(sides, starts, strict=True)]
    return View(models, sides, evaluations, links, matchings, way, complaint)


def _all_matched(sides: Sequence[Side], matchings: Sequence[Matching | None]) -> bool:
    """Whether every model that is there but the first is matched with it."""
    there = [matching for side, matching in zip(sides, matchings, strict=True) if side.config is not None]
    return len(there) > 1 and sum(matching is None for matching in there) == 1


def _evaluation(model: Model, state: CompareState) -> EvaluationResult | str:
    if model.description is None or model.data is None:
        return model.problem or model.absent
    found = stored_summary(model.description, model.data, state.count, state.seed)
    if found is not None:  # the curves below measured it, maybe before the app was last started
        return found.evaluation
    try:
        return page_cache.evaluated(model.description, state.count, state.seed, model.data)
    except UserError as error:
        return str(error)


def _means(model: Model, state: CompareState) -> Means | str:
    if model.description is None or model.data is None or model.source is None:
        return model.problem or model.absent
    source = model.source
    images = f"{source.name}, {source.root}, {source.split}, {len(model.data)}"
    try:
        count = min(state.count, MOST_MATCHED)
        means = page_cache.means(model.description, count, state.seed, model.data)
    except UserError as error:
        return str(error)
    return images, np.asarray(means)


def _side(model: Model, evaluation: EvaluationResult | str, state: CompareState) -> Side:
    about = model.description
    if about is None:
        return Side(model.name, problem=model.problem)
    side = side_of(model.name, about, evaluation)
    if state.start == "sample":
        draw = page_cache.starting_point(about, "sample", state.sample, 0)
        return replace(side, start=draw.z, words=draw.words)
    if state.start == "mean":
        return side
    data = model.data
    if data is None or model.source is None:
        return replace(side, complaints=["Its images are not at hand: see below."])
    return at_image(
        side, data, model.source.title, state.image, lambda image: page_cache.inspected(about, [image], data)
    )
