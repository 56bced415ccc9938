"""As much of psutil as a run asks, read from /proc, for machines that lack it."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

STATUS_ZOMBIE = "zombie"


class Error(Exception):
    pass


class NoSuchProcess(Error):
    pass


class TimeoutExpired(Error):
    pass


class Process:
    def __init__(self, pid: int | None = None) -> None:
        self.pid = os.getpid() if pid is None else pid
        self._fields()

    def _fields(self) -> list[str]:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError as error:
            raise NoSuchProcess(str(error)) from error

    def create_time(self) -> float:
        lines = Path("/proc/stat").read_text().splitlines()
        boot = next(int(line.split()[1]) for line in lines if line.startswith("btime"))
        return boot + int(self._fields()[19]) / os.sysconf("SC_CLK_TCK")

    def status(self) -> str:
        return STATUS_ZOMBIE if self._fields()[0] == "Z" else "running"

    def memory_info(self) -> Any:
        return SimpleNamespace(rss=int(self._fields()[21]) * os.sysconf("SC_PAGE_SIZE"))


def virtual_memory() -> Any:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable"):
            return SimpleNamespace(available=int(line.split()[1]) * 1024)
    return SimpleNamespace(available=1 << 30)
