"""traverse: a picture of what each dimension does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from explorer.cli.group import main
from explorer.cli.options import FOR_KL, data_options, model_argument, with_kl
from explorer.errors import UserError
from explorer.paths import absolute

if TYPE_CHECKING:
    pass


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
    model: str,
    out: str,
    data: str | None,
    split: str | None,
    root: str | None,
    download: bool,
    count: int | None,
    seed: int,
    device: str,
    steps: int,
    span: float | None,
    image: int | None,
    scale: int,
) -> None:
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
    from explorer.export.origin_record import origin
    from explorer.export.stamps import stamped
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
        pixels = dataset.unit([image]).to(checkpoint.model.device)
        start = checkpoint.model.encode(pixels).mean[0].cpu().numpy()
    labels = read_labels(checkpoint.path)
    sheet = traversal_sheet(checkpoint.model, kl, steps, span, start, labels, samples=checkpoint.config.samples)
    to_bytes = as_png if target.suffix.lower() == ".png" else as_gif
    params = {"model": checkpoint.name} | ({} if image is None else {"start": "image", "image": str(image)})
    where = origin("explore", params, [checkpoint], dataset.name if dataset is not None else "")
    made = to_bytes(sheet, scale, sentence_of(checkpoint.config))
    write_atomic(target, stamped(made, target.name, where))
    click.echo(f"{target}: {checkpoint.model.latents} dimensions, {steps} values each; KL {about}")
