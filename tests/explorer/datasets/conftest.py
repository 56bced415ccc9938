"""What the data set tests share: the published samples beside the project, and a cut network."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import torch

from explorer import paths

SHARED = paths.PROJECT.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def real_dsprites() -> Path:
    """112 real dSprites images with their factor classes."""
    return _present(SHARED / "dsprites" / "real_112.npz")


@pytest.fixture
def real_mnist() -> Path:
    """The folder with MNIST's IDX files."""
    return _present(SHARED / "mnist")


def _present(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"the published data is not here: ../shared/data/{path.name}")
    return path


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attempt to open a socket fails the test."""

    def refuse(*args: object, **kwargs: object) -> None:
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home folder in which no data set lies yet."""
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
