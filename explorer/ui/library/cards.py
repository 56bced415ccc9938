"""A model's card on the page Library: its picture, its recipe and numbers, and what can be changed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from hashlib import blake2b
from math import ceil

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import access
from explorer.analysis.ranges import value_range
from explorer.cache import Cache
from explorer.checkpoints import Description, describe, load, recipe
from explorer.checkpoints.notes import MAX_TAGS, MAX_TEXT
from explorer.checkpoints.overview import Overview
from explorer.errors import UserError
from explorer.figures.renderings import cell_size
from explorer.naming import MAX_NAME
from explorer.ui.library import actions
from explorer.ui.pictures import Picture, image_sheet
from explorer.ui.text import plain, sentence
from explorer.ui.waiting import busy
from explorer.words import size
from models.kinds import NETWORKS

ORIGINS = {"shipped": "shipped", "library": "your library", "run": "a run"}
ROWS, STEPS, CELL = 5, 7, 40
PICTURES = Cache("traversals", most_files=5000)
_drawing = threading.Lock()  # one model at a time is read for its picture, whoever asks


def date_of(seconds: float) -> str:
    """Such as 2026-11-25, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def score_lines(model: Overview) -> str:
    """What was measured with these weights, as the checkpoint says."""
    config = model.config
    measured = config.evaluation if config else None
    if config is None or measured is None:
        return "Not measured: the checkpoint holds no evaluation"
    found = [
        f"reconstruction {measured.reconstruction:.2f} nats",
        f"KL {measured.kl:.2f} nats",
        f"{measured.active_units} of {config.latents} active",
        "MIG not measured" if measured.mig is None else f"MIG {measured.mig:.3f}",
    ]
    where = f"{measured.count:,} images of {measured.data} ({measured.split}), seed {measured.seed}"
    return f"{' · '.join(found)} · as the checkpoint says, on {where}"


def show_card(model: Overview) -> tuple[Description, DeltaGenerator] | None:
    """A model in words, and the place of its picture; None where it can't be read."""
    name, key = model.name, _key(model.name)
    with st.container(border=True, key=f"library-card-{key}"):
        ticked = f"library.tick.{key}"
        st.session_state[ticked] = name in actions.ticked()
        st.checkbox(f"**{plain(name)}**", key=ticked, on_change=actions.tick, args=(name, ticked))
        about = [ORIGINS[model.entry.origin], date_of(model.saved), size(model.bytes)]
        tags = " ".join(f":gray-badge[{plain(tag)}]" for tag in model.notes.tags)
        st.caption(f"{' · '.join(about)} {tags}")
        found = _contents(model)
        if model.notes.text:
            st.caption("  \n".join(plain(line, 300) for line in model.notes.text.splitlines()[:8]))
        with st.container(horizontal=True, vertical_alignment="center"):
            if found is not None:
                st.page_link(
                    "pages/explore.py", label="Open in Explore", icon=":material/tune:", query_params={"model": name}
                )
                if NETWORKS[found[0].config.network].trains and access.may("train"):
                    st.page_link(
                        "pages/train.py",
                        label="Train on from it",
                        icon=":material/model_training:",
                        query_params={"from": name},
                    )
            if access.may("import") or access.may("label", model.entry.path):
                st.button(
                    "Edit",
                    icon=":material/edit:",
                    type="tertiary",
                    key=f"library.edit.{key}",
                    on_click=actions.edit,
                    args=("" if _edited(name) else name,),
                )
        if _edited(name):
            _editor(model, key)
            if found is not None:
                _give(found[0])
    return found


def _contents(model: Overview) -> tuple[Description, DeltaGenerator] | None:
    try:
        description = describe(model.entry.path)
    except UserError as error:
        st.error(sentence(error))
        return None
    place = st.container()
    try:
        config = description.config
        st.markdown(
            f"{plain(recipe.objective(config))}  \n{plain(recipe.price(config, description.path).words)}  \n"
            f"{plain(recipe.implied_variance(description))}"
        )
        st.caption(plain(" · ".join(recipe.lines(config))))
    except UserError as error:
        st.caption(sentence(error))
    st.caption(plain(score_lines(model)))
    return description, place


def _key(name: str) -> str:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _edited(name: str) -> bool:
    return bool(st.session_state.get(actions.EDITED) == name)


