"""export: a model as ONNX, a web page, a picture, a film or a Hugging Face directory."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from explorer.analysis.scores import IMAGES
from explorer.cli.group import main
from explorer.cli.options import FOR_KL, data_options, load_said, model_argument, open_both
from explorer.errors import UserError
from explorer.export.formats import FORMATS, ExportRequest, Format
from explorer.paths import absolute

if TYPE_CHECKING:
    import numpy as np

    from explorer.checkpoints import Checkpoint


FARTHEST = 1000.0  # a latent's value, as on the page


def _help() -> str:
    names = max(map(len, FORMATS))
    forms = []
    for name, form in FORMATS.items():
        first, *others = textwrap.wrap(form.about, 92 - names)
        forms += [f"{name:{names}}  {first}", *(" " * (names + 2) + line for line in others)]
    listed = "\n".join(forms)
    return f"""Write MODEL in a form that others can use.

\b
{listed}

Dimensions are sorted by KL and labelled with it, and called by the names that they were given. The KL is the one in the
model's own config; with --data it is measured on that, on 5,000 images unless --count says otherwise.

\b
    python -m explorer export dsprites-beta4 --to html --out dsprites.html
    python -m explorer export dsprites-beta4 --to picture --z "0.5,,-1" --scale 8 --out one.png
    python -m explorer export dsprites-beta4 --to onnx --out decoder.onnx
    python -m explorer export runs/first --to mp4 --out first.mp4 --data dsprites
"""


def _usual_steps() -> str:
    return ", ".join(f"{form.steps} in {name}" for name, form in FORMATS.items() if form.steps)


@main.command(short_help="A model as ONNX, a web page, a picture or a film.", help=_help())
@model_argument
@click.option("--to", "kind", required=True, type=click.Choice(list(FORMATS)), help="What to make of it.")
@click.option("--out", required=True, metavar="PATH", help="The file to write; for hf, a new folder.")
@data_options(FOR_KL)
@click.option("--steps", type=click.IntRange(2, 501), help=f"Values a dimension takes  [default: {_usual_steps()}]")
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
    kind = _checked(kind, view, given)
    form = FORMATS[kind]
    target = _target(form, out)
    if form.folder:
        checkpoint = load_said(model)
        click.echo(f"{form.write(checkpoint, target)}: {checkpoint.name}")
        return
    import numpy as np

    from explorer.checkpoints import describe
    from explorer.files import write_atomic

    config = describe(model).config
    z = _latents(given or "", config.latents)
    if given is None and kind == "html" and config.first_image is not None:
        z = np.array(config.first_image.mean)
    if form.kl:
        checkpoint, kl, about_kl = _with_kl(model, data, split, root, download, count, seed, device)
    else:
        checkpoint, kl, about_kl = load_said(model), None, ""
    if form.needs == "networks":
        checkpoint.model.to("cpu")
    if for_page:
        from explorer.export.onnx import check_for_page

        check_for_page(checkpoint)
    # Why the KL is unknown is for the person at the shell: it may name this machine's folders.
    ends = None if span is None else (np.full(len(z), -span), np.full(len(z), span))
    scene = ExportRequest(
        checkpoint,
        z,
        ends,
        kl,
        "unknown" if kl is None else about_kl,
        steps or form.steps,
        scale,
        every_beta=for_page,
        images=lambda: open_both(model, data, split, root, download, device)[1],
        count=count or 0,
        seed=seed,
    )
    files = {target: form.make(scene)}
    if form.beside:
        other = FORMATS[form.beside]
        files[target.with_suffix(other.suffix)] = other.make(scene)
    files = files if for_page else _stamped(files, checkpoint, given)
    for path, content in reversed(files.items()):
        write_atomic(path, content)
    says = _in_it(form, checkpoint, z, about_kl)
    for path, content in files.items():
        click.echo(f"{path}: {len(content):,} bytes; {says}")


def _stamped(files: dict[Path, bytes], checkpoint: Checkpoint, z: str | None) -> dict[Path, bytes]:
    """The files with where they are from: the view of Explore at these latents."""
    from explorer.export.origin_record import origin
    from explorer.export.stamps import stamped

    where = origin("explore", {"model": checkpoint.name} | ({"z": z} if z else {}), [checkpoint])
    return {path: stamped(made, path.name, where) for path, made in files.items()}


def _checked(kind: str, view: str, given: str | None) -> str:
    """The name of the format that is meant. Raises UserError on options that don't go with it."""
    if view == "picture":
        if kind not in ("png", "picture"):
            raise UserError(f"--view picture is for --to png, not for --to {kind}")
        kind = "picture"
    if given is not None and not FORMATS[kind].starts:
        starting = ", ".join(name for name, one in FORMATS.items() if one.starts)
        raise UserError(f"--z is for {starting}; --to {kind} holds the whole model")
    return kind


def _in_it(form: Format, checkpoint: Checkpoint, z: np.ndarray, about_kl: str) -> str:
    """What the file holds, in a few words."""
    shape, latents = checkpoint.model.shape, checkpoint.model.latents
    if not form.starts and form.needs == "networks":
        return f"z (n, {latents}) <-> images (n, {', '.join(map(str, shape))}), mean, log_var (n, {latents})"
    if not form.starts:
        return "a table with commas"
    if not form.steps and not about_kl:
        return f"z = {', '.join(f'{v:g}' for v in z)}"
    return f"{latents} dimensions, KL {about_kl}"


def _target(form: Format, out: str) -> Path:
    """The path to write. Raises UserError where its ending says that it is something else."""
    if not out.strip() or "\0" in out:
        raise UserError(f"--out {out!r} is not a path")
    target = absolute(out)
    if form.folder:
        return target.resolve()
    wanted = form.ending
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
    model: str,
    data: str | None,
    split: str | None,
    root: str | None,
    download: bool,
    count: int | None,
    seed: int,
    device: str,
) -> tuple[Checkpoint, np.ndarray | None, str]:
    """The checkpoint, its KL per dimension or None, and where that comes from in words."""
    import numpy as np

    known = load_said(model)
    measured = known.evaluation
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
