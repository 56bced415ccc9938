"""Images that a person draws, picks or chooses move the live explorer's sliders to their posterior."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from explorer.checkpoints import catalogue
from explorer.datasets import open_dataset

from .conftest import Opener
from .driving import (
    MODEL,
    SHOWN,
    decoded,
    live,
    opened,
    order,
    pixels,
    posterior_mean,
    release,
    same,
    settle,
    shown,
    slider,
    true_picture,
    values,
    wait_until,
)

SKETCH = ".bv-panel:has(.bv-sketch)"


def board(page: Page) -> np.ndarray:
    """What is drawn, as the encoder takes it `(1, H, W)`."""
    drawn = pixels(page, ".bv-sketch") / 255
    return (drawn @ np.array([0.299, 0.587, 0.114]))[None]


def encoded(page: Page, image: np.ndarray, model: str = MODEL) -> None:
    """Wait until the sliders stand at torch's posterior mean of an image."""
    wanted = posterior_mean(model, image)
    wait_until(lambda: np.abs(np.array(values(page)) - wanted).max() < 1e-3, lambda: f"{values(page)} is not {wanted}")


def test_what_is_drawn_with_pointer_or_keys_moves_the_sliders_to_its_posterior(open_page: Opener) -> None:
    page = opened(open_page)
    page.get_by_text("Encode a picture").press("Enter")
    sketch = page.locator(".bv-sketch")
    sketch.scroll_into_view_if_needed()
    box = sketch.bounding_box()
    assert box is not None
    at = [
        (box["x"] + x * box["width"], box["y"] + y * box["height"])
        for x, y in ((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7))
    ]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()
    page.wait_for_url("**z=**")
    assert board(page).max() == pytest.approx(1.0)
    encoded(page, board(page))
    assert true_picture(page, MODEL)
    drawn = board(page)
    page.get_by_role("button", name="Invert").click()
    assert np.abs(board(page) - (1 - drawn)).max() < 1e-6
    encoded(page, board(page))
    page.get_by_role("button", name="Clear", exact=True).click()
    assert board(page).max() == 0
    sketch.focus()
    page.keyboard.press("Space")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Space")
    assert 0 < board(page).sum() < drawn.size / 4
    encoded(page, board(page))
    page.keyboard.press("e")
    page.keyboard.press("Space")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Space")
    assert board(page).sum() < 4
    encoded(page, board(page))
    page.keyboard.press("Delete")
    assert board(page).max() == 0


def test_a_file_that_is_picked_or_dropped_is_encoded(open_page: Opener) -> None:
    page = opened(open_page)
    page.get_by_text("Encode a picture").press("Enter")
    data = open_dataset("dsprites", size=64)
    image = data.images([123_456])[0].numpy()
    page.get_by_label("An image file to encode").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": as_png(image[0])}
    )
    encoded(page, image / 255)
    before = page.url
    page.wait_for_url("**z=**")
    large = np.random.default_rng(0).integers(0, 256, (90, 200, 3)).astype(np.uint8)
    page.locator(SKETCH).evaluate(
        """(panel, text) => {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            const carried = new DataTransfer();
            carried.items.add(new File([bytes], 'large.png', { type: 'image/png' }));
            panel.dispatchEvent(new DragEvent('drop',
                { dataTransfer: carried, bubbles: true, cancelable: true })); }""",
        base64.b64encode(as_png(large)).decode(),
    )
    page.wait_for_url(lambda url: url != before)
    encoded(page, board(page))
    assert board(page).std() > 0.02
    page.get_by_label("An image file to encode").set_input_files(
        {"name": "<b>no.png", "mimeType": "image/png", "buffer": b"no image"}
    )
    expect(page.locator(SKETCH)).to_contain_text("<b>no.png can't be read as an image")


def test_a_sample_moves_the_sliders_to_its_posterior_and_the_url_says_which(open_page: Opener) -> None:
    page = opened(open_page)
    page.get_by_text("Encode a picture").press("Enter")
    button = page.locator(".bv-samples button").nth(4)
    index = int(re.search(r"image (\d+)", button.get_attribute("aria-label") or "").group(1))
    image = open_dataset("dsprites", size=64).images([index])[0].numpy() / 255
    button.press("Enter")
    page.wait_for_url("**start=image**")
    assert f"image={index}" in page.url and "z=" not in page.url
    encoded(page, image)
    settle(page)
    encoded(page, image)
    assert true_picture(page, MODEL)
    expect(page.locator(".st-key-trio img")).to_have_count(3)
    encoded(live(open_page(page.url)), image)


def as_png(levels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def garbage(page: Page) -> None:
    page.route(re.compile(r"/media/.*\.bin"), lambda route: route.fulfill(body=b"no network"))


def refused(page: Page) -> None:
    page.route(re.compile(r"/media/.*\.bin"), lambda route: route.fulfill(status=204))


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (lambda page: page.add_init_script("delete window.WebAssembly"), "it has no WebAssembly"),
        (garbage, ""),
        (refused, ""),
    ],
    ids=["no WebAssembly", "a broken network", "an empty network"],
)
def test_where_the_browser_can_not_decode_it_says_so_and_the_server_does(
    open_page: Opener, before: Callable[..., Any], reason: str
) -> None:
    page = open_page(f"/?model={MODEL}", before=before)
    badge = page.locator(".bv-badge")
    expect(badge).to_contain_text("this browser can't decode here")
    expect(badge).to_contain_text(f"{reason}): the server decodes when you let go" if reason else "server")
    page.wait_for_selector(".bv-picture[data-shown]")
    first = order(page)[0]
    release(page, **{f"z{first}": 1.5})
    page.wait_for_url("**z=**")
    page.wait_for_function(SHOWN)
    assert shown(page)[first] == 1.5
    assert true_picture(page, MODEL)
    slider(page, first).focus()
    page.keyboard.press("Delete")
    page.wait_for_url(lambda url: "z=" not in url)
    page.wait_for_function(SHOWN)
    assert same(pixels(page), decoded(MODEL, [0.0] * len(values(page))))
    expect(badge).to_contain_text("this browser can't decode here")


def test_on_the_full_screen_keys_step_through_the_models_and_sliders_move(open_page: Opener) -> None:
    page = opened(open_page, "dsprites-beta4")
    page.get_by_role("button", name="Present").click()
    page.wait_for_function("() => document.fullscreenElement?.matches('.bv')")
    expect(page.get_by_role("button", name="Reset all")).to_be_hidden()
    names = [entry.name for entry in catalogue()]
    here = names.index("dsprites-beta4")
    for key, wanted in (("]", names[here + 1]), ("]", names[here + 2]), ("[", names[here + 1])):
        page.keyboard.press(key)
        page.wait_for_function("name => document.querySelector('.bv-title b').textContent === name", arg=wanted)
        live(page, wanted)
    assert page.evaluate("() => document.fullscreenElement !== null")
    first = order(page)[0]
    before = shown(page)[first]
    page.keyboard.press("PageUp")
    assert shown(page)[first] > before
    page.evaluate("() => document.exitFullscreen()")
    expect(page.get_by_role("button", name="Reset all")).to_be_visible()
    expect(page.locator(".bv-title")).to_be_hidden()
