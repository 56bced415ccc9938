"""What the browser runs is what its sources and its lock file give."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest

from explorer import paths

BUILD = paths.PROJECT / "explorer" / "front" / "build.py"


def test_static_holds_what_the_build_gives():
    if not shutil.which("npm"):
        pytest.skip("npm is not installed: the scripts can't be built here")
    found = subprocess.run(
        [sys.executable, BUILD, "--check"], cwd=paths.PROJECT, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_package_of_the_build_is_pinned_by_its_content():
    packages = json.loads((BUILD.parent / "package-lock.json").read_text())["packages"]
    pinned = {name: entry.get("integrity", "") for name, entry in packages.items() if name}
    assert "node_modules/onnxruntime-web" in pinned and "node_modules/esbuild" in pinned
    assert [name for name, content in pinned.items() if not content.startswith("sha512-")] == []


def test_no_script_names_another_origin_to_fetch_from():
    own = (paths.PROJECT / "static" / "live.mjs").read_text()
    assert not re.findall(r"https?://(?!www\.w3\.org/)", own)
