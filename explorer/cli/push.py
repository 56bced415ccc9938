"""push: a model on the Hugging Face hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from explorer.cli.group import main
from explorer.cli.options import load_said, model_argument

if TYPE_CHECKING:
    pass


@main.command(short_help="Put a model on the Hugging Face hub.")
@model_argument
@click.argument("repository")
@click.option("--public", is_flag=True, help="A new repository is for everyone, not only for its owner.")
def push(model: str, repository: str, public: bool) -> None:
    """Put MODEL into the repository OWNER/NAME of the Hugging Face hub, which is made where there is none.

    It needs a token with the right to write: in HF_TOKEN, or kept by `hf auth login`. What is put there is what
    `export --to hf` writes.

    \b
        python -m explorer push dsprites-beta4 somebody/dsprites-beta4
    """
    from explorer.export.hub import push as push_to_hub

    click.echo(push_to_hub(load_said(model), repository, private=not public))
