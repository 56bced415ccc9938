"""sequences: how slowly and how straight the latents go along frames."""

from __future__ import annotations

import click

from explorer.cli.insight.shared import json_option, out_option, places, tell_json, write
from explorer.cli.options import data_options, doubts_of, open_both, printed


@click.command("sequences")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@data_options("Sequences  [default: 40]")
@click.option("--frames", type=click.IntRange(3, 1000), default=20, show_default=True, help="Of a sequence.")
@click.option("--first", type=click.IntRange(0), default=0, show_default=True, help="First image, of images in order.")
@out_option("a row for each latent (.csv)")
@json_option
def command(
    models: tuple[str, ...], data: str | None, split: str | None, root: str | None, download: bool, count: int | None,
    seed: int, device: str, frames: int, first: int, outs: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Follow the latents of MODELs along moving sprites, or along images in their order.

    \b
        python -m explorer insight sequences dsprites-disentangled dsprites-beta4 --out slowness.csv
        python -m explorer insight sequences mine --frames 50 --json
    """
    import numpy as np

    from explorer.analysis.insight.slow_latents import slowness
    from explorer.export.concept_files import slowness_csv

    targets = places(outs, (".csv",))
    opened = [(name, *open_both(name, data, split, root, download, device)[:2]) for name in models]
    found = {
        name: slowness(checkpoint.model, dataset, count or 40, frames, seed, first)
        for name, checkpoint, dataset in opened
    }
    write(targets, {".csv": lambda: slowness_csv(found)}, as_json)
    if as_json:
        value = {"models": {name: of.as_json() for name, of in found.items()}}
        tell_json(value, doubts_of(*(checkpoint for _, checkpoint, _ in opened)))
        return
    for name, of in found.items():
        known = of.straightness[np.isfinite(of.straightness)]
        straight = f"{np.median(known):.3f}" if len(known) else "absent"
        click.echo(f"{printed(name)}, {len(of.mean)} sequences of {of.mean.shape[1]} frames: {of.moving}")
        click.echo(f"length over distance, the median: {straight}")
        click.echo("latent  KL, nats  slowness   S-VAE  SlowVAE")
        for j in np.argsort(-of.kl, kind="stable"):
            slow = "  absent" if np.isnan(of.slowness[j]) else f"{of.slowness[j]:8.4f}"
            click.echo(f"z{j:<6d}{of.kl[j]:9.3f}  {slow}  {of.slow_kl[j]:6.3f}  {of.slow_vae[j]:7.3f}")
