"""Which page a person is on, and what the browser's address says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

PAGE = "page"
TOUR = "tour"  # the parameter, and the key, of the step of the guided path that a person is at


def visit(page: str) -> bool:
    """Note that `page` is shown; whether the person comes to it from another one."""
    if PagesManager.uses_pages_directory:
        # Until st.navigation is first called in a server's life, Streamlit runs the files in pages/
        # by itself, past app.py: whoever opens a link to a page right after the start gets there.
        PagesManager.uses_pages_directory = False
        st.rerun()
    before = st.session_state.get(PAGE)
    st.session_state[PAGE] = page
    return before not in (None, page)


def asked() -> dict[str, list[str]]:
    """What the address asks of its page."""
    return {name: st.query_params.get_all(name) for name in st.query_params if name != TOUR}


def write(params: Mapping[str, Any]) -> None:
    """Put what a page says into the browser's address, and the step of the guided path beside it."""
    step = st.session_state.get(TOUR)
    st.query_params.from_dict(params if step is None else {**params, TOUR: str(step)})


def tell(page: str, params: Mapping[str, Any]) -> None:
    """`write` in a callback.

    A callback that another request of the browser overtakes ends here, before they are sent: `untold` then.
    """
    st.session_state[f"{page}.untold"] = True
    write(params)
    st.session_state[f"{page}.untold"] = False


def untold(page: str) -> bool:
    """Whether the browser still has to be told the address that was written last."""
    return bool(st.session_state.get(f"{page}.untold"))
