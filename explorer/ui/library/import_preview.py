"""An import before it is kept: what it is, its pictures, what to correct, and the button that keeps it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.datasets.names import DATASETS
from explorer.errors import UserError
from explorer.ui import page_cache
from explorer.ui.library.import_choices import corrections, graph_corrections
from explorer.ui.pictures import image_sheet
from explorer.ui.text import plain, sentence

if TYPE_CHECKING:
    from explorer.importing.preview import FoundModel
    from explorer.importing.reading import Reading
    from models.beta_vae import BetaVAE

HELD = "import-held"
SAMPLES, COUNT = 8, 200


@dataclass
class ImportPreview:
    """What was found and not kept yet; its files are gone when `files` is closed."""

    found: FoundModel
    files: ExitStack
    seen: dict[Any, Any] = field(default_factory=dict)  # what was computed of it, by what it was computed with


def discard_import() -> None:
    """Let go of what was found and not kept."""
    held = st.session_state.pop(HELD, None)
    if held is not None:
        held.files.close()
    for key in list(st.session_state):
        if str(key).startswith("import-choice-") or key in ("import-name", "import-data"):
            del st.session_state[key]


def examine(held: ImportPreview) -> str | None:
    """What was found, its pictures, what to correct, and the button that keeps it."""
    found = held.found
    slot = st.empty()
    with slot.container(border=True):
        st.markdown(f"**{plain(found.name)}**: {plain(found.kind)}")
        pictures, model = st.container(), None
        try:
            if found.reading is not None:
                grounds = st.container()
                found = found.corrected(**corrections(found.reading))
                with grounds:
                    _grounds(found.reading)
            if found.graphs is not None:
                grounds = st.container()
                found = found.corrected(**graph_corrections(found.graphs))
                assert found.graphs is not None
                with grounds:
                    st.table(_rows(found.graphs.table()), hide_index=True)
                    _warn(found.doubts)
            with pictures:
                model = _pictures(found, held)
        except UserError as error:
            pictures.error(sentence(error))
        data = _data(found)
        if model is not None and data is not None:
            _reconstructions(model, data, found, held)
        name = st.text_input("Its name in the library", found.name, key="import-name", max_chars=300)
        looked = False
        if found.doubts:
            looked = st.checkbox("I have compared the pictures: it is read right", key="import-choice-settled")
        with st.container(horizontal=True):
            keeps = st.button("Keep", type="primary", key="import-keep", disabled=model is None or not name.strip())
            st.button("Discard", key="import-discard", on_click=discard_import)
    if not keeps:
        return None
    from explorer.importing.preview import keep_import

    try:
        keep_import(found.without_doubts() if looked else found, name.strip(), data)
    except UserError as error:
        st.error(sentence(error))
        return None
    held.files.close()
    st.session_state.pop(HELD, None)
    slot.empty()
    st.toast(f"{plain(name.strip())} is in your library", icon=":material/check:")
    return name.strip()


def _pictures(found: FoundModel, held: ImportPreview) -> BetaVAE:
    """Images decoded from the prior; returns the model.

    Raises:
        UserError: it can't be built.
    """
    key = _choices(found)
    if key not in held.seen:
        with st.spinner("Decoding"):
            from explorer.importing.trial import prior_samples

            model: BetaVAE = found.model()
            held.seen[key] = model, prior_samples(model, SAMPLES)
    model, images = held.seen[key]
    shape = " x ".join(str(n) for n in model.shape[1:])
    grey = "grey" if model.shape[0] == 1 else "colour"
    image_sheet(images[None], 80).show(
        f"{SAMPLES} images that the model decodes from the prior",
        f"{SAMPLES} images decoded from the prior (seed 0): {shape} pixels, {grey}, {model.latents} latents",
    )
    return model


def _rows(table: Iterable[tuple[str, str, str]]) -> list[dict[str, str]]:
    return [{"Part": what, "Read as": value, "Because": why} for what, value, why in table]


def _warn(doubts: Iterable[str]) -> None:
    for doubt in doubts:
        st.warning(sentence(f"doubtful: {doubt}"), icon=":material/help:")


def _grounds(reading: Reading | None) -> None:
    """What was taken for what, on which ground, and the layers."""
    assert reading is not None
    st.table(_rows(reading.table()), hide_index=True)
    said = reading.found_words()
    st.caption(f"Tried out: {plain(said, 600)}. A guess is not more than that: compare the pictures.")
    _warn(reading.doubts.values())
    for note in reading.notes:
        st.caption(plain(note))
    with st.expander("Its layers", icon=":material/layers:", key="import-layers"):
        left, right = st.columns(2)
        for column, (part, layers) in zip((left, right), reading.words().items(), strict=True):
            lines = "\n".join(f"{i}. {plain(layer)}" for i, layer in enumerate(layers, 1))
            column.markdown(f"**{part.capitalize()}**\n\n{lines}")


def _choices(found: FoundModel) -> Any:
    """What makes one reading of a file another."""
    if found.graphs is not None and found.graphs.built is not None:
        return found.graphs.built.choices
    return found.reading and found.reading.choices


def _data(found: FoundModel) -> str | None:
    """The data set that the model goes with: what it says itself, else what the person says."""
    if found.own is not None or (found.specs is not None and (found.specs.training() or {}).get("data")):
        return None
    names = ["", *(name for name, info in DATASETS.items() if not info.root_needed)]
    index = names.index(found.data) if found.data in names else 0
    chosen = st.selectbox(
        "The images that it goes with",
        names,
        index,
        key="import-data",
        format_func=lambda name: DATASETS[name].title if name else "not known",
        help="What the app measures it with. The name of a file is only a hint.",
    )
    return chosen or None


def _reconstructions(model: BetaVAE, name: str, found: FoundModel, held: ImportPreview) -> None:
    """Images of the data set above what the model makes of them, and what that costs."""
    key = name, _choices(found)
    if key not in held.seen:
        with st.spinner("Reconstructing"):
            held.seen[key] = _held_against(model, name)
    result = held.seen[key]
    title = DATASETS[name].title
    if isinstance(result, str):
        st.caption(sentence(f"not held against {title}: {result}"))
        return
    count, reconstruction, kl, images = result
    image_sheet(images, 80).show(
        f"Images of {title}, and below each its reconstruction",
        f"Images of {title} and their reconstructions. Over {count} images: reconstruction "
        f"{reconstruction:.1f}, KL {kl:.1f} nats an image, sampled latents.",
    )


def _held_against(model: BetaVAE, name: str) -> tuple[int, float, float, np.ndarray] | str:
    """How many images, reconstruction and KL, and images with reconstructions; or why there are none."""
    from explorer.analysis.evaluation import choose, evaluate
    from explorer.analysis.inspection import inspect
    from explorer.datasets import open_dataset

    channels, height, width = model.shape
    try:
        data = open_dataset(name, size=height if height == width else None, channels=channels)
        count = min(COUNT, len(data))
        result = evaluate(model, data, count, page_cache.SEED)
        shown = inspect(model, data, [int(i) for i in choose(data, min(SAMPLES, count), page_cache.SEED)])
    except UserError as error:
        return str(error)
    return count, result.reconstruction, result.kl, np.stack([shown.images, shown.reconstructions])
