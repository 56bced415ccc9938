"""The app on a real server, as the README starts it, and Chromium in front of it.

Whatever a page does, these hold after every test: no error in the console, no exception in a page, no
request to another origin.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from explorer import paths

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE = 240_000  # milliseconds; the machine may be busy
PAGES = [file.stem for file in (PROJECT / "pages").glob("*.py")]
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"


@dataclass
class Server:
    """A running app: its address, its home, and what it said."""

    url: str
    home: Path
    log: Path
    pid: int


@contextmanager
def serve(home: Path, **environment: str) -> Iterator[Server]:
    """`streamlit run app.py` with a home of its own, until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = home / "log.txt"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--server.headless", "true"],
            cwd=PROJECT,
            stdout=out,
            stderr=out,
            env={**os.environ, "BETA_VAE_HOME": str(home), **environment},
        )
    try:
        begin = time.monotonic()
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, f"the server ended: {log.read_text()}"
                assert time.monotonic() - begin < 480, "the server did not answer in eight minutes"
                time.sleep(0.1)
        yield Server(f"http://127.0.0.1:{port}", home, log, process.pid)
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests; its library holds copies of a shipped model to be spoilt."""
    home = tmp_path_factory.mktemp("app")
    shipped = paths.PRETRAINED / "dsprites-beta1"
    for name in ("doomed", "spoilt", "mine", "x <b>*y*<b>"):
        shutil.copytree(shipped, home / "library" / name)
    with serve(home) as running:
        yield running


@dataclass
class Watch:
    """What went wrong in the pages of a test."""

    origins: list[str]
    found: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        """Note errors of the console, exceptions and requests to other origins."""
        page.on("console", lambda m: self._note(m.type == "error" and not self._known(m), m.text))
        page.on("pageerror", lambda error: self.found.append(f"exception: {error}"))
        page.on("request", lambda r: self._note(not self._own(r.url), f"request to {r.url[:200]}"))

    def _note(self, wrong: bool, text: str) -> None:
        if wrong:
            self.found.append(text)

    def _own(self, url: str) -> bool:
        return url.startswith((*(f"{origin}/" for origin in self.origins), "data:", "blob:"))

    def _known(self, message: ConsoleMessage) -> bool:
        # Opened at such a page, Streamlit's own front end first asks for its server below that path.
        return any(f"/{name}/_stcore/" in message.location.get("url", "") for name in PAGES)


Opener = Callable[..., Page]


@contextmanager
def opening(browser: Browser, running: Server) -> Iterator[Opener]:
    """Gives what opens a path in a fresh context and waits until its script has run; in the end, nothing
    may have gone wrong in any of these pages.

    `before` is given the page before it goes anywhere.
    """
    watch, contexts = Watch([]), []

    def opened(
        path: str = "/",
        width: int = 1400,
        scheme: Literal["light", "dark"] = "light",
        wait: bool = True,
        before: Callable[[Page], object] | None = None,
        height: int = 1000,
    ) -> Page:
        if not path.startswith("http"):
            path = running.url + path
        watch.origins.append("://".join(urlsplit(path)[:2]))
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        watch.over(page)
        if before:
            before(page)
        page.goto(path)
        if wait:
            page.wait_for_selector(IDLE)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert watch.found == []


@pytest.fixture
def open_page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Opener]:
    """Open a path in a fresh context, wait until the script has run, and watch what goes wrong."""
    named = "fresh_server" if "fresh_server" in request.fixturenames else "server"
    running: Server = request.getfixturevalue(named)  # now, so that it outlives the pages
    with opening(browser, running) as opened:
        yield opened
