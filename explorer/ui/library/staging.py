"""What a session has staged and not kept yet: let go when its tab is closed, or its connection gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.errors import UserError


class StagedFolder:
    """How to let go of what one session holds."""

    def __init__(self) -> None:
        self._closings: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    def add(self, close: Callable[[], object]) -> None:
        """Remember it."""
        with self._lock:
            self._closings.append(close)

    def close(self) -> None:
        """Let go of all, which may take a while, beside the server's own thread."""
        with self._lock:
            closings, self._closings = self._closings, []
        if closings:
            threading.Thread(target=_all, args=(closings,), daemon=True).start()


def _all(closings: list[Callable[[], object]]) -> None:
    for close in closings:
        with suppress(UserError, OSError):
            close()


@st.cache_resource(scope="session", show_spinner=False, on_release=StagedFolder.close)
def _held() -> StagedFolder:
    return StagedFolder()


def close_with_session(close: Callable[[], object]) -> None:
    """Call `close` when this session ends, at once where it has ended meanwhile; it may be called twice."""
    held, context = _held(), get_script_run_ctx(suppress_warning=True)
    held.add(close)
    if context is None or not runtime.exists():
        return
    if not runtime.get_instance().is_active_session(context.session_id):
        held.close()
