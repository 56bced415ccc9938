"""The numbers of models side by side, and which is best where one can be. Used by page and command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from explorer.checkpoints import Checkpoint, Description, recipe
from explorer.errors import UserError
from explorer.words import number
from models.kinds import LIKELIHOODS

if TYPE_CHECKING:
    from explorer.analysis.evaluation import EvaluationResult

BEST = {"reconstruction": min, "elbo": max}  # of two models the better one, and nothing speaks against it
# What is to be said of a β that was not simply chosen, and of none.
BETA = {"set": "", "found": "β found by the constraint", "part": "β weighs one term alone"}
WITHOUT = {"none": "no β of its own", "unknown": "β unknown", "found": "β was found, and no log tells it"}
LEAD = "nats an image, sampled latents"


@dataclass(frozen=True)
class Numbers:
    """What a model costs on its images, nats an image; None where it can't be known, and `reason` says why.

    Attributes:
        peers: models of equal peers can be compared: same images, same shape, same kind of likelihood.
        beta: None where the objective has none, or it isn't known; beta_role: how it is known, as `recipe.price` has
            it; beta_norm: β·D/(C·H·W) (Higgins et al. 2017, section 4.2), None where β doesn't weigh the whole KL.
        elbo: −reconstruction − kl, a lower bound of log p(x) whatever β was.
    """

    name: str
    reason: str = ""
    peers: tuple[object, ...] | None = None
    images: str = ""
    objective: str = ""
    beta: float | None = None
    beta_role: str = "unknown"
    beta_norm: float | None = None
    reconstruction: float | None = None
    kl: float | None = None
    elbo: float | None = None
    active_units: int | None = None
    latents: int | None = None
    count: int | None = None
    seed: int | None = None


def table_values(
    name: str,
    description: Description | Checkpoint | None,
    source: recipe.Source | None,
    measured: EvaluationResult | str,
) -> Numbers:
    """The numbers of a model on the images of `source`; a text in place of `measured` says why there are none."""
    if description is None:
        return Numbers(name, str(measured))
    config = description.config
    try:
        which, objective = recipe.price(config, description.path, description.beta), recipe.objective(config)
    except UserError as error:
        which = recipe.Price("unknown", None, None, str(error))
        objective = "objective unknown"
    about = Numbers(
        name,
        objective=objective,
        beta=which.value,
        beta_role=which.role,
        beta_norm=which.normalised,
        latents=config.latents,
        images="" if source is None else f"{source.title}, {config.shape[1]} × {config.shape[2]}",
    )
    if isinstance(measured, str) or source is None:
        return Numbers(**{**vars(about), "reason": str(measured)})
    kind = LIKELIHOODS[config.likelihood].family
    where = (source.name, source.root, source.split, config.shape, kind)
    return Numbers(
        **{
            **vars(about),
            "peers": where,
            "reconstruction": measured.reconstruction,
            "kl": measured.kl,
            "elbo": -measured.reconstruction - measured.kl,
            "active_units": measured.active_units,
            "count": measured.count,
            "seed": measured.seed,
        }
    )


def best(rows: Sequence[Numbers]) -> dict[str, set[int]]:
    """The rows that are best in a column, by column: among peers only, and where there are at least two."""
    found: dict[str, set[int]] = {column: set() for column in BEST}
    groups: dict[tuple[object, ...], list[int]] = {}
    for place, row in enumerate(rows):
        if row.peers is not None:
            groups.setdefault(row.peers, []).append(place)
    for column, better in BEST.items():
        for group in groups.values():
            values = {place: float(getattr(rows[place], column)) for place in group}
            if len(set(values.values())) > 1:
                top = better(values.values())
                found[column] |= {place for place, value in values.items() if value == top}
    return found


def notes(rows: Sequence[Numbers]) -> list[str]:
    """What of each row is not known or can't be compared, in a few words; empty where nothing is."""
    said = []
    for row in rows:
        found = []
        if row.reason:
            found.append(f"no numbers: {row.reason}")
        elif sum(row.peers == other.peers for other in rows) < 2:
            found.append("not compared: no other model here has these images, this shape and kind of likelihood")
        if row.latents is not None:
            found.append(BETA[row.beta_role] if row.beta is not None else WITHOUT[row.beta_role])
        said.append("; ".join(filter(None, found)))
    return said


def in_a_sentence(row: Numbers) -> str:
    """What is known of a model, for the foot of a page."""
    beta = "" if row.beta is None else f", β = {number(row.beta)}"
    if row.kl is None or row.reconstruction is None or row.elbo is None:
        return f"{row.objective or 'no model'}{beta}; no numbers: {row.reason}"
    return (
        f"{row.objective}{beta}; {row.images}; reconstruction {row.reconstruction:.2f}, KL {row.kl:.2f}, "
        f"ELBO {row.elbo:.2f} nats an image; {row.active_units} of {row.latents} dimensions active "
        f"({row.count:,} images, seed {row.seed})"
    )
