"""The same functions from a shell: python -m explorer ..."""

from explorer.cli import bringing, comparing, exchange, keeping, looking, running, serving, studying
from explorer.cli.group import main

__all__ = [
    "bringing",
    "comparing",
    "exchange",
    "keeping",
    "looking",
    "main",
    "running",
    "serving",
    "studying",
]
