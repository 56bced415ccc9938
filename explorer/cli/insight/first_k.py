"""first-k: what the k latents of highest KL already say of an image, and how alike several models are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from explorer.cli.insight.shared import USUAL, json_option, out_option, places, tell_json, write
from explorer.cli.options import data_options, doubts_of, open_both, printed
from explorer.errors import UserError

if TYPE_CHECKING:
    from explorer.analysis.insight.nested import Nested
    from explorer.analysis.insight.stability import Stability
    from explorer.checkpoints import Checkpoint
    from explorer.datasets import Dataset

    Opened = list[tuple[str, Checkpoint, Dataset]]

ROWS = 4  # images of a strip


@click.command("first-k")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@data_options(f"Images to measure on, drawn with the seed  [default: {USUAL}]")
@click.option(
    "--codes", type=click.Choice(["mean", "sampled"]), default="mean", show_default=True,
    help="Decode the posterior's means, or a sample of each.",
)  # fmt: skip
@click.option("--image", type=click.IntRange(0), default=0, show_default=True, help="The first image of the pictures.")
@out_option("the curves (.csv), the first MODEL's pictures at each k (.png), the same as a film (.gif)")
@json_option
def command(
    models: tuple[str, ...], data: str | None, split: str | None, root: str | None, download: bool, count: int | None,
    seed: int, device: str, codes: Literal["mean", "sampled"], image: int, outs: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Decode images of MODELs from their first k latents by KL, for every k; with several, match their latents.

    \b
        python -m explorer insight first-k dsprites-disentangled --out strip.png --out film.gif
        python -m explorer insight first-k dsprites-beta1 dsprites-beta4 --count 400 --json
    """
    from explorer.analysis.insight.nested import nested

    targets = places(outs, (".csv", ".png", ".gif"))
    opened = [(name, *open_both(name, data, split, root, download, device)[:2]) for name in models]
    found = {
        name: nested(checkpoint.model, dataset, min(count or USUAL, len(dataset)), seed, codes)
        for name, checkpoint, dataset in opened
    }
    alike = _alike(opened, count or USUAL, seed)
    write(targets, _files(opened[0], found, image), as_json)
    if as_json:
        value: dict[str, Any] = {"models": {name: of.as_json() for name, of in found.items()}}
        if alike is not None:
            value["stability"] = alike if isinstance(alike, dict) else alike.as_json()
        tell_json(value, doubts_of(*(checkpoint for _, checkpoint, _ in opened)))
        return
    for name, of in found.items():
        _print(name, of)
    if isinstance(alike, dict):
        click.echo(f"stability: absent. {alike['absent']}")
    elif alike is not None:
        mean = "absent, no matched pair is alive in both" if alike.value is None else f"{alike.value:.3f}"
        click.echo(f"stability: mean matched |rho| of latents alive in both: {mean}")


def _alike(opened: Opened, count: int, seed: int) -> Stability | dict[str, str] | None:
    """The models matched on the images of the first; why they can't be; None of a single one."""
    from explorer.analysis.evaluation import choose, encode_all
    from explorer.analysis.insight.stability import stability

    if len(opened) < 2:
        return None
    dataset = opened[0][2]
    for name, checkpoint, _ in opened:
        if checkpoint.model.shape != dataset.shape:
            return {"absent": f"{name} takes images of shape {checkpoint.model.shape}, the first of {dataset.shape}"}
    indices = choose(dataset, min(count, len(dataset)), seed)
    if len(indices) < 2:
        return {"absent": "one image shows no correlation"}
    posteriors = [encode_all(checkpoint.model, dataset, indices) for _, checkpoint, _ in opened]
    means = [posterior.mean.double().numpy() for posterior in posteriors]
    return stability(means, [posterior.kl().double().mean(0).numpy() for posterior in posteriors])


def _files(first: tuple[str, Checkpoint, Dataset], found: dict[str, Nested], image: int) -> dict[str, Any]:
    from explorer.analysis.evaluation import choose
    from explorer.analysis.insight.nested import nested_pictures
    from explorer.checkpoints.doubts import sentence_of
    from explorer.export.nested_files import curve_csv, film_gif, strip_png

    name, checkpoint, dataset = first
    of, note, own = found[name], sentence_of(checkpoint.config), checkpoint.config.samples

    def pictures() -> Any:
        if image >= len(dataset):
            raise UserError(f"--image {image}: {dataset.name} has images 0 to {len(dataset) - 1}")
        more = [int(i) for i in choose(dataset, min(ROWS, len(dataset)), 0) if i != image]
        return nested_pictures(checkpoint.model, dataset, [image, *more[: ROWS - 1]], of.order.tolist())

    return {
        ".csv": lambda: curve_csv(found),
        ".png": lambda: strip_png(pictures(), comment=note, samples=own),
        ".gif": lambda: film_gif(pictures(), of.kept, 2, comment=note, samples=own),
    }


def _print(name: str, found: Nested) -> None:
    click.echo(f"{printed(name)}, {found.count:,} images, {found.codes} codes")
    click.echo("    k  latent  KL, nats   -log p, nats  squared error")
    for k, nll, error in zip(found.kept, found.nll, found.squared_error, strict=True):
        last = f"z{found.order[k - 1]:<6d}{found.kl[found.order[k - 1]]:8.3f}" if k else " " * 15
        click.echo(f"{k:5d}  {last}  {nll:13.2f}  {error:13.4f}")
