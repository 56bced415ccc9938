"""One server for the tests of a lab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .lab import ACCESS, LAUNCH, NOTHING, PROJECT, Lab, free_port, serving

__all__ = ["ACCESS", "LAUNCH", "NOTHING", "PROJECT", "Lab", "free_port", "lab"]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The server, known as localhost and as lab.test."""
    with serving(tmp_path_factory.mktemp("lab")) as running:
        yield running
