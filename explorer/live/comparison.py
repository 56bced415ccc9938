"""What the comparison in the browser is given: models side by side, and how sliders link them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.linking import Slot, Way, by_hand, by_kl, by_matching, placed
from explorer.checkpoints import Checkpoint, Description
from explorer.checkpoints.config import ACTIVE_VARIANCE, CheckpointConfig
from explorer.checkpoints.labels import Labels, read_labels
from explorer.checkpoints.recipe import told_apart
from explorer.errors import UserError
from explorer.figures.image_grid import address
from explorer.figures.renderings import render
from explorer.live.payload import dimensions, rounded, samples_data
from explorer.live.wire import ComparisonData, SlotData

if TYPE_CHECKING:
    from explorer.analysis.evaluation import EvaluationResult
    from explorer.analysis.inspection import Inspection
    from explorer.analysis.matching import Matching
    from explorer.datasets import Dataset

MOST_MODELS = 6
MOST_MATCHED = 2000  # images whose means are compared: more change no rank correlation by much
SPAN = 3.0  # sliders reach so far to both sides, unless told otherwise
OFFSET = (
    "A slider's value is added to each model's own start, in the direction shown, in standard deviations "
    "of the prior: at 0 every model is at its start."
)
ABOUT_KL = "Slider k moves the dimension with the k-th highest KL in each model."
ABOUT_HAND = "Each slider moves the dimensions that you choose under it."


@dataclass(frozen=True)
class Side:
    """One model of a comparison, and what is known of it.

    Attributes:
        name: what the person calls it. problem: why there is no model; then the rest is empty.
        start: latents `(D,)` that the sliders' values are added to; words: what start that is.
        inspection: the image that it starts from, through the model; None where there is none.
        kl, active: by dimension `(D,)`, None where they are not known; about_kl: where they come from.
        complaints: sentences on what could not be had.
    """

    name: str
    problem: str = ""
    config: CheckpointConfig | None = None
    hash: str = ""
    content: str = ""  # of a model for every β the same at each
    beta: float | None = None
    labels: Labels = field(default_factory=Labels)
    start: Sequence[float] = ()
    words: str = ""
    inspection: Inspection | None = None
    kl: Sequence[float] | None = None
    active: Sequence[bool] | None = None
    about_kl: str = ""
    complaints: Sequence[str] = ()

    @property
    def latents(self) -> int:
        """How many dimensions there are; 0 where there is no model."""
        return 0 if self.config is None else self.config.latents

    @property
    def notes(self) -> list[str]:
        """What is said of its start."""
        if self.config is None:
            return []
        found = self.inspection
        if found is None:
            costs = "no input image"
        else:
            costs = (
                f"KL {found.kl[0].sum():.2f} nats, −log p(x|z) {found.nll[0]:.2f} nats, squared error "
                f"{found.squared_error[0]:.4f} a pixel, decoded from the posterior mean"
            )
        return [f"{self.words[:1].upper()}{self.words[1:]}: {costs}.", *self.complaints]


def side_of(name: str, model: Description | Checkpoint, measured: EvaluationResult | str) -> Side:
    """A model at the prior mean.

    Args:
        measured: what it costs, or why that is not known; then the KL is the one in the checkpoint.
    """
    side = Side(
        name,
        config=model.config,
        hash=model.hash,
        content=model.content,
        beta=model.beta,
        labels=read_labels(model.path),
        start=[0.0] * model.config.latents,
        words="prior mean",
    )
    known = model.evaluation
    if not isinstance(measured, str):
        return replace(
            side,
            kl=[float(value) for value in measured.kl_per_dimension],
            active=[bool(value > ACTIVE_VARIANCE) for value in measured.activity],
            about_kl=f"mean over {measured.count:,} images, seed {measured.seed}",
        )
    if known is None:
        return side
    activity = known.activity
    return replace(
        side,
        kl=list(known.kl_per_dimension),
        active=None if activity is None else [value > ACTIVE_VARIANCE for value in activity],
        about_kl=f"as the checkpoint says: mean over {known.count:,} images of {known.data} ({known.split})",
    )


def at_image(side: Side, data: Dataset, title: str, image: int, inspect: Callable[[int], Inspection]) -> Side:
    """The model at the posterior mean of an image; of image 0, with a complaint, where that is not there.

    Args:
        title: of the data set. inspect: gives an image through the model.
    """
    complaints = []
    if image >= len(data):
        complaints = [f"{title} has images 0 to {len(data) - 1:,}, not {image:,}."]
        image = 0
    try:
        found = inspect(image)
    except UserError as error:
        return replace(side, complaints=[f"The image can't be encoded: {error}."])
    return replace(
        side,
        start=[float(value) for value in found.mean[0]],
        words=f"image {image:,} of {title}",
        inspection=found,
        complaints=complaints,
    )


@dataclass(frozen=True)
class Links:
    """How sliders may be linked.

    Attributes:
        slots: for each way its sliders, or None where it can't be had; by hand, None before anybody chose.
        about: what each way does; why: sentences on what can't be matched, by way.
    """

    slots: Mapping[Way, list[Slot] | None]
    about: Mapping[str, str]
    why: Mapping[str, str]


def comparison_payload(
    sides: Sequence[Side], links: Links, way: Way, offsets: Sequence[float], span: float, slider: int = 0,
    more: Sequence[Mapping[str, Any]] = (), **others: Any,
) -> dict[str, Any]:  # fmt: skip
    """The data of `Comparison` in front/comparison.ts: `ComparisonData` as JSON.

    Args:
        way: how sliders are linked; it must be one that can be had.
        offsets: where the sliders stand, one a slider; missing ones are 0.
        slider: the one whose traversal is shown.
        more: for each model what depends on who shows it: `ready`, `waiting`, `picture`.
        others: `seq`, for example.
    """
    slots = links.slots[way]
    assert slots is not None
    z = [*offsets, *[0.0] * len(slots)][: len(slots)]
    known = [(side.config, side.beta) for side in sides if side.config is not None]
    labels = iter(told_apart(known) if len(known) == len(sides) else [""] * len(sides))
    models = [_model(side, slots, number, z) | {"label": next(labels)} for number, side in enumerate(sides)]
    for model, given in zip(models, more, strict=False):
        model.update(given)
    own = {
        "models": models,
        "key": "|".join(side.hash or side.problem for side in sides),
        "link": way,
        "links": {name: None if s is None else [_slot(slot) for slot in s] for name, s in links.slots.items()},
        "about": {"value": OFFSET, **links.about},
        "why": dict(links.why),
        "z": rounded(z),
        "span": span,
        "slider": min(slider, max(len(slots) - 1, 0)),
    }
    return ComparisonData.model_validate(own | others).model_dump(mode="json")


def _model(side: Side, slots: list[Slot], number: int, offsets: Sequence[float]) -> dict[str, Any]:
    found = side.inspection
    pictures = (None, None, None)
    if found is not None:
        pictures = (found.images[0], found.reconstructions[0], found.errors[0])
    return {
        "name": side.name,
        "problem": side.problem,
        "hash": side.content,
        "shape": None if side.config is None else side.config.shape,
        "kind": samples_data(side.config.samples) if side.config else None,
        "latents": side.latents,
        "dims": dimensions(side.latents, side.kl, side.active),
        "names": {str(d): name for d, name in side.labels.names.items()},
        "start": rounded(side.start),
        "z": rounded(placed(rounded(side.start), slots, number, offsets)),
        "notes": side.notes,
        **{
            name: None if image is None or side.config is None else address(render(image, side.config.samples))
            for name, image in zip(("input", "reconstruction", "error"), pictures, strict=True)
        },
        "ready": side.config is not None,
        "doubtful": side.config is not None and bool(side.config.doubts),
        "beta": side.beta,
    }


def _slot(slot: Slot) -> SlotData:
    return [
        None
        if link is None
        else (link.dimension, link.sign, None if link.correlation is None else round(link.correlation, 4))
        for link in slot
    ]


def first_of(sides: Sequence[Side]) -> int:
    """The number of the model that others are matched with: the first that is there; 0 where none is."""
    return next((number for number, side in enumerate(sides) if side.config is not None), 0)


Means = tuple[str, np.ndarray]  # which images, and the means `(n, D)` of their posteriors


def linked(
    sides: Sequence[Side], means: Sequence[Means | str], words: str, hand: Sequence[str]
) -> tuple[Links, list[Matching | None]]:
    """The ways to link these models, and how the first one matches each of them.

    Args:
        means: of each model, or why there are none.
        words: what was encoded for them, such as "1,000 images drawn with seed 0".
        hand: what the person chose (see `linking.by_hand`); nothing before that.

    Raises:
        UserError: `hand` does not fit these models.
    """
    from explorer.analysis.matching import match

    first = first_of(sides)
    latents, kls = [side.latents for side in sides], [side.kl for side in sides]
    matchings: list[Matching | None] = []
    lost = []
    reference = means[first]
    for number, (side, own) in enumerate(zip(sides, means, strict=True)):
        reason = ""
        if number != first and side.config is not None:
            if isinstance(reference, str):
                reason = reference
            elif isinstance(own, str):
                reason = own
            elif own[0] != reference[0]:
                reason = f"it encodes other images than {sides[first].name}"
        matched = number != first and side.config is not None and not reason
        same = side.beta is not None and side.content == sides[first].content
        matchings.append(match(reference[1], own[1], same) if matched else None)  # type: ignore[arg-type]
        if reason:
            lost.append(f"{side.name} is not matched: {reason}.")
    possible = any(matching is not None for matching in matchings)
    about = (
        f"Each slider moves a dimension of {sides[first].name} and what matches it in the others: the "
        f"assignment with the largest sum of |ρ|, Spearman's correlation of the means on the same {words}. "
        "Where ρ is negative, the dimension moves the other way."
    )
    slots: dict[Way, list[Slot] | None] = {
        "kl": by_kl(latents, kls),
        "matched": by_matching(latents, kls, first, matchings) if possible else None,
        "hand": by_hand(latents, hand) if hand else None,
    }
    unknown = [side.name for side in sides if side.config is not None and side.kl is None]
    ranked = ABOUT_KL if not unknown else f"{ABOUT_KL} The KL of {', '.join(unknown)} is not known."
    return (Links(slots, {"kl": ranked, "matched": about, "hand": ABOUT_HAND}, {"matched": " ".join(lost)}), matchings)
