"""beta: what the KL weight of other code comes to."""

from __future__ import annotations

import json
import shlex
from typing import Any

import click

from explorer.analysis.kl_weight import WAYS, KLWeight, equivalent
from explorer.cli.group import main
from explorer.cli.options import options_of


@main.command(short_help="What the KL weight of other code is as β.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@options_of(KLWeight)
def beta(as_json: bool, **given: Any) -> None:
    """Say which β, with which pixels, a loss of other code is.

    Losses here are sums over pixels and latents, in nats an image. Other code takes means, or sums over the batch,
    or the plain squared error, so that its weight of the KL is another number. The KL is meant with its ½,
    ½·(µ² + σ² − log σ² − 1) a latent: double the weight of code that leaves the ½ out.

    \b
        python -m explorer beta --weight 0.00025 --form mean-pixels --values 3x64x64 --latents 128
        python -m explorer beta --weight 1 --form all-means --cost bernoulli --values 784 --latents 20
        python -m explorer beta --weight 1 --form mean-pixels-sum-kl --batch 128 --values 1x28x28
        python -m explorer beta --weight 4 --form sums --cost gaussian --cost-sigma 1 --pixel-range 2
    """
    loss = KLWeight.model_validate({k: v for k, v in given.items() if v is not None})
    found = equivalent(loss)
    if as_json:
        reduced = {name: loss.way(name) for name in WAYS}
        about = {
            "beta": found.beta,
            "likelihood": found.likelihood,
            "sigma": found.sigma,
            "implied_variance": found.implied_variance,
            "beta_norm": found.beta_norm,
            "scale": found.scale,
        }
        click.echo(json.dumps(about | {"loss": loss.model_dump() | reduced}))
        return
    variance = found.implied_variance
    if variance is None:
        click.echo(f"β = {found.beta:.6g} with Bernoulli pixels")
    else:
        click.echo(
            f"β = {found.beta:.6g} with Gaussian pixels of σ = {found.sigma:g}; only βσ² = {variance:.6g} counts, so "
            f"it is β = 1 with σ = {variance**0.5:.6g}"
        )
    click.echo(f"β·M/N = {found.beta_norm:.6g}")
    click.echo(f"that loss is {found.scale:.6g} times D + βR in nats an image, and a constant: Adam hardly notices")
    options = [f"--{name} {shlex.quote(str(value))}" for name, value in found.settings().items()]
    click.echo(f"python -m explorer train {' '.join(options)} --out RUN")
