"""The curves on the page Compare in a browser: they fit a telephone, and a click on a point opens its model."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from .conftest import IDLE, Opener

PATH = "/compare?model=dsprites-beta4&model=dsprites-beta8&count=20"


def test_a_point_of_the_curves_opens_its_model_on_a_narrow_page_too(open_page: Opener) -> None:
    page = open_page(PATH, width=400, scheme="dark")
    plane = page.locator("[class*='st-key-curves-rates']")
    points = plane.locator(".scatterlayer .point")
    points.nth(1).wait_for()  # Plotly comes to the browser late
    expect(points).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    names = plane.locator(".textpoint")
    expect(names).to_have_text(["dsprites-beta4", "dsprites-beta8"])
    plane.evaluate("plane => plane.scrollIntoView({block: 'center'})")
    for _ in range(20):  # the first moves of a pointer over a fresh plot may find nothing
        box = points.nth(1).bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x - 3, y)
        page.mouse.move(x, y)
        if plane.locator(".hoverlayer .hovertext").count():
            break
        page.wait_for_timeout(200)
    page.mouse.click(x, y)
    page.wait_for_url(lambda url: "/compare" not in url)
    page.wait_for_selector(IDLE)
    expect(page.get_by_role("heading", name="Explore", exact=True)).to_be_visible()
    assert parse_qs(urlsplit(page.url).query)["model"] == ["dsprites-beta8"]
