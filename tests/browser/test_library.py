"""The page Library as a person sees it."""

import io

from PIL import Image
from playwright.sync_api import FilePayload, expect

from explorer import paths

from .conftest import IDLE, Opener, Server


def test_the_library_shows_models_and_opens_one(open_page: Opener) -> None:
    page = open_page()
    page.get_by_role("link", name="Library").first.click()
    page.get_by_label("Search").fill("x <b>")
    page.get_by_label("Search").press("Enter")
    # Until the search is answered, other models are there too, and the page under the pointer changes.
    expect(page.get_by_role("link", name="Open in Explore")).to_have_count(1, timeout=240_000)
    page.wait_for_selector(IDLE)
    strange = page.locator("[data-testid=stVerticalBlock]").filter(has_text="x <b>*y*<b>").last
    expect(strange).to_be_visible()
    strange.locator("img").first.wait_for()
    assert strange.locator("b").count() == 0
    strange.get_by_role("link", name="Open in Explore").click()
    page.wait_for_selector(".bv-picture[data-shown]")
    assert "model=x" in page.url
    expect(page.get_by_text("There is no model")).to_have_count(0)


def test_a_link_to_the_library_opens_it_within_the_app(open_page: Opener) -> None:
    page = open_page("/library")
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    expect(page.get_by_role("link", name="Explore").first).to_be_visible()
    page.locator("[data-testid=stImage] img").first.wait_for()


def test_a_narrow_window_has_nothing_outside(open_page: Opener) -> None:
    page = open_page("/library", width=400)
    page.locator("[data-testid=stImage] img").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_pictures_are_dropped_looked_at_kept_and_deleted(open_page: Opener, server: Server) -> None:
    page = open_page("/library?show=images", width=400)
    files: list[FilePayload] = []
    for number in range(3):
        picture = io.BytesIO()
        Image.new("RGB", (40, 20), (80 * number, 0, 9)).save(picture, "PNG")
        files.append({"name": f"{number}.png", "mimeType": "image/png", "buffer": picture.getvalue()})
    files.append({"name": "bad.png", "mimeType": "image/png", "buffer": b"no"})
    page.locator("input[type=file]").first.set_input_files(files)
    expect(page.get_by_text("3 of 3 are not square")).to_be_visible()
    page.get_by_text("1 left out").click()
    expect(page.get_by_text("bad.png: it is not a PNG")).to_be_visible()
    page.get_by_role("textbox", name="Name").fill("<img src=x> שלום")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_text("3 images (pictures)")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Move to the trash").click()
    expect(page.get_by_text("No own images are stored yet.")).to_be_visible()


def test_a_row_of_the_table_is_ticked_and_measured(open_page: Opener) -> None:
    page = open_page("/library?view=table&origin=shipped")
    first = min(path.name for path in paths.PRETRAINED.iterdir())
    table = page.get_by_test_id("stDataFrame")
    table.wait_for()
    page.wait_for_timeout(500)
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 17, box["y"] + 52)  # the first row's box: the table is drawn on a canvas
    expect(page.get_by_text("1 ticked")).to_be_visible()
    page.locator(".st-key-library-together").get_by_role("link", name="Measure").click()
    page.wait_for_url(f"**/measure?model={first}*")
