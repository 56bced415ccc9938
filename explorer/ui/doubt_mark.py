"""The mark on a page of models whose weights may have been read wrongly, and the button that settles it."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from explorer import access
from explorer.checkpoints import Description
from explorer.checkpoints.doubts import settle_doubts
from explorer.errors import UserError
from explorer.ui import open_model
from explorer.ui.text import plain, sentence


def show_doubts(descriptions: Iterable[Description | None]) -> None:
    """Say of each model that is doubtful why, and let who may settle it."""
    for description in descriptions:
        if description is None or not description.config.doubts:
            continue
        with st.container(key=f"doubts-{description.hash[:12]}"):
            st.warning(
                f"**{plain(description.name)} is doubtful**: "
                + "  \n".join(sentence(doubt) for doubt in description.config.doubts),
                icon=":material/help:",
            )
            if access.may("label", description.path) and st.button(
                "I have looked: it is read right", key=f"settle-{description.hash[:12]}"
            ):
                try:
                    settle_doubts(description.path)
                except UserError as error:
                    st.error(sentence(error))
                else:
                    open_model.release()  # what Explore has open is the model as it was
                    st.rerun()
