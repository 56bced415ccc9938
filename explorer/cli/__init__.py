"""The same functions from a shell: python -m explorer ..."""

from explorer.cli import comparing, exchange, looking, running, studying, theory
from explorer.cli.group import main

__all__ = ["comparing", "exchange", "looking", "main", "running", "studying", "theory"]
