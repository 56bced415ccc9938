"""A home of their own for all tests, and one Chromium for every test that needs a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

# Threads of torch that wait for one another must not keep busy the core that another test is using.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

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