def _editor(model: Overview, key: str) -> None:
    """Name, tags and notes; duplicate and delete."""
    name, fields = model.name, f"library.change.{key}"
    shipped, place = model.entry.origin == "shipped", model.entry.path
    st.text_input(
        "Name",
        name.rpartition("/")[2] if model.entry.origin == "run" else name,
        key=f"{fields}.name",
        max_chars=MAX_NAME,
        disabled=shipped or not access.may("rename", place),
        help="A shipped model keeps its name; a copy of it can have any." if shipped else None,
    )
    st.multiselect(
        "Tags",
        model.notes.tags,
        model.notes.tags,
        key=f"{fields}.tags",
        accept_new_options=True,
        max_selections=MAX_TAGS,
        placeholder="Write a tag and press Enter",
    )
    st.text_area("Notes", model.notes.text, key=f"{fields}.text", max_chars=MAX_TEXT, height=100)
    with st.container(horizontal=True):
        st.button(
            "Save",
            type="primary",
            key=f"{fields}.save",
            on_click=actions.save_fields,
            args=(name, fields),
            disabled=not access.may("label", place),
            help=access.why_not("label", place) or None,
        )
        st.button(
            "Duplicate",
            icon=":material/content_copy:",
            key=f"{fields}.duplicate",
            on_click=actions.duplicate,
            args=(name,),
        )
        if not shipped and access.may("delete", place):
            with st.popover("Delete", icon=":material/delete:"):
                what = "The run with all its logs" if model.entry.origin == "run" else "The model"
                st.markdown(f"{what} goes to the trash; from there it can be put back.")
                st.button(
                    "Move to the trash",
                    type="primary",
                    key=f"{fields}.delete",
                    on_click=actions.discard,
                    args=([name],),
                )


def _give(description: Description) -> None:
    """The model for others."""
    from explorer.ui.library.giving import give_panel

    if why := access.why_not("export"):
        st.caption(sentence(why))
        return
    give_panel(description)


def picture(description: Description, place: DeltaGenerator) -> None:
    """Traversals of the dimensions with the highest KL, decoded by the model itself, once for its content."""
    latents, known = description.config.latents, description.evaluation
    order = list(range(latents))
    if known is not None:
        order.sort(key=lambda dimension: -known.kl_per_dimension[dimension])
    shown = order[:ROWS]
    first = description.config.first_image
    start = [0.0] * latents if first is None else list(first.mean)
    around = "" if first is None else f"-{first.image}"
    name = f"{description.hash}-{'.'.join(map(str, shown))}{around}.png"
    content = PICTURES.read(name)
    try:
        if content is None:
            with busy(place, "Decoding", len(shown) * CELL), _drawing:
                content = _drawn(description, start, shown)
                PICTURES.write(name, content)
    except UserError as error:
        place.error(sentence(error))
        return
    names = ", ".join(f"z{dimension}" for dimension in shown)
    with place:
        _as_picture(content, _wide(description)).show(f"Traversals of {names}")
        others = "" if first is None else f", the others as in image {first.image:,}"
        st.caption(
            f"{names} from the prior's 5 % to 95 %" + ("" if known is None else ", the highest KL first") + others
        )


def _drawn(description: Description, start: list[float], dimensions: list[int]) -> bytes:
    from explorer.analysis.traversal import traverse

    checkpoint = load(description.path)
    if checkpoint.hash != description.hash:
        raise UserError(f"{description.name} was replaced while it was read: try again")
    latents, samples = description.config.latents, description.config.samples
    smaller = _smaller(_wide(description))
    low, high = value_range("prior", latents, 0.05)
    rows = []
    for dimension in dimensions:  # one by one: large images, and still little memory
        row = traverse(checkpoint.model, np.array(start), [dimension], low, high, STEPS)[0]
        if samples is not None:
            rows.append(row)
            continue
        n, c, h, w = row.shape
        row = row[..., : h - h % smaller, : w - w % smaller]
        rows.append(row.reshape(n, c, h // smaller, smaller, w // smaller, smaller).mean((3, 5)))
    return image_sheet(np.stack(rows), CELL, samples).file


def _wide(description: Description) -> int:
    """Pixels across a picture of one of its samples."""
    return cell_size(description.config.shape, description.config.samples)[1]


def _smaller(width: int) -> int:
    """How many pixels of a large image become one."""
    return max(1, width // (2 * CELL))


def _as_picture(content: bytes, width: int) -> Picture:
    """The PNG file at the width that `sheet` gives it; its own width stands in its header."""
    pixels, width = int.from_bytes(content[16:20], "big"), width // _smaller(width)
    return Picture(content, round(pixels * CELL / (max(1, ceil(CELL / width)) * width)))
