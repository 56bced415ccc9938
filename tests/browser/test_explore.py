"""The page Explore as a person sees it: pictures, sliders, links."""

import io
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from explorer.checkpoints import load

from .conftest import IDLE

PICTURE = ".st-key-picture img"
SLIDER = "[data-testid=stSlider] input"


def pixels(page: Page, image: str = PICTURE) -> np.ndarray:
    """The file behind a picture on the page, as an array."""
    source = page.locator(image).first.get_attribute("src")
    assert source
    response = page.request.get(source if "://" in source else page.url.split("/?")[0] + source)
    return np.asarray(Image.open(io.BytesIO(response.body())).convert("RGB"))


def changed(page: Page, before: str | None) -> None:
    """Wait until the large picture is another file than `before`."""
    page.wait_for_function(
        "before => { const i = document.querySelector('.st-key-picture img');"
        " return i && i.complete && i.naturalWidth > 0 && i.getAttribute('src') !== before }",
        arg=before,
    )
    page.wait_for_selector(IDLE)


def source(page: Page) -> str | None:
    return page.locator(PICTURE).first.get_attribute("src")


def overflow(page: Page) -> list[str]:
    """Elements that stick out of the window at its right."""
    return page.evaluate("""() => [...document.querySelectorAll('[data-testid=stMain] *')]
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1
            && !e.closest('.js-plotly-plot') && getComputedStyle(e).position !== 'fixed')
        .map(e => e.outerHTML.slice(0, 120))""")


def first_name(page: Page) -> str:
    """The dimension of the slider at the top, such as "z3"."""
    label = page.locator("[data-testid=stSlider] label").first.inner_text()
    return re.match(r"z\d+", label).group()


def test_the_first_page_shows_what_the_model_decodes_crisp(open_page):
    page = open_page()
    expect(page.locator(PICTURE).first).to_be_visible()
    name = page.get_by_role("combobox", name=re.compile("Model")).input_value()
    shown = pixels(page)
    model = load(name).model
    import torch

    decoded = model.decode(torch.zeros(1, model.latents))[0].numpy()
    factor = shown.shape[0] // model.shape[1]
    assert factor >= 2
    small = shown[::factor, ::factor]
    assert np.array_equal(small.repeat(factor, 0).repeat(factor, 1), shown)
    expected = np.moveaxis(decoded * 255, 0, -1)
    assert np.abs(small[..., : decoded.shape[0]] - expected).max() <= 1
    assert page.locator(f"{PICTURE}[alt]").count() == 1


def test_the_keyboard_moves_a_slider_the_picture_and_the_url(open_page):
    page = open_page()
    before, name = source(page), first_name(page)
    page.locator(SLIDER).first.focus()
    page.keyboard.press("PageUp")
    changed(page, before)
    assert "z=" in page.url and "model=" in page.url
    entry = page.get_by_label(f"Value of {name}", exact=True)
    assert float(entry.input_value()) > 0


def test_a_copied_link_shows_the_same_picture_in_a_fresh_browser(open_page):
    page = open_page("/?start=sample&seed=5&range=fixed&span=2")
    before, name = source(page), first_name(page)
    entry = page.get_by_label(f"Value of {name}", exact=True)
    entry.fill("1.37")
    entry.press("Enter")
    changed(page, before)
    fresh = open_page(page.url)
    assert np.array_equal(pixels(page), pixels(fresh))
    assert fresh.get_by_label(f"Value of {name}", exact=True).input_value() == "1.37"
    assert fresh.url == page.url


def test_one_dimension_is_reset_or_all_and_back_goes_back(open_page):
    page = open_page()
    start, name = source(page), first_name(page)
    page.get_by_label(f"Value of {name}", exact=True).fill("1.5")
    page.keyboard.press("Enter")
    changed(page, start)
    moved = source(page)
    page.get_by_role("button", name=f"Reset {name}", exact=True).click()
    changed(page, moved)
    assert source(page) == start
    page.go_back()
    changed(page, start)
    assert source(page) == moved
    page.get_by_role("button", name="Reset all").click()
    changed(page, moved)
    assert source(page) == start and "z=" not in page.url
    assert page.get_by_role("button", name="Reset all").is_disabled()


