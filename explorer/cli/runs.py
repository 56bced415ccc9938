"""runs: list them."""

from __future__ import annotations

import json

import click

from explorer import paths
from explorer.cli.group import main
from explorer.errors import UserError


@main.command(short_help="List the runs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--root", metavar="DIR", help="Where the runs lie  [default: runs/ of the project]")
def runs(as_json: bool, root: str | None) -> None:
    """The training runs at hand, newest first: how far each is, and what it was told.

    \b
        python -m explorer runs
        python -m explorer runs --root sweeps/betas --json
    """
    from explorer.launch.status import run_status
    from explorer.training.directory import find_runs

    folder = paths.absolute(root) if root else paths.runs()
    if root and not folder.is_dir():
        raise UserError(f"--root {root} is not a folder")
    found = find_runs(folder)
    for run in found:
        name = run.path.relative_to(folder).as_posix()
        try:
            now, config = run_status(run), run.config()
            row = {
                "run": str(run.path),
                "status": now.word,
                "step": now.state.step if now.state else 0,
                "steps": config.total_steps,
                "data": config.data,
                "network": config.network,
                "objective": config.objective,
                "seed": config.seed,
                "message": now.why,
            }
        except UserError as error:
            row = {"run": str(run.path), "status": "unreadable", "message": str(error)}
        if as_json:
            click.echo(json.dumps(row))
        elif row["status"] == "unreadable":
            click.echo(f"{name:32s} {row['message']}")
        else:
            progress = f"{row['step']}/{row['steps']}"
            about = f"{row['data']} {row['network']} {row['objective']} seed {row['seed']}"
            click.echo(f"{name:32s} {row['status']:9s} {progress:>15s}  {about}")
    if not found and not as_json:
        click.echo("there are no runs yet; python -m explorer train --help says how to start one")
