"""Linked sliders: which dimension of each model one slider moves. Knows nothing of torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from explorer.errors import UserError

if TYPE_CHECKING:
    from explorer.analysis.matching import Matching

Way = Literal["kl", "matched", "hand"]
MOST_SLIDERS = 512


class Link(NamedTuple):
    """A dimension of a model, its direction under the slider, and its correlation with the first model's."""

    dimension: int
    sign: int = 1
    correlation: float | None = None


Slot = tuple[Link | None, ...]  # of one slider: a link for each model, or nothing


def order_by_kl(latents: int, kl: Sequence[float] | None) -> list[int]:
    """Dimensions from the highest KL to the lowest; as they are numbered where it is not known."""
    return sorted(range(latents), key=lambda d: 0.0 if kl is None else -float(kl[d]))


def by_kl(latents: Sequence[int], kls: Sequence[Sequence[float] | None]) -> list[Slot]:
    """Slider k moves the dimension of each model that has its k-th highest KL.

    Args:
        latents: how many dimensions each model has; 0 where there is no model.
        kls: nats by dimension, `(D,)` each, or None where they are not known.
    """
    orders = [order_by_kl(d, kl) for d, kl in zip(latents, kls, strict=True)]
    return [
        tuple(Link(order[k]) if k < len(order) else None for order in orders)
        for k in range(min(MOST_SLIDERS, max(latents, default=0)))
    ]


def by_matching(
    latents: Sequence[int], kls: Sequence[Sequence[float] | None], first: int, matchings: Sequence[Matching | None]
) -> list[Slot]:
    """A slider for each dimension of the first model, moving what matches it in the others the same way.

    Dimensions without a partner follow, each on a slider of its own.

    Args:
        first: the number of the model that the others are matched with.
        matchings: of the first model with each; None with itself, or where there is none.
    """
    models = len(latents)
    partners: list[dict[int, Link]] = []
    for matching in matchings:
        found = {}
        for d, e in matching.pairs if matching else ():
            rho = float(matching.correlation[d, e]) if matching else 0.0
            found[d] = Link(e, -1 if rho < 0 and not (matching and matching.same) else 1, rho)
        partners.append(found)
    slots: list[Slot] = [
        tuple(Link(d) if m == first else partners[m].get(d) for m in range(models))
        for d in order_by_kl(latents[first], kls[first])
    ]
    for model in range(models):
        taken = {link.dimension for link in partners[model].values()}
        if model != first:
            slots += [
                tuple(Link(d) if m == model else None for m in range(models))
                for d in order_by_kl(latents[model], kls[model])
                if d not in taken
            ]
    return slots[:MOST_SLIDERS]


def by_hand(latents: Sequence[int], texts: Sequence[str]) -> list[Slot]:
    """The sliders that somebody chose.

    Args:
        texts: for each model the dimensions that sliders 1, 2, ... move, with commas between them; a minus
            turns the direction, and nothing between two commas moves nothing: "3,-0,,2".

    Raises:
        UserError: a dimension that a model does not have or that comes twice, or another number of texts.
    """
    if len(texts) != len(latents):
        raise UserError(f"hand has {len(texts)} lists, and there are {len(latents)} models")
    columns = [_read(text, d, m) for m, (text, d) in enumerate(zip(texts, latents, strict=True))]
    most = max(latents, default=0)
    length = min(MOST_SLIDERS, max([most, *(len(column) for column in columns)]))
    return [tuple(column[k] if k < len(column) else None for column in columns) for k in range(length)]


def _read(text: str, latents: int, model: int) -> list[Link | None]:
    links: list[Link | None] = []
    for part in text.split(",") if text.strip() else []:
        digits = part.strip().removeprefix("-")
        if not digits:
            links.append(None)
            continue
        if not (digits.isascii() and digits.isdigit() and len(digits) < 5) or int(digits) >= latents:
            raise UserError(
                f"hand, model {model + 1}: {part.strip()[:20]!r} is none of its {latents} dimensions, "
                f"which are 0 to {latents - 1}"
            )
        links.append(Link(int(digits), -1 if part.strip().startswith("-") else 1))
    chosen = [link.dimension for link in links if link]
    if len(set(chosen)) < len(chosen):
        raise UserError(f"hand, model {model + 1}: a dimension comes twice in {text[:60]!r}")
    return links


def written(slots: Sequence[Slot], model: int) -> str:
    """What `by_hand` reads back as this model's links."""
    links = (slot[model] for slot in slots)
    parts = ["" if link is None else f"{'-' if link.sign < 0 else ''}{link.dimension}" for link in links]
    return ",".join(parts).rstrip(",")


def placed(start: Sequence[float], slots: Sequence[Slot], model: int, offsets: Sequence[float]) -> list[float]:
    """The latents `(D,)` of a model whose linked dimensions are `offsets` `(K,)` away from its start."""
    z = [float(value) for value in start]
    for slot, offset in zip(slots, offsets, strict=False):
        link = slot[model]
        if link is not None:
            z[link.dimension] = round(z[link.dimension] + link.sign * float(offset), 4) + 0.0
    return z


def sample(slots: Sequence[Slot], draws: Sequence[Sequence[float]], first: int) -> list[list[float]]:
    """A draw from the prior that linked dimensions share.

    Each model has its own draw `(D,)`; a dimension that is linked with one of the first model takes that
    one's value, in its direction.
    """
    starts = [list(draw) for draw in draws]
    for slot in slots:
        own = slot[first]
        for model, link in enumerate(slot):
            if own is not None and link is not None and model != first:
                value = draws[first][own.dimension] * own.sign * link.sign
                starts[model][link.dimension] = value
    return starts
