"""Curves and rows of a table under the sliders: drawn as the model decodes them, in units, on a page and exported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from explorer.checkpoints import load
from explorer.datasets import open_dataset
from explorer.export.html import as_html
from explorer.training import TrainConfig, train

from .conftest import IDLE, PATIENCE, Opener, Server, serve
from .driving import PICTURE, opened, overflow, pixels, posterior_mean, release, shown, values, wait_until

COMMON = {"steps": 300, "latents": 3, "batch_size": 32, "threads": 1, "likelihood": "gaussian", "eval_images": 20}
MODELS = {
    "curves": {"data": "peaks", "network": "dense", "sigma": 0.05},
    "rows": {"data": "wine", "network": "dense", "sigma": 0.1},
}


@pytest.fixture(scope="module")
def fresh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a model of signals and one of a table."""
    home = tmp_path_factory.mktemp("kinds")
    for name, settings in MODELS.items():
        train(TrainConfig.model_validate(COMMON | settings), home / "runs" / name, progress=False)
    with serve(home) as running:
        yield running


def model_of(server: Server, name: str) -> Path:
    return server.home / "runs" / name / "checkpoint"


def drawn_values(page: Page) -> np.ndarray:
    """The decoder's own values that the picture was drawn of."""
    return np.array(page.locator(PICTURE).evaluate("canvas => Array.from(canvas.values)"))


def is_decoded(page: Page, path: Path) -> bool:
    """Whether the picture was drawn of what torch decodes at the sliders' values."""
    with torch.inference_mode():
        wanted = load(path).model.decode(torch.tensor([shown(page)], dtype=torch.float32)).flatten().numpy()
    found = drawn_values(page)
    return found.shape == wanted.shape and bool(np.abs(found - wanted).max() < 1e-3)


@pytest.mark.parametrize("name", list(MODELS))
def test_sliders_move_a_curve_and_a_row(fresh_server: Server, open_page: Opener, name: str) -> None:
    path = model_of(fresh_server, name)
    page = opened(open_page, name, "&start=mean")
    assert is_decoded(page, path)
    before = pixels(page)
    release(page, z0=1.6, z2=-1.2)
    wait_until(lambda: is_decoded(page, path))
    assert (pixels(page) != before).any(), "another sample is another picture"
    strip = pixels(page, ".bv-strip >> nth=0")
    assert len(np.unique(strip.reshape(-1, 3), axis=0)) > 2, "the strip beside a slider shows samples, too"
    expect(page.get_by_text("Smooth pixels")).to_have_count(0)
    for heading in ("Traversals", "Reconstructions"):
        page.get_by_role("heading", name=heading).wait_for()
    assert overflow(page) == []


def test_the_curve_lies_where_its_values_are(fresh_server: Server, open_page: Opener) -> None:
    """Ink in the large picture, column by column, against the decoder's values between the axes."""
    page = opened(open_page, "curves", "&start=mean")
    picture = pixels(page).astype(int)
    height, width, _ = picture.shape
    ink = (picture[..., 2] - picture[..., 0] > 60) & (picture[..., 0] < 140)  # the blue of the curve
    decoder = drawn_values(page)
    for part in (0.2, 0.4, 0.5, 0.7):
        x = round(78 + part * (width - 78 - 14))
        rows = np.flatnonzero(ink[:, x])
        value = np.interp(part * (len(decoder) - 1), np.arange(len(decoder)), decoder)
        y = height - 50 - (value + 0.06) / 1.12 * (height - 50 - 30)
        assert len(rows) and rows.min() - 6 <= y <= rows.max() + 6, part


def test_a_sample_of_the_data_is_encoded_from_its_values(fresh_server: Server, open_page: Opener) -> None:
    page = opened(open_page, "curves", "&start=mean")
    page.get_by_text("Encode a sample of the data").click()
    button = page.locator(".bv-samples button").first
    index = int((button.get_attribute("aria-label") or "").split()[2])
    button.click()
    page.get_by_text("Encoded in this page").wait_for()
    wanted = posterior_mean(model_of(fresh_server, "curves"), open_dataset("peaks").unit([index])[0].numpy())
    wait_until(lambda: bool(np.abs(np.array(values(page)) - wanted).max() < 2e-3))


def test_an_exported_page_moves_a_curve_by_itself(fresh_server: Server, browser: Browser, tmp_path: Path) -> None:
    path = model_of(fresh_server, "curves")
    page_file = tmp_path / "curves.html"
    page_file.write_bytes(as_html(load(path), np.ones(3), "for this test"))
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    try:
        page.goto(page_file.as_uri())
        page.wait_for_selector(".bv-slider")
        release(page, z1=1.4)
        wait_until(lambda: is_decoded(page, path))
    finally:
        page.close()


def test_compare_draws_signals_side_by_side_in_the_dark(fresh_server: Server, open_page: Opener) -> None:
    page = open_page("/compare?model=curves&model=rows&start=mean", scheme="dark")
    page.wait_for_function("() => [...document.querySelectorAll('.bv-picture')].filter(c => c.values).length === 2")
    page.wait_for_selector(IDLE)
    lengths = page.locator(PICTURE).evaluate_all("all => all.map(canvas => canvas.values.length)")
    assert lengths == [100, 13]


def test_the_form_offers_what_curves_need(fresh_server: Server, open_page: Opener) -> None:
    page = open_page("/train?data=peaks&network=dense&likelihood=gaussian")
    page.get_by_text("5,000 signals of 100 values").wait_for()
    expect(page.get_by_label("Size", exact=True)).to_have_count(0)
    page = open_page("/train")
    page.get_by_role("combobox", name="Data set").click()
    page.get_by_role("option", name="Wine", exact=True).click()
    page.get_by_text("178 rows of 13 columns").wait_for()
    page.wait_for_url("**network=dense**")
    assert "likelihood=gaussian" in page.url
