"""The command `beta-vae-explorer`: without a word it starts the app, with one it is the shell of the program."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Run the command of `sys.argv`."""
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from explorer.cli import main as shell

    shell(sys.argv[1:] or ["app"], prog_name="beta-vae-explorer")


if __name__ == "__main__":
    main()
