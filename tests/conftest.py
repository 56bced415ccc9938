"""A home of their own for all tests, and one Chromium for every test that needs a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, Error, sync_playwright

# Threads of torch that wait for one another must not keep busy the core that another test is using.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A property holds on a busy machine too.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

with suppress(ImportError):  # jaxtyping and beartype are of requirements-dev.txt
    from tests import shapes

    shapes.check()

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


MOST_WORKERS = 8  # each has torch in it
HERE = Path(__file__).resolve().parent
# What takes minutes together; the rest is what `pytest -m "not slow"` runs.
SLOW_FOLDERS = {"browser", "crashes", "fuzz", "gpu", "kinds", "launch", "pages", "serving"}
SLOW_FILES = {
    "test_surface.py", "test_shipped.py", "test_measure_sweep.py", "test_export.py", "test_objectives.py",
    "test_memory.py", "test_what_scores_say.py", "test_scores.py", "test_commands.py", "test_taking_in.py",
    "test_absurd_pictures.py", "test_reading.py", "test_reading_more.py", "test_onnx.py", "test_static.py",
    "test_onnx_cache.py", "test_score_intervals.py", "test_constrained.py", "test_oracle.py", "test_resume.py",
    "test_equivalence.py",
}  # fmt: skip


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A worker for each core; none besides this process where one file was asked for."""
    asked = [argument.partition("::")[0] for argument in config.args]
    if len(asked) == 1 and asked[0].endswith(".py"):
        return 0
    return min(os.cpu_count() or 1, MOST_WORKERS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow."""
    for item in items:
        place = item.path.relative_to(HERE)
        if place.name in SLOW_FILES or SLOW_FOLDERS & set(place.parts):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def home_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests make lies in a folder of theirs, never among the person's own models in the checkout."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BETA_VAE_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium: the machine's, or else Playwright's own."""
    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, CHROMIUM)), None)
        try:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except Error as error:
            pytest.fail(
                "these tests need Chromium: install the system's package chromium, or run "
                f"`python -m playwright install chromium` ({str(error).splitlines()[0]})"
            )
        yield browser
        browser.close()
