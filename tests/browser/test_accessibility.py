"""Who does not see the page, or has no pointer, can use it: WCAG 2.2 AA as axe checks it, and the keyboard."""

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from .conftest import IDLE, Opener
from .driving import MODEL, live, opened, order, shown, slider, title, values, wait_until

PLACES = (f"/?model={MODEL}", "/compare", "/train", "/measure", "/insight", "/library", "/theory")
MODERATE = {"heading-order", "page-has-heading-one", "landmark-one-main"}  # which count too


def complaints(page: Page) -> list[str]:
    """What axe finds serious or critical, and headings out of order."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['html'][:150]} {node['any'][:1]}"
        for rule in found
        if rule["impact"] in ("serious", "critical") or rule["id"] in MODERATE
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", PLACES)
def test_axe_finds_nothing_serious(open_page: Opener, place: str, scheme: Literal["light", "dark"]) -> None:
    page = open_page(place, scheme=scheme)
    if "model" in place:
        live(page, MODEL)
    page.wait_for_selector(IDLE)
    page.wait_for_load_state("networkidle")
    assert complaints(page) == []


def test_the_third_slider_is_six_keys_from_the_address_bar_and_each_row_is_one_stop(open_page: Opener) -> None:
    page = opened(open_page)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the sliders")).to_be_focused()
    page.keyboard.press("Enter")
    first, second, third = order(page)[:3]
    expect(slider(page, first)).to_be_focused()
    page.keyboard.press("Tab")
    expect(slider(page, second)).to_be_focused()
    page.keyboard.press("Tab")
    expect(slider(page, third)).to_be_focused()
    page.keyboard.press("End")
    assert shown(page)[third] > 1


def test_from_a_slider_keys_reach_all_of_its_row(open_page: Opener) -> None:
    page = opened(open_page)
    first = order(page)[0]
    handle = slider(page, first)
    handle.focus()
    page.keyboard.press("Enter")
    page.keyboard.type("1.25")
    page.keyboard.press("Enter")
    expect(handle).to_be_focused()
    assert shown(page)[first] == 1.25
    page.keyboard.press("p")
    wait_until(lambda: values(page)[first] != 1.25)
    page.keyboard.press("p")
    stopped = shown(page)
    page.keyboard.press("Delete")
    assert stopped[first] != 0 and shown(page)[first] == 0
    page.keyboard.press("l")
    lock = page.get_by_role("button", name=f"Unlock {title(first)}")
    expect(lock).to_be_focused()
    expect(handle).to_be_disabled()
    page.keyboard.press("Enter")
    expect(handle).to_be_enabled()


def test_the_time_of_a_frame_is_not_read_out(open_page: Opener) -> None:
    page = opened(open_page)
    said = page.locator(".bv-badge [role=status]")
    expect(said).to_have_text("decoded in this page")
    expect(page.locator(".bv-badge")).to_contain_text("ms a frame")
