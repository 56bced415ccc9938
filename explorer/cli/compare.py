"""compare: several models side by side, as numbers, as a picture and as a web page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from explorer.analysis.linking import Way, sample
from explorer.analysis.scores import IMAGES
from explorer.cli.group import main
from explorer.cli.options import doubts_of, load_said
from explorer.errors import UserError
from explorer.paths import absolute

if TYPE_CHECKING:
    from explorer.analysis.evaluation import EvaluationResult
    from explorer.checkpoints import Checkpoint
    from explorer.checkpoints.recipe import Source
    from explorer.datasets import Dataset
    from explorer.live.comparison import Means, Side

FARTHEST = 1000.0


@main.command(short_help="Several models side by side, under linked sliders.")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--out", metavar="PATH", help="Write a picture (.png) or a web page (.html).")
@click.option(
    "--link",
    "way",
    type=click.Choice(get_args(Way)),
    default="kl",
    show_default=True,
    help="What one slider moves in each model: the dimension of the same rank by KL, of the "
    "best match, or as --hand says.",
)
@click.option(
    "--hand",
    multiple=True,
    metavar="DIMENSIONS",
    help="Once for each model: what sliders 1, 2, ... move in it, a minus turns it: 3,-0,,2.",
)
@click.option("--image", type=click.IntRange(0), help="Start at this image's posterior means  [default: 0]")
@click.option("--mean", "at_mean", is_flag=True, help="Start at the prior mean.")
@click.option(
    "--sample", "drawn", type=click.IntRange(0, 2**31 - 1), help="Start at the draw from the prior with this seed."
)
@click.option("--t", "offsets", default="", metavar="T1,T2,...", help="Where the sliders stand; nothing is 0.")
@click.option(
    "--span", type=click.FloatRange(0.1, 100), default=3.0, show_default=True, help="Sliders go from −span to +span."
)
@click.option("--data", metavar="NAME", help="Images that all models take; each its own if left out.")
@click.option("--root", metavar="PATH", help="Where that data lies.")
@click.option(
    "--count", type=click.IntRange(10, 100_000), default=IMAGES, show_default=True, help="Images to measure on."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="Of the choice of these images, and of the noise.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compare(
    models: tuple[str, ...], out: str | None, way: Way, hand: tuple[str, ...], image: int | None,
    at_mean: bool, drawn: int | None, offsets: str, span: float, data: str | None, root: str | None,
    count: int, seed: int, as_json: bool,
) -> None:  # fmt: skip
    """Two to six MODELs on the same image and under the same sliders, as on the page Compare.

    Prints what each costs in nats an image, as evaluate does, and which dimension of the first model is
    which of the others. What can't be had of one model is said of it, and the others go on.

    \b
        python -m explorer compare dsprites-beta1 dsprites-beta4 --image 5000 --out both.png
        python -m explorer compare dsprites-beta1 dsprites-beta4 --link matched --t 1.5 --out both.html
        python -m explorer compare dsprites-beta1 mnist-beta4 --json
    """
    from explorer.analysis.model_table import best, table_values
    from explorer.live.comparison import MOST_MATCHED, MOST_MODELS, Side, first_of, linked, side_of

    target = None if out is None else _target(out)
    if not 2 <= len(models) <= MOST_MODELS:
        raise UserError(f"compare takes 2 to {MOST_MODELS} models, not {len(models)}")
    if sum((image is not None, at_mean, drawn is not None)) > 1:
        raise UserError("--image, --mean and --sample are three starts; give one of them")
    if way == "hand" and not hand:
        raise UserError("--link hand needs --hand once for each model")
    values = _offsets(offsets)
    sides, measured, means, checkpoints, rows = [], [], [], {}, []
    for number, name in enumerate(models):
        checkpoint, dataset, source, why = _opened(name, data, root)
        found = _measured(checkpoint, dataset, count, seed, why)
        side = Side(name, problem=why)
        if checkpoint is not None:
            checkpoints[number] = checkpoint
            side = side_of(checkpoint.name, checkpoint, found)
            side = _started(side, checkpoint, dataset, source, why, image, at_mean, drawn)
        sides.append(side)
        measured.append(found)
        means.append(_means(checkpoint, dataset, source, min(count, MOST_MATCHED), seed, why))
        rows.append(table_values(name, checkpoint, source, found))
    words = f"{min(count, MOST_MATCHED):,} images drawn with seed {seed}"
    links, matchings = linked(sides, means, words, hand)
    slots = links.slots[way]
    if slots is None:
        raise UserError(f"--link {way}: {links.why.get(way) or 'nothing can be linked so'}".rstrip("."))
    if len(values) > len(slots):
        raise UserError(f"--t has {len(values)} values, and there are {len(slots)} sliders")
    if drawn is not None:
        starts = sample(slots, [side.start for side in sides], first_of(sides))
        sides = [replace(side, start=start) for side, start in zip(sides, starts, strict=True)]
    if target is not None:
        from explorer.export.origin_record import origin
        from explorer.export.stamps import stamped
        from explorer.files import write_atomic

        where = origin("compare", {"model": [of.name for of in checkpoints.values()]}, checkpoints.values())
        made = _file(target, sides, links, way, values, span, checkpoints, rows)
        write_atomic(target, stamped(made, target.name, where))
        click.echo(f"{target}: {len(sides)} models, linked by {way}", err=as_json)
    matched = {
        models[m]: [[d, e, float(found.correlation[d, e])] for d, e in found.pairs]
        for m, found in enumerate(matchings)
        if found is not None
    }
    if as_json:
        said = [{k: v for k, v in vars(row).items() if k != "peers"} for row in rows]
        doubts = doubts_of(*checkpoints.values())
        answer = {"models": said, "matched_with_first": matched}
        click.echo(json.dumps(answer | ({"doubts": doubts} if doubts else {})))
        return
    _print(rows, best(rows), matched)


def _opened(
    name: str, data: str | None, root: str | None
) -> tuple[Checkpoint | None, Dataset | None, Source | None, str]:
    """A model, its images, where they are from; and a sentence on what is lacking."""
    from explorer.checkpoints.recipe import Source, source_of
    from explorer.datasets import open_dataset
    from explorer.datasets.names import DATASETS

    try:
        checkpoint = load_said(name)
    except UserError as error:
        return None, None, None, str(error)
    channels, height, width = checkpoint.config.shape
    try:
        if data is not None:
            if data not in DATASETS:
                raise UserError(f"--data {data[:80]!r} is none of {', '.join(DATASETS)}")
            split = DATASETS[data].splits[0]
            source = Source(data, root, split, height if height == width else None, channels)
        else:
            source = source_of(checkpoint.config)
        dataset = open_dataset(source.name, size=source.size, root=source.root, split=source.split, channels=channels)
        if dataset.shape != checkpoint.config.shape:
            raise UserError(
                f"{source.title} has images of shape {dataset.shape}, the model takes {checkpoint.config.shape}"
            )
    except UserError as error:
        return checkpoint, None, None, str(error)
    return checkpoint, dataset, source, ""


def _measured(
    checkpoint: Checkpoint | None, dataset: Dataset | None, count: int, seed: int, why: str
) -> EvaluationResult | str:
    from explorer.analysis.evaluation import evaluate

    if checkpoint is None or dataset is None:
        return why
    try:
        return evaluate(checkpoint.model, dataset, min(count, len(dataset)), seed)
    except UserError as error:
        return str(error)


def _started(
    side: Side,
    checkpoint: Checkpoint,
    dataset: Dataset | None,
    source: Source | None,
    why: str,
    image: int | None,
    at_mean: bool,
    drawn: int | None,
) -> Side:
    """The model at the start that was asked for."""
    from explorer.analysis.inspection import inspect, prior_sample
    from explorer.live.comparison import at_image

    if drawn is not None:
        z = [round(float(v), 4) for v in prior_sample(checkpoint.model.latents, drawn)]
        return replace(side, start=z, words=f"the sample of seed {drawn}")
    if at_mean:
        return side
    if dataset is None or source is None:
        return replace(side, complaints=[f"Its images are not at hand: {why}."])
    return at_image(
        side, dataset, source.title, image or 0, lambda wanted: inspect(checkpoint.model, dataset, [wanted])
    )


def _means(
    checkpoint: Checkpoint | None, dataset: Dataset | None, source: Source | None, count: int, seed: int, why: str
) -> Means | str:
    from explorer.analysis.evaluation import choose, encode_all

    if checkpoint is None or dataset is None or source is None:
        return why
    images = f"{source.name}, {source.root}, {source.split}, {len(dataset)}"
    posterior = encode_all(checkpoint.model, dataset, choose(dataset, min(count, len(dataset)), seed))
    return images, posterior.mean.numpy()


def _file(
    target: Path,
    sides: list[Side],
    links: Any,
    way: Way,
    offsets: list[float],
    span: float,
    checkpoints: dict[int, Checkpoint],
    rows: list[Any],
) -> bytes:
    from explorer.analysis.model_table import in_a_sentence
    from explorer.export.comparison_files import comparison_html, comparison_png

    if not checkpoints:
        raise UserError(f"none of the models can be opened: {sides[0].problem}")
    if target.suffix.lower() == ".png":
        models = {number: checkpoint.model for number, checkpoint in checkpoints.items()}
        return comparison_png(sides, links, way, offsets, span, models)
    from explorer.export.onnx import decoder_onnx
    from explorer.live.onnx_cache import found

    decoders = {}
    for number, checkpoint in checkpoints.items():
        made = found(checkpoint)
        try:
            decoders[number] = decoder_onnx(checkpoint, True) if made is None else made.decoder.read_bytes()
        except UserError as error:
            click.echo(f"{checkpoint.name} can't be exported: {error}", err=True)
    words = [in_a_sentence(row) for row in rows]
    return comparison_html(sides, links, way, offsets, span, decoders, words)


def _print(rows: list[Any], best: dict[str, set[int]], matched: dict[str, list[list[Any]]]) -> None:
    wide = max(len(row.name) for row in rows)
    click.echo(f"{'':{wide}}  reconstruction         KL        ELBO  active  β·D/(C·H·W)")
    for number, row in enumerate(rows):
        if row.kl is None:
            click.echo(f"{row.name:{wide}}  {row.reason}")
            continue
        marks = {column: "*" if number in found else " " for column, found in best.items()}
        norm = "" if row.beta_norm is None else f"{row.beta_norm:.3g}"
        click.echo(
            f"{row.name:{wide}}  {row.reconstruction:13.3f}{marks['reconstruction']} {row.kl:10.3f} "
            f"{row.elbo:10.3f}{marks['elbo']} {row.active_units:3d}/{row.latents:<3d} {norm:>10}  {row.images}"
        )
    click.echo("nats an image, sampled latents; * best among models of the same images, shape and likelihood")
    for name, pairs in matched.items():
        listed = ", ".join(f"z{d} {'−' if rho < 0 else ''}z{e} ({abs(rho):.2f})" for d, e, rho in pairs)
        click.echo(f"the first model's dimensions in {name} (|ρ|): {listed}")


def _target(out: str) -> Path:
    target = absolute(out)
    if target.suffix.lower() not in {".png", ".html"}:
        raise UserError(f"--out {out} must end in .png or .html")
    if target.is_dir():
        raise UserError(f"--out {out} is a folder; give the path of a file")
    return target


def _offsets(text: str) -> list[float]:
    values = []
    for place, part in enumerate(text.split(",") if text.strip() else []):
        try:
            value = float(part.strip() or 0)
        except ValueError:
            value = float("nan")
        if not abs(value) <= FARTHEST:
            raise UserError(f"--t, value {place + 1}: {part[:40]!r} is not a number from {-FARTHEST:g} to {FARTHEST:g}")
        values.append(value)
    return values
