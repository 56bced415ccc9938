"""Traversals as files: a PNG grid, a GIF and an MP4 film, rows sorted by KL and labelled with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from explorer.analysis.inspection import decode
from explorer.analysis.linking import order_by_kl
from explorer.analysis.ranges import value_range
from explorer.analysis.traversal import at_once, hold_small, traverse
from explorer.checkpoints.doubts import sentence_of
from explorer.checkpoints.labels import Labels, read_labels
from explorer.errors import UserError
from explorer.export.formats import ExportRequest
from explorer.figures.image_grid import drawn, font_for, gif, labelled_grid, png
from explorer.figures.renderings import cell_size, render
from explorer.recipe.samples import Samples
from models.beta_vae import BetaVAE

FRAMES_A_SECOND = 20


@dataclass(frozen=True)
class TraversalSheet:
    """A traversal ready to be drawn: uint8 `(D, steps, H, W, 3)`, and one label a row."""

    rows: np.ndarray
    labels: list[str]

    def film(self, scale: int = 1) -> Iterator[Image.Image]:
        """One picture a step, a tile a dimension, from the low end of the range to the high one and back.

        Each is drawn when it is asked for: all of them are several times as large as the rows.
        """
        columns = _columns(len(self.labels))
        for step in (*range(self.steps), *range(self.steps - 2, 0, -1)):
            yield tiles(self.rows[:, step], self.labels, columns, scale)

    def check(self, scale: int) -> None:
        """Raise UserError where the pictures, enlarged so, take more memory than one asker is given."""
        hold_small(
            f"at scale {scale} the pictures take", self.rows.nbytes * scale**2, "take a smaller scale or fewer steps"
        )

    @property
    def steps(self) -> int:
        """How many values each dimension takes."""
        return int(self.rows.shape[1])


def _columns(tiles: int) -> int:
    """The columns of a sheet about twice as wide as high that leave the fewest places empty."""
    widest = max(1, round((2 * tiles) ** 0.5))
    candidates = range(max(1, widest - 1), min(tiles, widest + 2) + 1)
    return min(candidates, key=lambda n: (-tiles % n, abs(n - widest), -n))


def tiles(images: np.ndarray, labels: list[str], columns: int, scale: int = 1) -> Image.Image:
    """Pictures uint8 `(n, H, W, 3)` in rows of `columns`, each under its label."""
    fonts = [font_for(label, 14) for label in labels]
    lengths = [font.getlength(label) for font, label in zip(fonts, labels, strict=True)]
    gap, head = 8, 20
    large = images.repeat(scale, axis=1).repeat(scale, axis=2)
    _, height, width, _ = large.shape
    pitch = max(width, int(max(lengths)) + 1) + gap
    rows = -(-len(labels) // columns)
    sheet = Image.new("RGB", (columns * pitch + gap, rows * (height + head + gap)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (picture, label) in enumerate(zip(large, labels, strict=True)):
        row, column = divmod(number, columns)
        x, y = gap + column * pitch, row * (height + head + gap)
        draw.text((x, y + head / 2), label, fill="black", font=fonts[number], anchor="lm")
        sheet.paste(Image.fromarray(picture), (x, y + head))
    return sheet


def traversal_sheet(
    model: BetaVAE,
    kl: np.ndarray | None,
    steps: int,
    span: float | None = None,
    start: np.ndarray | None = None,
    labels: Labels | None = None,
    ends: tuple[np.ndarray, np.ndarray] | None = None,
    samples: Samples | None = None,
) -> TraversalSheet:
    """Traverse every dimension of `model` at `steps` even values; label its row with name and KL.

    Args:
        kl: KL of each dimension in nats `(D,)`, or None where it is not known.
        span: from −span to +span; without it, from the prior's 5 % to its 95 % quantile.
        start: latents `(D,)` that the other dimensions keep; the prior mean if left out.
        labels: the names of dimensions, and the order of the rows where a person chose one.
        ends: lowest and highest value of each dimension, both `(D,)`, in place of `span`.
        samples: what the model's samples are, where they are no images.

    Raises:
        UserError: images of two or four channels, which no picture format shows as they are.
            Or more pictures than one asker is given memory for.
    """
    drawable(model, samples)
    low, high = ends or value_range("fixed" if span else "prior", model.latents, span=span or 3.0)
    labels = labels or Labels()
    order = labels.ordered(order_by_kl(model.latents, None if kl is None else kl.tolist()))
    start = np.zeros(model.latents) if start is None else start
    hold_small(
        f"{len(order)} dimensions of {steps} pictures each are",
        len(order) * steps * 3 * prod(cell_size(model.shape, samples)),  # red, green and blue of the rows
        "take fewer steps",
    )
    together = at_once(model, steps)
    rows = [
        render(traverse(model, start, order[first : first + together], low, high, steps), samples)
        for first in range(0, len(order), together)
    ]
    texts = [f"{drawn(labels.call(j), f'z{j}')}  {'KL unknown' if kl is None else f'{kl[j]:.2f} nats'}" for j in order]
    return TraversalSheet(np.concatenate(rows), texts)


def picture_of(scene: ExportRequest) -> bytes:
    """The picture at the scene's latents, as a PNG."""
    doubts = sentence_of(scene.checkpoint.config)
    return as_picture(scene.checkpoint.model, scene.z, scene.scale, doubts, scene.checkpoint.config.samples)


