"""sweep: train many Beta-VAEs from one recipe."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from explorer import paths
from explorer.cli.group import main
from explorer.errors import UserError


@main.command(short_help="Train many Beta-VAEs from one recipe.")
@click.argument("recipe")
@click.option(
    "--out", metavar="DIR", help="Where the runs go, a folder each  [default: runs/RECIPE'S-NAME of the project]"
)
@click.option(
    "--index", type=click.IntRange(0), metavar="N", help="Only the run of this index, as for a job of an array."
)
@click.option("--indices", metavar="0-99,200", help="Only the runs of these indices.")
@click.option("--dry-run", is_flag=True, help="Check the recipe and list its runs with their indices; start none.")
@click.option("--count", "only_count", is_flag=True, help="Print how many runs the recipe has; start none.")
def sweep(
    recipe: str, out: str | None, index: int | None, indices: str | None, dry_run: bool, only_count: bool
) -> None:
    """Train every run of RECIPE, a TOML file, one after the other.

    All that is to be trained is checked before anything starts. Ctrl-C saves the run in hand; the same command
    goes on where it stopped: finished runs are skipped, begun ones resumed. A run that fails doesn't
    stop the others. A run that another process is training is left to it, so that any number of machines that share
    the folder may be given the same recipe.

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
    Lists of a [[zip]] go in step; each step is combined with all the rest:
        [[zip]]
        latents = [6, 10, 16]
        steps = [10000, 20000, 30000]
    \b
    Draws of [random], each setting from a list or a range, the same on every machine:
        [random]
        count = 50
        beta = { low = 0.5, high = 32, log = true }
        batch_size = [32, 64, 128]
    \b
    A [[part]] has settings and lists of its own, combined with those of the top: one for each objective, say:
        [[part]]
        name = "tc"
        objective = "tc"
        sweep.beta = [2, 6]
    \b
    Each [[run]] is one more run, with a name, and settings of its own over the shared ones:
        [[run]]
        name = "capacity-10"
        objective = "capacity"
        capacity = 10
    \b
        python -m explorer sweep recipes/beta.toml --dry-run
        python -m explorer sweep recipes/beta.toml --out runs/beta
        sbatch --array=0-11999%60 --wrap \'python -m explorer sweep study.toml --index $SLURM_ARRAY_TASK_ID\'
    """
    from explorer.training.sweep_recipe import Outcome, count_of, indices_of, read_recipe, run_sweep

    if only_count:
        click.echo(count_of(recipe))
        return
    if index is not None and indices is not None:
        raise UserError("--index is one run, --indices several: give one of both")
    chosen = indices_of(indices) if indices is not None else None if index is None else [index]
    folder = paths.absolute(out) if out else paths.runs() / Path(recipe).stem
    runs = read_recipe(recipe, folder, chosen)
    if dry_run:
        for run in runs:
            click.echo(f"{run.index:6d}  {run.name:32s} {run.status:9s} {run.config.total_steps:>9,} steps  {run.path}")
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
