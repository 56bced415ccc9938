"""The first visit to a server that has just started."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import IDLE, Opener, Server, serve
from .driving import order, shown, slider

# A server that finds this on its path waits with `import torch` until there is a file.
HOLD_TORCH = """
import os, sys, time

class Hold:
    def find_spec(self, name, path=None, target=None):
        while name == "torch" and not os.path.exists(os.environ["TORCH_MAY_COME"]):
            time.sleep(0.05)

sys.meta_path.insert(0, Hold())
"""


@pytest.fixture
def torch_may_come(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "torch-may-come"


@pytest.fixture
def fresh_server(tmp_path: Path, torch_may_come: Path) -> Iterator[Server]:
    """A server that nobody has opened yet, and that gets no torch before `torch_may_come` is there."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(HOLD_TORCH)
    with serve(tmp_path, PYTHONPATH=str(tmp_path / "path"), TORCH_MAY_COME=str(torch_may_come)) as running:
        yield running


def test_a_shipped_model_is_dragged_before_torch_is_there(
    open_page: Opener, fresh_server: Server, torch_may_come: Path
) -> None:
    page = open_page(wait=False)
    expect(page.get_by_test_id("stSelectbox").first).to_be_visible()
    expect(page.get_by_role("link", name="Library").first).to_be_visible()
    page.wait_for_selector(".bv-picture[data-shown]")
    first = order(page)[0]
    slider(page, first).focus()
    page.keyboard.press("End")
    assert shown(page)[first] > 1
    torch_may_come.touch()
    page.wait_for_selector(IDLE)
    assert shown(page)[first] > 1


def test_a_link_to_the_library_may_be_the_first_to_be_opened(
    open_page: Opener, fresh_server: Server, torch_may_come: Path
) -> None:
    torch_may_come.touch()
    page = open_page("/library")
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    expect(page.get_by_role("link", name="Explore").first).to_be_visible()
    assert page.get_by_role("link", name="app", exact=True).count() == 0
