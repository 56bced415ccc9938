"""The live explorer's plane, and what is kept of a dimension: lock, name and place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from playwright.sync_api import expect

from explorer.checkpoints import ModelConfig, save
from explorer.checkpoints.store import build_model

from .conftest import Opener, Server, serve
from .driving import (
    MODEL,
    PICTURE,
    SHOWN,
    decoded,
    live,
    opened,
    order,
    pixels,
    release,
    row,
    same,
    settle,
    shown,
    slider,
    title,
    wait_until,
)

STRANGE = '"><img src=x onerror=alert(1)>'


def test_the_plane_moves_two_dimensions_by_pointer_and_by_arrows(open_page: Opener) -> None:
    page = opened(open_page)
    across, up = order(page)[:2]
    page.get_by_text("Plane of two dimensions").press("Enter")
    plane = page.locator(".bv-plane")
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    assert box is not None
    high = float(slider(page, across).get_attribute("max") or "")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"], steps=5)
    assert "z=" not in page.url
    page.mouse.up()
    page.wait_for_url("**z=**")
    z = shown(page)
    assert z[across] == pytest.approx(high / 2, abs=0.03)
    assert z[up] == pytest.approx(high / 2, abs=0.03)
    assert [d for d, value in enumerate(z) if value] == sorted([across, up])
    plane.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    step = 2 * high / 50
    after = shown(page)
    assert after[across] == pytest.approx(z[across] - step, abs=1e-3)
    assert after[up] == pytest.approx(z[up] - step, abs=1e-3)
    third = order(page)[2]
    page.get_by_label("Dimension upwards").select_option(str(third))
    plane.focus()
    page.keyboard.press("ArrowUp")
    assert shown(page)[third] == pytest.approx(step, abs=1e-3)
    page.wait_for_timeout(2000)
    grid = pixels(page, ".bv-plane canvas")
    side, z = (grid.shape[0] + 2) // 7, shown(page)
    for row_, column in ((0, 0), (3, 5), (6, 6)):
        at = list(z)
        at[across] = -high + (column + 0.5) / 7 * 2 * high
        at[third] = high - (row_ + 0.5) / 7 * 2 * high
        cell = grid[row_ * side :, column * side :][: side - 2, : side - 2]
        assert same(cell, decoded(MODEL, at))


def test_a_locked_dimension_is_moved_by_nothing_and_stays_locked(open_page: Opener) -> None:
    page = opened(open_page)
    first = order(page)[0]
    release(page, **{f"z{first}": 1.25})
    page.get_by_role("button", name=f"Lock {title(first)}", exact=True).press("Enter")
    page.wait_for_url(f"**locked={first}**")
    assert slider(page, first).is_disabled()
    page.get_by_role("button", name="Draw from the prior").press("Enter")
    z = shown(page)
    assert z[first] == 1.25 and all(value != 0 for value in z)
    page.get_by_role("button", name="Random walk").press("Enter")
    page.wait_for_timeout(500)
    page.locator(".bv").get_by_role("button", name="Stop", exact=True).press("Enter")
    assert shown(page)[first] == 1.25
    page.get_by_role("button", name="Reset all").press("Enter")
    assert [d for d, value in enumerate(shown(page)) if value] == [first]
    page.get_by_text("Encode a picture").press("Enter")
    page.locator(".bv-samples button").first.press("Enter")
    page.wait_for_url("**start=image**")
    settle(page)
    z = shown(page)
    assert z[first] == 1.25 and any(value for d, value in enumerate(z) if d != first)
    fresh = live(open_page(page.url))
    wait_until(lambda: shown(fresh) == z, lambda: repr((page.url, fresh.url, shown(fresh), z)))
    assert slider(fresh, first).is_disabled()
    page.get_by_role("button", name=f"Unlock {title(first)}", exact=True).press("Enter")
    page.wait_for_url(lambda url: "locked" not in url)
    assert slider(page, first).is_enabled()


def test_names_are_given_by_keyboard_and_stay_text(open_page: Opener, server: Server) -> None:
    page = opened(open_page, "mine")
    first, second = order(page)[:2]
    rename = page.get_by_role("button", name=f"Rename z{first}", exact=True)
    rename.press("Enter")
    page.keyboard.type("not kept")
    page.keyboard.press("Escape")
    expect(rename).to_be_focused()
    rename.press("Enter")
    page.keyboard.type(STRANGE)
    page.keyboard.press("Enter")
    expect(row(page, first)).to_contain_text(STRANGE)
    kept = server.home / "library" / "mine" / "labels.json"
    wait_until(lambda: kept.exists())
    assert json.loads(kept.read_text())["names"] == {str(first): STRANGE}
    assert page.locator(".bv [onerror]").count() == 0
    settle(page)
    assert page.locator("[data-testid=stMain] [onerror]").count() == 0
    assert STRANGE in (page.locator(PICTURE).get_attribute("aria-label") or "")
    page.get_by_text("Plane of two dimensions").press("Enter")
    slider(page, first).focus()
    expect(page.locator(".bv-difference")).to_contain_text(STRANGE)
    page.reload()
    live(page, "mine")
    expect(row(page, first)).to_contain_text(STRANGE)
    page.get_by_role("button", name=f"Rename {STRANGE}, z{first}", exact=True).press("Enter")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    expect(row(page, first).locator(".bv-name")).to_have_text(f"z{first}")
    wait_until(lambda: json.loads(kept.read_text())["names"] == {})


def test_rows_are_reordered_by_keyboard_and_by_buttons(open_page: Opener) -> None:
    page = opened(open_page, "mine")
    before = order(page)
    slider(page, before[0]).focus()
    page.keyboard.press("Alt+ArrowDown")
    assert order(page) == [before[1], before[0], *before[2:]]
    expect(slider(page, before[0])).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    assert order(page) == before
    page.get_by_role("button", name=f"Move z{before[2]} up", exact=True).press("Enter")
    expect(page.get_by_role("button", name=f"Move z{before[2]} up", exact=True)).to_be_focused()
    page.get_by_role("button", name=f"Move z{before[2]} up", exact=True).press("Enter")
    wanted = [before[2], before[0], before[1], *before[3:]]
    assert order(page) == wanted
    settle(page)
    assert order(page) == wanted
    page.reload()
    assert order(live(page, "mine")) == wanted


def test_names_and_order_outlive_the_server_and_a_new_model_becomes_live(open_page: Opener, tmp_path: Path) -> None:
    torch.manual_seed(5)
    config = ModelConfig(network="compact", shape=(1, 28, 28), latents=3)
    path = save(build_model(config), tmp_path / "library" / "new")
    with serve(tmp_path) as server:
        page = open_page(f"{server.url}/?model=new&z=1.5")
        # Its networks are not made yet: the server decodes.
        badge = page.locator(".bv-badge")
        expect(badge).to_contain_text("being made ready")
        page.wait_for_function(SHOWN)
        assert same(pixels(page), decoded(path, [1.5, 0, 0]))
        release(page, z1=-1.0)
        page.wait_for_function("document.querySelector('.bv-picture').dataset.shown === '[1.5,-1,0]'")
        assert same(pixels(page), decoded(path, [1.5, -1, 0]))
        live(page, "new")  # by itself
        assert shown(page) == [1.5, -1, 0]
        assert same(pixels(page), decoded(path, [1.5, -1, 0]))
        release(page, z2=0.5)
        z = shown(page)
        assert same(pixels(page), decoded(path, z))
        slider(page, 2).focus()
        page.keyboard.press("Alt+ArrowUp")
        moved = order(page)
        page.get_by_role("button", name="Rename z1", exact=True).click()
        page.keyboard.type("rotation")
        page.keyboard.press("Enter")
        settle(page)
        shipped = open_page(f"{server.url}/?model={MODEL}")
        live(shipped, MODEL).get_by_role("button", name="Rename z4", exact=True).click()
        shipped.keyboard.type("size")
        shipped.keyboard.press("Enter")
        settle(shipped)
        page.context.close()
        shipped.context.close()
    assert json.loads((path / "labels.json").read_text())["names"] == {"1": "rotation"}
    assert (tmp_path / "labels" / f"{MODEL}.json").is_file()
    with serve(tmp_path) as server:
        page = live(open_page(f"{server.url}/?model=new"), "new")
        assert order(page) == moved
        expect(row(page, 1)).to_contain_text("rotation")
        page.goto(f"{server.url}/?model={MODEL}")
        expect(row(page, 4)).to_contain_text("size")
        page.context.close()
