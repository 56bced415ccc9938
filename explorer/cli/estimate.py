"""estimate: how long a run would take here."""

from __future__ import annotations

from typing import Any

import click

from explorer.cli.group import main
from explorer.cli.options import chosen_of, config_from_options, options_of
from explorer.recipe.run import TrainConfig


@main.command(short_help="How long a run would take here.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@options_of(TrainConfig)
def estimate(as_json: bool, **given: Any) -> None:
    """Train for two seconds, keep nothing, and say how long the whole run would take on this machine.

    \b
        python -m explorer estimate --network burgess --steps 100000
    """
    config = config_from_options(chosen_of(given))
    from explorer.training.speed import prepare_process

    prepare_process()
    from explorer.training.cost import estimate as measure

    found = measure(config)
    if as_json:
        click.echo(found.model_dump_json())
        return
    minutes = found.seconds(config) / 60
    click.echo(
        f"{minutes:,.1f} minutes on {found.device} at {found.images_per_second:,.0f} images/s; "
        f"{found.parameters:,} parameters, {found.flops / 1e6:,.1f} MFLOP an image"
    )