def grid_of(scene: ExportRequest) -> bytes:
    """The traversals of all dimensions from the scene's latents, as a PNG."""
    return as_png(_sheet(scene), scene.scale, sentence_of(scene.checkpoint.config))


def gif_of(scene: ExportRequest) -> bytes:
    """The same as a GIF."""
    return as_gif(_sheet(scene), scene.scale, sentence_of(scene.checkpoint.config))


def mp4_of(scene: ExportRequest) -> bytes:
    """The same as an MP4."""
    return as_mp4(_sheet(scene), scene.scale, sentence_of(scene.checkpoint.config))


def _sheet(scene: ExportRequest) -> TraversalSheet:
    ends = None if scene.ends is None else (np.array(scene.ends[0]), np.array(scene.ends[1]))
    labels = read_labels(scene.checkpoint.path)
    samples = scene.checkpoint.config.samples
    return traversal_sheet(
        scene.checkpoint.model, scene.kl, scene.steps, start=scene.z, labels=labels, ends=ends, samples=samples
    )


def drawable(model: BetaVAE, samples: Samples | None = None) -> None:
    """Raise UserError where the model's images can't be drawn as grey or colour."""
    if samples is None and model.shape[0] not in (1, 3):
        raise UserError(f"images of {model.shape[0]} channels can't be drawn; 1 (grey) and 3 (colour) can")


def as_picture(
    model: BetaVAE, z: np.ndarray, scale: int = 1, comment: str = "", samples: Samples | None = None
) -> bytes:
    """The one picture at the latents `z` `(D,)`, each pixel a square, as the bytes of a PNG file.

    Args:
        comment: a text that the file carries beside the picture; so do the files below.
    """
    drawable(model, samples)
    return png(render(decode(model, [float(value) for value in z]), samples, scale), comment)


def as_png(sheet: TraversalSheet, scale: int = 1, comment: str = "") -> bytes:
    """The whole grid as the bytes of a PNG file.

    Raises:
        UserError: enlarged so, the pictures take more memory than one asker is given; so do the two below.
    """
    sheet.check(scale)
    return png(labelled_grid(sheet.rows, sheet.labels, scale), comment)


def as_gif(sheet: TraversalSheet, scale: int = 1, comment: str = "") -> bytes:
    """The steps there and back, as the bytes of an endless GIF."""
    sheet.check(scale)
    return gif(sheet.film(scale), 1000 // FRAMES_A_SECOND, comment)


def as_mp4(sheet: TraversalSheet, scale: int = 1, comment: str = "") -> bytes:
    """The steps there and back, as the bytes of an MP4 film (H.264, 4:2:0, which every player has).

    Raises:
        UserError: the packages that write films are not installed, or there is no encoder.
    """
    sheet.check(scale)
    check_films()
    from imageio import v2 as imageio

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        with imageio.get_writer(
            path,
            fps=FRAMES_A_SECOND,
            codec="libx264",
            quality=8,
            pixelformat="yuv420p",
            macro_block_size=2,
            ffmpeg_log_level="error",
            output_params=["-movflags", "+faststart", *(["-metadata", f"comment={comment}"] if comment else [])],
        ) as writer:
            for picture in sheet.film(scale):
                writer.append_data(_even(np.asarray(picture)))  # type: ignore[attr-defined]
        return path.read_bytes()


def check_films() -> None:
    """Raise UserError where this machine has not what films are written with."""
    try:
        import imageio  # noqa: F401
        import imageio_ffmpeg
    except ImportError as error:
        raise UserError(
            f"films are written with the package {error.name}, which is not installed: "
            "pip install imageio imageio-ffmpeg"
        ) from error
    try:
        imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise UserError("there is no ffmpeg on this machine to write films with: pip install imageio-ffmpeg") from error


def _even(picture: np.ndarray) -> np.ndarray:
    """`(H, W, 3)` with a white row or column more where H or W is odd: 4:2:0 halves both."""
    height, width, _ = picture.shape
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), constant_values=255)
