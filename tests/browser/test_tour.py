"""The guided path: offered to a newcomer, linked to, left and come back to."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from explorer.ui.tour import STEPS

from .conftest import IDLE, Opener


def step(page: Page) -> str | None:
    """The step that the address names."""
    return parse_qs(urlsplit(page.url).query).get("tour", [None])[0]


def panel(page: Page) -> str:
    return page.locator(".st-key-tour").inner_text()


def go(page: Page, label: str) -> None:
    page.locator(".st-key-tour").get_by_text(label, exact=True).first.click()


def test_a_newcomer_is_led_through_every_step(open_page: Opener) -> None:
    page = open_page("/")
    page.get_by_text("New here? Five steps").click()
    for number, wanted in enumerate(STEPS, 1):
        page.wait_for_url(lambda url, n=number: f"tour={n}" in url)  # type: ignore[misc]
        expect(page.locator(".st-key-tour")).to_contain_text(f"{number} of {len(STEPS)} · {wanted.title}")
        expect(page.get_by_role("heading", level=1)).to_have_text(wanted.page.title())
        page.wait_for_selector(IDLE)
        assert page.get_by_test_id("stAlert").filter(has_text="address").count() == 0, "the page takes its parameters"
        if number < len(STEPS):
            go(page, "Next")
    go(page, "Before")
    page.wait_for_url(lambda url: f"tour={len(STEPS) - 1}" in url)


def test_it_stays_while_one_looks_elsewhere_and_through_a_reload(open_page: Opener) -> None:
    page = open_page("/?model=dsprites-any-beta&beta=1&tour=2")
    expect(page.locator(".st-key-tour")).to_contain_text("2 of 5")
    page.locator("input[data-dimension=beta]").focus()
    page.keyboard.press("PageUp")  # the page writes its address itself
    page.wait_for_url(lambda url: "beta=1&" not in url and "tour=2" in url)
    page.reload()
    expect(page.locator(".st-key-tour")).to_contain_text("2 of 5")
    page.wait_for_selector(IDLE)
    page.get_by_test_id("stTopNavLink").filter(has_text="Library").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Library")
    go(page, "Back to this step")
    expect(page.get_by_role("heading", level=1)).to_have_text("Explore")
    page.wait_for_selector(IDLE)
    go(page, "Leave")
    expect(page.locator(".st-key-tour")).to_have_count(0)
    page.wait_for_url(lambda url: "tour=" not in url)
    expect(page.get_by_text("New here?")).to_have_count(0)


def test_who_asked_for_a_model_is_offered_nothing_and_a_step_that_is_none_is_nothing(open_page: Opener) -> None:
    page = open_page("/?model=dsprites-beta4")
    expect(page.get_by_text("New here?")).to_have_count(0)
    for number in ("0", "99", "x", "-1"):
        page = open_page(f"/?model=dsprites-beta4&tour={number}")
        expect(page.locator(".bv-picture")).to_be_visible()
        assert page.locator(".st-key-tour").count() == 0
        assert page.get_by_test_id("stAlert").count() == 0
