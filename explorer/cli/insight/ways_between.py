"""ways-between: ways between two images, or the sum of codes."""

from __future__ import annotations

from typing import Any

import click

from explorer.cli.insight.shared import USUAL, json_option, out_option, places, tell_json, write
from explorer.cli.options import data_options, doubts_of, model_argument, open_both, printed


@click.command("ways-between")
@model_argument
@data_options(f"Images that the way along the data may go by, drawn with the seed  [default: {USUAL}]")
@click.option("--from", "first", type=click.IntRange(0), default=0, show_default=True, help="Image A.")
@click.option("--to", "second", type=click.IntRange(0), default=1000, show_default=True, help="Image B.")
@click.option("--plus", "third", type=click.IntRange(0), help="Instead: A - B + this image; its picture as .png.")
@click.option("--steps", type=click.IntRange(3, 15), default=9, show_default=True, help="Pictures of a way.")
@out_option("the points (.csv), the pictures (.png)")
@json_option
def command(
    model: str, data: str | None, split: str | None, root: str | None, download: bool, count: int | None, seed: int,
    device: str, first: int, second: int, third: int | None, steps: int, outs: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Ways of MODEL from image A to image B: straight, spherical and along the data, with their lengths.

    \b
        python -m explorer insight ways-between dsprites-beta4 --from 3 --to 100000 --out ways.png
        python -m explorer insight ways-between scene-beta4 --from 3 --to 500 --plus 9000 --out analogy.png
    """
    from explorer.analysis.insight.ways import mixed, paths
    from explorer.checkpoints.doubts import sentence_of
    from explorer.export.concept_files import paths_csv, rows_png

    targets = places(outs, (".png",) if third is not None else (".csv", ".png"))
    checkpoint, dataset, _ = open_both(model, data, split, root, download, device)
    import numpy as np

    note, own = sentence_of(checkpoint.config), checkpoint.config.samples
    if third is not None:
        total = mixed(checkpoint.model, dataset, (first, second, third), (1, -1, 1))
        row = np.stack([total.picture, total.of_pixels])[None]
        write(targets, {".png": lambda: rows_png(row, ["by codes, by values"], note, own)}, as_json)
        if as_json:
            tell_json({"z": total.z.tolist()}, doubts_of(checkpoint))
        else:
            click.echo("z: " + " ".join(f"{v:.4f}" for v in total.z))
        return
    found = paths(checkpoint.model, dataset, (first, second), steps, min(count or USUAL, len(dataset)), seed)
    files: dict[str, Any] = {
        ".csv": lambda: paths_csv(found),
        ".png": lambda: rows_png(np.stack([of.pictures for of in found]), [of.kind for of in found], note, own),
    }
    write(targets, files, as_json)
    if as_json:
        tell_json({"paths": [of.as_json() for of in found]}, doubts_of(checkpoint))
        return
    click.echo(f"{printed(model)}, image {first:,} to image {second:,}")
    click.echo("in pictures  in latents  largest |z|^2/D  way")
    for of in found:
        by = f", by {len(of.through) - 2} images" if len(of.through) > 2 else ""
        click.echo(f"{of.picture_length:11.3f}  {of.latent_length:10.3f}  {of.unlikely:15.3f}  {of.kind}{by}")
