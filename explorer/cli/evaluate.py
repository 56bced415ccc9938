"""evaluate: what a model costs on a data set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from explorer.checkpoints.config import ACTIVE_VARIANCE
from explorer.cli.group import main
from explorer.cli.options import ALL_OR_SAMPLE, about_images, data_options, model_argument, open_both

if TYPE_CHECKING:
    pass


@main.command(short_help="What a model costs on a data set.")
@model_argument
@data_options(ALL_OR_SAMPLE)
@click.option(
    "--enough",
    is_flag=True,
    help="Take the KL apart by as many images as the model's rate needs, up to 100,000, and with less bias; all "
    "else by --count.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(
    model: str,
    data: str | None,
    split: str | None,
    root: str | None,
    download: bool,
    count: int | None,
    seed: int,
    device: str,
    enough: bool,
    as_json: bool,
) -> None:
    """Reconstruction, KL in all, in its parts and per dimension, and active units of MODEL: a name or a path.

    Nats an image, one sampled z an image. A unit is active when the variance of its mean over the
    images is above 0.01 (Burda et al. 2015); whether a dimension is active, mixed or passive is told by
    its posterior's variance (Bonheme and Grześ 2021). The KL is taken apart into index-code mutual
    information, total correlation and dimension-wise KL (Chen et al. 2018) by the mixture of all the
    images' posteriors; where twice the images still change these parts by more than their standard errors,
    a line says so, and by how much. --json has the correlations of means and of samples too. Where no latent
    carries information, a sentence says so, and what helps.

    \b
        python -m explorer evaluate dsprites-beta4 --count 10000
        python -m explorer evaluate runs/first --data dsprites --json
    """
    from explorer.analysis import blank
    from explorer.analysis.collapse import verdict
    from explorer.analysis.summary import summarise

    checkpoint, dataset, split = open_both(model, data, split, root, download, device)
    summary = summarise(checkpoint.model, dataset, count, seed, enough=enough)
    found = verdict(summary.evaluation, checkpoint.config)
    if found is not None:  # told apart from an untrained one, for which the images are looked at again
        costs = blank.blank_costs(checkpoint.model, dataset, count, seed)
        found = verdict(summary.evaluation, checkpoint.config, costs)
    if as_json:
        about = about_images(checkpoint, dataset, split)
        told = {"collapse": None if found is None else {"kind": found.kind, "words": found.sentences}}
        click.echo(json.dumps(about | summary.as_json() | told))
        return
    result, parts = summary.evaluation, summary.decomposition
    click.echo(f"{checkpoint.name} on {result.count:,} of {len(dataset):,} images of {dataset.name} ({split})")
    click.echo(f"reconstruction  {result.reconstruction:9.3f}  nats an image")
    click.echo(f"KL              {result.kl:9.3f}  nats an image")
    click.echo(
        f"  of {parts.samples:,} samples {parts.kl:9.3f} = mutual information {parts.mutual_information:z.3f} "
        f"+ total correlation {parts.total_correlation:z.3f} + of dimensions {parts.dimension_wise_kl:z.3f}"
    )
    click.echo(f"  {parts.images:,} images show at most ln({parts.cap_of}) = {parts.cap:.3f} of mutual information")
    if parts.warning:
        click.echo(f"  {parts.warning}")
    click.echo(f"active units    {result.active_units:9d}  of {len(result.kl_per_dimension)}")
    for index in result.kl_per_dimension.argsort()[::-1]:
        active = "" if result.activity[index] > ACTIVE_VARIANCE else "  inactive"
        click.echo(f"  z{index:<3d}          {result.kl_per_dimension[index]:9.3f}  {result.regimes[index]}{active}")
    if found is not None:
        click.echo(found.sentences)
