"""origin: where a file is from, as it says itself."""

from __future__ import annotations

import json
import sys

import click

from explorer.cli.group import main
from explorer.errors import UserError
from explorer.paths import absolute

MOST_BYTES = 1 << 29


@main.command("origin", short_help="Where a picture, film, page or table is from.")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(file: str, as_json: bool) -> None:
    """Print what FILE says of where it is from: models, weights, data, version, and the view that it shows.

    FILE is something that this program made: PNG, GIF, MP4, HTML, ONNX, CSV, npz, Markdown or LaTeX. Ends with 1 where
    a model is not here as it was.

    \b
        python -m explorer origin traversal.png
    """
    from explorer.export.origin_record import missing
    from explorer.export.stamps import origin_of
    from explorer.files import open_regular

    path = absolute(file)
    try:
        with open_regular(path, MOST_BYTES) as opened:
            content = opened.read()
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from error
    found = origin_of(content, path.name)
    lost = missing(found)
    if as_json:
        click.echo(json.dumps(found.model_dump(mode="json") | {"link": found.link, "missing": lost}))
    else:
        click.echo(f"made by version {found.version}")
        for model in found.models:
            click.echo(f"model {model.name}, weights {model.hash[:16]}")
        if found.data:
            click.echo(f"data {found.data}")
        click.echo(f"view {found.link}")
        for sentence in lost:
            click.echo(sentence)
    sys.exit(1 if lost else 0)
