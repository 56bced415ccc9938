"""cite: BibTeX of the program, a model and its method."""

from __future__ import annotations

import click

from explorer.cli.group import main


@main.command("cite", short_help="BibTeX of the program, of a model, and of its method.")
@click.argument("model", required=False)
def command(model: str | None) -> None:
    """Print BibTeX of this program and of the Beta-VAE; with MODEL also of that model and of its objective's papers.

    \b
        python -m explorer cite
        python -m explorer cite scene-disentangled >> paper.bib
    """
    from explorer.checkpoints import describe
    from explorer.export.citations import cited

    click.echo(cited(None if model is None else describe(model)), nl=False)
