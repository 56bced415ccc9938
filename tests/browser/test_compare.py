"""The page Compare in a browser: a slider moves all models as torch decodes them; links and files do so too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from explorer import paths
from explorer.datasets import open_dataset

from .conftest import IDLE, PATIENCE, Opener, Server
from .driving import decoded, overflow, posterior_mean, same, slider

MODELS = ("dsprites-beta1", "dsprites-beta4", "scene-beta4")
IMAGE = 5000
PATH = f"/compare?{'&'.join(f'model={name}' for name in MODELS)}&image={IMAGE}&count=200"
READY = """n => [...document.querySelectorAll('.bv-picture')].filter((c) => c.values).length === n
    && [...document.querySelectorAll('.bv-column .bv-badge')].every((badge) => badge.hidden)"""
AT = """wanted => [...document.querySelectorAll('.bv-picture')].every((canvas, at) =>
    JSON.parse(canvas.dataset.shown ?? '[]').length === wanted[at].length
    && JSON.parse(canvas.dataset.shown).every((value, d) => Math.abs(value - wanted[at][d]) < 2e-4))"""


@pytest.fixture(scope="module")
def starts() -> list[list[float]]:
    """Torch's posterior means of the image, by model."""
    data = {name: open_dataset(name, size=64) for name in ("dsprites", "scene")}
    images = [data[name.split("-")[0]].images([IMAGE])[0].numpy() / 255 for name in MODELS]
    return [posterior_mean(name, image) for name, image in zip(MODELS, images, strict=True)]


def ready(page: Page, models: int = len(MODELS)) -> Page:
    """Wait until every model is decoded in the page."""
    page.wait_for_function(READY, arg=models)
    if page.url.startswith("http"):
        page.wait_for_selector(IDLE)
    return page


def links(page: Page, k: int) -> list[str]:
    """What slider k moves in each model: "3", "-0", or nothing."""
    row = page.locator(".bv-row").nth(k)
    return row.locator("select").evaluate_all("all => all.map((select) => select.value)")


def moved(page: Page, starts: Sequence[list[float]], offsets: dict[int, float]) -> list[list[float]]:
    """Where the models' latents are once sliders stand at these offsets."""
    z = [list(start) for start in starts]
    for k, offset in offsets.items():
        for m, text in enumerate(links(page, k)):
            if text:
                z[m][abs(int(text))] += -offset if text.startswith("-") else offset
    return z


def holds(page: Page, z: Sequence[list[float]]) -> None:
    """Every picture is what torch decodes there, on its canvas too."""
    page.wait_for_function(AT, arg=z)
    for m, name in enumerate(MODELS):
        values, (width, height), data = (
            page.locator(".bv-picture")
            .nth(m)
            .evaluate(
                """c => [JSON.stringify([...c.values]), [c.width, c.height],
                [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]]"""
            )
        )
        shown = json.loads(page.locator(".bv-picture").nth(m).get_attribute("data-shown") or "")
        wanted = decoded(name, shown)
        given = np.array(json.loads(values)).reshape(-1, *wanted.shape[:2])
        assert np.abs(np.moveaxis(given, 0, -1) * 255 - wanted).max() <= 255e-3, name
        pixels = np.array(data, dtype=np.uint8).reshape(height, width, 4)[..., :3]
        assert same(pixels, wanted), name


def offset(page: Page, k: int) -> float:
    return slider(page, k).evaluate("slider => slider.valueAsNumber")


def drag(page: Page, k: int, to: float) -> int:
    """Drag a slider with the mouse to a part of its track; how many different pictures all models had meanwhile."""
    box = slider(page, k).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    seen = set()
    for step in range(1, 11):
        page.mouse.move(box["x"] + box["width"] * (0.5 + (to - 0.5) * step / 10), y)
        page.wait_for_timeout(50)
        shown = page.locator(".bv-picture").evaluate_all("all => all.map((c) => c.dataset.shown)")
        seen.add(tuple(shown))
    page.mouse.up()
    return min(len({pictures[m] for pictures in seen}) for m in range(len(MODELS)))


def test_one_slider_moves_all_models_each_as_torch_decodes_it_and_the_link_shows_the_same(
    open_page: Opener, starts: list[list[float]]
) -> None:
    page = ready(open_page(PATH))
    holds(page, starts)
    assert drag(page, 0, 0.9) >= 4
    here = offset(page, 0)
    assert here > 1.5
    wanted = moved(page, starts, {0: here})
    holds(page, wanted)
    page.wait_for_url(lambda url: "t=" in url)
    assert parse_qs(urlsplit(page.url).query)["model"] == list(MODELS)

    other = ready(open_page(page.url, width=1000))  # somebody else's browser
    holds(other, wanted)
    other.get_by_role("button", name="Reset all").click()
    holds(other, starts)
    holds(page, wanted)

    # Linked in another way the first model stays; what can't be matched moves no longer.
    page.get_by_role("button", name="Matched dimensions").click()
    expect(page.get_by_text("scene-beta4 is not matched")).to_have_count(2, timeout=PATIENCE)
    page.wait_for_url(lambda url: "link=matched" in url)
    k = next(k for k in range(10) if abs(offset(page, k)) > 1e-3)
    assert "" not in links(page, k)[:2] and links(page, k)[2] == ""
    holds(page, moved(page, starts, {k: offset(page, k)}))
    page.go_back()
    page.wait_for_function("() => document.querySelector('[data-way=kl]').ariaPressed === 'true'")
    holds(page, wanted)


