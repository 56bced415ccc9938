"""Library: every model at hand, models from elsewhere, own images, and what was deleted."""

import streamlit as st

from explorer.ui.library import images, models
from explorer.ui.library import state as page
from explorer.ui.library.actions import cached_disk_use
from explorer.ui.text import sentence
from explorer.words import size

SHOWN = {"models": "Models", "import": "Import", "images": "Images", "trash": "Trash"}

page.follow_url()
st.title("Library")
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.segmented_control(
        "What to show",
        list(SHOWN),
        format_func=SHOWN.__getitem__,
        required=True,
        label_visibility="collapsed",
        **page.PAGE.choice("show"),
    )
    used = cached_disk_use()
    parts = ", ".join(f"{kind} {size(count)}" for kind, count in used.items() if count)
    st.caption(f"Disk used: {parts or 'nothing yet'}", width="content")
if page.complaints():
    st.warning("  \n".join(sentence(complaint) for complaint in page.complaints()))
match page.state().show:
    case "models":
        models.model_section()
    case "import":
        models.bring()
    case "images":
        images.image_section()
    case "trash":
        models.deleted_models()
