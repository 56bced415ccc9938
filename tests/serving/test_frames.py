"""A page of another site shows the app in a frame where access.toml lists that site, and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from pydantic import ValidationError

from explorer.policy import Policy

from .lab import ACCESS, Lab, serving

SECONDS = 240_000  # milliseconds that a page may take on a busy machine


@pytest.fixture(scope="module")
def framed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, str]]:
    """The app, and the address of a page on another site that has it in a frame."""
    with serving(tmp_path_factory.mktemp("framed")) as lab:

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(f'<iframe src="{lab.url}/?model=dsprites-beta4" width=1100 height=800>'.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)  # another site than localhost, to a browser
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield lab, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def frame_of(browser: Browser, address: str) -> Page:
    page = browser.new_page()
    page.goto(address, timeout=SECONDS)
    return page


def test_a_listed_site_shows_it_and_its_sliders_move(framed: tuple[Lab, str], browser: Browser) -> None:
    lab, address = framed
    (lab.home / "access.toml").write_text(f'frames = ["{address}"]\n{ACCESS}')
    with lab.client() as client:
        headers = client.get("/").headers
        assert f"frame-ancestors 'self' {address};" in headers["content-security-policy"]
        assert "x-frame-options" not in headers
    page = frame_of(browser, address)
    inside = page.frame_locator("iframe")
    inside.locator(".bv-picture[data-shown]").wait_for(timeout=SECONDS)
    slider = inside.locator(".bv-rows .bv-slider").first
    before = inside.locator(".bv-picture").get_attribute("data-shown")
    slider.focus()
    page.keyboard.press("PageUp")
    inside.locator(f".bv-picture:not([data-shown='{before}'])").wait_for(timeout=SECONDS)
    page.close()


def test_another_site_shows_nothing_of_it(framed: tuple[Lab, str], browser: Browser) -> None:
    lab, address = framed
    for policy in (ACCESS, f'frames = ["http://127.0.0.1:1", "https://elsewhere.example"]\n{ACCESS}'):
        (lab.home / "access.toml").write_text(policy)
        page = browser.new_page()
        with page.expect_console_message(lambda told: "frame-ancestors" in told.text, timeout=SECONDS):
            page.goto(address, timeout=SECONDS)
        assert page.frame_locator("iframe").locator(".stApp").count() == 0
        page.close()


def test_a_sign_in_does_not_reach_into_a_frame(framed: tuple[Lab, str]) -> None:
    lab, _ = framed
    (lab.home / "access.toml").write_text(ACCESS)
    with lab.client("ada@lab.test") as client:
        cookies = [cookie for cookie in client.cookies.jar if cookie.name.startswith("_streamlit_user")]
        assert cookies and all(str(cookie._rest.get("SameSite", "")).lower() == "lax" for cookie in cookies)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "site",
    ["*", "lab.example", "https://a b", "https://x; script-src *", "javascript:alert(1)", "https://", "https://x/y"],
)
def test_what_is_no_site_is_refused(site: str) -> None:
    with pytest.raises(ValidationError):
        Policy(frames=(site,))


def test_the_space_of_the_repository_is_read_only_and_lists_its_site() -> None:
    import tomllib

    folder = Path(__file__).resolve().parents[2] / "deploy" / "space"
    policy = Policy.model_validate(tomllib.loads((folder / "access.toml").read_text()))
    assert policy.everyone == "visitor" and "https://huggingface.co" in policy.frames
    front = (folder / "README.md").read_text().split("---")[1]
    assert "sdk: docker" in front and "app_port: 7860" in front
    assert "--server.port=7860" in (folder / "Dockerfile").read_text()
