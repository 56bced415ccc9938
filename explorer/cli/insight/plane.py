"""plane: what is decoded over two latents, and how outputs change along both."""

from __future__ import annotations

from typing import Any

import click

from explorer.cli.insight.shared import USUAL, json_option, out_option, places, tell_json, write
from explorer.cli.options import data_options, doubts_of, model_argument, open_both, printed
from explorer.errors import UserError


@click.command("plane")
@model_argument
@data_options(f"Images that say which latents have most KL, drawn with the seed  [default: {USUAL}]")
@click.option("--axes", nargs=2, type=click.IntRange(0), help="Both latents  [default: the two of highest KL]")
@click.option("--layout", type=click.Choice(["square", "polar"]), default="square", show_default=True)
@click.option("--side", type=click.IntRange(2, 25), default=9, show_default=True, help="Points a side, or rays.")
@click.option("--reach", type=click.FloatRange(0, 10), default=0.0, help="Of a square; 0: quantiles of the prior.")
@click.option("--image", type=click.IntRange(0), default=0, show_default=True, help="Gives the other latents.")
@click.option("--zero", is_flag=True, help="The other latents are 0 instead.")
@click.option("--a", "first", nargs=2, type=click.IntRange(0), help="Row and column of output a  [default: the middle]")
@click.option("--b", "second", nargs=2, type=click.IntRange(0), help="Row and column of output b.")
@click.option("--region", "side_of", type=click.IntRange(1, 1000), default=9, show_default=True, help="Pixels a side.")
@out_option("a row for each point (.csv), the pictures where they lie (.png)")
@json_option
def command(
    model: str, data: str | None, split: str | None, root: str | None, download: bool, count: int | None, seed: int,
    device: str, axes: tuple[int, int] | None, layout: Any, side: int, reach: float, image: int, zero: bool,
    first: tuple[int, int] | None, second: tuple[int, int] | None, side_of: int, outs: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Decode a grid of MODEL's plane of two latents, with the derivatives of one or two outputs along both.

    \b
        python -m explorer insight plane dsprites-disentangled --out plane.png --out plane.csv
        python -m explorer insight plane dsprites-beta4 --axes 3 8 --layout polar --a 20 20 --b 40 40 --json
    """
    import numpy as np

    from explorer.analysis.evaluation import choose, encode_all
    from explorer.analysis.insight import plane_of_two as plane
    from explorer.analysis.insight.nested import order_of_kl
    from explorer.analysis.insight.ways import means_of
    from explorer.checkpoints.doubts import sentence_of
    from explorer.export.plane_files import plane_csv, plane_png

    targets = places(outs, (".csv", ".png"))
    checkpoint, dataset, _ = open_both(model, data, split, root, download, device)
    network = checkpoint.model
    if network.latents < 2:
        raise UserError(f"{model} has one latent, and so no plane of two")
    if axes is None:
        chosen = choose(dataset, min(count or USUAL, len(dataset)), seed)
        order = order_of_kl(encode_all(network, dataset, chosen))[0]
        axes = (order[0], order[1])
    if max(axes) >= network.latents or axes[0] == axes[1]:
        raise UserError(f"--axes are two different latents of 0 to {network.latents - 1}, not {axes[0]} and {axes[1]}")
    grid = plane.square(side, reach or None) if layout == "square" else plane.polar(max(1, side // 2), side)
    start = np.zeros(network.latents) if zero else means_of(network, dataset, [image])[0]
    middle = (network.shape[1] // 2, network.shape[2] // 2)
    outputs = [plane.region(network.shape, *(first or middle), side_of)]
    outputs += [plane.region(network.shape, *second, side_of)] if second else []
    z = plane.latents_on(grid, axes, start)
    found = plane.plane_gradients(network, z, axes, outputs)
    pictures = plane.pictures_on(network, z)
    note, own = sentence_of(checkpoint.config), checkpoint.config.samples
    files = {
        ".csv": lambda: plane_csv(grid, axes, found, pictures, own),
        ".png": lambda: plane_png(grid, pictures, note, own),
    }
    write(targets, files, as_json)
    if as_json:
        tell_json({"axes": list(axes), "points": grid.points.tolist()} | found.as_json(), doubts_of(checkpoint))
        return
    click.echo(f"{printed(model)}: {len(z)} points of z{axes[0]} and z{axes[1]}")
    for name, values, slopes in zip("ab", found.values, found.gradients, strict=False):
        steep = np.linalg.norm(slopes, axis=1).max()
        click.echo(f"{name}: {values.min():.4f} to {values.max():.4f}, steepest {steep:.4f} for one unit of a latent")
    area = found.magnification
    click.echo(f"sqrt det G: {area.min():.4f} to {area.max():.4f}, mean {area.mean():.4f}")
    known = found.cos[np.isfinite(found.cos)]
    if second:
        click.echo(f"cos of a and b: {known.mean():.4f} on the average" if len(known) else "cos of a and b: absent")
