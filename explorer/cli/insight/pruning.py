"""pruning: what is left of models when their smallest weights are zero."""

from __future__ import annotations

from typing import Literal

import click

from explorer.cli.insight.shared import USUAL, json_option, out_option, places, tell_json, write
from explorer.cli.options import data_options, doubts_of, open_both, printed
from explorer.errors import UserError


@click.command("pruning")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@data_options(f"Images to measure on, drawn with the seed  [default: {USUAL}]")
@click.option("--part", type=click.Choice(["both", "encoder", "decoder"]), default="both", show_default=True)
@click.option("--by-layer", is_flag=True, help="Take the share of each layer, not of all weights together.")
@click.option("--share", "shares", type=click.FloatRange(0, 1), multiple=True, help="A share of zeros; several go.")
@click.option("--image", type=click.IntRange(0), default=0, show_default=True, help="The image of the pictures.")
@out_option("the curves (.csv), the first MODEL's picture at each share (.png)")
@json_option
def command(
    models: tuple[str, ...], data: str | None, split: str | None, root: str | None, download: bool, count: int | None,
    seed: int, device: str, part: Literal["both", "encoder", "decoder"], by_layer: bool, shares: tuple[float, ...],
    image: int, outs: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Set the smallest weights of MODELs to zero, by each of several shares, and measure what is left.

    \b
        python -m explorer insight pruning dsprites-beta1 dsprites-beta4 --out pruning.csv
        python -m explorer insight pruning mnist-beta4 --part decoder --share 0.5 --share 0.9 --json
    """
    import numpy as np

    from explorer.analysis.insight.sparsity import SHARES, prune, pruned, pruned_pictures
    from explorer.export.sparsity_files import pruned_csv
    from explorer.figures.image_grid import grid, png
    from explorer.figures.renderings import render

    targets = places(outs, (".csv", ".png"))
    at = tuple(sorted(set(shares))) or SHARES
    opened = [(name, *open_both(name, data, split, root, download, device)[:2]) for name in models]
    found = {
        name: prune(checkpoint.model, dataset, min(count or USUAL, len(dataset)), seed, part, by_layer, at)
        for name, checkpoint, dataset in opened
    }
    _, checkpoint, dataset = opened[0]

    def picture() -> bytes:
        if image >= len(dataset):
            raise UserError(f"--image {image}: {dataset.name} has images 0 to {len(dataset) - 1}")
        made = (pruned(checkpoint.model, share, part, by_layer)[0] for share in at)
        rows = [pruned_pictures(checkpoint.model, of, dataset, [image], 0)[0] for of in made]
        sheet = np.stack([[*rows[0][:2], *(row[2] for row in rows)]])
        return png(grid(render(sheet, checkpoint.config.samples)))

    write(targets, {".csv": lambda: pruned_csv(found), ".png": picture}, as_json)
    if as_json:
        doubts = doubts_of(*(checkpoint for _, checkpoint, _ in opened))
        tell_json({"models": {name: of.as_json() for name, of in found.items()}}, doubts)
        return
    for name, of in found.items():
        click.echo(f"{printed(name)}, {of.count:,} images, {of.weights:,} weights of {part}")
        click.echo("share   -log p, nats  KL, nats  active    MIG  probe" + (f" ({of.factor})" if of.factor else ""))
        for m, share in enumerate(of.share):
            scores = ["absent" if s is None or s[m] != s[m] else f"{s[m]:6.3f}" for s in (of.mig, of.probe)]
            click.echo(
                f"{share:5.2f}  {of.nll[m]:13.2f}  {of.kl[m].sum():8.3f}  {of.active[m]:6d}  {scores[0]} {scores[1]}"
            )
