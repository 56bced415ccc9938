"""library: list, rename, duplicate, tag, settle, delete and restore models."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from explorer.cli.group import main
from explorer.cli.options import printed
from explorer.errors import UserError

if TYPE_CHECKING:
    pass


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
    from explorer.checkpoints.overview import Overview, overviews, passes

    found = [
        model
        for model in overviews()
        if passes(model, search)
        and (data is None or model.data == data)
        and (objective is None or model.objective == objective)
        and (tag is None or tag in model.notes.tags)
    ]
    if sort:
        known = [m for m in found if getattr(m, sort) is not None]
        found = sorted(known, key=lambda m: getattr(m, sort)) + [m for m in found if getattr(m, sort) is None]

    def row(model: Overview) -> dict[str, object]:
        return {
            "model": model.name,
            "from": model.entry.origin,
            "path": str(model.entry.path),
            "data": model.data,
            "objective": model.objective,
            "beta": model.beta,
            "latents": model.latents,
            "reconstruction": model.reconstruction,
            "kl": model.kl,
            "active": model.active,
            "mig": model.mig,
            "tags": list(model.notes.tags),
            "notes": model.notes.text,
            "bytes": model.bytes,
            "saved": datetime.fromtimestamp(model.saved, UTC).isoformat(timespec="seconds"),
            "error": model.error,
            "doubts": list(model.config.doubts) if model.config else [],
        }

    for model in found:
        if as_json:
            click.echo(json.dumps(row(model)))
            continue
        numbers = {"reconstruction": model.reconstruction, "KL": model.kl, "MIG": model.mig}
        said = [model.entry.origin, model.data, model.config.objective if model.config else ""]
        said += [f"{name} {value:.2f}" for name, value in numbers.items() if value is not None]
        said += [f"#{tag}" for tag in model.notes.tags] + [model.error]
        said += ["doubtful"] if model.config and model.config.doubts else []
        click.echo(f"{printed(model.name):32s} {' · '.join(part for part in said if part)}")
    if not found and not as_json:
        click.echo("no model is like that")


@library.command()
@click.argument("model")
@click.argument("name")
def rename(model: str, name: str) -> None:
    """Call MODEL otherwise: NAME, which is any text of up to 300 letters (for a run, a folder's name)."""
    from explorer.launch import model_actions

    click.echo(printed(model_actions.rename(model, name)))


@library.command()
@click.argument("model")
@click.argument("name", default="")
def duplicate(model: str, name: str) -> None:
    """Copy MODEL into the library as NAME, with its tags, notes and the names of its dimensions."""
    from explorer.launch import model_actions

    click.echo(printed(model_actions.duplicate(model, name)))


@library.command()
@click.argument("model")
@click.argument("tags", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take the tags away.")
def tag(model: str, tags: tuple[str, ...], remove: bool) -> None:
    """Give MODEL the TAGS."""
    from explorer.checkpoints.notes import read_notes
    from explorer.launch import model_actions

    known = read_notes(model_actions.find(model).path).tags
    new = [t for t in known if t not in tags] if remove else [*known, *tags]
    click.echo(", ".join(model_actions.annotate(model, tags=new).tags) or "no tags")


@library.command()
@click.argument("model")
def settle(model: str) -> None:
    """Take the doubts off MODEL, an import that a person has looked at and found read rightly."""
    from explorer.checkpoints.doubts import settle_doubts
    from explorer.launch import model_actions

    for doubt in settle_doubts(model_actions.find(model).path) or ("nothing was doubtful",):
        click.echo(printed(doubt))


@library.command()
@click.argument("model")
@click.argument("text")
def note(model: str, text: str) -> None:
    """Keep TEXT with MODEL, in place of the notes it has."""
    from explorer.launch import model_actions

    model_actions.annotate(model, text=text)


@library.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Don't ask.")
def delete(models: tuple[str, ...], yes: bool) -> None:
    """Move MODELS to the trash, from where `restore` takes them back. Asks first."""
    from explorer.launch import model_actions

    for name in models:
        model_actions.find(name)
    if not yes and not click.confirm(f"Move {len(models)} to the trash?"):
        return
    for item in model_actions.discard(models):
        click.echo(f"{printed(item.name)} is in the trash")


@library.command()
@click.argument("name", default="")
@click.option("--list", "listing", is_flag=True, help="Say what is in the trash.")
def restore(name: str, listing: bool) -> None:
    """Take the model, run or images called NAME out of the trash, the newest where there are several."""
    from explorer.launch import model_actions

    items = model_actions.trashed()
    if listing or not name:
        for item in items:
            click.echo(printed(item.name))
        if not items:
            click.echo("the trash is empty")
        return
    wanted = next((item for item in items if item.name == name), None)
    if wanted is None:
        raise UserError(f"there is no {name[:100]!r} in the trash")
    click.echo(printed(model_actions.restore(wanted)))


@library.command("empty-trash")
@click.option("--yes", is_flag=True, help="Don't ask.")
def empty_trash(yes: bool) -> None:
    """Delete for good what is in the trash. Asks first."""
    from explorer import trash
    from explorer.launch import model_actions

    items = model_actions.trashed()
    if yes or click.confirm(f"Delete {len(items)} for good?"):
        trash.empty(items)
