"""A model given as graphs of ONNX in the browser: the same sliders, pictures and doubts as any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from explorer.importing.preview import import_checkpoint
from tests.explorer.importing.test_onnx_exporters import keras_like

from .conftest import Opener, Server
from .driving import live, pixels, shown, slider, true_picture


@pytest.fixture(scope="module")
def graph(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files as tf2onnx makes them of Keras', imported into the server's library: doubtful, since untrained."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BETA_VAE_HOME", str(server.home))
        return import_checkpoint(keras_like(tmp_path_factory.mktemp("files") / "keras"), "keras")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_slider_of_a_graph_is_dragged_and_the_picture_follows_as_torch_decodes_it(
    open_page: Opener, graph: Path, scheme: str
) -> None:
    page = live(open_page(f"/?model={graph.name}", scheme=scheme), graph.name)
    assert true_picture(page, graph)
    expect(page.get_by_text(f"{graph.name} is doubtful")).to_be_visible()
    start = pixels(page)
    handle = slider(page, 0)
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    seen = []
    for part in (0.6, 0.75, 0.9):
        page.mouse.move(box["x"] + part * box["width"], middle)
        seen.append(shown(page)[0])
        assert true_picture(page, graph)  # still held
    page.mouse.up()
    page.wait_for_url("**z=**")
    assert 0 < seen[0] < seen[1] < seen[2]
    assert np.abs(pixels(page).astype(int) - start).max() > 0
    assert true_picture(page, graph)
    for button, name in (("Save picture", "keras-doubtful.png"), ("Save grid", "keras-doubtful-traversal.png")):
        with page.expect_download() as saved:
            page.get_by_role("button", name=button).click()
        assert saved.value.suggested_filename == name


def test_the_library_offers_no_training_on_from_a_graph_but_from_others(open_page: Opener, graph: Path) -> None:
    page = open_page("/library?q=keras")
    expect(page.get_by_text("graph")).not_to_have_count(0)
    expect(page.get_by_role("link", name="Open in Explore")).to_have_count(1)
    expect(page.get_by_role("link", name="Train on from it")).to_have_count(0)
    page = open_page("/library?q=mine")
    page.get_by_role("link", name="Train on from it").click()
    page.wait_for_url("**/train?from=mine")
    expect(page.get_by_role("combobox", name="Start from")).to_have_value("mine")
    expect(page.get_by_text("Its own stay: network compact")).to_be_visible()
