"""Lint, format, types and the arrows between the parts: the same checks everywhere."""

import ast
import itertools
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import explorer
from explorer.checkpoints import save
from models import likelihoods, networks
from models.beta_vae import BetaVAE

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

CHECKS: dict[str, list[str | Path]] = {
    "lint": [BIN / "ruff", "check", "."],
    "format": [BIN / "ruff", "format", "--check", "."],
    "types": [BIN / "mypy"],
    "arrows": [BIN / "lint-imports"],
}


@pytest.mark.parametrize("check", CHECKS)
def test_the_code_passes(check: str) -> None:
    result = subprocess.run(CHECKS[check], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]


def test_the_app_answers_before_torch_is_imported() -> None:
    """Nothing that a page imports at its top may import torch, which takes seconds."""
    modules = set()
    for page in [ROOT / "app.py", *(ROOT / "pages").glob("*.py")]:
        for node in ast.parse(page.read_text()).body:
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module)
    assert any(module.startswith("explorer") for module in modules)
    lines = "\n".join(f"import {module}" for module in sorted(modules))
    code = f"{lines}\nimport sys\nassert 'torch' not in sys.modules and 'torchvision' not in sys.modules"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]


WITHOUT = {  # what a fresh interpreter must not have loaded once all of a package is imported
    "explorer.cli": ("streamlit",),
    "explorer.export": ("streamlit",),
    "explorer.launch": ("streamlit",),
    "explorer.training": ("streamlit",),
    "explorer.analysis": ("streamlit",),
    "explorer.checkpoints": ("streamlit",),
    "explorer.importing": ("streamlit",),
    "explorer.figures": ("streamlit", "torch"),
    "explorer.recipe": ("streamlit", "torch"),
    "models.kinds": ("streamlit", "torch"),
}


@pytest.mark.parametrize("package", WITHOUT)
def test_a_package_brings_nothing_that_it_must_not_know(package: str) -> None:
    """The arrows as an interpreter sees them, by way of each package's __init__ too."""
    code = f"""
import importlib, pkgutil, sys
package = importlib.import_module({package!r})
for module in pkgutil.walk_packages(getattr(package, "__path__", []), {package + "."!r}):
    importlib.import_module(module.name)
sys.exit(", ".join(name for name in {WITHOUT[package]!r} if name in sys.modules) or None)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]


def test_the_package_asks_for_what_the_requirements_install() -> None:
    """One list for who installs the package with its extras, and for who has the folder."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    installed = {line for line in lines if line and not line.startswith("#")}
    assert installed == set(asked) - {"streamlit>=1.61,<2"}  # which streamlit[auth] brings


def test_the_version_is_told_and_recorded(tmp_path: Path) -> None:
    said = subprocess.run([sys.executable, "-m", "explorer", "--version"], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout == f"Beta-VAE Explorer, version {explorer.__version__}\n"
    model = BetaVAE(networks.build("linear", (1, 4, 4), 2), likelihoods.build("bernoulli", {}))
    config = json.loads((save(model, tmp_path / "one") / "config.json").read_text())
    assert config["program"] == explorer.__version__
