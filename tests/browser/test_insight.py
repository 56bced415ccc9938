"""The page Insight in a browser: a section is chosen and touched, and the address gives it back."""

import re

from playwright.sync_api import Page, expect

from .conftest import IDLE, PATIENCE, Opener

MODEL = "dsprites-beta4"


def pictures(page: Page) -> list[str]:
    """The pictures of the page, as their addresses."""
    found: list[str] = page.locator("[data-testid=stImage] img").evaluate_all("all => all.map(one => one.src)")
    return found


def test_a_section_is_chosen_and_touched_and_its_link_shows_the_same(open_page: Opener) -> None:
    page = open_page(f"/insight?model={MODEL}&count=50")
    expect(page.get_by_role("heading", name="First k")).to_be_visible()
    page.get_by_role("radio", name="Pruning").or_(page.get_by_role("button", name="Pruning")).first.click()
    expect(page.get_by_role("heading", name="Pruning")).to_be_visible(timeout=PATIENCE)
    expect(page).to_have_url(re.compile("section=pruning"))
    slider = page.get_by_role("slider", name="Share of weights set to zero")
    expect(slider).to_have_value("0.4")
    told = page.get_by_text("weights are 0")
    expect(told).to_contain_text("40.0%", timeout=PATIENCE)
    page.wait_for_selector(IDLE)
    before = pictures(page)
    slider.focus()
    slider.press("ArrowRight")
    expect(told).to_contain_text("45.0%", timeout=PATIENCE)
    expect(page).to_have_url(re.compile(r"share=0\.45"))
    page.wait_for_selector(IDLE)
    after = pictures(page)
    assert len(after) == len(before) == 1 and after != before
    assert all(page.locator("[data-testid=stImage] img").evaluate_all("all => all.map(one => !!one.alt)"))
    again = open_page(page.url)
    expect(again.locator("[data-testid=stImage] img")).to_have_count(1, timeout=PATIENCE)
    expect(again.get_by_text("weights are 0")).to_contain_text("45.0%", timeout=PATIENCE)
    assert pictures(again) == after


def test_on_a_narrow_window_nothing_is_wider_than_the_page(open_page: Opener) -> None:
    page = open_page(f"/insight?model={MODEL}&section=intervene&count=10", width=400, scheme="dark")
    expect(page.get_by_text("images of dsprites")).to_be_visible(timeout=PATIENCE)
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") <= 0