def test_sliders_are_linked_by_hand_and_the_address_keeps_it(open_page: Opener, starts: list[list[float]]) -> None:
    page = ready(open_page(PATH))
    before = links(page, 0)
    chooser = page.locator(".bv-row").first.locator("select").nth(1)
    chooser.focus()
    taken = next(d for d in range(10) if str(d) != before[1])
    chooser.select_option(f"-{taken}")
    page.wait_for_url(lambda url: "link=hand" in url)
    assert links(page, 0) == [before[0], f"-{taken}", before[2]]
    every = [int(links(page, k)[1].removeprefix("-")) for k in range(10)]
    assert sorted(every) == list(range(10)), "each dimension is moved by one slider"
    page.locator(".bv-number").first.fill("1.5")
    page.locator(".bv-number").first.press("Enter")
    wanted = moved(page, starts, {0: 1.5})
    holds(page, wanted)
    page.wait_for_url(lambda url: "t=1.5" in url)
    page.reload()
    ready(page)
    assert links(page, 0) == [before[0], f"-{taken}", before[2]]
    holds(page, wanted)


def test_the_page_to_take_away_shows_the_same_from_the_disk_with_no_network(
    open_page: Opener, browser: Browser, starts: list[list[float]], tmp_path: Path
) -> None:
    page = ready(open_page(PATH + "&t=1.25"))
    wanted = moved(page, starts, {0: 1.25})
    page.get_by_text("Download", exact=True).click()
    for label, name in (("Web page, HTML", "page.html"), ("Picture, PNG", "sheet.png")):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=label).click()
        waiting.value.save_as(tmp_path / name)
    assert (tmp_path / "sheet.png").stat().st_size > 20_000
    context = browser.new_context()
    context.set_offline(True)
    context.set_default_timeout(240_000)
    alone = context.new_page()
    wrong: list[str] = []
    alone.on("pageerror", lambda error: wrong.append(str(error)))
    alone.on("request", lambda r: None if r.url.startswith(("file:", "blob:", "data:")) else wrong.append(r.url[:200]))
    alone.goto((tmp_path / "page.html").as_uri())
    ready(alone)
    holds(alone, wanted)
    assert drag(alone, 1, 0.2) >= 4
    holds(alone, moved(alone, starts, {0: 1.25, 1: offset(alone, 1)}))
    alone.get_by_role("button", name="Matched dimensions").click()
    shown = json.loads(alone.locator(".bv-picture").first.get_attribute("data-shown") or "")
    alone.get_by_role("button", name="Reset all").click()
    holds(alone, starts)
    assert shown != starts[0] and wrong == []
    assert alone.locator(".bv-thumbs img").count() == 9
    context.close()


def test_a_browser_that_can_not_decode_has_the_pictures_that_the_server_makes(
    open_page: Opener, starts: list[list[float]]
) -> None:
    page = open_page(PATH, before=lambda page: page.add_init_script("delete globalThis.WebAssembly"))
    badges = page.locator(".bv-column .bv-badge")
    for m in range(len(MODELS)):
        expect(badges.nth(m)).to_contain_text("the server decodes when you let go", timeout=PATIENCE)
    page.locator(".bv-number").first.fill("-1.5")
    page.locator(".bv-number").first.press("Enter")
    wanted = moved(page, starts, {0: -1.5})
    page.wait_for_function(AT, arg=wanted)


def test_a_model_that_is_deleted_meanwhile_says_so_and_the_others_go_on(
    open_page: Opener, server: Server, starts: list[list[float]]
) -> None:
    place = server.home / "library" / "fleeting"
    shutil.copytree(paths.PRETRAINED / MODELS[1], place)
    page = ready(open_page(PATH.replace(MODELS[1], "fleeting")))
    shutil.rmtree(place)
    page.locator(".bv-number").first.fill("1")
    page.locator(".bv-number").first.press("Enter")
    expect(page.locator(".bv-column").nth(1)).to_contain_text("no longer there", timeout=PATIENCE)
    page.wait_for_selector(IDLE)
    z = [moved(page, starts, {0: 1.0})[m] for m in (0, 2)]
    page.wait_for_function(AT, arg=z)
    page.reload()
    expect(page.locator(".bv-column").nth(1)).to_contain_text("there is no model 'fleeting' here", timeout=PATIENCE)
    page.wait_for_function(AT, arg=z)


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1400, "light")])
def test_six_models_fit_the_window(open_page: Opener, width: int, scheme: str) -> None:
    names = [*MODELS, "mnist-beta4", "x <b>*y*<b>", "gone"]
    page = open_page("/compare?" + "&".join(f"model={name}" for name in names), width, scheme)
    page.wait_for_function(READY.split("&&")[0], arg=5)
    page.wait_for_selector(IDLE)
    expect(page.get_by_text("there is no model 'gone' here").first).to_be_visible(timeout=PATIENCE)
    assert [text for text in overflow(page) if "dvn-" not in text and "width: " not in text] == []
    boxes = [page.locator(".bv-picture").nth(m).bounding_box() for m in range(5)]
    assert min(box["width"] if box else 0 for box in boxes) >= 100
    expect(page.get_by_text("x <b>*y*<b>").first).to_be_attached(timeout=PATIENCE)
