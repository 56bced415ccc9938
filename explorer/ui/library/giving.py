"""Give a model away, from a page: as an archive in the Hugging Face layout, or put on the hub."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import streamlit as st

from explorer import access
from explorer.checkpoints import Description, load
from explorer.errors import UserError
from explorer.ui.text import plain, sentence, stem


def give_panel(description: Description) -> None:
    """Download a model in the Hugging Face layout, or push it to the hub."""
    name = stem(description.name)
    st.caption(
        "The card, the weights as safetensors, the config, and modeling.py: the network in plain PyTorch, "
        "which the card loads in five lines."
    )
    st.download_button(
        "Download (.zip)",
        lambda: hub_zip(description, name),
        f"{name}.zip",
        "application/zip",
        key="give-zip",
        on_click="ignore",
        icon=":material/download:",
    )
    if not access.may("push"):
        return
    with st.expander("Put it on the Hugging Face hub", icon=":material/cloud_upload:", key="give-push"):
        repository = st.text_input("Repository", placeholder="owner/name", key="give-repository", max_chars=200)
        token = st.text_input(
            "Token with the right to write",
            type="password",
            key="give-token",
            max_chars=200,
            help="Used once and not kept.",
        )
        public = st.checkbox("Anybody may see it", key="give-public")
        if st.button("Push", key="give-go", disabled=not (repository.strip() and token.strip())):
            from explorer.export.hub import push

            try:
                with st.spinner("Pushing"):
                    url = push(load(description.path), repository.strip(), token.strip() or None, not public)
                st.success(f"It is at {plain(url)}.")
            except UserError as error:
                st.error(sentence(error))


def hub_zip(description: Description, name: str) -> bytes:
    """The files of the Hugging Face layout in an archive.

    Raises:
        UserError: the model can't be read or written down.
    """
    from explorer.export.hub import write_hub_folder

    made = io.BytesIO()
    with tempfile.TemporaryDirectory(prefix="explorer-give-") as folder:
        root = write_hub_folder(load(description.path), Path(folder) / name)
        with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(root.iterdir()):
                archive.write(file, f"{name}/{file.name}")
    return made.getvalue()
