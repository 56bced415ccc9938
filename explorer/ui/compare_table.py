"""The numbers of models side by side, and which is best where one can be. Used by page and command line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from explorer.checkpoints import CheckpointConfig
from explorer.errors import UserError
from explorer.ui import recipe
from explorer.ui.text import number

if TYPE_CHECKING:
    from explorer.analysis.evaluation import EvaluationResult

BEST = {
    "reconstruction": min,
    "elbo": max,
}  # of two models the better one, and nothing speaks against it
LEAD = "nats an image, sampled latents"


@dataclass(frozen=True)
class Numbers:
    """What a model costs on its images, nats an image; None where it can't be known, and `reason` says why.

    Attributes:
        peers: models of equal peers can be compared: same images, same shape, same kind of likelihood.
        beta: None where the objective has none; beta_norm: β·D/(C·H·W) (Higgins et al. 2017, section 4.2),
            None where β doesn't weigh the whole KL, as in tc.
        elbo: −reconstruction − kl, a lower bound of log p(x) whatever β was.
    """

    name: str
    reason: str = ""
    peers: tuple[object, ...] | None = None
    images: str = ""
    objective: str = ""
    beta: float | None = None
    beta_norm: float | None = None
    reconstruction: float | None = None
    kl: float | None = None
    elbo: float | None = None
    active_units: int | None = None
    latents: int | None = None
    count: int | None = None
    seed: int | None = None


def numbers(
    name: str,
    config: CheckpointConfig | None,
    source: recipe.Source | None,
    measured: EvaluationResult | str,
) -> Numbers:
    """The numbers of a model on the images of `source`; a text in place of `measured` says why there are none."""
    if config is None:
        return Numbers(name, str(measured))
    beta = beta_norm = None
    try:
        training = recipe.training_of(config)
        objective = recipe.objective(config)
        if training is not None and training.objective in ("beta", "tc"):
            beta = training.beta
            if training.objective == "beta":
                beta_norm = beta * config.latents / math.prod(config.shape)
    except UserError:
        objective = "objective unknown"
    about = Numbers(
        name,
        objective=objective,
        beta=beta,
        beta_norm=beta_norm,
        latents=config.latents,
        images="" if source is None else f"{source.title}, {config.shape[1]} × {config.shape[2]}",
    )
    if isinstance(measured, str) or source is None:
        return Numbers(**{**vars(about), "reason": str(measured)})
    kind = "bernoulli" if config.likelihood == "bernoulli" else "gaussian"
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
            found.append(
                "not compared: no other model here has these images, this shape and kind of likelihood"
            )
        if row.latents is not None and row.beta is None:
            found.append("no β of its own")
        said.append("; ".join(found))
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
