"""export: a model as ONNX, a web page, a picture, a film or a Hugging Face directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from explorer.analysis.scores import IMAGES
from explorer.cli.group import main
from explorer.cli.options import FOR_KL, data_options, load_said, model_argument, open_both
from explorer.errors import UserError
from explorer.paths import absolute

if TYPE_CHECKING:
    import numpy as np

    from explorer.checkpoints import Checkpoint


SUFFIXES = {"onnx": ".onnx", "html": ".html", "png": ".png", "gif": ".gif", "mp4": ".mp4"}


STEPS = {"png": 11, "gif": 31, "mp4": 41}


FARTHEST = 1000.0  # a latent's value, as on the page


@main.command(short_help="A model as ONNX, a web page, a picture or a film.")
@model_argument
@click.option("--to", "kind", required=True, type=click.Choice([*SUFFIXES, "hf"]), help="What to make of it.")
@click.option("--out", required=True, metavar="PATH", help="The file to write; for hf, a new folder.")
@data_options(FOR_KL)
@click.option(
    "--steps",
    type=click.IntRange(2, 501),
    help="Values a dimension takes  [default: 11 in a png, 31 in a gif, 41 in an mp4]",
)
@click.option(
    "--span",
    type=click.FloatRange(0.01, 100),
    help="Traverse from −span to +span; the prior's 5 % to 95 % if left out, in html −3 to +3.",
)
@click.option(
    "--z", "given", metavar="Z0,Z1,...", help="Latents to start from; nothing between two commas is 0  [default: all 0]"
)
@click.option(
    "--view",
    type=click.Choice(["grid", "picture"]),
    default="grid",
    show_default=True,
    help="In a png: every traversal, or the one picture at --z.",
)
@click.option(
    "--scale", type=click.IntRange(1, 16), default=2, show_default=True, help="Enlarge each pixel by (png, gif, mp4)."
)
@click.option("--for-page", is_flag=True, hidden=True, help="Refuse what a page can't decode.")
def export(
    model: str, kind: str, out: str, data: str | None, split: str | None, root: str | None, download: bool,
    count: int | None, seed: int, device: str, steps: int | None, span: float | None,
    given: str | None, view: str, scale: int, for_page: bool,
) -> None:  # fmt: skip
    """Write MODEL in a form that others can use.

    \b
    html  one page that works from a disk with no network: the live explorer of the page Explore, with
          the encoder and the model's card
    onnx  the decoder at PATH (z -> images in [0, 1]) and the encoder beside it, as NAME.encoder.onnx
          (images -> mean, log_var); any number of rows
    png   the traversal of every dimension as a grid, or the picture at one point; gif and mp4: as a film
    hf    config.json, model.safetensors and README.md, as the Hugging Face hub keeps them, modeling.py (the
          network in plain PyTorch, which the card loads in five lines), and labels.json where dimensions
          have names

    Dimensions are sorted by KL and labelled with it, and called by the names that they were given. The KL
    is the one in the model's own config; with --data it is measured on that, on 5,000 images unless
    --count says otherwise.

    \b
        python -m explorer export dsprites-beta4 --to html --out dsprites.html
        python -m explorer export dsprites-beta4 --to png --view picture --z "0.5,,-1" --scale 8 --out one.png
        python -m explorer export dsprites-beta4 --to onnx --out decoder.onnx
        python -m explorer export runs/first --to mp4 --out first.mp4 --data dsprites
    """
    target = _target(kind, out)
    from explorer.checkpoints import describe
    from explorer.files import write_atomic

    if given is not None and kind in ("hf", "onnx"):
        raise UserError(f"--z is for html, png, gif and mp4; --to {kind} holds the whole model")
    if view == "picture" and kind != "png":
        raise UserError(f"--view picture is for --to png, not for --to {kind}")
    if kind in ("hf", "onnx"):
        checkpoint = load_said(model)
        if kind == "hf":
            from explorer.export.hub import write_hub_folder

            click.echo(f"{write_hub_folder(checkpoint, target)}: {checkpoint.name}")
        else:
            from explorer.export.onnx import check_for_page, write_onnx

            if for_page:
                check_for_page(checkpoint)
            decoder, encoder = write_onnx(checkpoint, target)
            channels, height, width = checkpoint.model.shape
            latents = checkpoint.model.latents
            click.echo(f"{decoder}: z (n, {latents}) -> images (n, {channels}, {height}, {width})")
            click.echo(f"{encoder}: images -> mean, log_var (n, {latents})")
        return

    from explorer.checkpoints.doubts import sentence_of

    z = _latents(given or "", describe(model).config.latents)
    if view == "picture":
        from explorer.export.films import as_picture

        checkpoint = load_said(model)
        content = as_picture(checkpoint.model, z, scale, sentence_of(checkpoint.config))
        write_atomic(target, content)
        click.echo(f"{target}: the picture at z = {', '.join(f'{v:g}' for v in z)}")
        return
    checkpoint, kl, about_kl = _with_kl(model, data, split, root, download, count, seed, device)
    if kind == "html":
        from explorer.export.html import as_html

        checkpoint.model.to("cpu")
        # Why it is unknown is for the person at the shell: it may name this machine's folders.
        ends = None if span is None else ([-span] * len(z), [span] * len(z))
        content = as_html(checkpoint, kl, "unknown" if kl is None else about_kl, z, ends)
    else:
        from explorer.checkpoints.labels import read_labels
        from explorer.export import films

        sheet = films.traversal_sheet(checkpoint.model, kl, steps or STEPS[kind], span, z, read_labels(checkpoint.path))
        make = {"png": films.as_png, "gif": films.as_gif, "mp4": films.as_mp4}[kind]
        content = make(sheet, scale, sentence_of(checkpoint.config))
    write_atomic(target, content)
    click.echo(f"{target}: {checkpoint.model.latents} dimensions, {len(content):,} bytes; KL {about_kl}")


def _target(kind: str, out: str) -> Path:
    """The path to write. Raises UserError where its ending says that it is something else."""
    if not out.strip() or "\0" in out:
        raise UserError(f"--out {out!r} is not a path")
    target = absolute(out)
    if kind == "hf":
        return target.resolve()
    wanted = SUFFIXES[kind]
    if not target.suffix:
        target = target.with_name(target.name + wanted)
    if target.suffix.lower() != wanted:
        raise UserError(f"--out {out} must end in {wanted}")
    if target.is_dir():
        raise UserError(f"--out {out} is a folder; give the path of a file")
    return target


def _latents(text: str, latents: int) -> np.ndarray:
    """The latents `(D,)` that --z gives, as in the URL of a page: separated by commas, 0 where empty.

    Raises:
        UserError: more values than dimensions, or one that is no number or too far out.
    """
    import numpy as np

    parts = [part.strip() for part in text.split(",")]
    if len(parts) > latents:
        raise UserError(f"--z has {len(parts)} values, and the model has {latents} latents")
    z = np.zeros(latents)
    for place, part in enumerate(parts):
        try:
            z[place] = float(part or 0)
        except ValueError:
            z[place] = np.nan
        if not abs(z[place]) <= FARTHEST:
            raise UserError(f"--z, value {place + 1}: {part[:40]!r} is not a number from {-FARTHEST:g} to {FARTHEST:g}")
    return z


def _with_kl(
    model: str, data: str | None, split: str | None, root: str | None, download: bool, count: int | None,
    seed: int, device: str,
) -> tuple[Checkpoint, np.ndarray | None, str]:  # fmt: skip
    """The checkpoint, its KL per dimension or None, and where that comes from in words."""
    import numpy as np

    known = load_said(model)
    measured = known.config.evaluation
    if data is None and measured is not None:
        about = f"from the model's own config: {measured.count:,} images of {measured.data} ({measured.split})"
        return known, np.array(measured.kl_per_dimension), about
    from explorer.analysis.evaluation import evaluate

    try:
        checkpoint, dataset, split = open_both(model, data, split, root, download, device)
        result = evaluate(checkpoint.model, dataset, min(len(dataset), IMAGES) if count is None else count, seed)
    except UserError as error:
        if data is not None:
            raise
        return known, None, f"unknown: {error}"
    about = f"measured on {result.count:,} images of {dataset.name} ({split})"
    return checkpoint, result.kl_per_dimension, about