def test_an_image_shows_itself_its_reconstruction_and_the_error(open_page):
    page = open_page("/?start=image&image=300000")
    trio = page.locator(".st-key-trio img")
    expect(trio).to_have_count(3)
    given, made, error = (
        pixels(page, f".st-key-trio img[alt^='{name}']").astype(int)
        for name in ("Input", "Reconstruction", "Error")
    )
    assert given.max() == 255
    assert np.abs(np.abs(given - made) - error).max() <= 1
    expect(page.get_by_text("squared error", exact=False).first).to_be_visible()
    before = source(page)
    page.get_by_role("button", name="Another image").click()
    changed(page, before)
    assert "image=300000" not in page.url and "start=image" in page.url


def test_bad_values_get_sentences_and_the_page_stands(open_page):
    page = open_page("/?model=%3Cimg%20src%3Dx%3E&z=nan,1e999&range=foo&image=-1&q=1")
    box = page.get_by_test_id("stAlert")
    for word in ("q", "nan", "1e999", "foo", "-1", "<img src=x>"):
        expect(box).to_contain_text(word)
    expect(page.locator(PICTURE).first).to_be_visible()
    assert page.locator("[data-testid=stException]").count() == 0


def test_a_very_long_value_gets_a_short_sentence(open_page):
    page = open_page("/?span=" + "9" * 50_000)
    text = page.get_by_test_id("stAlert").inner_text()
    assert "span" in text and len(text) < 400


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_window_has_nothing_outside(open_page, scheme):
    page = open_page("/?start=image&image=1", width=400, scheme=scheme)
    expect(page.locator(PICTURE).first).to_be_visible()
    page.locator(".js-plotly-plot").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert overflow(page) == []


def test_each_theme_has_its_own_colours(open_page):
    colours = []
    for scheme in ("light", "dark"):
        page = open_page(scheme=scheme)
        colours.append(
            page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor")
        )
        page.locator(".js-plotly-plot").first.wait_for()
        bar = page.locator(".js-plotly-plot .bars path").first
        colours.append(bar.evaluate("e => getComputedStyle(e).fill"))
    assert colours[0] == "rgb(253, 253, 251)" and colours[2] == "rgb(18, 24, 26)"
    assert colours[1] == "rgb(15, 110, 106)" and colours[3] == "rgb(79, 185, 176)"


def test_a_model_deleted_while_open_gets_a_sentence_and_the_picture_stays(open_page, server):
    page = open_page("/?model=doomed")
    before = pixels(page)
    shutil.rmtree(server.home / "library" / "doomed")
    page.locator(SLIDER).first.focus()
    page.keyboard.press("PageUp")
    alert = page.get_by_test_id("stAlert").filter(has_text="doomed")
    expect(alert.first).to_be_visible()
    expect(page.get_by_text("The last good picture, of doomed")).to_be_visible()
    assert np.array_equal(pixels(page), before)
    page.reload()
    expect(
        page.get_by_test_id("stAlert").filter(has_text="There is no model 'doomed'")
    ).to_be_visible()
    expect(page.locator(PICTURE).first).to_be_visible()


def test_weights_spoilt_while_open_get_a_sentence(open_page, server):
    page = open_page("/?model=spoilt")
    (server.home / "library" / "spoilt" / "model.safetensors").write_bytes(
        b"PK\x03\x04 not weights"
    )
    page.locator(SLIDER).first.focus()
    page.keyboard.press("PageUp")
    expect(page.get_by_test_id("stAlert").first).to_contain_text("not a whole safetensors file")
    assert page.locator("[data-testid=stException]").count() == 0
