"""search: the latents whose picture is most like an image, or brightest."""

from __future__ import annotations

import click

from explorer.cli.insight.shared import json_option, out_option, places, tell_json, write
from explorer.cli.options import data_options, doubts_of, model_argument, open_both
from explorer.errors import UserError


@click.command("search")
@model_argument
@data_options(None)
@click.option("--image", type=click.IntRange(0), default=0, show_default=True, help="The image that is looked for.")
@click.option("--ink", is_flag=True, help="Look for much ink, the sum of all pixels, in place of an image.")
@click.option("--region", metavar="ROW,COLUMN,SIZE", help="Look for a bright square; --dark for a dark one.")
@click.option("--dark", is_flag=True, help="The darkest in place of the brightest.")
@click.option("--penalty", type=click.FloatRange(0, 1000), default=1.0, show_default=True, help="κ of ½κ‖z‖².")
@out_option("image, its reconstruction, what was found (.png); the code and the path (.csv)")
@json_option
def command(
    model: str, data: str | None, split: str | None, root: str | None, download: bool, seed: int,
    device: str, image: int, ink: bool, region: str | None, dark: bool, penalty: float, outs: tuple[str, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Search among the latents of MODEL for the picture most like an image, or with much ink, or bright in a square.

    \b
        python -m explorer insight search dsprites-beta4 --image 5000 --out found.png
        python -m explorer insight search mnist-beta4 --region 0,0,14 --json
    """
    import numpy as np

    from explorer.analysis.insight.latent_search import Target, search
    from explorer.analysis.insight.latent_search import region as square
    from explorer.analysis.inspection import inspect
    from explorer.export.search_files import found_csv
    from explorer.figures.image_grid import grid, png
    from explorer.figures.renderings import render

    targets = places(outs, (".csv", ".png"))
    where = None if region is None else _numbers(region)
    checkpoint, dataset, _ = open_both(model, data, split, root, download, device)
    seen = inspect(checkpoint.model, dataset, [image])
    sign = -1 if dark else 1
    if where is not None:
        target = Target(weights=sign * 100 * square(checkpoint.model.shape, *where))
    elif ink or dark:
        target = Target(weights=np.full(checkpoint.model.shape, sign, np.float32))
    else:
        target = Target(image=seen.images[0])
    found = search(checkpoint.model, target, penalty, start=seen.mean[0], seed=seed)
    sheet = np.stack([seen.images[0], seen.reconstructions[0], found.picture])[None]
    write(
        targets,
        {".csv": lambda: found_csv(found), ".png": lambda: png(grid(render(sheet, checkpoint.config.samples)))},
        as_json,
    )
    if as_json:
        tell_json(found.as_json(), doubts_of(checkpoint))
        return
    click.echo(
        f"objective {found.start:.4f} at the encoder's mean, {found.path[-1]:.4f} found; score {found.score:.4f}"
    )
    click.echo(f"||z|| {found.norm:.3f}, most draws of the prior near {len(found.z) ** 0.5:.3f}")
    click.echo("z " + ", ".join(f"{value:.3f}" for value in found.z))


def _numbers(text: str) -> tuple[int, int, int]:
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
        raise UserError(f"--region {text[:40]} must be three whole numbers, such as 0,0,14")
    row, column, size = (min(int(part.strip()[:9]), 10**8) for part in parts)
    return row, column, size
