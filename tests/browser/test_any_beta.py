"""β as a slider: a model for every β, live."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from explorer.checkpoints import describe, load
from explorer.datasets import open_dataset
from explorer.export.html import as_html

from .conftest import IDLE, Opener
from .driving import decoded, opened, order, pixels, posterior_mean, release, same, shown, slider, values, wait_until

MODEL = "dsprites-any-beta"
BETA = "input[data-dimension=beta]"


def beta_to(page: Page, beta: float, let_go: bool = False) -> None:
    """Put the slider of β there, as a pointer does."""
    page.locator(BETA).evaluate(
        """(slider, [beta, last]) => { slider.value = Math.log(beta);
            slider.dispatchEvent(new Event('input', {bubbles: true}));
            if (last) slider.dispatchEvent(new Event('change', {bubbles: true})); }""",
        [beta, let_go],
    )


def at_beta(page: Page, beta: float) -> bool:
    """Whether the picture is what torch decodes of the sliders' values at β."""
    return same(pixels(page), decoded(f"{MODEL}@{beta:g}", shown(page)))


def kls(page: Page) -> list[float]:
    """What stands in the rows, by dimension."""
    found = page.locator(".bv-rows .bv-row").evaluate_all(
        """rows => rows.map(row => [+row.querySelector('.bv-slider').dataset.dimension,
            parseFloat(row.querySelector('.bv-kl').textContent)])"""
    )
    return [kl for _, kl in sorted(found)]


def test_picture_kl_and_costs_follow_beta_while_it_moves(open_page: Opener) -> None:
    page = opened(open_page, MODEL, "&start=mean")
    release(page, z8=-1.5, z1=1.2)
    page.wait_for_selector(IDLE)
    rows = order(page)
    for beta in (2.0, 16.0, 0.5, 32.0):
        beta_to(page, beta)
        wait_until(lambda beta=beta: at_beta(page, beta))  # type: ignore[misc]
        told = describe(f"{MODEL}@{beta:g}").evaluation
        assert told is not None
        assert kls(page) == pytest.approx(told.kl_per_dimension, abs=0.006)
        expect(page.locator(".bv-costs")).to_contain_text(f"Rate R {told.kl:.2f} nats")
    assert order(page) == rows, "rows change no place while β moves"
    assert page.locator(".bv-rows .bv-asleep").count() > 0, "at β = 32 some have died"
    assert "beta=" not in page.url, "nothing is told before it is let go"
    assert (shown(page)[8], shown(page)[1]) == (-1.5, 1.2), "at no image the latents stay"


def test_what_is_let_go_is_kept_below_in_the_address_and_after_a_reload(open_page: Opener) -> None:
    page = opened(open_page, MODEL)
    beta_to(page, 8.0, let_go=True)
    page.wait_for_url("**beta=8**")
    page.wait_for_selector(IDLE)
    told = load(f"{MODEL}@8").evaluation
    assert told is not None
    for again in range(2):
        expect(page.get_by_role("heading", name="Reconstructions")).to_be_visible()
        wait_until(lambda: at_beta(page, 8.0))
        expect(page.get_by_text("nats in all").first).to_be_visible()
        told_here = page.get_by_text("nats in all").first.inner_text()
        assert float(told_here.split("; ")[-1].split()[0]) == pytest.approx(told.kl, rel=0.05)
        if not again:
            page.reload()
            page.wait_for_selector(IDLE)
    page.go_back()


def test_an_image_is_encoded_again_as_beta_moves_and_what_was_moved_stays_as_far_away(open_page: Opener) -> None:
    page = opened(open_page, MODEL, "&start=image&image=1000")
    image = (open_dataset("dsprites", size=64).images(torch.tensor([1000]))[0].float() / 255).numpy()
    page.wait_for_function("() => document.querySelector('.bv-costs').textContent")
    release(page, z8=values(page)[8] + 0.7)
    page.wait_for_selector(IDLE)

    def stands(beta: float) -> bool:
        mean = posterior_mean(f"{MODEL}@{beta:g}", image)
        mean[8] += 0.7
        return max(abs(a - b) for a, b in zip(values(page), mean, strict=True)) < 2e-3

    assert stands(4)
    for beta in (1.0, 20.0):
        beta_to(page, beta)
        wait_until(lambda beta=beta: stands(beta) and at_beta(page, beta))  # type: ignore[misc]
    beta_to(page, 20.0, let_go=True)
    page.wait_for_url("**beta=20**")
    page.wait_for_selector(IDLE)
    assert stands(20)
    assert "z=,,,,,,,," in page.url.replace("%2C", ","), "only what was moved is told"
    page.get_by_role("button", name="Reset all").click()
    page.wait_for_selector(IDLE)
    mean = posterior_mean(f"{MODEL}@20", image)
    wait_until(lambda: max(abs(a - b) for a, b in zip(values(page), mean, strict=True)) < 2e-3)


