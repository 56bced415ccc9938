"""anomalies: which score finds what was put into images, and which images stand out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from explorer.cli.insight.shared import USUAL, json_option, out_option, places, tell_json, write
from explorer.cli.options import data_options, doubts_of, open_both, printed
from explorer.errors import UserError

if TYPE_CHECKING:
    from explorer.analysis.insight.outliers import Outliers
    from explorer.analysis.insight.pixel_scores import AnomalyMaps

SHOWN = 10  # images that stand out


@click.command("anomalies")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@data_options(f"Images to measure on, drawn with the seed  [default: {USUAL}]")
@click.option(
    "--kind", type=click.Choice(["bright", "dark", "erased", "noise", "blob"]), default="bright", show_default=True,
    help="What is put into each image.",
)  # fmt: skip
@click.option("--size", type=click.FloatRange(0.01, 1), default=0.14, show_default=True, help="Its side, as a share.")
@click.option("--strength", type=click.FloatRange(0.05, 1), default=1.0, show_default=True, help="1 is all the way.")
@click.option("--projection", is_flag=True, help="With the projection, which takes 25 passes.")
@click.option("--outliers", "standing", is_flag=True, help="Instead: which images of the data set stand out.")
@click.option("--image", type=click.IntRange(0), default=0, show_default=True, help="The image of the maps.")
@out_option("the scores, or the images that stand out (.csv); the first MODEL's maps of one image (.png)")
@json_option
def command(
    models: tuple[str, ...], data: str | None, split: str | None, root: str | None, download: bool, count: int | None,
    seed: int, device: str, kind: Any, size: float, strength: float, projection: bool, standing: bool, image: int,
    outs: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Put something into images of MODELs and see which score of a pixel finds it; or list the images that stand out.

    \b
        python -m explorer insight anomalies dsprites-beta1 dsprites-beta16 --kind erased --out scores.csv
        python -m explorer insight anomalies dsprites-beta4 --outliers --count 1000 --json
    """
    from explorer.analysis.insight.injected import Anomaly
    from explorer.analysis.insight.outliers import outliers
    from explorer.analysis.insight.pixel_scores import anomaly_maps, one_image
    from explorer.checkpoints.doubts import sentence_of
    from explorer.checkpoints.recipe import price
    from explorer.export.anomaly_files import one_png, outliers_csv, scores_csv

    targets = places(outs, (".csv",) if standing else (".csv", ".png"))
    opened = [(name, *open_both(name, data, split, root, download, device)[:2]) for name in models]
    doubts = doubts_of(*(checkpoint for _, checkpoint, _ in opened))
    if standing:
        name, checkpoint, dataset = opened[0]
        if len(opened) > 1:
            raise UserError("--outliers is for one MODEL")
        listed = outliers(checkpoint.model, dataset, min(count or USUAL, len(dataset)), seed)
        write(targets, {".csv": lambda: outliers_csv(listed)}, as_json)
        if as_json:
            tell_json(listed.as_json(), doubts)
        else:
            _print_outliers(name, listed)
        return
    anomaly = Anomaly(kind, size, strength)
    betas = [price(checkpoint.config, checkpoint.path, checkpoint.beta).whole for _, checkpoint, _ in opened]
    found = {
        name: anomaly_maps(checkpoint.model, dataset, anomaly, count or USUAL, seed, beta, projection)
        for (name, checkpoint, dataset), beta in zip(opened, betas, strict=True)
    }

    def maps() -> bytes:
        _, checkpoint, dataset = opened[0]
        one = one_image(checkpoint.model, dataset, image, anomaly, seed, betas[0])
        return one_png(one, sentence_of(checkpoint.config), checkpoint.config.samples)

    write(targets, {".csv": lambda: scores_csv(found), ".png": maps}, as_json)
    if as_json:
        tell_json({"models": {name: of.as_json() for name, of in found.items()}}, doubts)
        return
    for name, of in found.items():
        _print(name, of)


def _print(name: str, found: AnomalyMaps) -> None:
    from explorer.analysis.insight.pixel_scores import SCORES

    click.echo(
        f"{printed(name)}, {found.anomaly.kind} in {found.count:,} images, "
        f"{found.masked:,} of {found.pixels:,} pixels changed, β = {found.beta:g}"
    )
    click.echo("  AUROC     AP   Dice  of images  score")
    for place, score in enumerate(found.names):
        values = (found.auroc[place], found.ap[place], found.dice[place], found.mean_auroc[place])
        click.echo("  {:5.3f}  {:5.3f}  {:5.3f}      {:5.3f}  ".format(*values) + SCORES[score])
    for score, value in zip(found.image_names, found.image_auroc, strict=True):
        click.echo(f"  {value:5.3f}  whole images by {score}")


def _print_outliers(name: str, found: Outliers) -> None:
    click.echo(f"{printed(name)}, {len(found.index):,} images, mean d² {found.latent.mean():.2f}")
    click.echo("   image      d²  rank  -log p, nats  rank")
    for place in found.order()[:SHOWN]:
        click.echo(
            f"{found.index[place]:8d}  {found.latent[place]:6.2f}  {found.latent_rank[place]:4d}  "
            f"{found.reconstruction[place]:12.2f}  {found.reconstruction_rank[place]:4d}"
        )
