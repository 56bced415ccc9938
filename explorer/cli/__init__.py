"""The same functions from a shell: python -m explorer ..."""

from explorer.cli import exchange, keeping, looking, running, studying
from explorer.cli.group import main

__all__ = ["exchange", "keeping", "looking", "main", "running", "studying"]
