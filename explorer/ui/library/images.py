"""Own images on the page Library: given, looked at, kept under a name, and what is there already."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath
from types import ModuleType
from typing import IO, TYPE_CHECKING, cast

import streamlit as st

from explorer import access, stages
from explorer.datasets import own
from explorer.datasets.own import OwnSet
from explorer.errors import UserError
from explorer.naming import MAX_NAME, first_free
from explorer.ui.library import actions
from explorer.ui.library import state as page
from explorer.ui.library.staging import close_with_session
from explorer.ui.pictures import Picture
from explorer.ui.sign_in import upload_mb
from explorer.ui.text import plain, sentence
from explorer.words import size

if TYPE_CHECKING:
    from explorer.datasets.intake import PictureSet

FOUND = "library.found"  # what was looked at and is not kept yet, and what it was made of
GENERATION = "library.upload"  # of the widget that takes files: a new one is empty
NAME = "library.images.name"  # of the field
SUGGESTED = "library.suggested"  # what was filled in there
PATH = "library.path"  # on the server, that was asked for


def image_section() -> None:
    """A place to give images, and the sets that are stored."""
    with st.container(border=True, key="library-add"):
        st.header("Add images")
        if why := access.why_not("upload"):
            st.caption(sentence(why))
        else:
            _give()
    stored = own.sets()
    if not stored:
        st.caption("No own images are stored yet.")
    with st.grid("auto", min_column_width=420):
        for one in stored:
            _card(one)


def _give() -> None:
    files, folder = st.tabs(["Files", "A folder of the server"])
    with files:
        given = st.file_uploader(
            "Drop pictures, a zip file of pictures, an .npz file of arrays, or a table (.csv, .tsv, .parquet)",
            max_upload_size=upload_mb(),
            accept_multiple_files=True,
            key=f"library.files.{st.session_state.get(GENERATION, 0)}",
        )
    with folder:
        roots = access.folders()
        if roots is not None:
            st.caption(plain(f"Images are read from {', '.join(map(str, roots))} and below."))
        st.text_input(
            "Folder, zip or array file",
            key="library.folder",
            on_change=_ask_for_folder,
            placeholder="/data/photographs",
        )
    path = st.session_state.get(PATH, "")
    asked = tuple(file.file_id for file in given) or ((path,) if path else ())
    known = st.session_state.get(FOUND)
    if asked and (known is None or known[1] != asked or _gone(known[0])):
        if given:
            pairs = [(file.name, cast(IO[bytes], file)) for file in given]
            _look(lambda intake, progress: intake.look_at_files(pairs, progress), asked)
            _suggest(pairs[0][0] if len(pairs) == 1 else "pictures")
        else:
            _look(lambda intake, progress: intake.look_at_path(path, progress), asked)
            _suggest(path)
    known = st.session_state.get(FOUND)
    if known is not None:
        if isinstance(known[0], str):
            st.error(sentence(known[0]))
        else:
            _report(known[0])


def _gone(found: PictureSet | str) -> bool:
    """Whether what was looked at was let go, since the connection was gone for a while."""
    return not isinstance(found, str) and not found.stage.is_dir()


def _look(look: Callable[[ModuleType, Callable[[int], None]], PictureSet], asked: tuple[str, ...]) -> None:
    """Look at what was given, with a button that stops it: its callback runs before the page does anew."""
    from explorer.datasets import intake

    _forget()
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.empty()
        st.button("Stop", icon=":material/stop:", key="library.stop", on_click=_stop, args=(asked,))

    def looked(count: int) -> None:
        bar.caption(f"Looking at the images: {count:,} so far")

    looked(0)
    try:
        found: PictureSet | str = look(intake, looked)
    except UserError as error:
        found = str(error)
    st.session_state[FOUND] = found, asked
    if not isinstance(found, str):
        close_with_session(partial(stages.drop, found.stage))
    place.empty()


def _suggest(given: str) -> None:
    """Fill the name in, where nobody typed one: that of the file or folder, or the first one behind it that is free."""
    if st.session_state.get(NAME, "") in ("", st.session_state.get(SUGGESTED)):
        stem = PurePosixPath(given.replace("\\", "/")).stem.strip()[: MAX_NAME - 5]
        taken = {one.name for one in own.sets()}
        st.session_state[NAME] = st.session_state[SUGGESTED] = first_free(stem, taken.__contains__) if stem else ""


def _stop(asked: tuple[str, ...]) -> None:
    """The callback of the button: what was given counts as looked at."""
    st.session_state[FOUND] = "stopped: nothing was stored", asked


def _ask_for_folder() -> None:
    """The callback of the path: look at what is there, in place of what was given."""
    _forget()
    st.session_state[PATH] = str(st.session_state.get("library.folder") or "").strip()
    st.session_state[GENERATION] = st.session_state.get(GENERATION, 0) + 1


def _forget() -> None:
    """Let go of what was looked at before."""
    from explorer.datasets import intake

    known = st.session_state.pop(FOUND, None)
    if known is not None and not isinstance(known[0], str):
        intake.let_go(known[0])


def _report(found: PictureSet) -> None:
    """What was found, before it is kept."""
    many = "images" if found.count > 1 else "image"
    st.markdown(f"**{found.count:,} {many}**, {size(found.total)}: {plain(found.about)}.")
    said = [f"{found.copies:,} are copies of others and are stored once."] if found.copies else []
    for note in [*said, *found.notes]:
        st.caption(sentence(note))
    _picture(found.sheet).show(f"The first {found.shown} images as a network will see them")
    st.caption(f"The first {found.shown} as a network will see them, at 64 px.")
    if found.refusals:
        with st.expander(f"{found.refusals:,} left out", icon=":material/block:"):
            listed = [f"{plain(name, 120)}: it {plain(why)}" for name, why in found.refused]
            st.markdown("  \n".join(listed[:100]))
            if found.refusals > 100:
                st.caption(f"and {found.refusals - 100:,} more")
    same = own.stored(found.digest)
    if same is not None:
        st.info(sentence(f"these images are here already, as {same.name!r}"))
        st.button("Discard them", key="library.let-go", on_click=_let_go)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Name", key=NAME, max_chars=MAX_NAME, placeholder="my photographs", width=320)
        st.button(
            "Keep", type="primary", icon=":material/save:", key="library.images.keep", on_click=_keep, args=(found,)
        )
        st.button("Discard them", key="library.let-go", on_click=_let_go)


def _let_go() -> None:
    _forget()
    st.session_state[NAME] = ""
    st.session_state[PATH] = ""
    st.session_state["library.folder"] = ""
    st.session_state[GENERATION] = st.session_state.get(GENERATION, 0) + 1


def _keep(found: PictureSet) -> None:
    """The callback of the button."""
    from explorer.datasets import intake

    name = str(st.session_state.get(NAME) or "").strip()
    if not name:
        page.complain("give the images a name first")
        return
    made = actions.try_change(intake.store_set, found, name)
    if made is not None:
        st.session_state.pop(FOUND, None)
        _let_go()
        st.toast(f"{plain(made.name)} can be trained on now.")


def _picture(content: bytes) -> Picture:
    """A PNG file at its own width, which stands in its header."""
    return Picture(content, int.from_bytes(content[16:20], "big"))


def _card(one: OwnSet) -> None:
    key = one.path.name
    with st.container(border=True, key=f"library-images-{key}"):
        st.markdown(f"**{plain(one.name)}**")
        kind = "pictures" if one.card.kind == "pictures" else f"arrays, {PurePosixPath(one.card.file).suffix}"
        st.caption(plain(f"{one.card.count:,} images ({kind}), {size(one.card.bytes)}, added on {own.when(one)}"))
        if (one.path / own.THUMBS).is_file():
            _picture((one.path / own.THUMBS).read_bytes()).show(f"The first images of {one.name}")
        st.caption(plain(f"{one.card.about}."))
        for note in one.card.notes:
            st.caption(sentence(note))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(
                "pages/train.py",
                label="Train on them",
                icon=":material/model_training:",
                query_params={"data": one.key},
            )
            if not access.may("delete", one.path):
                return
            with st.popover("Rename", icon=":material/label:"):
                st.text_input("New name", one.name, key=f"library.images.{key}", max_chars=MAX_NAME)
                st.button("Rename", key=f"library.images.rename.{key}", on_click=_rename, args=(one.name, key))
            with st.popover("Delete", icon=":material/delete:"):
                st.markdown(
                    "The images go to the trash; from there they can be put back. Runs and models that were "
                    "trained on them stay, but can't be measured on them any more."
                )
                st.button(
                    "Move to the trash",
                    type="primary",
                    key=f"library.images.delete.{key}",
                    on_click=actions.try_change,
                    args=(own.discard, one.name),
                )


def _rename(name: str, key: str) -> None:
    to = str(st.session_state.get(f"library.images.{key}") or "").strip()
    actions.try_change(own.rename, name, to)
