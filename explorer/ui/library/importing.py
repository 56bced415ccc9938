"""Bring a model from elsewhere into the library, from a page: say where it is; what it is then stands below.

What it is, and what to correct, is in `import_look`; how it is read, in `explorer.importing.preview`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import streamlit as st

from explorer import access, paths, stages
from explorer.errors import UserError, out_of_memory
from explorer.ui.library.import_preview import HELD, ImportPreview, discard_import, examine
from explorer.ui.library.staging import close_with_session
from explorer.ui.sign_in import upload_mb
from explorer.ui.text import file_name, plain, sentence, stem
from explorer.words import size

FAILED = "import-failed"
SOURCES = {"file": "A file", "address": "An address", "published": "Published", "folder": "On this machine"}


def import_panel(folders: Sequence[Path] | None = None, disabled: bool = False) -> str | None:
    """Draw the panel. Returns the name of a model that was put into the library in this very run.

    Args:
        folders: folders of the server that a person may name a path in; those that `access` gives where left
            out, which on one's own machine are all.
        disabled: only say why nothing can be imported (a visitor who may only read).
    """
    if disabled:
        st.info("Importing is off for visitors of this server.", icon=":material/lock:")
        return None
    st.caption(
        "A checkpoint of this program; disentangling-vae's model.pt with its specs.json; the state dict of "
        "any VAE of convolutions, dense layers and residual blocks; or an encoder and a decoder as ONNX, which are "
        "taken as they are. "
        "Files are read as plain numbers: no code in them is ever run."
    )
    kind = st.segmented_control(
        "Where it is", list(SOURCES), default="file", format_func=SOURCES.__getitem__, key="import-kind"
    )
    name = None
    if kind == "file":
        _from_files()
    elif kind == "address":
        _from_address()
    elif kind == "folder":
        _from_folder(access.folders() if folders is None else folders)
    elif kind == "published":
        name = _from_catalogue()
    failed = st.session_state.pop(FAILED, None)
    if failed:
        st.error(sentence(failed))
    held: ImportPreview | None = st.session_state.get(HELD)
    return name if held is None else examine(held) or name


# --- where it comes from ----------------------------------------------------------------------------


def _from_files() -> None:
    files = st.file_uploader(
        "The file, and those that belong to it (specs.json; config.json with model.safetensors; the decoder's)",
        accept_multiple_files=True,
        key="import-files",
        max_upload_size=upload_mb(),
    )
    if st.button("Look at it", key="import-look-files", disabled=not files, icon=":material/search:"):
        stack = ExitStack()
        try:
            folder = stack.enter_context(stages.staged(paths.library()))
            access.mark_owner(folder)
            access.room(sum(file.size for file in files))
            given = folder / stem(next((f.name for f in files if not f.name.endswith((".json", ".md"))), "model"))
            given.mkdir()
            for file in files:
                (given / file_name(file.name)).write_bytes(file.getbuffer())
        except (UserError, OSError) as error:
            stack.close()
            _fail(error)
            return
        weights = [f.name for f in files if not f.name.endswith((".json", ".md"))]
        alone = len(weights) == len(files) <= 2
        _look([given / file_name(name) for name in weights] if alone else given, stack)


def _from_address() -> None:
    text = st.text_input(
        "A repository of the Hugging Face hub, or the address of a file",
        key="import-address",
        placeholder="owner/name, or https://…",
        max_chars=1000,
    )
    if st.button("Fetch it", key="import-fetch", disabled=not text.strip(), icon=":material/download:"):
        from explorer.importing.remote_files import is_address

        if is_address(text.strip()):
            _look(text.strip(), ExitStack())
        else:
            _fail(UserError(f"{text.strip()[:120]!r} is not an address: owner/name, or https://…"))


def _from_folder(folders: Sequence[Path] | None) -> None:
    text = st.text_input("Path on this machine", key="import-path", max_chars=1000)
    if folders is not None:
        st.caption("In " + " or ".join(plain(str(folder)) for folder in folders))
    if st.button("Look at it", key="import-look-folder", disabled=not text.strip(), icon=":material/search:"):
        try:
            path = Path(text.strip()).expanduser().resolve()
            inside = folders is None or any(path.is_relative_to(f.resolve()) for f in folders)
        except (OSError, ValueError, RuntimeError):
            inside = False
        if inside:
            _look(path, ExitStack())
        else:
            _fail(UserError(f"{text.strip()[:120]!r} is not within the folders that may be read"))


def _from_catalogue() -> str | None:
    from explorer.importing.published import PUBLISHED, fetch_published

    name = st.selectbox("Published checkpoint", list(PUBLISHED), key="import-published")
    entry = PUBLISHED[name]
    st.markdown(f"{plain(entry.shows)}  \n{plain(entry.source)} · {entry.licence} · {size(entry.bytes)}")
    for file in entry.files:
        st.caption(f"{plain(file.name)}: {file.bytes:,} bytes, SHA-256 `{file.sha256}`")
    if st.button("Fetch and keep", key="import-fetch-published", icon=":material/download:"):
        try:
            with st.spinner("Fetching"):
                fetch_published(name)
            return name
        except UserError as error:
            _fail(error)
    return None


def _look(source: str | Path | list[Path], stack: ExitStack) -> None:
    """Read what is there and hold it; what was held before is let go."""
    from explorer.importing.preview import preview

    discard_import()
    try:
        from explorer.datasets.examples import examples

        with st.spinner("Reading; what its names and shapes leave open is tried out"):
            found = stack.enter_context(preview(source, private=False, pictures=examples))
            st.session_state[HELD] = ImportPreview(found, stack)
            close_with_session(stack.close)
    except (UserError, MemoryError, RuntimeError, OSError) as error:
        stack.close()
        _fail(error)


def _fail(error: Exception) -> None:
    known = error if isinstance(error, UserError) else out_of_memory(error)
    if known is None and isinstance(error, RuntimeError):
        raise error
    st.session_state[FAILED] = str(known or error)
