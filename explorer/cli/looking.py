"""evaluate, traverse and multiplier: a model's numbers and its pictures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from explorer.checkpoints.config import ACTIVE_VARIANCE
from explorer.cli.group import main
from explorer.cli.options import ALL_OR_SAMPLE, FOR_KL, data_options, model_argument, open_both, with_kl
from explorer.errors import UserError
from explorer.paths import absolute

if TYPE_CHECKING:
    from explorer.checkpoints import Checkpoint
    from explorer.datasets import Dataset


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
    model: str, data: str | None, split: str | None, root: str | None, download: bool, count: int | None,
    seed: int, device: str, enough: bool, as_json: bool,
) -> None:  # fmt: skip
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
        costs = blank.costs(checkpoint.model, dataset, count, seed)
        found = verdict(summary.evaluation, checkpoint.config, costs)
    if as_json:
        about = _about(checkpoint, dataset, split)
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


@main.command(short_help="A picture of what each dimension does.")
@model_argument
@click.option("--out", required=True, metavar="PATH", help="PNG for a grid, GIF for a film.")
@data_options(FOR_KL)
@click.option("--steps", type=click.IntRange(2, 101), default=11, show_default=True, help="Pictures a row.")
@click.option(
    "--span", type=click.FloatRange(0.01, 100), help="From −span to +span; the prior's 5 % to 95 % if left out."
)
@click.option("--image", type=click.IntRange(0), help="Start at this image's posterior mean, not at the prior mean.")
@click.option("--scale", type=click.IntRange(1, 16), default=1, show_default=True, help="Enlarge each pixel by.")
def traverse(
    model: str, out: str, data: str | None, split: str | None, root: str | None, download: bool,
    count: int | None, seed: int, device: str, steps: int, span: float | None, image: int | None,
    scale: int,
) -> None:  # fmt: skip
    """Traverse each dimension of MODEL and write the pictures: rows sorted by KL and labelled with it.

    The KL is measured on the data set where it is at hand, else taken from the model's own config. Where neither
    says it, as of a model from elsewhere, rows stand in the order of the dimensions.

    \b
        python -m explorer traverse dsprites-beta4 --out traversal.png
        python -m explorer traverse runs/first --image 1234 --out from-image.gif
    """
    from explorer.checkpoints.doubts import sentence_of
    from explorer.checkpoints.labels import read_labels
    from explorer.export.films import as_gif, as_png, traversal_sheet
    from explorer.files import write_atomic

    target = absolute(out)
    if target.suffix.lower() not in {".png", ".gif"}:
        raise UserError(f"--out {out} must end in .png or .gif")
    checkpoint, kl, about, dataset = with_kl(model, data, split, root, download, count, seed, device)
    start = None
    if image is not None:
        if dataset is None:
            raise UserError(f"--image {image} needs the data set: {about}")
        if image >= len(dataset):
            raise UserError(f"--image {image}: {dataset.name} has images 0 to {len(dataset) - 1}")
        pixels = dataset.images([image]).float().to(checkpoint.model.device) / 255
        start = checkpoint.model.encode(pixels).mean[0].cpu().numpy()
    labels = read_labels(checkpoint.path)
    sheet = traversal_sheet(checkpoint.model, kl, steps, span, start, labels)
    to_bytes = as_png if target.suffix.lower() == ".png" else as_gif
    write_atomic(target, to_bytes(sheet, scale, sentence_of(checkpoint.config)))
    click.echo(f"{target}: {checkpoint.model.latents} dimensions, {steps} values each; KL {about}")


@main.command(short_help="The β that a trained model is at rest with.")
@model_argument
@data_options(ALL_OR_SAMPLE)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def multiplier(
    model: str, data: str | None, split: str | None, root: str | None, download: bool, count: int | None,
    seed: int, device: str, as_json: bool,
) -> None:  # fmt: skip
    """Read β off MODEL: what a nat of KL is worth to it in nats of reconstruction.

    Widening all its posteriors a little changes both; where training has come to rest, the changes
    balance: dD = −β dR. So a model tells the β it was trained with, also one that a constraint found as
    its multiplier, or one that was imported and says nothing of its recipe. Whether it has come to rest
    is looked at: a step is made down the gradient of D + βR, and what it saves on other images is told.

    \b
        python -m explorer multiplier dsprites-constrained --count 2000
    """
    from explorer.analysis.multiplier import read_beta

    checkpoint, dataset, split = open_both(model, data, split, root, download, device)
    found = read_beta(checkpoint.model, dataset, count, seed)
    if as_json:
        click.echo(json.dumps(_about(checkpoint, dataset, split) | found.as_json()))
        return
    error = "" if found.error is None else f" ± {found.error:.3f} (one standard error)"
    click.echo(
        f"β = {found.beta:.3f}{error}, {checkpoint.name} on "
        f"{found.count:,} of {len(dataset):,} images of {dataset.name} ({split}), seed {found.seed}"
    )
    click.echo(found.standing)


def _about(checkpoint: Checkpoint, dataset: Dataset, split: str) -> dict[str, Any]:
    """What a JSON object is about; with what is doubtful of the model where something is."""
    about: dict[str, Any] = {"model": checkpoint.name, "data": dataset.name, "split": split}
    doubts = list(checkpoint.config.doubts)
    return about | ({"doubts": doubts} if doubts else {})
