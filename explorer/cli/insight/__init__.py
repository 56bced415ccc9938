"""insight: what papers on Beta-VAEs have shown, on any model. A file a section, called like it."""

from __future__ import annotations

from importlib import import_module

import click

from explorer.analysis.insight.contents import SECTIONS, module_of
from explorer.cli.group import Commands, main


class Sections(Commands):
    """The sections of the table, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order of the table."""
        return list(SECTIONS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a section, with the words of the table."""
        if cmd_name not in SECTIONS:
            return None
        command: click.Command = import_module(f"explorer.cli.insight.{module_of(cmd_name)}").command
        command.short_help = SECTIONS[cmd_name].short
        return command


@main.group(cls=Sections, short_help="What papers have shown of such models, on any model.")
def insight() -> None:
    """What papers on Beta-VAEs have shown, on any model: the sections of the page Insight.

    \b
        python -m explorer insight first-k dsprites-beta1 dsprites-beta4 --out curves.csv
        python -m explorer insight first-k dsprites-disentangled --json
    """
