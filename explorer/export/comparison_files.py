"""Several models side by side as one picture, and as one web page that works from a disk with no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.linking import Way, placed
from explorer.checkpoints.doubts import sentence_of
from explorer.errors import UserError
from explorer.figures.image_grid import png
from explorer.figures.renderings import render
from explorer.figures.side_by_side import SheetColumn, comparison_sheet
from explorer.live.comparison import OFFSET, Links, Side, comparison_payload

if TYPE_CHECKING:
    from models.beta_vae import BetaVAE

STEPS = 9  # pictures in a strip
MOST_ROWS = 10  # sliders in the picture


def comparison_html(
    sides: Sequence[Side],
    links: Links,
    way: Way,
    offsets: Sequence[float],
    span: float,
    decoders: Mapping[int, bytes],
    words: Sequence[str],
) -> bytes:
    """The page as the bytes of an HTML file: the linked sliders, and every model that is there.

    Args:
        decoders: by the number of the model, its decoder as ONNX.
        words: for each model, what the page tells about it.

    Raises:
        UserError: no model is there, or the browser's scripts are not in static/.
    """
    from explorer.export.html import page

    if not decoders:
        raise UserError("there is no model to put into the page")
    more: list[dict[str, Any]] = [
        {"ready": number in decoders, "waiting": "" if number in decoders else "this model could not be exported"}
        for number in range(len(sides))
    ]
    data = comparison_payload(sides, links, way, offsets, span, more=more)
    names = [side.name for side in sides]
    summary = f"{len(names)} Beta-VAEs under the same sliders; the pictures are computed in this page."
    facts = dict(zip(names, words, strict=True))
    doubts = [
        f"{side.name} is {sentence_of(side.config)}" for side in sides if side.config is not None and side.config.doubts
    ]
    return page(
        " · ".join(names),
        summary,
        facts,
        "",
        data,
        {f"decoder{number}": decoder for number, decoder in decoders.items()},
        doubts,
    )


def comparison_png(
    sides: Sequence[Side], links: Links, way: Way, offsets: Sequence[float], span: float, models: Mapping[int, BetaVAE]
) -> bytes:
    """One picture: what each model makes of the image, and the same traversals in rows.

    The rows move one slider in STEPS even steps over its span, from where the sliders stand.

    Args:
        models: by number; a model that is not there has its sentence in its column.
    """
    from explorer.analysis.inspection import decode
    from explorer.analysis.traversal import traverse

    slots = links.slots[way] or []
    z = [*offsets, *[0.0] * len(slots)][: len(slots)]
    rows = list(range(min(MOST_ROWS, len(slots))))
    columns = []
    for number, side in enumerate(sides):
        model = models.get(number)
        if model is None or side.config is None:
            reason = side.problem or "no model"
            columns.append(SheetColumn(side.name, [reason], [], ["" for _ in rows]))
            continue
        here = placed(side.start, slots, number, z)
        samples = side.config.samples
        pictures = [("At the sliders", render(decode(model, here), samples))]
        if side.inspection is not None:
            found = side.inspection
            pictures = [
                ("Input", render(found.images[0], samples)),
                ("Reconstruction", render(found.reconstructions[0], samples)),
                ("Error", render(found.errors[0], samples)),
                *pictures,
            ]
        strips: list[tuple[str, np.ndarray] | str] = []
        for row in rows:
            link = slots[row][number]
            if link is None:
                strips.append("nothing linked")
                continue
            d = link.dimension
            ends = np.array(side.start, dtype=float), np.array(side.start, dtype=float)
            ends[0][d] -= link.sign * span
            ends[1][d] += link.sign * span
            images = traverse(model, np.array(here), [d], *ends, STEPS)[0]
            strips.append((_label(side, d, link.sign), render(images, samples)))
        name = f"{side.name} (doubtful)" if side.config.doubts else side.name
        columns.append(SheetColumn(name, side.notes, pictures, strips))
    more = "" if len(rows) == len(slots) else f" The first {len(rows)} of {len(slots)} sliders."
    words = f"{links.about[way]} {OFFSET} Each row goes from −{span:g} to {span:g}.{more}"
    return png(comparison_sheet(columns, [f"{row + 1}" for row in rows], words))


def _label(side: Side, dimension: int, sign: int) -> str:
    kl = "" if side.kl is None else f", {side.kl[dimension]:.2f} nats"
    return f"{'−' if sign < 0 else ''}{side.labels.call(dimension)}{kl}"
