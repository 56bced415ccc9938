"""app: start the app."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from explorer import paths
from explorer.cli.group import main


@main.command(
    "app", short_help="Start the app and open it in the browser.", context_settings={"ignore_unknown_options": True}
)
@click.option("--port", type=click.IntRange(1, 65535), help="Where it is served  [default: 8501, or the next free one]")
@click.option("--headless", is_flag=True, help="Open no browser.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[STREAMLIT'S OWN OPTIONS]")
def command(port: int | None, headless: bool, options: tuple[str, ...]) -> None:
    """Start the app on this machine and open it in the browser; Ctrl-C ends it.

    What is made with it lies in the clone of the project; where the program is installed, in a folder of your own.
    BETA_VAE_HOME chooses another one.

    \b
        python -m explorer app
        python -m explorer app --port 8600 --headless
        python -m explorer app --server.address 0.0.0.0
    """
    words = [sys.executable, "-m", "streamlit", "run", str(paths.PROJECT / "app.py")]
    words += [f"--server.port={port}"] if port is not None else []
    words += ["--server.headless=true"] if headless else []
    words += options
    click.echo(f"Runs, models and data of yours: {paths.home()}")
    sys.stdout.flush()
    if os.name == "posix":  # the app itself is what was started: a signal reaches it
        os.execv(words[0], words)
    raise SystemExit(subprocess.run(words, check=False).returncode)
