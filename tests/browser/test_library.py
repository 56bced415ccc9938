"""The page Library as a person sees it."""

from playwright.sync_api import expect


def test_the_library_shows_models_and_opens_one(open_page):
    page = open_page()
    page.get_by_role("link", name="Library").first.click()
    strange = page.locator("[data-testid=stVerticalBlock]").filter(has_text="x <b>*y*<b>").last
    expect(strange).to_be_visible()
    strange.locator("img").first.wait_for()
    assert strange.locator("b").count() == 0
    strange.get_by_role("link", name="Open in Explore").click()
    page.wait_for_selector(".bv-picture[data-shown]")
    assert "model=x" in page.url
    expect(page.get_by_text("There is no model")).to_have_count(0)


def test_a_link_to_the_library_opens_it_within_the_app(open_page):
    page = open_page("/library")
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    expect(page.get_by_role("link", name="Explore").first).to_be_visible()
    page.locator("[data-testid=stImage] img").first.wait_for()


def test_a_narrow_window_has_nothing_outside(open_page):
    page = open_page("/library", width=400)
    page.locator("[data-testid=stImage] img").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