def test_by_keyboard_typed_played_and_reset(open_page: Opener) -> None:
    page = opened(open_page, MODEL)
    page.locator(BETA).focus()
    page.keyboard.press("Enter")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    page.wait_for_url("**beta=2**")
    wait_until(lambda: at_beta(page, 2.0))
    page.locator(BETA).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**beta=2.08**")
    page.keyboard.press("p")
    wait_until(lambda: float(page.locator(".bv-beta .bv-number").input_value()) > 6)
    page.keyboard.press("p")
    page.keyboard.press("Delete")
    page.wait_for_url(lambda url: "beta=" not in url)
    wait_until(lambda: at_beta(page, 4.0))


def test_a_beta_that_is_not_there_is_said_and_a_plain_model_has_no_such_slider(open_page: Opener) -> None:
    page = opened(open_page, MODEL, "&beta=99")
    expect(page.get_by_text("is for β from 0.5 to 32, not 99; it is shown at β = 4")).to_be_visible()
    wait_until(lambda: at_beta(page, 4.0))
    plain = opened(open_page, "dsprites-beta4", "&beta=2")
    expect(plain.get_by_text("was trained for one β")).to_be_visible()
    expect(plain.locator(BETA)).to_have_count(0)


def test_the_exported_page_has_the_slider_too(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(as_html(load(MODEL), None, "unknown", z=[0.5] * 10))
    context = browser.new_context()
    context.set_offline(True)
    wrong: list[Any] = []
    page = context.new_page()
    page.set_default_timeout(240_000)
    page.on("pageerror", lambda error: wrong.append(error))
    page.goto(f"file://{tmp_path / 'page.html'}")
    page.wait_for_selector(".bv-picture[data-shown]")
    for beta in (4.0, 1.0, 25.0):
        beta_to(page, beta, let_go=True)
        wait_until(lambda beta=beta: at_beta(page, beta))  # type: ignore[misc]
    slider(page, 0).focus()
    page.keyboard.press("End")
    wait_until(lambda: at_beta(page, 25.0))
    context.close()
    assert wrong == []


def test_compare_shows_one_model_at_four_betas_dimension_by_dimension(open_page: Opener) -> None:
    page = open_page(f"/compare?model={MODEL}")
    page.get_by_role("button", name=f"{MODEL} at four β").click()
    page.wait_for_url(lambda url: unquote(url).endswith(f"model={MODEL}@32"))
    page.wait_for_function("() => document.querySelectorAll('.bv-column canvas[data-shown]').length === 4")
    page.wait_for_selector(IDLE)
    release(page, z0=1.5)  # the first slider
    page.wait_for_selector(IDLE)
    names = page.locator(".bv-column figcaption").evaluate_all("all => all.map(c => c.title)")
    assert [name.split("@")[0] for name in names] == [MODEL] * 4
    pressed = page.get_by_role("button", name="Matched dimensions")
    expect(pressed).to_have_attribute("aria-pressed", "true")
    assert "link=" not in page.url, "what is usual is not told"

    def true(number: int) -> bool:
        canvas = f".bv-column:nth-child({number + 1}) canvas"
        z = page.locator(canvas).evaluate("c => JSON.parse(c.dataset.shown)")
        return same(pixels(page, canvas), decoded(names[number], z))

    for number in range(4):
        wait_until(lambda number=number: true(number))  # type: ignore[misc]
    moved = page.locator(".bv-link select").evaluate_all("all => all.map(s => s.value)")
    assert len(moved) == 40
    for first in range(0, 40, 4):
        assert len(set(moved[first : first + 4])) == 1, "a slider moves the same dimension of each"
    # a click on a model in the curves' list opens it in Explore at that β
    page.get_by_text("Open one of these models in Explore").click()
    page.get_by_role("link", name=names[2]).first.click()
    page.wait_for_function("() => document.querySelector('input[data-dimension=beta]')")
    expect(page.locator(".bv-beta .bv-number")).to_have_value(names[2].split("@")[1])
