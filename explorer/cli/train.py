"""train: a run, from a model or from fresh weights, and on."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click

from explorer.analysis.collapse import verdict_of_run
from explorer.cli.group import main
from explorer.cli.options import chosen_of, config_from_options, options_of
from explorer.errors import UserError
from explorer.recipe.run import TrainConfig
from explorer.training.directory import RunDirectory
from explorer.training.log_reader import LogReader
from explorer.training.stop_signal import STOPPING, noting, raise_if_asked


@main.command(short_help="Train a Beta-VAE.")
@click.option("--out", required=True, metavar="RUN", help="Directory of the run; made if it is not there.")
@click.option("--resume", is_flag=True, help="Go on from where the run in RUN was last saved.")
@click.option("--queue", is_flag=True, help="Wait for a free place on the device, after those that wait already.")
@click.option(
    "--beta-range", nargs=2, type=float, help="One model for every β between these two: the objective any, in short."
)
@options_of(TrainConfig)
def train(out: str, resume: bool, queue: bool, beta_range: tuple[float, float] | None, **given: Any) -> None:
    """Train a Beta-VAE and keep it in RUN.

    The loss is in nats an image, summed over pixels and latents, so that β means what it means in the
    literature. Ctrl-C saves; --resume goes on, with the same result as if nothing had happened.

    \b
        python -m explorer train --objective beta --beta 4 --out runs/beta4
        python -m explorer train --objective constrained --epsilon 12 --out runs/eps12
        python -m explorer train --objective capacity --capacity 10 --out runs/c10
        python -m explorer train --data folder --root photos --channels 3 --likelihood optimal-gaussian --out runs/mine
        python -m explorer train --from dsprites-beta1 --beta-range 0.5 32 --out runs/any
        python -m explorer train --from dsprites-beta4 --beta 1 --steps 5000 --out runs/onward
        python -m explorer train --resume --out runs/mine
    """
    if beta_range is not None:
        given |= {"objective": "any", "beta_low": beta_range[0], "beta_high": beta_range[1]}
    chosen = chosen_of(given)
    run = RunDirectory(out)
    if resume:
        config = run.config() if run.config_file.exists() else config_from_options(chosen)
        asked = TrainConfig.model_validate(config.model_dump() | chosen)
        if not asked.same_run(config):
            changed = next(n for n in chosen if getattr(asked, n) != getattr(config, n))
            raise UserError(
                f"{changed} was {getattr(config, changed)} in {out} and can't be {chosen[changed]} now: "
                "a run resumes with its own settings; start another run for others"
            )
        config = asked
    else:
        config = config_from_options(chosen)

    from explorer.training.run_lock import how_to_go_on
    from explorer.training.speed import prepare_process

    prepare_process()
    try:
        # noted, not raised: an interrupt in the middle of an import comes out as anything
        with noting(*STOPPING), _turn(run, config, resume) if queue else nullcontext():
            from explorer.training.loop import train as run_training

            raise_if_asked()
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
    log = LogReader(run.metrics_file)
    log.read()
    found = verdict_of_run(log.records("train"), log.records("eval"), config.model_dump(), config.total_steps, True)
    if found is not None:
        click.echo(found.sentences)


def _turn(run: RunDirectory, config: TrainConfig, resume: bool) -> AbstractContextManager[None]:
    from explorer.launch.queue import turn

    return turn(run, config, resume)
