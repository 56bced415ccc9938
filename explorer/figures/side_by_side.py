"""Models side by side: their KL by rank on one scale, and everything as one picture."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageDraw

from explorer.figures.charts import MARGIN
from explorer.figures.image_grid import font_for, grid

CELL = 56  # pixels that a cell of a strip is near to
PICTURE = 112  # and a picture above them
LINE = 18  # pixels of a line of text
PAD = 10
INK, QUIET, GROUND = "black", "#555555", "white"


def ranked_kl(names: Sequence[str], kls: Sequence[Sequence[float]], dimensions: Sequence[Sequence[str]]) -> go.Figure:
    """Bars of the KL of each dimension, sorted in each model, all on one scale.

    Args:
        names: of the models.
        kls: nats by rank, `(D,)` each, the highest first.
        dimensions: what these dimensions are called.
    """
    figure = go.Figure()
    for name, kl, called in zip(names, kls, dimensions, strict=True):
        figure.add_bar(
            x=[str(rank + 1) for rank in range(len(kl))],
            y=[float(value) for value in kl],
            name=html.escape(name),
            customdata=[html.escape(text) for text in called],
            hovertemplate="%{customdata}: %{y:.3f} nats<extra>" + html.escape(name) + "</extra>",
        )
    most = max((len(kl) for kl in kls), default=0)
    ranks = [str(rank + 1) for rank in range(most)]
    figure.update_xaxes(title="rank by KL", type="category", categoryorder="array", categoryarray=ranks)
    figure.update_yaxes(title="KL in nats", rangemode="tozero")
    figure.update_layout(
        height=300,
        margin=MARGIN,
        dragmode=False,
        barmode="group",
        bargap=0.2,
        bargroupgap=0.05,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
    )
    return figure


@dataclass(frozen=True)
class SheetColumn:
    """One model of the picture: its name, lines of text, titled pictures, and a strip for each slider.

    Pictures and the cells of strips are uint8 `(H, W, 3)`, all of one size; a text in place of a strip
    says why there is none.
    """

    title: str
    lines: Sequence[str]
    pictures: Sequence[tuple[str, np.ndarray]]
    strips: Sequence[tuple[str, np.ndarray] | str]


def comparison_sheet(columns: Sequence[SheetColumn], sliders: Sequence[str], words: str) -> Image.Image:
    """Models side by side: pictures above, and below them a row of strips for each slider.

    Args:
        sliders: what each row is called.
        words: what links the sliders, for the foot of the picture.
    """
    sizes = [_size(column) for column in columns]
    widths = [size[0] for size in sizes]
    tall, cell = max(size[1] for size in sizes), max(size[2] for size in sizes)
    texts = [
        [line for text in column.lines for line in _wrapped(text, wide)]
        for column, wide in zip(columns, widths, strict=True)
    ]
    side = 8 + max((_length(text, 13) for text in sliders), default=0) + PAD
    top = LINE * (2 + max(len(lines) for lines in texts)) + PAD
    above, strip = tall + LINE + PAD, cell + LINE + 4
    width = side + sum(widths) + PAD * len(columns)
    foot = _wrapped(words, width - 2 * PAD)
    height = top + above + strip * len(sliders) + LINE * (len(foot) + 1)
    picture = Image.new("RGB", (width, height), GROUND)
    draw = ImageDraw.Draw(picture)
    for row, text in enumerate(sliders):
        middle = top + above + row * strip + LINE + cell / 2
        draw.text((8, middle), text, fill=INK, font=font_for(text, 13), anchor="lm")
    x = side
    for column, wide, lines in zip(columns, widths, texts, strict=True):
        _write(draw, x, PAD, column.title, 15, INK, wide)
        for number, line in enumerate(lines):
            _write(draw, x, PAD + LINE * (number + 1.2), line, 12, QUIET, wide)
        at = x
        for title, image in column.pictures:
            enlarged = _enlarged(image, PICTURE)
            picture.paste(Image.fromarray(enlarged), (at, top + LINE))
            _write(draw, at, top, title, 11, QUIET, enlarged.shape[1])
            at += enlarged.shape[1] + 4
        for row, found in enumerate(column.strips):
            y = top + above + row * strip
            if isinstance(found, str):
                _write(draw, x, y, found, 12, QUIET, wide)
                continue
            label, images = found
            cells = np.stack([_enlarged(image, CELL) for image in images])[None]
            _write(draw, x, y, label, 12, QUIET, wide)
            picture.paste(Image.fromarray(grid(cells, background=255)), (x, y + LINE))
        x += wide + PAD
    for number, line in enumerate(foot):
        _write(draw, 8, height - LINE * (len(foot) - number) - 6, line, 12, QUIET, width)
    return picture


def _size(column: SheetColumn) -> tuple[int, int, int]:
    """Width of a column, height of its pictures and of the cells of its strips."""
    pictures = [_enlarged(image, PICTURE).shape for _, image in column.pictures]
    strips = [strip[1] for strip in column.strips if not isinstance(strip, str)]
    cells = [_enlarged(images[0], CELL).shape for images in strips]
    wide = max(
        4 * CELL,
        sum(shape[1] + 4 for shape in pictures),
        *(len(images) * (shape[1] + 2) for images, shape in zip(strips, cells, strict=True)),
    )
    heights = [max((shape[0] for shape in shapes), default=CELL) for shapes in (pictures, cells)]
    return wide, heights[0], heights[1]


def _enlarged(image: np.ndarray, near: int) -> np.ndarray:
    factor = max(1, round(near / max(image.shape[:2])))
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def _length(text: str, size: int) -> int:
    return int(font_for(text, size).getlength(text)) + 1


def _write(draw: ImageDraw.ImageDraw, x: float, y: float, text: str, size: int, colour: str, width: int) -> None:
    """One line of text, cut where its place ends."""
    shown = text
    while shown and _length(shown, size) > width:
        shown = shown[:-2].rstrip("…") + "…" if len(shown) > 2 else ""
    draw.text((x, y), shown, fill=colour, font=font_for(text, size))


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _length(longer, 12) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
