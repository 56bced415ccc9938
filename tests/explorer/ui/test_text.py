"""Strangers' text on a page: nothing in it takes effect."""

from __future__ import annotations

import re

import pytest

from explorer.ui.text import plain

# What Streamlit's front end makes links and icons of, after Markdown's own escapes are gone.
LINK = re.compile(r"(https?://|www(?=\.))[-.\w]+|[-.\w+]+@[-\w]+(\.[-\w]+)+|:[\w+\-/]+:", re.I)


@pytest.mark.parametrize(
    "text",
    [
        "see https://evil.example/x",
        "HTTP://evil.example",
        "www.evil.example",
        "a.WWW.evil.example",
        "ada@lab.example",
        "x+y@a-b.lab.example",
        ":material/delete: and :smile:",
    ],
)
def test_addresses_and_icons_in_a_name_are_letters_and_no_links(text: str) -> None:
    assert LINK.search(text)
    shown = plain(text).replace("\\", "")
    assert not LINK.search(shown)
    assert shown.replace("\N{ZERO WIDTH SPACE}", "") == text
