"""What stands on a page while something is not there yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.ui import page_cache


@contextmanager
def busy(slot: DeltaGenerator, doing: str, height: int, width: int | None = None) -> Iterator[None]:
    """A grey place of the right size while torch is imported; later a word, if it takes long.

    What is made in the meantime is put on the page afterwards.
    """
    if not page_cache.torch_is_here():
        grey = slot.skeleton(height, width=width or "stretch")
        try:
            yield
        finally:
            grey.empty()
    else:
        with slot, st.spinner(doing):
            yield
