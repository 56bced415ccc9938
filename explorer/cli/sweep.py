"""sweep: train many Beta-VAEs from one recipe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from explorer import paths
from explorer.cli.group import main
from explorer.errors import UserError

if TYPE_CHECKING:
    pass


@main.command(short_help="Train many Beta-VAEs from one recipe.")
@click.argument("recipe")
@click.option(
    "--out", metavar="DIR", help="Where the runs go, a folder each  [default: runs/RECIPE'S-NAME of the project]"
)
@click.option("--dry-run", is_flag=True, help="Check the recipe and list its runs; start none.")
def sweep(recipe: str, out: str | None, dry_run: bool) -> None:
    """Train every run of RECIPE, a TOML file, one after the other.

    The whole recipe is checked before anything starts. Ctrl-C saves the run in hand; the same command
    goes on where it stopped: finished runs are skipped, begun ones resumed. A run that fails doesn't
    stop the others.

    \b
    At the top stand the settings that all runs share, any that `train` takes ('-' becomes '_'):
        data = "dsprites"
        steps = 20000
    \b
    Every combination of the lists in [sweep] is a run, named by its values, such as beta-4_seed-0:
        [sweep]
        beta = [1, 4]
        seed = [0, 1]
    \b
    Each [[run]] is one more run, with a name, and settings of its own over the shared ones:
        [[run]]
        name = "capacity-10"
        objective = "capacity"
        capacity = 10
    \b
        python -m explorer sweep recipes/beta.toml --dry-run
        python -m explorer sweep recipes/beta.toml --out runs/beta
    """
    from explorer.training.sweep_recipe import Outcome, read_recipe, run_sweep

    folder = paths.absolute(out) if out else paths.runs() / Path(recipe).stem
    runs = read_recipe(recipe, folder)
    if dry_run:
        for run in runs:
            click.echo(f"{run.name:32s} {run.status:9s} {run.config.total_steps:>9,} steps  {run.path}")
        return

    def tell(outcome: Outcome, number: int) -> None:
        line = f"{number}/{len(runs)} {outcome.run.name}: {outcome.status}; {outcome.message}"
        click.echo(line, err=outcome.status == "failed")

    try:
        outcomes = run_sweep(runs, progress=sys.stderr.isatty(), tell=tell)
    except KeyboardInterrupt as stopped:
        if str(stopped):
            click.echo(str(stopped), err=True)
        click.echo("the sweep stopped; the same command goes on with it", err=True)
        sys.exit(130)
    click.echo(f"list them with: python -m explorer runs --root {folder}")
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failed:
        raise UserError(f"{len(failed)} of {len(runs)} runs failed; {failed[0].run.name}: {failed[0].message}")
