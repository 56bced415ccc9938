"""images: store own images, to be trained on by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from explorer.cli.group import main
from explorer.cli.options import printed

if TYPE_CHECKING:
    from explorer.datasets.intake import PictureSet


@main.group(short_help="Store own images, to be trained on by name.")
def images() -> None:
    """Own images: looked at, stored once, and known by a name as data set own:NAME.

    \b
        python -m explorer images look photographs.zip
        python -m explorer images add ~/photographs "my cats"
        python -m explorer train --data "own:my cats" --size 64 --out runs/cats
    """


@images.command("list")
def list_images() -> None:
    """The sets that are stored."""
    from explorer.datasets import own

    stored = own.sets()
    for one in stored:
        click.echo(f"{printed(one.name):32s} {one.card.count:,} {one.card.kind}, {one.card.about}")
        for note in one.card.notes:
            click.echo(f"{'':32s} {printed(note)}")
    if not stored:
        click.echo("none yet; python -m explorer images add --help says how to store some")


@images.command()
@click.argument("path")
def look(path: str) -> None:
    """What is in PATH, and what is refused and why; stores nothing.

    PATH is a folder, a zip, an .npz or .npy file, or a table (.csv, .tsv or .parquet).
    """
    with _looked(path) as found:
        _report(found)


@images.command()
@click.argument("path")
@click.argument("name")
def add(path: str, name: str) -> None:
    """Store what is in PATH (a folder, a zip, an .npz or .npy file, a .csv, .tsv or .parquet table) as NAME."""
    from explorer.datasets import intake

    with _looked(path) as found:
        one = intake.store_set(found, name)
        _report(found)
        click.echo(f"--data {one.key!r}")


@contextmanager
def _looked(path: str) -> Iterator[PictureSet]:
    """What is found at a path, which is let go when the block ends; Ctrl-C stops it with a sentence."""
    from explorer.datasets import intake

    seen = sys.stderr.isatty()

    def progress(done: int) -> None:
        if seen:
            click.echo(f"\r{done:,} files looked at", err=True, nl=False)

    found = None
    try:
        found = intake.look_at_path(path, progress)
        if seen:
            click.echo("\r\x1b[K", err=True, nl=False)
        yield found
    except KeyboardInterrupt:
        click.echo("stopped: nothing was stored", err=True)
        sys.exit(130)
    finally:
        if found is not None:
            intake.let_go(found)


@images.command("delete")
@click.argument("name")
def delete_images(name: str) -> None:
    """Move the images called NAME to the trash; `library restore` takes them back."""
    from explorer.datasets import own

    own.discard(name)


def _report(found: PictureSet) -> None:
    click.echo(f"{found.count:,} {found.kind}, {found.total:,} bytes: {found.about}")
    for note in found.notes:
        click.echo(printed(note))
    if found.copies:
        click.echo(f"{found.copies:,} are copies of others")
    for name, reason in found.refused:
        click.echo(f"{printed(name)} was left out: it {reason}", err=True)
    if found.refusals > len(found.refused):
        click.echo(f"and {found.refusals - len(found.refused):,} more were left out", err=True)
