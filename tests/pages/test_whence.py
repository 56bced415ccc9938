"""A file that was made here is dropped on a page: its view opens again, or what is missing is said."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.checkpoints import describe
from explorer.export.origin_record import Origin, origin
from explorer.export.stamps import stamped

from .conftest import Opener, explorer, make, said

Z = [0.5, -1.25, 0.0, 2.0]


def drop(at: AppTest, where: Origin | None, change: int = 0) -> AppTest:
    """Drop a picture of that origin, a byte of it changed, on the place at the end of the page."""
    made = io.BytesIO()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(made, "PNG")
    content = made.getvalue() if where is None else stamped(made.getvalue(), "p.png", where)
    if change:
        content = content.replace(b"alpha", b"aXpha")
    place = next(box for box in at.file_uploader if "made here" in box.label)
    return place.set_value(("p.png", content, "image/png")).run()


def where(**params: str) -> Origin:
    return origin("explore", {"model": "alpha", "z": "0.5,-1.25,,2", **params}, [describe("alpha")], "dsprites")


def test_on_any_page_there_is_a_place_and_the_view_is_linked(open_app: Opener) -> None:
    for page in ("pages/library.py", "pages/theory.py", "pages/insight.py"):
        at = drop(open_app(page), where())
        assert not at.exception and "of alpha (" in said(at) and "on dsprites" in said(at), page
        [link] = [link for link in at.get("page_link") if link.proto.label == "Show the view"]
        assert link.proto.page == "" or link.proto.page.endswith("explore")
        assert "z=0.5%2C-1.25%2C%2C2" in link.proto.query_string


def test_on_its_own_page_the_view_is_shown_at_a_click(open_app: Opener) -> None:
    at = drop(open_app(model="beta"), where())
    next(button for button in at.button if button.label == "Show the view").click().run()
    data = explorer(at)
    assert data["name"] == "alpha" and data["z"] == Z


def test_what_is_missing_damaged_or_not_there_is_said(open_app: Opener, library: Path) -> None:
    at = open_app("pages/theory.py")
    assert "says nothing of where it is from" in "".join(error.value for error in drop(at, None).error)
    assert "was changed since" in "".join(error.value for error in drop(at, where(), change=1).error)
    made = where()
    make("alpha", seed=9)
    at = drop(open_app("pages/theory.py"), made)
    assert "has other weights here" in "".join(warning.value for warning in at.warning)
    assert not at.exception
