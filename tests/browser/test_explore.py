"""The page Explore as a person sees it: pictures, sliders, links."""

import base64
import io
import json
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Page, expect

from explorer import paths
from explorer.checkpoints import ModelConfig, load, save
from explorer.checkpoints.store import build_model
from explorer.launch import model_actions

from .conftest import PATIENCE, Opener, Server
from .driving import (
    MODEL,
    PICTURE,
    decoded,
    live,
    order,
    overflow,
    pixels,
    release,
    row,
    same,
    shown,
    title,
    wait_until,
)

HOME = f"/?model={MODEL}"


def sent(page: Page, image: str) -> np.ndarray:
    """The file behind an image on the page, as an array."""
    source = page.locator(image).first.get_attribute("src")
    assert source
    content = base64.b64decode(source.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_the_first_page_shows_what_the_model_decodes_crisp(open_page: Opener) -> None:
    page = live(open_page(HOME))
    name = page.get_by_role("combobox", name=re.compile("Model")).input_value()
    z = shown(page)
    assert z == [0.0] * len(z) and same(pixels(page), decoded(name, z))
    picture = page.locator(PICTURE)
    assert picture.evaluate("c => getComputedStyle(c).imageRendering") == "pixelated"
    assert picture.evaluate("c => c.clientWidth") >= 5 * picture.evaluate("c => c.width")
    said = picture.get_attribute("aria-label")
    assert said is not None and name in said and all(re.search(rf"\bz{d}\)? 0\.00", said) for d in range(len(z)))


def test_a_copied_link_shows_the_same_picture_in_a_fresh_browser(open_page: Opener) -> None:
    page = live(open_page(f"{HOME}&start=sample&seed=5&range=fixed&span=2"))
    first = order(page)[0]
    entry = row(page, first).locator(".bv-number")
    entry.fill("1.37")
    entry.press("Enter")
    page.wait_for_url("**z=**")
    fresh = live(open_page(page.url))
    assert shown(fresh) == shown(page) and shown(page)[first] == 1.37
    assert np.array_equal(pixels(page), pixels(fresh))
    assert row(fresh, first).locator(".bv-number").input_value() == "1.37"
    assert fresh.url == page.url


def test_one_dimension_is_reset_or_all_and_back_goes_back(open_page: Opener) -> None:
    page = live(open_page(HOME))
    first, second = order(page)[:2]
    start = pixels(page)
    release(page, **{f"z{first}": 1.5})
    page.wait_for_url("**z=**")
    moved = shown(page)
    picture = pixels(page)
    page.get_by_role("button", name=f"Reset {title(first)}", exact=True).click()
    assert shown(page)[first] == 0.0 and np.array_equal(pixels(page), start)
    page.wait_for_url(lambda url: "z=" not in url)
    page.go_back()
    page.wait_for_url("**z=**")
    page.wait_for_function(
        "wanted => document.querySelector('.bv-picture').dataset.shown === wanted",
        arg=json.dumps(moved, separators=(",", ":")).replace(".0,", ",").replace(".0]", "]"),
    )
    assert np.array_equal(pixels(page), picture)
    release(page, **{f"z{second}": -1.0})
    page.get_by_role("button", name="Reset all").click()
    page.wait_for_url(lambda url: "z=" not in url)
    assert shown(page) == [0.0] * len(moved) and np.array_equal(pixels(page), start)


def test_an_image_shows_itself_its_reconstruction_and_the_error(open_page: Opener) -> None:
    page = open_page(f"{HOME}&start=image&image=300000")
    trio = page.locator(".st-key-trio img")
    expect(trio).to_have_count(3)
    given, made, error = (
        sent(page, f".st-key-trio img[alt^='{name}']").astype(int) for name in ("Input", "Reconstruction", "Error")
    )
    assert given.max() == 255
    assert np.abs(np.abs(given - made) - error).max() <= 1
    expect(page.get_by_text("squared error", exact=False).first).to_be_visible()
    page.get_by_role("button", name="Start and range").click()
    page.get_by_role("button", name="Another image").click()
    page.wait_for_url(lambda url: "image=300000" not in url)
    assert "image=300000" not in page.url and "start=image" in page.url


def test_bad_values_get_sentences_and_the_page_stands(open_page: Opener) -> None:
    page = open_page("/?model=%3Cimg%20src%3Dx%3E&z=nan,1e999&range=foo&image=-1&q=1")
    box = page.get_by_test_id("stAlert")
    for word in ("q", "nan", "1e999", "foo", "-1", "<img src=x>"):
        expect(box).to_contain_text(word)
    expect(page.locator(PICTURE).first).to_be_visible()
    assert page.locator("[data-testid=stException]").count() == 0
    page.wait_for_url(re.compile(r"/(\?model=[\w-]+)?$"))  # it can be copied: nothing wrong is left in it
    expect(box).to_contain_text("foo")
    page.go_back()  # to a wrong one, which says so again, and is left as it is: the next step back leads past it
    page.wait_for_url(re.compile("model=%3Cimg"))
    expect(box).not_to_contain_text("foo")
    expect(box).to_contain_text("<img src=x>")


def test_a_very_long_value_gets_a_short_sentence(open_page: Opener) -> None:
    page = open_page("/?span=" + "9" * 50_000)
    text = page.get_by_test_id("stAlert").inner_text()
    assert "span" in text and len(text) < 400


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_window_has_nothing_outside(open_page: Opener, scheme: str) -> None:
    page = open_page(f"{HOME}&start=image&image=1", width=400, scheme=scheme)
    expect(page.locator(PICTURE).first).to_be_visible()
    page.locator(".js-plotly-plot").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert overflow(page) == []


def test_each_theme_has_its_own_colours(open_page: Opener) -> None:
    colours = []
    for scheme in ("light", "dark"):
        page = open_page(HOME, scheme=scheme)
        colours.append(page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor"))
        page.locator(".js-plotly-plot").first.wait_for()
        bar = page.locator(".js-plotly-plot .bars path").first
        colours.append(bar.evaluate("e => getComputedStyle(e).fill"))
    assert colours[0] == "rgb(253, 253, 251)" and colours[2] == "rgb(18, 24, 26)"
    assert colours[1] == "rgb(15, 110, 106)" and colours[3] == "rgb(79, 185, 176)"


def test_a_model_renamed_replaced_and_deleted_while_open_in_three_tabs_goes_on_in_each(
    open_page: Opener, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each tab says what happened without being touched, and its sliders go on moving what it has."""
    folder = server.home / "library" / "doomed"
    tabs = {live(open_page("/?model=doomed"), "doomed"): load(folder).model for _ in range(3)}

    def each_says(text: str) -> None:
        for page in tabs:
            alert = page.get_by_test_id("stAlert").filter(has_text=text)
            expect(alert).to_be_visible(timeout=PATIENCE)

    def moves(page: Page, value: float) -> None:
        live(page, "doomed")
        dimension = order(page)[0]
        release(page, **{f"z{dimension}": value})
        assert shown(page)[dimension] == value

        def true() -> bool:  # at the start of now: the image's code is another one in other weights
            with torch.inference_mode():
                image = tabs[page].decode(torch.tensor([shown(page)]))[0].numpy()
            return same(pixels(page), np.broadcast_to(255 * np.moveaxis(image, 0, -1), (64, 64, 3)))

        wait_until(true, lambda: "the picture is not the model's", seconds=480)

    monkeypatch.setenv("BETA_VAE_HOME", str(server.home))
    called = model_actions.rename("doomed", "a/b <i>x</i>")
    assert called == "a/b <i>x</i>" and not folder.exists()
    each_says(f"'doomed' is called '{called}' now")
    for page in tabs:
        moves(page, 1.5)
    assert model_actions.rename(called, "doomed") == "doomed" and folder.is_dir()
    for page in tabs:
        expect(page.get_by_test_id("stAlert")).to_have_count(0, timeout=PATIENCE)

    other = paths.PRETRAINED / "dsprites-beta16"
    (server.home / "cache").mkdir(exist_ok=True)
    for file in other.glob("*.onnx"):
        shutil.copyfile(file, server.home / "cache" / file.name)
    shutil.copyfile(other / "model.safetensors", folder / "new")
    (folder / "new").replace(folder / "model.safetensors")
    each_says("'doomed' was replaced while it was open")
    first, *others = tabs
    moves(others[0], 1.25)
    first.get_by_role("button", name="Show the new one").click()
    expect(first.get_by_test_id("stAlert")).to_have_count(0, timeout=PATIENCE)
    tabs[first] = load(folder).model
    moves(first, 0.75)
    shutil.rmtree(folder)
    each_says("'doomed' is no longer there")
    for page in tabs:
        moves(page, -0.5)
        live(page, "doomed")
    first.reload()
    said = first.get_by_test_id("stAlert").filter(has_text="There is no model 'doomed'")
    expect(said).to_be_visible(timeout=PATIENCE)
    expect(first.locator(PICTURE).first).to_be_visible(timeout=PATIENCE)


def test_weights_spoilt_while_open_get_a_sentence(open_page: Opener, server: Server) -> None:
    page = live(open_page("/?model=spoilt"))
    (server.home / "library" / "spoilt" / "model.safetensors").write_bytes(b"PK\x03\x04 not weights")
    page.locator(".bv-slider").first.focus()
    page.keyboard.press("PageUp")
    expect(page.get_by_test_id("stAlert").first).to_contain_text("not a whole safetensors file")
    assert page.locator("[data-testid=stException]").count() == 0


def test_a_doubtful_model_is_marked_until_a_person_settles_it(open_page: Opener, server: Server) -> None:
    model = build_model(ModelConfig(network="compact", shape=(1, 32, 32), latents=3))
    folder = save(model, server.home / "library" / "guessed", doubts=("its strides are a guess",))
    page = open_page("/?model=guessed")
    mark = page.get_by_text("guessed is doubtful")
    expect(mark).to_be_visible(timeout=240_000)
    page.get_by_role("button", name="I have looked").click()
    expect(mark).to_have_count(0, timeout=240_000)
    expect(page.get_by_text("was replaced")).to_have_count(0)
    assert load(folder).config.doubts == ()
