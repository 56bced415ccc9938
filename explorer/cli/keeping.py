"""library and images: what is at hand, and what can be done with it, as on the page Library."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from explorer.cli.group import main
from explorer.errors import UserError

if TYPE_CHECKING:
    from explorer.datasets.intake import Found


@main.group(short_help="List, rename, duplicate, tag and delete models.")
def library() -> None:
    """The models at hand, shipped ones, the library's and those of runs, by their names.

    \b
        python -m explorer library list --data dsprites --sort kl
        python -m explorer library tag first good "for the lecture"
        python -m explorer library rename first "My favourite: β = 4"
        python -m explorer library delete "My favourite: β = 4"
        python -m explorer library restore "My favourite: β = 4"
    """


@library.command("list")
@click.option("--search", default="", help="Words that name, tags, notes, data set or objective hold.")
@click.option("--data", help="Only models of this data set.")
@click.option("--objective", help="Only models of this objective.")
@click.option("--tag", help="Only models with this tag.")
@click.option(
    "--sort",
    type=click.Choice(["name", "saved", "bytes", "beta", "latents", "reconstruction", "kl", "active", "mig"]),
    help="In this order; what is not known comes last.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_models(
    search: str, data: str | None, objective: str | None, tag: str | None, sort: str | None, as_json: bool
) -> None:
    """Every model with its recipe and the numbers that its checkpoint holds."""
    from explorer.checkpoints.summary import Summary, passes, summaries

    found = [
        model
        for model in summaries()
        if passes(model, search)
        and (data is None or model.data == data)
        and (objective is None or model.objective == objective)
        and (tag is None or tag in model.notes.tags)
    ]
    if sort:
        known = [m for m in found if getattr(m, sort) is not None]
        found = sorted(known, key=lambda m: getattr(m, sort)) + [m for m in found if getattr(m, sort) is None]

    def row(model: Summary) -> dict[str, object]:
        return {
            "model": model.name, "from": model.entry.origin, "path": str(model.entry.path),
            "data": model.data, "objective": model.objective, "beta": model.beta,
            "latents": model.latents, "reconstruction": model.reconstruction, "kl": model.kl,
            "active": model.active, "mig": model.mig, "tags": list(model.notes.tags),
            "notes": model.notes.text, "bytes": model.bytes,
            "saved": datetime.fromtimestamp(model.saved, UTC).isoformat(timespec="seconds"),
            "error": model.error,
            "doubts": list(model.config.doubts) if model.config else [],
        }  # fmt: skip

    for model in found:
        if as_json:
            click.echo(json.dumps(row(model)))
            continue
        numbers = {"reconstruction": model.reconstruction, "KL": model.kl, "MIG": model.mig}
        said = [model.entry.origin, model.data, model.config.objective if model.config else ""]
        said += [f"{name} {value:.2f}" for name, value in numbers.items() if value is not None]
        said += [f"#{tag}" for tag in model.notes.tags] + [model.error]
        said += ["doubtful"] if model.config and model.config.doubts else []
        click.echo(f"{_printed(model.name):32s} {' · '.join(part for part in said if part)}")
    if not found and not as_json:
        click.echo("no model is like that")


@library.command()
@click.argument("model")
@click.argument("name")
def rename(model: str, name: str) -> None:
    """Call MODEL otherwise: NAME, which is any text of up to 300 letters (for a run, a folder's name)."""
    from explorer.launch import shelving

    click.echo(_printed(shelving.rename(model, name)))


@library.command()
@click.argument("model")
@click.argument("name", default="")
def duplicate(model: str, name: str) -> None:
    """Copy MODEL into the library as NAME, with its tags, notes and the names of its dimensions."""
    from explorer.launch import shelving

    click.echo(_printed(shelving.duplicate(model, name)))


@library.command()
@click.argument("model")
@click.argument("tags", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take the tags away.")
def tag(model: str, tags: tuple[str, ...], remove: bool) -> None:
    """Give MODEL the TAGS."""
    from explorer.checkpoints.notes import read_notes
    from explorer.launch import shelving

    known = read_notes(shelving.find(model).path).tags
    new = [t for t in known if t not in tags] if remove else [*known, *tags]
    click.echo(", ".join(shelving.annotate(model, tags=new).tags) or "no tags")


@library.command()
@click.argument("model")
def settle(model: str) -> None:
    """Take the doubts off MODEL, an import that a person has looked at and found read rightly."""
    from explorer.checkpoints.doubts import settle_doubts
    from explorer.launch import shelving

    for doubt in settle_doubts(shelving.find(model).path) or ("nothing was doubtful",):
        click.echo(_printed(doubt))


@library.command()
@click.argument("model")
@click.argument("text")
def note(model: str, text: str) -> None:
    """Keep TEXT with MODEL, in place of the notes it has."""
    from explorer.launch import shelving

    shelving.annotate(model, text=text)


@library.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Don't ask.")
def delete(models: tuple[str, ...], yes: bool) -> None:
    """Move MODELS to the trash, from where `restore` takes them back. Asks first."""
    from explorer.launch import shelving

    for name in models:
        shelving.find(name)
    if not yes and not click.confirm(f"Move {len(models)} to the trash?"):
        return
    for item in shelving.discard(models):
        click.echo(f"{_printed(item.name)} is in the trash")


@library.command()
@click.argument("name", default="")
@click.option("--list", "listing", is_flag=True, help="Say what is in the trash.")
def restore(name: str, listing: bool) -> None:
    """Take the model, run or images called NAME out of the trash, the newest where there are several."""
    from explorer.launch import shelving

    items = shelving.trashed()
    if listing or not name:
        for item in items:
            click.echo(_printed(item.name))
        if not items:
            click.echo("the trash is empty")
        return
    wanted = next((item for item in items if item.name == name), None)
    if wanted is None:
        raise UserError(f"there is no {name[:100]!r} in the trash")
    click.echo(_printed(shelving.restore(wanted)))


@library.command("empty-trash")
@click.option("--yes", is_flag=True, help="Don't ask.")
def empty_trash(yes: bool) -> None:
    """Delete for good what is in the trash. Asks first."""
    from explorer.launch import shelving

    items = shelving.trashed()
    if yes or click.confirm(f"Delete {len(items)} for good?"):
        shelving.delete_for_good(items)


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
        click.echo(f"{_printed(one.name):32s} {one.card.count:,} {one.card.kind}, {one.card.about}")
        for note in one.card.notes:
            click.echo(f"{'':32s} {_printed(note)}")
    if not stored:
        click.echo("none yet; python -m explorer images add --help says how to store some")


@images.command()
@click.argument("path")
def look(path: str) -> None:
    """What is in PATH (a folder, a zip, an .npz or .npy file), and what is refused and why; stores nothing."""
    with _looked(path) as found:
        _report(found)


@images.command()
@click.argument("path")
@click.argument("name")
def add(path: str, name: str) -> None:
    """Store the images in PATH (a folder, a zip, an .npz or .npy file) as NAME."""
    from explorer.datasets import intake

    with _looked(path) as found:
        one = intake.keep(found, name)
        _report(found)
        click.echo(f"--data {one.key!r}")


@contextmanager
def _looked(path: str) -> Iterator[Found]:
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


def _report(found: Found) -> None:
    click.echo(f"{found.count:,} {found.kind}, {found.total:,} bytes: {found.about}")
    for note in found.notes:
        click.echo(_printed(note))
    if found.copies:
        click.echo(f"{found.copies:,} are copies of others")
    for name, reason in found.refused:
        click.echo(f"{_printed(name)} was left out: it {reason}", err=True)
    if found.refusals > len(found.refused):
        click.echo(f"and {found.refusals - len(found.refused):,} more were left out", err=True)


def _printed(text: str) -> str:
    """A name for a terminal: nothing in it takes effect."""
    return "".join(c if c.isprintable() or c == "\N{ZERO WIDTH JOINER}" else "\ufffd" for c in text)
