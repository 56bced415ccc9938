"""The same functions from a shell: python -m explorer ..."""

from explorer.cli import bringing, comparing, exchange, keeping, looking, pricing, running, serving, studying
from explorer.cli.group import main

__all__ = [
    "bringing",
    "comparing",
    "exchange",
    "keeping",
    "looking",
    "main",
    "pricing",
    "running",
    "serving",
    "studying",
]
