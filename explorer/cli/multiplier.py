"""multiplier: the β that a trained model is at rest with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from explorer.cli.group import main
from explorer.cli.options import ALL_OR_SAMPLE, about_images, data_options, model_argument, open_both

if TYPE_CHECKING:
    pass


@main.command(short_help="The β that a trained model is at rest with.")
@model_argument
@data_options(ALL_OR_SAMPLE)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def multiplier(
    model: str,
    data: str | None,
    split: str | None,
    root: str | None,
    download: bool,
    count: int | None,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Read β off MODEL: what a nat of KL is worth to it in nats of reconstruction.

    Widening all its posteriors a little changes both; where training has come to rest, the changes
    balance: dD = −β dR. So a model tells the β it was trained with, also one that a constraint found as
    its multiplier, or one that was imported and says nothing of its recipe. Whether it has come to rest
    is looked at: a step is made down the gradient of D + βR, and what it saves on other images is told.

    \b
        python -m explorer multiplier dsprites-constrained --count 2000
    """
    from explorer.analysis.implied_beta import read_beta

    checkpoint, dataset, split = open_both(model, data, split, root, download, device)
    found = read_beta(checkpoint.model, dataset, count, seed)
    if as_json:
        click.echo(json.dumps(about_images(checkpoint, dataset, split) | found.as_json()))
        return
    error = "" if found.error is None else f" ± {found.error:.3f} (one standard error)"
    click.echo(
        f"β = {found.beta:.3f}{error}, {checkpoint.name} on "
        f"{found.count:,} of {len(dataset):,} images of {dataset.name} ({split}), seed {found.seed}"
    )
    click.echo(found.rest_in_words)
