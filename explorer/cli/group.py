"""The group of commands, and how a bad value is answered."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
from pydantic import ValidationError

from explorer import __version__, paths
from explorer.errors import UserError, in_words, out_of_memory


class Context(click.Context):
    """Its help calls the command as the person does, also where the program is installed."""

    def get_help(self) -> str:
        return super().get_help().replace("python -m explorer", paths.COMMAND)


class Commands(click.Group):
    """A group whose commands answer a bad value with one sentence and exit code 2, never a traceback."""

    context_class = Context

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            command.context_class = Context
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            sys.exit(_fail(str(error)))
        except ValidationError as error:
            sys.exit(_fail(in_words(error)))
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except OSError as error:
            sys.exit(_fail(f"{error.filename or 'a file'}: {error.strerror or error}"))
        except (MemoryError, RuntimeError) as error:
            small = out_of_memory(error)
            if small is None:
                raise
            sys.exit(_fail(str(small)))


def _fail(sentence: str) -> int:
    click.echo(f"error: {sentence}".replace("python -m explorer", paths.COMMAND), err=True)
    return 2


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="Beta-VAE Explorer")
def main() -> None:
    """Beta-VAE Explorer from a shell: train, evaluate, look at and list Beta-VAEs.

    \b
    A first run, about a minute on two cores:
        python -m explorer train --data dsprites --steps 2000 --out runs/first
        python -m explorer traverse runs/first --out first.png
    """
