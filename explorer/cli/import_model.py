"""import: models from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explorer.cli.group import main
from explorer.errors import UserError
from explorer.importing.choices import (
    ACTIVATIONS,
    EDGES,
    HALVES,
    LIKELIHOODS,
    OUTPUTS,
    PIXELS,
    POOLING,
    RESIDUALS,
    SPREADS,
    UPSAMPLING,
)

if TYPE_CHECKING:
    from explorer.importing.preview import FoundModel

SAMPLES = 8


@main.command("import", short_help="Bring a checkpoint from elsewhere into the library.")
@click.argument("paths", metavar="PATH [PATH]", nargs=-1)
@click.option("--name", metavar="NAME", help="Its name in the library; the folder's own if left out.")
@click.option("--published", metavar="NAME", help="Fetch a published checkpoint and check its hash.")
@click.option("--list", "listed", is_flag=True, help="List the published checkpoints.")
@click.option("--look", "looked", is_flag=True, help="Say what is there and how it is read; keep nothing.")
@click.option("--sample", metavar="FILE", help="Write a .png of images that it decodes from the prior.")
@click.option(
    "--data",
    metavar="NAME",
    help="The data set that it goes with; where it lies here, how well its images are kept is tried too.",
)
@click.option("--size", metavar="HxW", help="Height and width of its images in pixels, or one number for both.")
@click.option("--channels", type=click.Choice(["1", "3"]), help="1 for grey, 3 for colour.")
@click.option(
    "--geometry",
    metavar="N|TEXT",
    help="Which of the possible strides and paddings, or what is known of them: "
    "'encoder.0: stride 2, padding 1, pool 2; decoder.2: output padding 1'.",
)
@click.option("--halves", type=click.Choice(HALVES), help="Which outputs of its encoder are the mean.")
@click.option("--spread", type=click.Choice(SPREADS), help="What the others are.")
@click.option("--mean-activation", type=click.Choice(["none", "relu"]), help="Behind the mean.")
@click.option("--activation", type=click.Choice(ACTIVATIONS), help="Between its encoder's layers.")
@click.option("--decoder-activation", type=click.Choice(ACTIVATIONS), help="Between its decoder's layers.")
@click.option(
    "--activation-at",
    multiple=True,
    metavar="LAYER=NAME",
    help="Another one behind a single layer: encoder.2=relu. May be given again.",
)
@click.option("--slope", type=click.FloatRange(0, 1), help="Of leaky-relu below 0.")
@click.option(
    "--bridge/--no-bridge", default=None, help="Whether an activation stands before the decoder's first convolution."
)
@click.option(
    "--head-activation/--no-head-activation", default=None, help="Whether one stands before the encoder's last layer."
)
@click.option(
    "--entry-activation/--no-entry-activation",
    default=None,
    help="Whether one stands between the decoder's first two dense layers.",
)
@click.option(
    "--exit-activation/--no-exit-activation", default=None, help="Whether one stands behind the decoder's last layer."
)
@click.option("--residual", type=click.Choice(RESIDUALS), help="Where the activation of its residual blocks stands.")
@click.option(
    "--stem-activation/--no-stem-activation", default=None, help="Whether one stands before its residual blocks."
)
@click.option(
    "--stack-activation/--no-stack-activation",
    default=None,
    help="Whether one stands behind blocks without one of their own.",
)
@click.option("--pooling", type=click.Choice(POOLING), help="What its encoder pools.")
@click.option("--upsampling", type=click.Choice(UPSAMPLING), help="How its decoder upsamples.")
@click.option("--edges", type=click.Choice(EDGES), help="Beyond the edges in its decoder.")
@click.option("--encoder-edges", type=click.Choice(EDGES), help="The same in its encoder.")
@click.option(
    "--output",
    type=click.Choice((*OUTPUTS, "pixels", "logits")),
    help="What its decoder ends in; of ONNX, what it gives.",
)
@click.option("--pixels", type=click.Choice(PIXELS), help="How pixels were scaled in its training.")
@click.option("--pixel-mean", type=float, help="What was taken off, with --pixels standardised.")
@click.option("--pixel-std", type=float, help="What it was divided by.")
@click.option("--likelihood", type=click.Choice(LIKELIHOODS), help="Of its pixels.")
@click.option(
    "--sigma",
    type=click.FloatRange(0, 10, min_open=True),
    help="σ of a Gaussian, of pixels from 0 to 1; summed squared errors are σ = 0.7071.",
)
@click.option("--settle", "settled", is_flag=True, help="Keep it without doubts: you have looked at it.")
def import_model(
    paths: tuple[str, ...], name: str | None, published: str | None, listed: bool, looked: bool, sample: str | None,
    data: str | None, size: str | None, channels: str | None, geometry: str | None, settled: bool,
    activation_at: tuple[str, ...], **choices: Any,
) -> None:  # fmt: skip
    """Copy the checkpoint at PATH into the library, where every other command finds it by its name.

    PATH is a file, a folder or an address: a checkpoint directory of this program (or a run); model.pt with
    specs.json beside it as disentangling-vae (Dubois et al.) writes them; the state dict of any VAE of
    convolutions, dense layers and residual blocks (.pt, .pth, .ckpt, .safetensors; Lightning's and others'
    wrappings); the id of a repository on the Hugging Face hub, OWNER/NAME, or the https:// address of a file, which
    are then fetched. An encoder and a decoder that were saved apart are given as two paths.
    Other projects' files are read as plain tensors; nothing in them is ever run. A name that is taken is refused.

    Of a bare state dict the layers are read from names and shapes, and what those leave open is tried out; --look
    says what was taken for what, and on which ground. The options from --size on correct it.

    What can't be read from names is exported as ONNX and imported as it is: the encoder (images -> mean and
    log-variance) and the decoder (latents -> pixels), or one file with all of it.

    \b
        python -m explorer import runs/first --name first
        python -m explorer import downloads/betaH_dsprites
        python -m explorer import vae.pth --look --sample vae.png
        python -m explorer import vae.pth --activation leaky-relu --output tanh --pixels=-1..1
        python -m explorer import encoder.onnx decoder.onnx --name mine
        python -m explorer import --list
        python -m explorer import --published VAE_mnist
    """
    if listed:
        _list()
        return
    if bool(paths) == (published is not None):
        raise UserError("import takes the PATH of a checkpoint, or --published with a name of --list")
    from explorer.importing.preview import import_facts, keep_import, preview

    if published is not None:
        from explorer.importing.published import fetch_published

        folder = fetch_published(published, name)
    else:
        choices |= _size(size) | {"channels": None if channels is None else int(channels)}
        choices |= _geometry(geometry) | _activations(activation_at)
        from explorer.datasets.examples import examples

        given = _data(data)
        with preview(
            paths[0] if len(paths) == 1 else paths, pictures=lambda named: examples(given or named), **choices
        ) as found:
            if looked or found.reading is not None or found.graphs is not None:
                click.echo(_words(found), err=not looked)
            if sample:
                click.echo(f"{_sample(found, sample)}: {SAMPLES} images decoded from the prior", err=True)
            if looked:
                return
            folder = keep_import(found.without_doubts() if settled else found, name, given)
    made = import_facts(folder)
    channels_, height, width = made["shape"]
    recipe = f", {made['objective']}" if made["objective"] else ""
    click.echo(
        f"{folder}\n{made['name']}: {made['network']}, {made['latents']} latents, "
        f"{channels_} x {height} x {width}{recipe}"
    )


def _list() -> None:
    from explorer.importing.published import PUBLISHED

    for entry in PUBLISHED.values():
        click.echo(f"{entry.name}  {entry.bytes / 1e6:.1f} MB, {entry.licence}, {entry.source}")
        click.echo(f"    {entry.shows}")
        for file in entry.files:
            click.echo(f"    {file.name}  {file.bytes:,} bytes, SHA-256 {file.sha256}")


def _size(text: str | None) -> dict[str, int]:
    if text is None:
        return {}
    found = re.fullmatch(r"(\d{1,4})(?:\s*[x×]\s*(\d{1,4}))?", text.strip())
    if found is None:
        raise UserError(f"--size {text[:40]!r} is not a size; one is 64, or 28x20")
    return {"height": int(found[1]), "width": int(found[2] or found[1])}


def _geometry(text: str | None) -> dict[str, Any]:
    """The number of a geometry, or what is said of single layers."""
    from explorer.importing.reading import parse_steps

    if text is None:
        return {}
    if text.strip().isdecimal() and len(text.strip()) < 5:
        if int(text) < 1:
            raise UserError("--geometry counts from 1")
        return {"geometry": int(text) - 1}
    return {"steps": parse_steps(text)}


def _activations(given: tuple[str, ...]) -> dict[str, Any]:
    found = []
    for text in given:
        layer, _, name = text.rpartition("=")
        if not layer or name not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise UserError(f"--activation-at {text[:80]!r} is not LAYER=NAME; names are {known}")
        found.append((layer, name))
    return {"activation_at": tuple(found)} if found else {}


def _data(name: str | None) -> str | None:
    from explorer.datasets.names import DATASETS

    if name is not None and name not in DATASETS:
        raise UserError(f"there is no data set {name[:80]!r}; there are {', '.join(DATASETS)}")
    return name


def _words(found: FoundModel) -> str:
    """What lies there, and of a bare state dict how it is read."""
    lines = [f"{found.kind}, {found.name}"]
    reading = found.reading
    if found.graphs is not None:
        lines += [f"{what}: {value} ({why})" for what, value, why in found.graphs.table()]
        return "\n".join([*lines, *(f"doubtful: {doubt}" for doubt in found.doubts)])
    if reading is None:
        return lines[0]
    lines += [f"{what}: {value} ({why})" for what, value, why in reading.table()]
    lines += [reading.found_words()]
    lines += [f"doubtful: {doubt}" for name, doubt in reading.doubts.items() if name != "found"]
    if len(reading.geometries) > 1:
        lines += ["possible strides and paddings (--geometry):"]
        lines += [f"  {i}. {text}" for i, text in enumerate(reading.geometry_words(), 1)]
    for part, layers in reading.words().items():
        lines += [f"{part}:", *(f"  {layer}" for layer in layers)]
    return "\n".join([*lines, *reading.notes])


def _sample(found: FoundModel, target: str) -> Path:
    """Write images decoded from the prior, side by side."""
    from explorer.figures.image_grid import grid, png, to_uint8
    from explorer.files import write_atomic
    from explorer.importing.trial import prior_samples
    from explorer.paths import absolute

    file = absolute(target)
    if file.suffix.lower() != ".png":
        raise UserError(f"--sample {target} must end in .png")
    write_atomic(file, png(grid(to_uint8(prior_samples(found.model(), SAMPLES))[None], gap=1)))
    return file
