"""The first visit to a server that has just started."""

from playwright.sync_api import expect

from .conftest import IDLE, Opener, Server


def test_the_picker_is_there_before_torch_is(open_page: Opener, fresh_server: Server) -> None:
    page = open_page(wait=False)
    page.get_by_test_id("stSelectbox").wait_for()
    assert page.locator(".bv-picture").count() == 0
    expect(page.get_by_role("link", name="Library").first).to_be_visible()
    page.wait_for_selector(".bv-picture[data-shown]")
    page.wait_for_selector(IDLE)


def test_a_link_to_the_library_may_be_the_first_to_be_opened(open_page: Opener, fresh_server: Server) -> None:
    page = open_page("/library")
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    expect(page.get_by_role("link", name="Explore").first).to_be_visible()
    assert page.get_by_role("link", name="app", exact=True).count() == 0
