"""The page Measure in a browser: a measurement from the button to the last plot, and the scatter."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from explorer.ui.measure.score_panel import MODEL_WIDTH, TITLE_WIDTH

from .conftest import Opener, Server, opening

URL = "/measure?model=dsprites-disentangled&repeats=0&points=1000"
PATIENCE = 480_000
expect.set_options(timeout=240_000)


@pytest.fixture(scope="module")
def measured(browser: Browser, server: Server) -> Iterator[Page]:
    """One page with everything measured, for all tests that look at it."""
    with opening(browser, server) as open_page:
        page = open_page(URL)
        begin = page.get_by_role("button", name=re.compile(r"^.*Measure \("))
        begin.click()
        expect(page.locator(".st-key-bar button")).to_be_visible()
        expect(page.locator(".st-key-bar button")).to_have_count(0, timeout=PATIENCE)
        expect(begin).to_have_count(0, timeout=PATIENCE)
        page.wait_for_selector(".scatter canvas[data-frame]")
        settle(page)
        yield page


def settle(page: Page) -> None:
    """Wait until the scatter stays where it is: charts above it still take their places."""
    expect(page.locator(".js-plotly-plot .main-svg").nth(2)).to_be_attached()
    before = None
    while (now := page.locator(".scatter canvas").bounding_box()) != before:
        before = now
        page.wait_for_timeout(700)


def canvas_point(page: Page) -> tuple[float, float]:
    """Where on the window a point of the scatter lies, found by asking the drawing."""
    canvas = page.locator(".scatter canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    assert box is not None
    found = canvas.evaluate(
        """canvas => {
            const c = canvas.getContext('2d'), ratio = window.devicePixelRatio;
            const w = canvas.width, h = canvas.height, pixels = c.getImageData(0, 0, w, h).data;
            for (let y = Math.round(h * 0.4); y < h * 0.8; y++)
                for (let x = Math.round(w * 0.3); x < w * 0.8; x++) {
                    const at = 4 * (y * w + x);
                    const spread = Math.max(pixels[at], pixels[at + 1], pixels[at + 2])
                        - Math.min(pixels[at], pixels[at + 1], pixels[at + 2]);
                    if (pixels[at + 3] === 255 && spread > 40) return [x / ratio, y / ratio];
                }
            return null;
        }"""
    )
    assert found, "no point was drawn"
    return box["x"] + found[0], box["y"] + found[1]


def test_a_measurement_runs_beside_the_page_and_ends_in_tables_and_matrices(measured: Page) -> None:
    expect(measured.locator("[data-testid=stDataFrame]").first).to_be_visible()
    expect(measured.get_by_text("Which latent carries a factor")).to_be_visible()
    measured.reload()  # what was measured is still there
    measured.wait_for_selector(".scatter canvas[data-frame]")
    settle(measured)
    expect(measured.get_by_role("button", name=re.compile(r"Measure \("))).to_have_count(0)


def test_a_cell_of_the_matrix_opens_its_latent_against_its_factor(measured: Page) -> None:
    plot = measured.locator(".js-plotly-plot").first
    plot.scroll_into_view_if_needed()
    box = plot.locator(".heatmaplayer image").bounding_box()
    assert box is not None
    assert box is not None
    measured.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.35)
    measured.wait_for_url("**latent=3**")
    assert "factor=3" in measured.url
    expect(measured.get_by_text("z3 for each class of posX").first).to_be_visible()


def test_the_image_under_the_pointer_is_shown_and_a_click_gives_its_neighbours(measured: Page) -> None:
    tip = measured.locator(".scatter .tip img")
    for _ in range(4):  # what is above may still be taking its place, and shift the scatter
        x, y = canvas_point(measured)
        measured.mouse.move(x, y)
        try:
            tip.wait_for(state="visible", timeout=120_000)
            break
        except PlaywrightTimeout:
            measured.mouse.move(5, 5)
    assert tip.evaluate("image => image.naturalWidth") > 0
    words = measured.locator(".scatter .tip").inner_text()
    assert re.search(r"image [\d,]+: shape", words)
    measured.mouse.click(x, y)
    expect(measured.get_by_text("nearest codes by Euclidean distance")).to_be_visible()
    number = re.search(r"image ([\d,]+):", words)
    assert number
    expect(measured.get_by_text(f"Neighbours of image {number[1]}", exact=True)).to_be_visible()
    assert f"image={number[1].replace(',', '')}" in measured.url


def test_the_lasso_tells_what_is_in_it(measured: Page) -> None:
    x, y = canvas_point(measured)
    measured.get_by_role("button", name="Lasso").click()
    x, y = canvas_point(measured)
    measured.mouse.move(x - 60, y - 60)
    measured.mouse.down()
    for dx, dy in ((60, -60), (60, 60), (-60, 60), (-60, -50)):
        measured.mouse.move(x + dx, y + dy, steps=4)
    measured.mouse.up()
    expect(measured.get_by_text("images in the lasso")).to_be_visible()
    expect(measured.get_by_text(re.compile("posX: \\d+ of 32 values"))).to_be_visible()
    box = measured.locator(".scatter canvas").bounding_box()
    assert box is not None
    assert box is not None
    measured.mouse.click(box["x"] + 60, box["y"] + 15)  # beside the points
    expect(measured.get_by_text("images in the lasso")).to_have_count(0)


def test_dragging_and_the_wheel_move_the_scatter_without_the_server(measured: Page) -> None:
    measured.get_by_role("button", name="Move and zoom").click()
    canvas = measured.locator(".scatter canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    assert box is not None
    before = int(canvas.get_attribute("data-frame") or 0)
    measured.mouse.move(box["x"] + 300, box["y"] + 200)
    measured.mouse.down()
    measured.mouse.move(box["x"] + 400, box["y"] + 260, steps=12)
    measured.mouse.up()
    measured.mouse.wheel(0, -300)
    deadline = time.monotonic() + 30
    while int(canvas.get_attribute("data-frame") or 0) <= before + 3:
        assert time.monotonic() < deadline, "the scatter did not follow the pointer"
        measured.wait_for_timeout(50)


WIDEST = """frame => {
    // The widths in pixels of the widest text of the first two columns, in the letters that the table is drawn with.
    const pen = document.createElement('canvas').getContext('2d');
    pen.font = '14px ' + getComputedStyle(frame).fontFamily;
    const rows = [...frame.querySelectorAll('table[role=grid] tr')].map(row => [...row.children]);
    return [0, 1].map(column => Math.max(...rows.map(row => pen.measureText(row[column].innerText).width)));
}"""


def test_the_page_opens_with_the_scores_of_the_first_model_and_none_is_cut(open_page: Opener) -> None:
    page = open_page("/measure", width=1280)
    frame = page.locator("[data-testid=stDataFrame]").first
    expect(frame.locator("table[role=grid] tr")).to_have_count(22)  # a head, 16 scores, and parts of theirs
    expect(page.get_by_role("button", name="Measure (3,000 images to encode)")).to_be_visible()
    scroller = frame.locator(".dvn-scroller")
    assert scroller.evaluate("e => e.scrollWidth <= e.clientWidth"), "no column is outside"
    title, value = frame.evaluate(WIDEST)
    padding = 2 * 8
    assert 200 < title <= TITLE_WIDTH - padding and 100 < value <= MODEL_WIDTH - padding
    expect(page.locator("[data-testid=stAlert]")).to_have_count(0)  # there is nothing to warn of


def test_a_narrow_window_has_nothing_outside(open_page: Opener) -> None:
    page = open_page(URL, width=400)
    page.get_by_role("heading", name="Measure").wait_for()
    page.wait_for_selector("[data-testid=stExpander]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_a_running_measurement_can_be_stopped_and_keeps_what_it_has(open_page: Opener) -> None:
    page = open_page("/measure?model=dsprites-beta4&preset=full&repeats=5&points=1000")
    page.get_by_role("button", name=re.compile(r"Measure \(")).click()
    stop = page.locator(".st-key-bar button")
    stop.wait_for()
    page.locator("[data-testid=stProgress]").wait_for()
    stop.click()
    expect(page.get_by_text("Stopped. What was finished is kept")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile(r"Measure \("))).to_be_visible()
