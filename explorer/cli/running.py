"""train and runs: start a run from a shell, go on with it, and see those there are."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click

from explorer import paths
from explorer.analysis.collapse import verdict_of_run
from explorer.cli.group import main
from explorer.cli.options import options_of
from explorer.errors import UserError
from explorer.recipe.run import TrainConfig
from explorer.training.directory import RunDirectory
from explorer.training.following import Follower
from explorer.training.stopping import STOPPING, check, noting


@main.command(short_help="Train a Beta-VAE.")
@click.option("--out", required=True, metavar="RUN", help="Directory of the run; made if it is not there.")
@click.option("--resume", is_flag=True, help="Go on from where the run in RUN was last saved.")
@click.option("--queue", is_flag=True, help="Wait for a free place on the device, after those that wait already.")
@options_of(TrainConfig)
def train(out: str, resume: bool, queue: bool, **given: Any) -> None:
    """Train a Beta-VAE and keep it in RUN.

    The loss is in nats an image, summed over pixels and latents, so that β means what it means in the
    literature. Ctrl-C saves; --resume goes on, with the same result as if nothing had happened.

    \b
        python -m explorer train --objective beta --beta 4 --out runs/beta4
        python -m explorer train --objective constrained --epsilon 12 --out runs/eps12
        python -m explorer train --objective capacity --capacity 10 --out runs/c10
        python -m explorer train --data folder --root photos --channels 3 --likelihood optimal-gaussian --out runs/mine
        python -m explorer train --from dsprites-beta4 --beta 1 --steps 5000 --out runs/onward
        python -m explorer train --resume --out runs/mine
    """
    chosen = _chosen(given)
    run = RunDirectory(out)
    if resume:
        config = run.config() if run.config_file.exists() else _config(chosen)
        asked = TrainConfig.model_validate(config.model_dump() | chosen)
        if not asked.same_run(config):
            changed = next(n for n in chosen if getattr(asked, n) != getattr(config, n))
            raise UserError(
                f"{changed} was {getattr(config, changed)} in {out} and can't be {chosen[changed]} now: "
                "a run resumes with its own settings; start another run for others"
            )
        config = asked
    else:
        config = _config(chosen)

    from explorer.training.claiming import how_to_go_on
    from explorer.training.speed import prepare_process

    prepare_process()
    try:
        # noted, not raised: an interrupt in the middle of an import comes out as anything
        with noting(*STOPPING), _turn(run, config, resume) if queue else nullcontext():
            from explorer.training.loop import train as run_training

            check()
            checkpoint = run_training(config, out, resume=resume, progress=True)
    except KeyboardInterrupt as stopped:
        click.echo(str(stopped) or f"stopped before the first step; {how_to_go_on(run)}", err=True)
        sys.exit(130)
    measured = checkpoint.config.evaluation
    assert measured is not None
    click.echo(
        f"{checkpoint.path}\nheld out: reconstruction {measured.reconstruction:.2f}, "
        f"KL {measured.kl:.2f} nats an image, {measured.active_units} active units"
    )
    log = Follower(run.metrics_file)
    log.read()
    found = verdict_of_run(log.records("train"), log.records("eval"), config.model_dump(), config.total_steps, True)
    if found is not None:
        click.echo(found.sentences)


@main.command(short_help="How long a run would take here.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@options_of(TrainConfig)
def estimate(as_json: bool, **given: Any) -> None:
    """Train for two seconds, keep nothing, and say how long the whole run would take on this machine.

    \b
        python -m explorer estimate --network burgess --steps 100000
    """
    config = _config(_chosen(given))
    from explorer.training.speed import prepare_process

    prepare_process()
    from explorer.training.estimate import estimate as measure

    found = measure(config)
    if as_json:
        click.echo(found.model_dump_json())
        return
    minutes = found.seconds(config) / 60
    click.echo(
        f"{minutes:,.1f} minutes on {found.device} at {found.images_per_second:,.0f} images/s; "
        f"{found.parameters:,} parameters, {found.flops / 1e6:,.1f} MFLOP an image"
    )


def _chosen(given: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given; "" takes back one that a model's recipe has."""
    return {name: None if value == "" else value for name, value in given.items() if value is not None}


def _config(chosen: dict[str, Any]) -> TrainConfig:
    from explorer.training.starting import check, config_from

    if chosen.get("start"):
        return config_from(chosen["start"], chosen)
    config = TrainConfig.model_validate(chosen)
    check(config)
    return config


def _turn(run: RunDirectory, config: TrainConfig, resume: bool) -> AbstractContextManager[None]:
    from explorer.launch.queue import turn

    return turn(run, config, resume)


@main.command(short_help="List the runs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--root", metavar="DIR", help="Where the runs lie  [default: runs/ of the project]")
def runs(as_json: bool, root: str | None) -> None:
    """The training runs at hand, newest first: how far each is, and what it was told.

    \b
        python -m explorer runs
        python -m explorer runs --root sweeps/betas --json
    """
    from explorer.launch.places import standing
    from explorer.training.directory import find_runs

    folder = paths.absolute(root) if root else paths.runs()
    if root and not folder.is_dir():
        raise UserError(f"--root {root} is not a folder")
    found = find_runs(folder)
    for run in found:
        name = run.path.relative_to(folder).as_posix()
        try:
            now, config = standing(run), run.config()
            row = {
                "run": str(run.path), "status": now.word, "step": now.state.step if now.state else 0,
                "steps": config.total_steps, "data": config.data, "network": config.network,
                "objective": config.objective, "seed": config.seed, "message": now.why,
            }  # fmt: skip
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
