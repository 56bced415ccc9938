"""groups: what named groups of latents cost, and what moves along them."""

from __future__ import annotations

from typing import Any

import click

from explorer.cli.insight.shared import USUAL, json_option, out_option, places, tell_json, write
from explorer.cli.options import data_options, doubts_of, model_argument, open_both, printed
from explorer.errors import UserError


@click.command("groups")
@model_argument
@data_options(f"Images to measure on, drawn with the seed  [default: {USUAL}]")
@click.option("--group", "asked", multiple=True, metavar="NAME=0,3", help="A group  [default: those kept with MODEL]")
@click.option(
    "--direction", type=click.Choice(["even", "principal"]), default="even", show_default=True,
    help="Along which a group of --group moves: all latents alike, or its principal axis.",
)  # fmt: skip
@click.option("--image", type=click.IntRange(0), default=0, show_default=True, help="The image that is moved.")
@out_option("a row for each group (.csv), the image along each group (.png)")
@json_option
def command(
    model: str, data: str | None, split: str | None, root: str | None, download: bool, count: int | None, seed: int,
    device: str, asked: tuple[str, ...], direction: Any, image: int, outs: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Sum up the KL of groups of latents of MODEL, and decode an image along each.

    \b
        python -m explorer insight groups dsprites-disentangled --group place=0,3 --out groups.csv
        python -m explorer insight groups scene-disentangled --group hues=0,1,2 --direction principal --out hues.png
    """
    import numpy as np

    from explorer.analysis.evaluation import choose, encode_all
    from explorer.analysis.insight.blocks import blocks, grouped, traversed
    from explorer.analysis.insight.ways import decoded, means_of
    from explorer.checkpoints.doubts import sentence_of
    from explorer.checkpoints.labels import read_labels
    from explorer.export.concept_files import rows_png
    from explorer.export.group_files import blocks_csv

    targets = places(outs, (".csv", ".png"))
    checkpoint, dataset, _ = open_both(model, data, split, root, download, device)
    network, number = checkpoint.model, min(count or USUAL, len(dataset))
    groups = read_labels(checkpoint.path).groups
    if asked:
        chosen = dict(_group(text, network.latents) for text in asked)
        means = encode_all(network, dataset, choose(dataset, number, seed)).mean.double().numpy()
        groups = tuple(grouped(name, latents, means, direction) for name, latents in chosen.items())
    if not groups:
        raise UserError(f"{model} has no groups yet: name some with --group, such as --group place=0,3")
    found = blocks(network, dataset, groups, number, seed)

    def pictures() -> bytes:
        start, values = means_of(network, dataset, [image])[0], np.linspace(-3, 3, 9)
        rows = np.stack([decoded(network, traversed(start, group, values)) for group in found.groups])
        names = [group.name for group in found.groups]
        return rows_png(rows, names, sentence_of(checkpoint.config), checkpoint.config.samples)

    write(targets, {".csv": lambda: blocks_csv(found), ".png": pictures}, as_json)
    if as_json:
        tell_json(found.as_json(), doubts_of(checkpoint))
        return
    click.echo(f"{printed(model)}, {found.count:,} images, seed {found.seed}: {found.total:.3f} nats in all")
    for group, kl in zip(found.groups, found.kl, strict=True):
        own = ", ".join(f"z{latent}" for latent in group.latents)
        click.echo(f"{kl:9.3f} nats  {printed(group.name)}: {own}")
    click.echo(f"{found.rest_kl:9.3f} nats  in no group")


def _group(text: str, latents: int) -> tuple[str, list[int]]:
    """Name and latents of NAME=0,3. Raises UserError where it is something else."""
    name, _, numbers = text.partition("=")
    parts = [part.strip() for part in numbers.split(",")]
    if not 0 < len(name.strip()) <= 40 or not all(part.isascii() and part.isdigit() for part in parts):
        raise UserError(f"--group {text!r:.80} is not a name of at most 40 letters and latents, such as place=0,3")
    chosen = [int(part[:9]) for part in parts]
    if max(chosen) >= latents:
        raise UserError(f"--group {text!r:.80}: the model has latents 0 to {latents - 1}")
    return name.strip(), chosen
