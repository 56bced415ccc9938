"""The page Train as a person sees it: a run from one click, live, that survives whatever is killed."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect

from explorer.launch import run_status
from explorer.training import TrainConfig, train
from explorer.training.directory import RunDirectory, find_runs

from .conftest import IDLE, Opener, Server, serve

# What sticks out at the right; a formula and a row of choices scroll in their own
# place, and the input behind a slider's handle is not seen.
OUTSIDE = """() => [...document.querySelectorAll('[data-testid=stMain] *')]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1
        && !e.closest('.js-plotly-plot, .katex, [data-testid=stButtonGroup], [data-testid=stSlider]')
        && getComputedStyle(e).position !== 'fixed')
    .map(e => e.outerHTML.slice(0, 120))"""
LINK = (
    "/train?size=32&network=linear&latents=3&batch_size=8&steps=200000&log_every=5&eval_every=50"
    "&save_every=20&eval_images=16&threads=1&name=long"
)


def server_of(port: str) -> psutil.Process:
    """The app that listens there."""
    for process in psutil.process_iter():
        try:
            if "streamlit" in process.cmdline() and port in process.cmdline():
                return process
        except psutil.Error:
            continue
    raise AssertionError(f"there is no app at {port}")


def step_shown(page: Page) -> int:
    text = page.get_by_text(re.compile(r"step [\d,]+ of")).first.inner_text()
    return int(re.search(r"step ([\d,]+) of", text).group(1).replace(",", ""))


def stands(page: Page, word: str) -> Locator:
    """The place where the page says how the run stands."""
    return page.locator(".st-key-train-state p").get_by_text(re.compile(rf"\b{word}\b")).first


def end_all(home: Path) -> None:
    for run in find_runs(home / "runs"):
        now = run_status(run)
        process = now.state or now.launch
        if now.going and process is not None:
            os.kill(process.pid, signal.SIGKILL)


def test_a_double_click_starts_one_run_and_no_kill_loses_it(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 1200})
    context.set_default_timeout(240_000)
    page = context.new_page()
    try:
        with serve(tmp_path) as app:
            page.goto(app.url + LINK)
            page.wait_for_selector(IDLE)
            page.get_by_text("Measured:").wait_for()  # the page runs once more when that is known
            page.wait_for_selector(IDLE)
            page.get_by_role("button", name="Launch").dblclick()
            page.wait_for_url(re.compile("run=long"))
            expect(stands(page, "running")).to_be_visible(timeout=240_000)
            before = step_shown(page)
            page.wait_for_function(
                "before => Number(/step ([0-9,]+) of/.exec(document.body.innerText)[1].replace(/,/g, '')) > before",
                arg=before,
            )
            expect(page.get_by_text("held-out images, reconstructed")).to_be_visible(timeout=240_000)
            page.locator(".js-plotly-plot").nth(1).wait_for()
            assert [run.path.name for run in find_runs(tmp_path / "runs")] == ["long"]
            run = RunDirectory(tmp_path / "runs" / "long")
            server_of(app.url.rpartition(":")[2]).kill()
            time.sleep(1)
            step = run.state().step
        with serve(tmp_path) as app:
            page.goto(f"{app.url}/train?run=long")
            expect(stands(page, "running")).to_be_visible(timeout=240_000)
            assert step_shown(page) >= step
            assert run.state().step > step
            os.kill(run.state().pid, signal.SIGKILL)
            expect(stands(page, "killed")).to_be_visible(timeout=240_000)
            expect(page.get_by_text("at or after step")).to_be_visible()
            page.get_by_role("button", name="Resume").click()
            expect(stands(page, "running")).to_be_visible(timeout=240_000)
            page.locator("[data-testid=stMain]").get_by_role("button", name="Stop").click()
            expect(stands(page, "stopped")).to_be_visible(timeout=240_000)
            page.get_by_role("link", name="Explore it now").click()
            page.wait_for_url(re.compile("model=long"))
            expect(page.locator(".bv-picture").first).to_be_visible(timeout=240_000)
    finally:
        context.close()
        end_all(tmp_path)


class Wire:
    """What goes between a page and its server, of which the click on the button to launch is kept."""

    def __init__(self, page: Page) -> None:
        self.click: bytes | None = None
        page.route_web_socket(re.compile("/_stcore/stream"), self._between)

    def _between(self, browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()
        self.send = server.send

        def asked(message: bytes | str) -> None:
            if isinstance(message, bytes) and b"-train.launch" in message:
                self.click = message
            server.send(message)

        browser.on_message(asked)


def test_the_second_half_of_a_double_click_is_no_wish_however_late_it_comes(open_page: Opener, server: Server) -> None:
    wires: list[Wire] = []
    page = open_page(LINK.replace("name=long", "name=twice"), before=lambda page: wires.append(Wire(page)))
    page.get_by_role("button", name="Launch").click()
    page.wait_for_url(re.compile("run=twice"))
    expect(stands(page, "running")).to_be_visible(timeout=240_000)
    [wire] = wires
    assert wire.click is not None
    wire.send(wire.click)  # as the browser would have sent it at once, with the address of the form
    for _ in range(3):  # the page asks how the run stands, after the click, and is answered
        page.wait_for_function(
            "before => Number(/step ([0-9,]+) of/.exec(document.body.innerText)[1].replace(/,/g, '')) > before",
            arg=step_shown(page),
        )
    assert "run=twice" in page.url
    page.locator("[data-testid=stMain]").get_by_role("button", name="Stop").click()
    expect(stands(page, "stopped")).to_be_visible(timeout=240_000)
    page.go_back()  # the same address, and a wish
    expect(page.get_by_role("button", name="Launch")).to_be_visible()
    assert [run.path.name for run in find_runs(server.home / "runs") if "twice" in run.path.name] == ["twice"]


def test_two_tabs_and_two_users_get_a_run_for_each_click(browser: Browser, server: Server) -> None:
    link = LINK.replace("&name=long", "&objective=constrained&epsilon=7.25&seed=5")
    contexts = [browser.new_context() for _ in range(2)]
    try:
        pages = [contexts[0].new_page(), contexts[0].new_page(), contexts[1].new_page()]
        for page in pages:
            page.set_default_timeout(120_000)  # three at once
            page.goto(server.url + link)
            page.wait_for_selector(IDLE)
        for page in pages:
            page.get_by_role("button", name="Launch").click(no_wait_after=True)
        for page in pages:
            page.wait_for_url(re.compile("run="))
            expect(page.locator("[data-testid=stMain]").get_by_role("button", name="Stop")).to_be_visible(
                timeout=120_000
            )
        names = {page.url.rpartition("run=")[2] for page in pages}
        runs = {run.path.name for run in find_runs(server.home / "runs")}
        called = {"dsprites-eps7.25", "dsprites-eps7.25-2", "dsprites-eps7.25-3"}
        assert names == called == {name for name in runs if "eps7.25" in name}
    finally:
        for context in contexts:
            context.close()
        end_all(server.home)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_window_has_nothing_outside_the_form_or_a_run(open_page: Opener, server: Server, scheme: str) -> None:
    run = server.home / "runs" / "short"
    if not run.exists():
        train(TrainConfig(size=32, steps=4, batch_size=4, eval_images=4, log_every=1), run)
    for path in ("/train?objective=tc&vary=beta&values=1,2", "/train?run=short"):
        page = open_page(path, width=400, scheme=scheme)
        page.get_by_role("heading", name="Train", exact=True).wait_for()
        if "run=" in path:
            page.locator(".js-plotly-plot").first.wait_for()
        page.wait_for_selector(IDLE)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        assert page.evaluate(OUTSIDE) == []


def test_the_form_says_what_a_run_will_cost_as_measured(open_page: Opener) -> None:
    page = open_page("/train?size=32&network=linear&batch_size=8&steps=500")
    expect(page.get_by_text("Measured:")).to_be_visible(timeout=120_000)
    said = page.get_by_text("Measured:").inner_text()
    assert re.search(r"images/s on cpu with \d+ threads.*; 4,000 images in all", said)
    assert "parameters" in said and "MFLOP" in said
