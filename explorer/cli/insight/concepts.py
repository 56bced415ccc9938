"""concepts: classes of factors as Gaussians on one latent each."""

from __future__ import annotations

from typing import Any

import click

from explorer.cli.insight.shared import USUAL, json_option, out_option, places, tell_json, write
from explorer.cli.options import data_options, doubts_of, model_argument, open_both, printed
from explorer.errors import UserError


@click.command("concepts")
@model_argument
@data_options(f"Images, drawn with the seed: half to fit, half to test  [default: {USUAL}]")
@click.option("--classes", type=click.IntRange(2, 16), default=4, show_default=True, help="Of a factor at the most.")
@click.option("--on", "axes", multiple=True, metavar="FACTOR=LATENT", help="Another latent than the best one.")
@click.option("--combine", multiple=True, metavar="FACTOR", help="For the pictures  [default: the two told best]")
@out_option("a row for each class (.csv), pictures of combined classes (.png)")
@json_option
def command(
    model: str, data: str | None, split: str | None, root: str | None, download: bool, count: int | None, seed: int,
    device: str, classes: int, axes: tuple[str, ...], combine: tuple[str, ...], outs: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Fit Gaussians to the classes of each factor on the latent of MODEL that tells them best, and classify by them.

    \b
        python -m explorer insight concepts dsprites-disentangled --count 400 --out classes.csv
        python -m explorer insight concepts scene-disentangled --combine wall_hue --combine shape --out combined.png
    """
    from explorer.analysis.insight.bells import combined, concepts
    from explorer.analysis.insight.ways import decoded
    from explorer.checkpoints.doubts import sentence_of
    from explorer.export.concept_files import concepts_csv, rows_png

    targets = places(outs, (".csv", ".png"))
    checkpoint, dataset, _ = open_both(model, data, split, root, download, device)
    wanted = {}
    for text in axes:
        name, _, latent = text.partition("=")
        if name not in (dataset.factor_names or ()) or not latent.isdigit():
            raise UserError(
                f"--on {text!r:.80} is not FACTOR=LATENT with one of {', '.join(dataset.factor_names or ())}"
            )
        wanted[name] = int(latent)
    found = concepts(checkpoint.model, dataset, min(count or USUAL, len(dataset)), seed, classes, wanted)
    known = {of.factor: of for of in found.concepts}
    unknown = [name for name in combine if name not in known]
    if unknown:
        raise UserError(f"there is no factor {unknown[0]!r:.80}; there are {', '.join(known)}")
    best = sorted(known, key=lambda name: -known[name].score)[:2]

    def pictures() -> bytes:
        import numpy as np

        chosen = [known[name] for name in (combine or best)]
        parts = combined(chosen, checkpoint.model.latents)
        sheet = decoded(checkpoint.model, np.stack([of.z for of in parts]))
        across = len({of.classes[-1] for of in parts})
        rows = [" ".join(of.classes[:-1]) for of in parts[::across]]
        own = checkpoint.config.samples
        return rows_png(sheet.reshape(-1, across, *sheet.shape[1:]), rows, sentence_of(checkpoint.config), own)

    files: dict[str, Any] = {".csv": lambda: concepts_csv(found), ".png": pictures}
    write(targets, files, as_json)
    if as_json:
        tell_json(found.as_json(), doubts_of(checkpoint))
        return
    click.echo(f"{printed(model)}: fitted to {found.fitted:,} images, tested on {found.tested:,}")
    click.echo("latent  separation  right  by mean  largest  factor")
    for of in found.concepts:
        shares = f"{of.correct:5.1%}    {of.by_mean:5.1%}    {of.chance:5.1%}"
        click.echo(f"z{of.axis:<6d}{of.score:11.3f}  {shares}  {printed(of.factor)}")
