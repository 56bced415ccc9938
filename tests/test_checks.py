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


LONGEST = 400  # lines of a file that somebody reads
LONGER = {  # data, or still to be taken apart
    "models/kinds.py": "the tables of what there is: data",
    "explorer/launch/lifecycle.py": "a run's files and what is done with them; to be split",
}
SHARED = {"runs"}  # names that two files still bear: explorer/launch/lifecycle.py is to be renamed
LARGEST_FUNCTION = 60  # lines, without what its docstring says
LARGER = {"explorer/training/loop.py": "one step after another, in the order in which a run does them"}


def sources(*folders: str, endings: tuple[str, ...] = (".py",)) -> list[Path]:
    found = [file for folder in folders for ending in endings for file in (ROOT / folder).rglob(f"*{ending}")]
    return [file.relative_to(ROOT) for file in found if "node_modules" not in file.parts]


def test_no_file_is_too_long_to_be_read_in_one_sitting() -> None:
    every = sources("explorer", "models", "pages", "tests", "benchmarks", "recipes", endings=(".py", ".ts"))
    long = {f.as_posix() for f in every if len((ROOT / f).read_text().splitlines()) > LONGEST}
    assert long - LONGER.keys() == set()


def test_no_function_is_longer_than_a_screen() -> None:
    found = []
    for file in sources("explorer", "models", "pages", "tests", "benchmarks", "recipes"):
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                first = node.body[0]
                said = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node) else 0
                if node.end_lineno - node.lineno + 1 - said > LARGEST_FUNCTION and file.as_posix() not in LARGER:
                    found.append(f"{file}: {node.name}")
    assert found == []


def test_no_two_files_bear_one_name_unless_they_do_the_same_in_twin_rooms() -> None:
    """Twin rooms: a command, its page, and the room of a page beside another page's."""
    rooms: dict[str, set[str]] = {}
    for file in sources("explorer", "models", "pages"):
        page = file.parts[:2] == ("explorer", "ui") and len(file.parts) == 4
        room = (
            "twins" if page or file.parts[0] == "pages" or file.parts[:2] == ("explorer", "cli") else str(file.parent)
        )
        rooms.setdefault(file.stem, set()).add(room)
    twice = {stem for stem, where in rooms.items() if len(where) > 1}
    assert twice - {"__init__", "__main__"} == set()


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
