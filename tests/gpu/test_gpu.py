"""The command for the first GPU, on the CPU: with torch and numpy alone, and with rows that must be bad."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.gpu.rows import Row, table

ROOT = Path(__file__).resolve().parent.parent.parent
# What a CUDA wheel of torch brings with it, and nothing else.
WITH_TORCH = (
    "torch",
    "torchgen",
    "functorch",
    "numpy",
    "numpy.libs",
    "nvidia",
    "triton",
    "typing_extensions.py",
    "sympy",
    "mpmath",
    "networkx",
    "jinja2",
    "markupsafe",
    "fsspec",
    "filelock",
    "setuptools",
    "packaging",
)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of libraries with torch and numpy, and none of the project's others."""
    folder = tmp_path_factory.mktemp("bare")
    found = find_spec("torch")
    assert found is not None and found.origin is not None
    site = Path(found.origin).parent.parent
    for name in WITH_TORCH:
        if (site / name).exists():
            (folder / name).symlink_to(site / name)
    return folder


def gpu(*arguments: str, bare: Path | None = None, also: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    paths = [str(path) for path in (bare, also) if path]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
    flags = ["-S"] if bare else []
    command = [sys.executable, *flags, "-m", "tests.gpu", "--device", "cpu", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=800)


def test_it_trains_resumes_evaluates_and_measures_with_torch_and_numpy_alone(bare: Path) -> None:
    made = gpu("--only", "steps,runs", "--limit", "380", bare=bare)
    assert made.returncode == 0, made.stdout + made.stderr[-3000:]
    for part in ("steps", "train", "resume", "memory", "evaluate", "measure"):
        assert f"| {part} |" in made.stdout
    assert "| resume | a run that was cut and resumed | byte-equal | the whole run |" in made.stdout
    for line in made.stdout.splitlines()[4:-2]:
        assert line.endswith(("| same |", "| measured |")), line


def test_a_row_that_differs_a_part_that_falls_and_one_that_hangs_end_it_with_1(tmp_path: Path) -> None:
    (tmp_path / "faulty_parts.py").write_text(
        textwrap.dedent(
            """
            import time

            import torch

            from tests.gpu import parts
            from tests.gpu.rows import MEASURED, Row

            def wrong(place):
                real = torch.nn.functional.binary_cross_entropy_with_logits
                calls = []

                def off(*given, **how):
                    calls.append(1)
                    return real(*given, **how) * (1.01 if len(calls) <= 3 else 1)

                torch.nn.functional.binary_cross_entropy_with_logits = off
                yield next(parts.steps(place))

            def hanging(place):
                yield Row("hanging", "first", "1 image/s", verdict=MEASURED)
                time.sleep(3600)

            def falling(place):
                yield Row("falling", "first", "1 image/s", verdict=MEASURED)
                raise RuntimeError("CUDA error: no kernel image is available")

            PARTS = {"wrong": (wrong, 400), "falling": (falling, 400), "hanging": (hanging, 8)}
            """
        )
    )
    made = gpu("--parts", "faulty_parts", also=tmp_path)
    assert made.returncode == 1, made.stderr
    assert "in step 1 the reconstruction is" in made.stdout and "| differs |" in made.stdout
    assert "RuntimeError: CUDA error: no kernel image is available" in made.stdout
    assert "| hanging | the whole part | was ended after 8 s |" in made.stdout
    assert "rows, 3 that differ or failed." in made.stdout


def test_a_table_has_a_line_for_each_row_whatever_is_in_it() -> None:
    rows = [Row("a", "b | c", "1\n2"), Row("a", "b", "nan", "1", "1%", "differs")]
    lines = table(rows).splitlines()
    assert len(lines) == 4 and all(line.count("|") == 7 for line in lines)
    assert [row.bad for row in rows] == [False, True]


def test_all_that_it_may_import_is_python_of_3_11_and_3_12() -> None:
    files = [f for part in ("explorer", "models", "tests/gpu") for f in (ROOT / part).rglob("*.py")]
    assert len(files) > 100
    for file in files:
        ast.parse(file.read_text(), feature_version=(3, 11))
