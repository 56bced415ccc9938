"""A home of its own for each test of access, who asks, and runs without a process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from explorer import access, launch
from explorer.launch.status import Launch
from explorer.policy import ACCESS_FILE, ACCESS_SETTING, Person
from explorer.training import TrainConfig
from explorer.training.directory import RunDirectory
from explorer.ui.sign_in import who


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path))
    monkeypatch.delenv(ACCESS_SETTING, raising=False)
    yield tmp_path
    access.asked_by(who)
    access.open_to_others(False)


@pytest.fixture
def as_person(home: Path) -> Callable[..., None]:
    """Make the following calls those of a person, on a server with this policy."""

    def become(person: Person, policy: str = "") -> None:
        (home / ACCESS_FILE).write_text(policy)
        access.asked_by(lambda: person)

    return become


@pytest.fixture
def unstarted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are launched, and what their processes would be is this one."""
    me = psutil.Process()

    def start(run: RunDirectory, config: TrainConfig, resume: bool, job: Any) -> None:
        name = access.person().name
        Launch(pid=me.pid, pid_started=me.create_time(), owner=name, at=time.time()).write(run)

    monkeypatch.setattr(launch.lifecycle, "_start", start)
