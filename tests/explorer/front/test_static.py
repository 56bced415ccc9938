"""What the browser runs is what its sources and its lock file give, and the sources are in order."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from explorer import paths
from explorer.front import build

FRONT = paths.PROJECT / "explorer" / "front"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with all that checks them installed."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed: the sources can't be checked here")
    folder = tmp_path_factory.mktemp("front") / "front"
    shutil.copytree(FRONT, folder, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("script", ["types", "lint", "test"])
def test_the_browsers_code_passes(front: Path, script: str) -> None:
    found = subprocess.run(["npm", "run", script], cwd=front, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]


def test_static_holds_what_the_build_gives() -> None:
    if not shutil.which("npm"):
        pytest.skip("npm is not installed: the scripts can't be built here")
    found = subprocess.run(
        [sys.executable, "-m", "explorer.front.build", "--check"], cwd=paths.PROJECT, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_types_of_what_goes_to_the_browser_are_those_of_the_models() -> None:
    assert (FRONT / "wire.ts").read_text(encoding="utf-8") == build.types()


def test_every_package_of_the_build_is_pinned_by_its_content() -> None:
    packages = json.loads((FRONT / "package-lock.json").read_text())["packages"]
    pinned = {name: entry.get("integrity", "") for name, entry in packages.items() if name}
    for package in ("onnxruntime-web", "esbuild", "typescript", "vitest", "@biomejs/biome"):
        assert f"node_modules/{package}" in pinned
    assert [name for name, content in pinned.items() if not content.startswith("sha512-")] == []


@pytest.mark.parametrize("name", build.BUNDLES)
def test_no_script_names_another_origin_to_fetch_from(name: str) -> None:
    own = (paths.PROJECT / "static" / name).read_text()
    assert not re.findall(r"https?://(?!www\.w3\.org/)", own)
