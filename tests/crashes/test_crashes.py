"""Whatever changes the disk, killed at any moment or out of room: nothing half-made, nothing locked, no phantom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Those that end in one rename, which are tried at each of their changes.
SHORT = [
    "rename",
    "rename-to-odd",
    "rename-from-odd",
    "annotate",
    "label",
    "delete",
    "restore",
    "delete-for-good",
    "run-rename",
    "run-delete",
    "run-restore",
    "images-rename",
    "images-delete",
    "images-restore",
]


def crash(mode: str, folder: Path, *actions: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.crashes", mode, str(folder / "crashes"), *actions],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


def check(results: dict[str, Any], least: int) -> None:
    assert {name: found["faults"] for name, found in results.items() if found["faults"]} == {}
    assert sum(found["tried"] for found in results.values()) >= least


def test_killed_before_any_change_of_a_name_or_the_trash_it_is_as_before_or_after(tmp_path: Path) -> None:
    check(crash("kill", tmp_path, *SHORT), 90)


def test_killed_while_something_is_made_nothing_is_half_made_and_it_goes_again(tmp_path: Path) -> None:
    check(crash("kill:8", tmp_path), 35)


def test_a_disk_that_fills_up_gets_a_sentence_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    check(crash("full:8", tmp_path), 35)


def test_two_apps_on_one_home_do_the_same_at_once_and_one_of_them_does_it(tmp_path: Path) -> None:
    check(crash("two", tmp_path), 25)


@pytest.mark.skipif(sys.platform != "linux", reason="small disks are mounted as on Linux")
def test_a_small_disk_and_one_that_can_only_be_read_get_a_sentence(tmp_path: Path) -> None:
    probe = tmp_path / "probe"
    probe.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(probe)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk can't be mounted here: full and read-only disks are left out")
    subprocess.run(["umount", str(probe)], check=True)
    names = (
        "import",
        "images-add",
        "images-add-arrays",
        "duplicate",
        "rename",
        "delete",
        "restore",
        "run-delete",
        "run-launch",
        "measure",
        "measuring",
        "annotate",
        "export",
    )
    check(crash("disk", tmp_path, *names), 7 * len(names))
