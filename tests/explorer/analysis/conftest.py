"""What tests of scores share."""

import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture
def no_warning_in_the_log() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
