"""measure and sweep: how disentangled a model is, and many models from one recipe."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Literal

import click

from explorer import paths
from explorer.cli.group import main
from explorer.cli.options import data_options, model_argument, open_both
from explorer.errors import UserError


@main.command(short_help="How disentangled a model is.")
@model_argument
@click.option(
    "--metrics",
    "names",
    default="mig,dci",
    show_default=True,
    metavar="NAMES",
    help="Which, with commas between them, or all: mig, dci, factor_vae, beta_vae, sap, modularity, "
    "explicitness, irs, gaussian_total_correlation.",
)
@data_options(
    "Images to encode, drawn with the seed  [default: 10,000, or all where there are fewer]"
)
@click.option(
    "--representation",
    type=click.Choice(["mean", "sampled"]),
    default="mean",
    show_default=True,
    help="What a code is: the posterior's mean, or one sample of it.",
)
@click.option(
    "--preset",
    type=click.Choice(["full", "fast"]),
    default="full",
    show_default=True,
    help="full: the sample sizes of Locatello et al. 2019; fast: smaller ones.",
)
@click.option("--parts", is_flag=True, help="With --json: the numbers behind each value too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def measure(
    model: str, names: str, data: str | None, split: str | None, root: str | None, download: bool,
    count: int | None, seed: int, device: str, representation: Literal["mean", "sampled"],
    preset: str, parts: bool, as_json: bool,
) -> None:  # fmt: skip
    """Disentanglement metrics of MODEL on images whose factors are known.

    10,000 images are encoded unless --count says otherwise (all, where there are fewer). A score that
    isn't defined for these codes has no value, and a sentence that says why. With the preset full, dci
    takes minutes; the others take seconds.

    \b
        python -m explorer measure dsprites-beta4 --metrics mig,dci --json
        python -m explorer measure runs/first --data dsprites --metrics all --preset fast
    """
    chosen = _chosen(names)
    from explorer.analysis import metrics
    from explorer.analysis.codes import codes_of

    checkpoint, dataset, split = open_both(model, data, split, root, download, device)
    table = codes_of(checkpoint.model, dataset, count, seed, representation)
    results = {}
    for name in chosen:
        if sys.stderr.isatty():
            click.echo(f"{name} …", err=True)
        results[name] = metrics.BY_NAME[name](table.codes, table.factors, seed=seed, preset=preset)
    if as_json:
        keys = ("value", "reason", "count") + (("parts",) if parts else ())
        plain = {name: result.as_json() for name, result in results.items()}
        click.echo(
            json.dumps(
                {
                    "model": checkpoint.name,
                    "data": dataset.name,
                    "split": split,
                    "count": table.count,
                    "seed": seed,
                    "representation": representation,
                    "preset": preset,
                    "factors": list(table.factor_names),
                    "metrics": {
                        name: {key: row[key] for key in keys} for name, row in plain.items()
                    },
                }
            )
        )
        return
    click.echo(
        f"{checkpoint.name} on {table.count:,} of {len(dataset):,} images of {dataset.name} ({split}), "
        f"{representation} codes, seed {seed}, {preset}"
    )
    for name, result in results.items():
        value = "     –" if result.value is None else f"{result.value:6.3f}"
        click.echo(f"{name:28s} {value}  {result.reason or ''}".rstrip())


def _chosen(names: str) -> list[str]:
    """The metrics asked for, each once. Raises UserError for a name that there isn't."""
    from explorer.analysis.metrics import BY_NAME

    wanted = list(dict.fromkeys(name.strip().replace("-", "_") for name in names.split(",")))
    if wanted == ["all"]:
        return list(BY_NAME)
    for name in wanted:
        if name == "udr":
            raise UserError(
                "--metrics udr compares several models that differ in their seed, and measure takes one; "
                "explorer.analysis.metrics.udr takes the codes of all of them"
            )
        if name not in BY_NAME:
            raise UserError(
                f"--metrics: there is no metric {name[:80]!r}; there are {', '.join(BY_NAME)}"
            )
    return wanted


@main.command(short_help="Train many Beta-VAEs from one recipe.")
@click.argument("recipe")
@click.option(
    "--out",
    metavar="DIR",
    help="Where the runs go, a folder each  [default: runs/RECIPE'S-NAME of the project]",
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
    from explorer.training.sweep import Outcome, read_recipe, run_sweep

    folder = paths.absolute(out) if out else paths.runs() / Path(recipe).stem
    runs = read_recipe(recipe, folder)
    if dry_run:
        for run in runs:
            click.echo(
                f"{run.name:32s} {run.standing:9s} {run.config.total_steps:>9,} steps  {run.path}"
            )
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
        raise UserError(
            f"{len(failed)} of {len(runs)} runs failed; {failed[0].run.name}: {failed[0].message}"
        )
