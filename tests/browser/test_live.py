"""The live explorer as a person uses it: by pointer, by keyboard, with pictures of their own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, WebSocket, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from explorer import paths
from explorer.checkpoints.labels import read_labels
from explorer.export.origin_record import missing
from explorer.export.stamps import origin_of

from .conftest import IDLE, Opener
from .driving import (
    MODEL,
    PICTURE,
    decoded,
    live,
    opened,
    order,
    overflow,
    pixels,
    release,
    row,
    same,
    shown,
    slider,
    title,
    true_picture,
    values,
    wait_until,
)

OTHER = "dsprites-beta4"

# Events every 8 ms as a fast pointer fires them; what the picture shows is noted at each frame.
DRAG = """([selector, seconds]) => new Promise((done) => {
    const slider = document.querySelector(selector);
    const picture = document.querySelector('.bv-picture');
    const d = slider.dataset.dimension, low = +slider.min, high = +slider.max;
    const steps = Math.floor(1000 * seconds / 8), frames = [];
    let sent = 0, newest = null, left = 10;
    const began = performance.now();
    const timer = setInterval(() => {
        const due = Math.min(steps, Math.floor((performance.now() - began) / 8));
        if (due <= sent) return;
        sent = due;
        slider.value = newest = low + (high - low) * sent / steps;
        slider.dispatchEvent(new Event('input', {bubbles: true}));
        if (sent === steps) {
            clearInterval(timer);
            slider.dispatchEvent(new Event('change', {bubbles: true}));
        }
    }, 4);
    requestAnimationFrame(function look() {
        frames.push({ moving: sent < steps, shown: JSON.parse(picture.dataset.shown)[d] });
        if (sent < steps || (left -= 1) > 0) requestAnimationFrame(look);
        else done({ frames, released: newest });
    });
})"""


def watch_commits(page: Page, frames: list[str]) -> None:
    """Note what the page sends to the server; to be called before the page goes anywhere."""

    def over(socket: WebSocket) -> None:
        socket.on("framesent", sent)

    def sent(payload: bytes | str) -> None:
        if isinstance(payload, bytes):
            if BackMsg.FromString(payload).rerun_script.is_auto_rerun:
                return  # the page looks after its model by itself
            payload = payload.decode("utf-8", "replace")
        frames.append(payload)

    page.on("websocket", over)


def commits(frames: list[str]) -> set[int]:
    """Numbers of the releases among them."""
    return {int(n) for frame in frames for n in re.findall(r'"seq":\s*(\d+)', frame)}


def test_pictures_come_while_the_pointer_drags_and_the_last_is_of_the_release(open_page: Opener) -> None:
    page = opened(open_page)
    page.wait_for_timeout(1500)
    first = order(page)[0]
    found = page.evaluate(DRAG, [f".bv-slider[data-dimension='{first}']", 2])
    frames = found["frames"]
    moving = [frame["shown"] for frame in frames if frame["moving"]]
    new = sum(a != b for a, b in zip(moving, moving[1:], strict=False))
    assert new > 0.5 * len(moving), f"{new} new pictures in {len(moving)} frames"
    after = [frame["shown"] for frame in frames if not frame["moving"]]
    late = next(k for k, value in enumerate(after) if abs(value - found["released"]) < 1e-3)
    assert late <= 2, f"the value of release was there after {late} frames"
    z = shown(page)
    assert same(pixels(page), decoded(MODEL, z))


def test_a_release_reaches_the_server_and_the_url_once(open_page: Opener) -> None:
    frames: list[str] = []
    page = opened(open_page, before=lambda page: watch_commits(page, frames))
    page.wait_for_timeout(1000)
    first = order(page)[0]
    steps, told = page.evaluate("history.length"), len(frames)
    page.evaluate(
        """selector => { const slider = document.querySelector(selector);
            for (let k = 0; k < 100; k += 1) { slider.value = k / 100;
                slider.dispatchEvent(new Event('input', {bubbles: true})); } }""",
        f".bv-slider[data-dimension='{first}']",
    )
    page.wait_for_timeout(700)
    assert len(frames) == told and "z=" not in page.url, "something was sent during the drag"
    slider(page, first).dispatch_event("change")
    page.wait_for_url("**z=**")
    page.wait_for_timeout(700)
    assert len(frames) == told + 1 and len(commits(frames[told:])) == 1
    assert page.evaluate("history.length") == steps + 1
    assert parse_qs(urlsplit(page.url).query)["z"] == ["," * first + "0.99"]


def test_weights_travel_once_however_often_models_are_switched(open_page: Opener) -> None:
    asked: list[str] = []
    page = opened(
        open_page,
        before=lambda page: page.on(
            "request", lambda r: asked.append(r.url) if re.search(r"/media/.*\.bin", r.url) else None
        ),
    )
    for name in (OTHER, MODEL, OTHER, MODEL):
        box = page.get_by_role("combobox", name=re.compile("Model"))
        box.fill(name)
        box.press("Enter")
        live(page, name)
        release(page, z1=1.0)
        assert true_picture(page, name)
    assert len(asked) == 2 == len(set(asked)), asked


def test_every_part_is_reached_by_tab_and_of_a_row_its_slider(open_page: Opener) -> None:
    page = opened(open_page)
    page.evaluate("document.querySelectorAll('.bv-panel').forEach((panel) => (panel.open = true))")
    wanted = page.evaluate(
        """() => { const all = [...document.querySelectorAll(
                '.bv :is(button, input, select, summary, [tabindex])')]
            .filter((e) => !e.disabled && e.tabIndex >= 0 && e.getClientRects().length);
            all.forEach((e, at) => (e.dataset.at = at));
            all[0].focus(); return all.length; }"""
    )
    assert wanted > 25
    assert page.locator(".bv-row [tabindex='-1']").count() == 7 * len(order(page))
    seen, names = set(), []
    for _ in range(wanted + 5):
        at, name, outlined = page.evaluate(
            """() => { const e = document.activeElement, style = getComputedStyle(e);
                return [e.dataset.at ?? null, e.getAttribute('aria-label') ?? e.innerText
                    ?? e.labels?.[0]?.innerText, style.outlineStyle !== 'none']; }"""
        )
        if at is None:
            break
        seen.add(int(at))
        names.append(name)
        page.keyboard.press("Tab")
    assert seen == set(range(wanted))
    assert not [name for name in names if name is None]


def test_keys_move_a_slider(open_page: Opener) -> None:
    page = opened(open_page)
    first = order(page)[0]
    handle = slider(page, first)
    low, high = float(handle.get_attribute("min") or ""), float(handle.get_attribute("max") or "")
    span = high - low
    handle.focus()
    for key, expected in (
        ("ArrowRight", span / 100), ("ArrowUp", span / 50), ("ArrowLeft", span / 100),
        ("PageUp", span / 100 + span / 10), ("PageDown", span / 100), ("Shift+ArrowLeft", -span / 25),
        ("ArrowDown", -span / 20), ("Home", low), ("End", high), ("Delete", 0.0),
    ):  # fmt: skip
        page.keyboard.press(key)
        assert shown(page)[first] == pytest.approx(expected, abs=4e-4), key
    page.keyboard.press("PageUp")
    page.wait_for_url("**z=**")
    assert true_picture(page, MODEL)


def test_a_double_click_resets_and_a_click_in_the_strip_goes_there(open_page: Opener) -> None:
    page = opened(open_page)
    first = order(page)[0]
    low = float(slider(page, first).get_attribute("min") or "")
    strip = row(page, first).locator(".bv-strip")
    box = strip.bounding_box()
    assert box is not None
    strip.click(position={"x": box["width"] / 18, "y": box["height"] / 2})
    assert shown(page)[first] == pytest.approx(low * 8 / 9, abs=2e-4)
    page.wait_for_url("**z=**")
    slider(page, first).dblclick()
    page.wait_for_url(lambda url: "z=" not in url)
    assert shown(page) == [0.0] * len(values(page))


def test_a_strip_shows_what_the_dimension_does_from_here(open_page: Opener) -> None:
    page = opened(open_page)
    first, second = order(page)[:2]
    release(page, **{f"z{second}": 1.0})
    z, low = shown(page), float(slider(page, first).get_attribute("min") or "")
    page.wait_for_timeout(2500)
    strip = pixels(page, f".bv-row:has([data-dimension='{first}']) .bv-strip")
    pitch = (strip.shape[1] + 2) // 9
    for cell in range(9):
        at = list(z)
        at[first] = low + (cell + 0.5) / 9 * -2 * low
        picture = strip[:, cell * pitch : cell * pitch + pitch - 2]
        assert same(picture, decoded(MODEL, at)), f"cell {cell}"


def test_focus_shows_what_a_slider_changes(open_page: Opener) -> None:
    page = opened(open_page)
    first = order(page)[0]
    slider(page, first).focus()
    figure = page.locator(".bv-difference")
    expect(figure).to_contain_text(f"What {read_labels(paths.PRETRAINED / MODEL).call(first)} changes")
    z, end = values(page), float(slider(page, first).get_attribute("max") or "")
    ends = []
    for value in (-end, end):
        at = list(z)
        at[first] = value
        ends.append(decoded(MODEL, at)[..., 0] / 255)
    change = ends[1] - ends[0]
    assert f"up to {np.abs(change).max():.2f}" in figure.inner_text()
    colour = pixels(page, ".bv-small").astype(int)
    brighter, darker = change > 0.2 * change.max(), change < 0.2 * change.min()
    assert (colour[brighter][:, 0] > colour[brighter][:, 2]).all()
    assert (colour[darker][:, 2] > colour[darker][:, 0]).all()
    slider(page, order(page)[3]).hover()
    expect(figure).to_contain_text(f"What {read_labels(paths.PRETRAINED / MODEL).call(order(page)[3])} changes")


def test_play_and_random_walk_move_the_picture_until_they_are_stopped(open_page: Opener) -> None:
    page = opened(open_page)
    first = order(page)[0]

    def pictures(seconds: float) -> list[list[float]]:
        found = page.evaluate(
            """seconds => new Promise((done) => { const seen = new Set(), end = performance.now()
                + 1000 * seconds; requestAnimationFrame(function look() {
                seen.add(document.querySelector('.bv-picture').dataset.shown);
                if (performance.now() < end) requestAnimationFrame(look);
                else done([...seen]); }) })""",
            seconds,
        )
        return [json.loads(text) for text in found]

    page.get_by_role("button", name=f"Play {title(first)}", exact=True).press("Enter")
    seen = pictures(2.5)
    assert len(seen) > 10
    moved = {d for z in seen for d, (a, b) in enumerate(zip(z, seen[0], strict=True)) if a != b}
    assert moved == {first}
    page.get_by_role("button", name=f"Stop {title(first)}", exact=True).press("Enter")
    page.wait_for_url("**z=**")
    shown(page)
    assert len(pictures(0.5)) == 1
    page.get_by_role("button", name="Random walk").press("Enter")
    seen = pictures(1.5)
    assert len(seen) > 10
    assert all(len({z[d] for z in seen}) > 3 for d in range(len(seen[0])))
    assert np.abs(np.diff(seen, axis=0)).max() < 1.0, "a drift, no jumps"
    before = page.url
    page.locator(".bv").get_by_role("button", name="Stop", exact=True).press("Enter")
    page.wait_for_url(lambda url: url != before)
    shown(page)
    assert len(pictures(0.5)) == 1


def test_two_tabs_do_not_disturb_each_other(open_page: Opener) -> None:
    one, two = opened(open_page), opened(open_page, OTHER)
    release(one, z0=1.0)
    release(two, z0=-1.0)
    one.wait_for_url("**z=1**")
    two.wait_for_url("**z=-1**")
    page = two.context.new_page()  # a second tab of the same person
    page.goto(one.url)
    live(page, MODEL)
    release(page, z0=0.5)
    page.wait_for_url("**z=0.5**")
    for tab, name, value in ((one, MODEL, 1.0), (two, OTHER, -1.0), (page, MODEL, 0.5)):
        assert shown(tab)[0] == value
        assert same(pixels(tab), decoded(name, shown(tab)))


def test_back_and_forward_go_through_what_was_released(open_page: Opener) -> None:
    page = opened(open_page)
    for value in (1.0, -1.0):
        release(page, z0=value)
        page.wait_for_url(f"**z={value:g}**")
        page.wait_for_selector(IDLE)
    for go, value in ((page.go_back, 1.0), (page.go_back, 0.0), (page.go_forward, 1.0)):
        go()

        def there(value: float = value) -> bool:
            return shown(page)[0] == value

        wait_until(there, lambda: str(shown(page)))
        assert true_picture(page, MODEL)


def test_the_picture_and_the_grid_are_saved(open_page: Opener) -> None:
    page = opened(open_page)
    release(page, z0=1.0)
    z = shown(page)
    with page.expect_download() as found:
        page.get_by_role("button", name="Save picture").click()
    assert found.value.suggested_filename == f"{MODEL}.png"
    saved = np.asarray(Image.open(found.value.path()).convert("RGB"))
    factor = saved.shape[0] // 64
    assert saved.shape == (512, 512, 3)
    assert np.array_equal(saved, pixels(page).repeat(factor, 0).repeat(factor, 1))
    where = origin_of(Path(found.value.path()).read_bytes(), ".png")
    assert missing(where) == [] and where.models[0].name == MODEL
    again = live(open_page(where.link), MODEL)
    assert shown(again) == z and np.array_equal(pixels(again), pixels(page))
    with page.expect_download() as found:
        page.get_by_role("button", name="Save grid").click()
    assert origin_of(Path(found.value.path()).read_bytes(), ".png") == where
    sheet = np.asarray(Image.open(found.value.path()).convert("RGB"))
    high = float(slider(page, 0).get_attribute("max") or "")
    for at, dimension in enumerate(order(page)):
        for step in (0, 5, 10):
            here = list(z)
            here[dimension] = -high + step / 10 * 2 * high
            cell = sheet[at * 68 + 2 :, 170 + step * 66 :][:64, :64]
            assert same(cell, decoded(MODEL, here)), (dimension, step)


def test_pixels_are_smoothed_only_where_it_is_asked_for(open_page: Opener) -> None:
    page = opened(open_page)
    how = "c => getComputedStyle(c).imageRendering"
    assert page.locator(PICTURE).evaluate(how) == "pixelated"
    page.get_by_label("Smooth pixels").press("Space")
    assert page.locator(PICTURE).evaluate(how) == "auto"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_window_holds_every_part_in_its_colours(open_page: Opener, scheme: str) -> None:
    page = opened(open_page, width=400, scheme=scheme)
    page.evaluate("document.querySelectorAll('.bv-panel').forEach((panel) => (panel.open = true))")
    release(page, z0=1.0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert overflow(page) == []
    for part in (".bv-picture", ".bv-slider", ".bv-strip", ".bv-plane", ".bv-sketch"):
        box = page.locator(part).first.bounding_box()
        assert box is not None
        assert box and box["width"] > 100, part
    text, ground = (
        [int(n) for n in re.findall(r"\d+", colour)][:3]
        for colour in (
            page.locator(".bv-badge").evaluate("e => getComputedStyle(e).color.replace(/color\\(srgb/, '')"),
            page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor"),
        )
    )
    assert (sum(ground) > 600) == (scheme == "light")
