"""What the commands of the sections share: their images, their files, what they print."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from explorer.errors import UserError
from explorer.files import write_atomic
from explorer.paths import absolute

Files = dict[str, Callable[[], bytes]]  # what makes the bytes of a file, by its ending
USUAL = 200  # images


def out_option(endings: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--out PATH, once for each file; `endings` says what there is."""
    return click.option("--out", "outs", multiple=True, metavar="PATH", help=f"Write a file: {endings}.")


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def places(outs: Sequence[str], endings: Sequence[str]) -> list[Path]:
    """Where files go, each with one of `endings`. Raises UserError before anything is computed."""
    found = [absolute(out) for out in outs]
    for out, place in zip(outs, found, strict=True):
        if place.suffix.lower() not in endings:
            raise UserError(f"--out {out} must end in {' or '.join(endings)}")
    return found


def write(targets: Sequence[Path], files: Files, as_json: bool) -> None:
    """Write the files, with where they are from, and say so; on the error stream where JSON is printed."""
    if not targets:
        return
    from explorer.checkpoints import describe
    from explorer.export.origin_record import origin
    from explorer.export.stamps import stamped

    context = click.get_current_context()
    asked = context.params
    names = asked.get("models") or (asked["model"],)
    models = [describe(name) for name in names]
    view = {name: str(asked[name]) for name in ("count", "seed", "image") if asked.get(name) is not None}
    params = view | {"section": context.info_name or "", "model": [of.name for of in models]}
    for target in targets:
        made = files[target.suffix.lower()]()
        write_atomic(target, stamped(made, target.name, origin("insight", params, models)))
        click.echo(f"{target}: written", err=as_json)


def tell_json(value: dict[str, Any], doubts: dict[str, list[str]]) -> None:
    """Print one JSON object, with what is doubtful of the models where something is."""
    click.echo(json.dumps(value | ({"doubts": doubts} if doubts else {}), allow_nan=False))
