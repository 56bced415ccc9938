"""Take the comparison away: one picture, or one web page with all its models."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer import access
from explorer.analysis.model_table import in_a_sentence
from explorer.errors import UserError, out_of_memory
from explorer.export.origin_record import origin
from explorer.export.stamps import stamped
from explorer.live import onnx_cache
from explorer.live.onnx_cache import Networks
from explorer.ui import page_cache
from explorer.ui.compare.models import View
from explorer.ui.compare.sections import counted
from explorer.ui.compare.state import CompareState, page
from explorer.ui.text import sentence

FAILED = "compare.takeaway.failed"


def takeaway(view: View) -> None:
    """Show what can be taken away, and a sentence on what can't."""
    failed: dict[str, str] = st.session_state.setdefault(FAILED, {})
    state = page.state()
    there = [model for model in view.models if model.description is not None]
    where = origin("compare", page.to_params(state), [m.description for m in there if m.description is not None])
    lost = [
        model.name
        for model in there
        if model.description and not isinstance(onnx_cache.prepare(model.description), Networks)
    ]
    with st.expander("Download", icon=":material/download:", key="compare.takeaway"):
        st.caption(
            "What stands above as one picture, with the traversals from where the sliders are; or as a page "
            "with all its models, which works from a disk with no network. The link in the address bar shows "
            "the same to whoever has these models."
        )
        if why := access.why_not("export"):
            st.caption(sentence(why))
            return
        with st.container(horizontal=True, gap="small"):
            st.download_button(
                "Picture, PNG",
                _noted("Picture, PNG", lambda: stamped(_picture(view, state), ".png", where), failed),
                "comparison.png",
                "image/png",
                key="compare.takeaway.png",
                on_click="ignore",
            )
            st.download_button(
                "Web page, HTML",
                _noted("Web page, HTML", lambda: stamped(_html(view, state), ".html", where), failed),
                "comparison.html",
                "text/html",
                key="compare.takeaway.html",
                on_click="ignore",
                disabled=len(lost) == len(there),
            )
        if lost:
            st.caption(sentence(f"not in the web page until they are exported, or at all: {', '.join(lost)}"))
        for complaint in dict.fromkeys(failed.values()):
            st.caption(sentence(complaint))
        failed.clear()


def _noted(label: str, make: Callable[[], bytes], failed: dict[str, str]) -> Callable[[], bytes]:
    """`make` for a click: it runs outside of any session, so what goes wrong is said the next time."""

    def made() -> bytes:
        try:
            return make()
        except (UserError, MemoryError, RuntimeError, OSError) as error:
            known = error if isinstance(error, UserError) else out_of_memory(error)
            failed[label] = f"{label}: {known or error}"
            raise

    return made


def _picture(view: View, state: CompareState) -> bytes:
    from explorer.export.comparison_files import comparison_png

    models = {
        number: page_cache.model(model.description)
        for number, model in enumerate(view.models)
        if model.description is not None
    }
    return comparison_png(view.sides, view.links, view.way, state.offsets, state.span, models)


def _html(view: View, state: CompareState) -> bytes:
    from explorer.export.comparison_files import comparison_html

    decoders = {}
    for place, model in enumerate(view.models):
        found = None if model.description is None else onnx_cache.prepare(model.description)
        if isinstance(found, Networks):
            decoders[place] = found.decoder.read_bytes()
    words = [in_a_sentence(row) for row in counted(view)]
    return comparison_html(view.sides, view.links, view.way, state.offsets, state.span, decoders, words)
