"""The page Theory in a browser: pictures that follow the pointer, formulas that are typeset, offline."""

from __future__ import annotations

import math

import pytest
from playwright.sync_api import Page, expect

from .conftest import IDLE, Opener

expect.set_options(timeout=240_000)
BUTTONS = {
    "kl": "· rate",
    "tc": "Total correlation",
    "sigma": "of the decoder",
    "loss": "A weight in other code",
}  # the widest formulas


def drag(page: Page, handle: str, by: tuple[float, float]) -> list[float]:
    """Drag a handle of the picture, and give the picture's number at each step."""
    page.locator(".theory svg").first.scroll_into_view_if_needed()
    # All at once: the answer to the last release draws the handles anew.
    middle = "e => { const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] }"
    x, y = page.locator(handle).first.evaluate(middle)
    seen = []
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(x + by[0] * step / 8, y + by[1] * step / 8)
        page.wait_for_timeout(50)
        seen.append(number(page))
    page.mouse.up()
    return seen


def number(page: Page) -> float:
    """KL or β, as the picture says it."""
    text = page.locator(".theory .readout b").evaluate("b => b.dataset.kl ?? b.dataset.beta ?? 'NaN'")
    return float(text)


def test_the_gaussians_follow_the_pointer_and_the_area_is_the_closed_form(open_page: Opener) -> None:
    page = open_page("/theory?topic=kl&mu=0&sigma=1")
    page.wait_for_selector(".theory .readout b[data-kl]")
    assert number(page) == 0
    seen = drag(page, ".theory .handle.top", (160, 0))
    assert seen == sorted(seen) and len(set(seen)) >= 4  # it moves before it is let go
    page.wait_for_url("**mu=**")
    page.wait_for_selector(IDLE)
    drag(page, ".theory .handle.flank >> nth=-1", (-30, 0))
    page.wait_for_url("**sigma=**")
    page.wait_for_selector(IDLE)
    for name, keys in (("mu", ["ArrowRight", "ArrowRight"]), ("sigma", ["End", "ArrowLeft"])):
        page.locator(f".theory input[data-name={name}]").focus()
        for key in keys:
            page.keyboard.press(key)
    page.wait_for_selector(IDLE)
    mu, log_sigma = (float(page.locator(f".theory input[data-name={name}]").input_value()) for name in ("mu", "sigma"))
    closed = 0.5 * (mu**2 + math.exp(2 * log_sigma) - 2 * log_sigma - 1)
    assert mu > 1 and log_sigma > 1
    assert number(page) == pytest.approx(closed, abs=5e-3)
    area = float(page.locator(".theory .readout [data-area]").get_attribute("data-area") or "")
    assert area == pytest.approx(number(page), abs=1e-4)


def test_epsilon_is_dragged_along_the_measured_curve_and_the_words_follow(open_page: Opener) -> None:
    page = open_page("/theory?epsilon=16")
    page.wait_for_selector(".theory .readout b[data-beta]")
    before = number(page)
    seen = drag(page, ".theory .handle.top", (-160, 0))
    assert seen == sorted(seen) and seen[-1] > before  # less rate, a higher price
    page.wait_for_url("**epsilon=**")
    page.wait_for_selector(IDLE)
    said = f"β = −dD/dR ≈ {number(page):.3g}".rstrip("0")
    expect(page.get_by_text(said).first).to_be_visible()
    bounds = page.locator(".theory .readout [data-low]")  # as the page has them: those of Curve.bracket
    low, high = (float(bounds.get_attribute(f"data-{end}") or "") for end in ("low", "high"))
    expect(page.get_by_text(f"and between {low:.3g} and {high:.3g} on every").first).to_be_visible()
    page.get_by_role("radio", name="price of a nat").or_(page.get_by_text("price of a nat")).first.click()
    expect(page.get_by_role("heading", name="β: what a nat of code costs")).to_be_visible()
    assert "topic=beta" in page.url and "epsilon=" in page.url


def test_no_formula_is_an_error_and_nothing_sticks_out_of_a_narrow_window(open_page: Opener) -> None:
    page = open_page("/theory", width=400, scheme="dark")
    for topic, button in BUTTONS.items():
        page.get_by_text(button).first.click()
        page.wait_for_url(f"**topic={topic}**")
        page.wait_for_selector(IDLE)
        expect(page.locator(".katex-display").nth(3)).to_be_visible()
        assert page.locator(".katex-error").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        wide = "all => all.filter(e => e.getBoundingClientRect().right > innerWidth).length"
        assert page.locator(".katex-html").evaluate_all(wide) == 0
