"""What a person sees who opens the app on a projector: a picture in colour under named sliders, without scrolling."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from explorer import paths
from explorer.checkpoints.labels import read_labels
from explorer.ui.first_model import FIRST

from .conftest import Opener
from .driving import PICTURE, live, order, pixels, shown, slider

WIDE, HIGH = 1280, 720  # of a projector
LEAST = 6  # sliders that are seen


def whole(page: Page, selector: str) -> bool:
    """Whether all of an element is on the screen, nothing over its middle."""
    found: bool = page.locator(selector).first.evaluate(
        """node => {
            const { left, top, right, bottom } = node.getBoundingClientRect();
            const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
            return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight && node.contains(over);
        }"""
    )
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_screen_shows_factors_that_move_one_by_one(open_page: Opener, scheme: str, tmp_path: Path) -> None:
    page = live(open_page("/", width=WIDE, height=HIGH, scheme=scheme))
    page.screenshot(path=tmp_path / f"first-{scheme}.png")
    box = page.locator(PICTURE).bounding_box()
    assert box and whole(page, PICTURE)
    assert box["width"] > HIGH / 3 and box["y"] < HIGH / 3

    expect(page.get_by_text(re.compile("^Beta-VAE, .*trained on "))).to_be_visible()
    names = read_labels(paths.PRETRAINED / FIRST[0]).names
    first = order(page)[:LEAST]
    assert all(dimension in names for dimension in first), "the sliders that are seen have names"
    for dimension in first:
        assert whole(page, f".bv-slider[data-dimension='{dimension}']"), names[dimension]
        assert page.get_by_role("slider", name=names[dimension]).first.is_visible()

    start = pixels(page).astype(float)
    assert np.abs(start[..., 0] - start[..., 2]).mean() > 5, "it is in colour"
    for dimension in first:
        ends = []
        for key in ("Home", "End"):
            slider(page, dimension).press(key)
            ends.append((shown(page)[dimension], pixels(page).astype(float)))
        (low, first_end), (high, last_end) = ends
        assert low < -1 and high > 1
        assert np.abs(first_end - last_end).mean() > 1, names[dimension]  # of 255
        slider(page, dimension).press("Delete")  # back to where it started
        shown(page)
        assert np.array_equal(pixels(page), start)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (640, 360), (390, 844)])  # 640: a zoom of 200 %
@pytest.mark.parametrize(
    ("panel", "canvas"), [("Plane of two", ".bv-plane canvas"), ("Encode a picture", ".bv-sketch")]
)
def test_what_is_drawn_on_stands_beside_the_picture(
    open_page: Opener, panel: str, canvas: str, width: int, height: int
) -> None:
    page = live(open_page("/?model=dsprites-beta4", width=width, height=height))
    page.locator("summary").filter(has_text=panel).press("Enter")
    page.wait_for_function(
        """canvas => {
            const visible = (node) => {
                const { left, top, right, bottom } = node.getBoundingClientRect();
                const shown = [left + 4, right - 4].every((x) => node.contains(document.elementFromPoint(x, top + 4)));
                return shown && right <= innerWidth && Math.min(bottom, innerHeight) - top > 40;
            };
            return [document.querySelector('.bv-picture'), document.querySelector(canvas)].every(visible);
        }""",
        arg=canvas,
    )
    assert page.locator("summary:focus").count() == 1, "who opened it is still there"
    page.locator("summary").filter(has_text=panel).press("Enter")
    page.wait_for_function("() => document.querySelectorAll('.bv-right .bv-panel').length === 0")
