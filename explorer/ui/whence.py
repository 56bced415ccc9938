"""A file that this program made, dropped on any page: its very view is shown again, or what is missing is said."""

from __future__ import annotations

import streamlit as st

from explorer import access
from explorer.errors import UserError
from explorer.export.origin_record import Origin, missing
from explorer.export.stamps import ENDINGS, origin_of
from explorer.ui import address
from explorer.ui.text import plain, sentence

MOST_MB = 64


def drop_a_file() -> None:
    """The place for it, at the end of every page."""
    if not (access.may("upload") or access.may("import")):
        return
    with st.expander("Where is this file from?", icon=":material/fingerprint:", key="whence"):
        given = st.file_uploader(
            "Drop a picture, film, page or table that was made here: the view that it shows opens again",
            type=[ending.removeprefix(".") for ending in ENDINGS],
            max_upload_size=MOST_MB,
            key="whence.file",
        )
        if given is None:
            return
        try:
            found = origin_of(given.getvalue(), given.name)
        except UserError as error:
            st.error(sentence(error))
            return
        _told(found)


def _told(found: Origin) -> None:
    lost = missing(found)
    models = ", ".join(f"{plain(model.name)} ({model.hash[:8]})" for model in found.models)
    about = f" on {plain(found.data)}" if found.data else ""
    st.caption(f"Made by version {plain(found.version)}{f' of {models}' if models else ''}{about}.")
    for said in lost:
        st.warning(sentence(said))
    label, icon = "Show it as far as it is here" if lost else "Show the view", ":material/open_in_new:"
    if st.session_state.get(address.PAGE) == found.page:  # Streamlit follows no link to the page that is shown
        st.button(label, icon=icon, key="whence.show", on_click=st.query_params.from_dict, args=(found.params,))
    else:
        st.page_link(f"pages/{found.page}.py", label=label, icon=icon, query_params=found.params, width="content")
