"""Groups: latents taken together, their cost, one slider for all of them, and their exchange between two images."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer import access
from explorer.checkpoints.doubts import sentence_of
from explorer.checkpoints.labels import MOST_GROUPS, Group, Labels, name_dimensions, read_labels
from explorer.errors import UserError
from explorer.ui import page_cache
from explorer.ui.insight.looking import Looking, choose_count, choose_image, explain, give, kept, look_into
from explorer.ui.insight.state import page
from explorer.ui.text import plain, sentence

if TYPE_CHECKING:
    from explorer.analysis.insight.blocks import Blocks

DIRECTIONS = {"even": "All alike", "principal": "Principal axis"}
STEPS, REACH, CELL = 9, 3.0, 84


def show(looking: Looking) -> None:
    """The whole section."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="insight.controls"):
        number = look_into(looking)
        choose_image(looking, "A")
        choose_image(looking, "B", "other")
        choose_count(looking)
    labels = read_labels(looking.descriptions[number].path)
    group = _chosen(looking, number, labels)
    _pictures(looking, number, group)
    explain("groups")
    _table(looking, number, group, labels)


def _chosen(looking: Looking, number: int, labels: Labels) -> Group:
    """The group that is looked at, and the controls that choose it."""
    from explorer.analysis.insight.blocks import grouped

    state, description = looking.state, looking.descriptions[number]
    latents = description.config.latents
    fit = page_cache.evaluated(description, looking.images(number))
    order = np.argsort(-fit.kl_per_dimension, kind="stable").tolist()
    chosen = tuple(latent for latent in state.group_latents if latent < latents) or tuple(sorted(order[:2]))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        own = page.choice("group_latents", chosen)
        st.multiselect("Latents of the group", order, format_func=labels.call, width=420, **own)
        st.text_input("Name", placeholder="place", max_chars=40, width=180, **page.entry("group_name"))
        directions = page.choice("group_direction")
        st.segmented_control(
            "Direction", list(DIRECTIONS), format_func=DIRECTIONS.__getitem__, required=True, **directions
        )
        st.slider("Along it", min_value=-4.0, max_value=4.0, step=0.1, width=300, **page.entry("group_by"))
    group = grouped(state.group_name.strip() or "group", chosen, _means(looking, number), state.group_direction)
    _keeping(looking, number, group, labels)
    return group


def _means(looking: Looking, number: int) -> np.ndarray:
    """Posterior means `(n, D)` of the images that are measured on."""
    from explorer.analysis.evaluation import choose, encode_all

    model, data, count, seed = looking.model(number), looking.data(number), looking.images(number), looking.state.seed
    key = looking.key(number, "means", count, seed)
    doing = f"Encoding {count:,} {looking.nouns}"
    means: np.ndarray = kept(
        key, doing, lambda _: encode_all(model, data, choose(data, count, seed)).mean.double().numpy()
    )
    return means


def _keeping(looking: Looking, number: int, group: Group, labels: Labels) -> None:
    """Buttons that keep the group with the model, take a kept one again, or remove it."""
    path = looking.descriptions[number].path
    why = access.why_not("label", path)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for own in labels.groups:
            st.button(
                plain(own.name),
                key=f"insight.group.{own.name}",
                icon=":material/group_work:",
                on_click=page.put,
                kwargs={"group_latents": own.latents, "group_name": own.name},
            )
        named = bool(looking.state.group_name.strip())
        there = any(own.name == group.name for own in labels.groups)
        st.button(
            "Keep this group",
            key="insight.group.keep",
            icon=":material/save:",
            disabled=not named or bool(why),
            help=sentence(why) if why else None if named else "Give it a name first.",
            on_click=_keep,
            args=(looking, number, labels, group),
        )
        if there and not why:
            st.button(
                "Remove it", key="insight.group.remove", icon=":material/delete:", on_click=_remove,
                args=(looking, number, labels, group.name),
            )  # fmt: skip


def _keep(looking: Looking, number: int, labels: Labels, group: Group) -> None:
    others = tuple(own for own in labels.groups if own.name != group.name)
    if len(others) >= MOST_GROUPS:
        page.complain(f"A model has {MOST_GROUPS} groups at the most: remove one first.")
        return
    _write(looking, number, labels, (*others, group))


def _remove(looking: Looking, number: int, labels: Labels, name: str) -> None:
    _write(looking, number, labels, tuple(own for own in labels.groups if own.name != name))


def _write(looking: Looking, number: int, labels: Labels, groups: tuple[Group, ...]) -> None:
    page.complain()
    try:
        name_dimensions(looking.descriptions[number].path, labels.model_copy(update={"groups": groups}))
    except UserError as error:
        page.complain(error)


def _pictures(looking: Looking, number: int, group: Group) -> None:
    """What is decoded along the group's direction, and both images with the group exchanged."""
    from explorer.analysis.insight.blocks import exchanged, traversed
    from explorer.analysis.insight.ways import decoded
    from explorer.export.concept_files import rows_png

    state, model = looking.state, looking.model(number)
    ends = [looking.image(number), min(state.other, len(looking.data(number)) - 1)]
    first, second = page_cache.inspected(looking.descriptions[number], ends).mean
    values = np.linspace(-REACH, REACH, STEPS)
    swapped = exchanged(first, second, group)
    z = np.concatenate([traversed(first, group, [*values, state.group_by]), swapped, [first, second]])
    key = looking.key(number, "group", z.tobytes())
    pictures = kept(key, "Decoding", lambda _: decoded(model, z))
    strip, (moved, of_b, of_a, own, other) = pictures[None, :STEPS], pictures[STEPS:]
    name = plain(group.name)
    row = np.stack([own, moved, other, of_b, of_a])[None]
    looking.sheet(row, CELL, number).show(
        alt=f"{looking.noun.capitalize()} A decoded, the same with {group.name} moved, B, and both with it exchanged",
        caption=f"A · A, {name} moved by {state.group_by:g} · B · A with {name} of B · B with {name} of A",
    )
    looking.sheet(strip, 64, number).show(
        alt=f"{STEPS} pictures along {group.name}", caption=f"A along {name}, from −{REACH:g} to {REACH:g}"
    )
    note, samples = sentence_of(looking.descriptions[number].config), looking.samples(number)
    both = [("along.png", strip), ("exchanged.png", row)]
    give(
        *(
            (f"{label}, PNG", f"group-{file}", partial(rows_png, sheet, [group.name], note, samples))
            for label, (file, sheet) in zip(("Along it", "Exchanged"), both, strict=True)
        )
    )


def _table(looking: Looking, number: int, group: Group, labels: Labels) -> None:
    """Every group's cost, that of the rest, and of all."""
    from explorer.export.group_files import blocks_csv

    found = _blocks(looking, number, [*(own for own in labels.groups if own.name != group.name), group])
    costs = [*found.kl.tolist(), found.rest_kl, found.total]
    rows = {
        "Group": [*(own.name for own in found.groups), "in no group", "all latents"],
        "Latents": [
            *(", ".join(f"z{latent}" for latent in own.latents) for own in found.groups),
            ", ".join(f"z{latent}" for latent in found.rest) or "none",
            f"{len(found.each)}",
        ],
        "KL, nats": costs,
        "Share": [
            value / found.total if found.total > 0 else None for value in (*found.kl, found.rest_kl, found.total)
        ],
        "Variance along its direction": [*(float(v) if np.isfinite(v) else None for v in found.axes), None, None],
    }
    numbers = {
        "KL, nats": st.column_config.NumberColumn(format="%.3f"),
        "Share": st.column_config.NumberColumn(format="percent"),
        "Variance along its direction": st.column_config.NumberColumn(format="percent"),
    }
    st.dataframe(rows, hide_index=True, column_config=numbers, key="insight.groups")
    overlap = sum(costs[:-1]) > found.total * (1 + 1e-9)
    st.caption(
        f"Means over {found.count:,} {looking.nouns}, drawn with seed {found.seed}."
        + (" Some groups share latents, so that they add up to more than all." if overlap else "")
    )
    give(("Groups, CSV", "groups.csv", partial(blocks_csv, found)))


def _blocks(looking: Looking, number: int, groups: list[Group]) -> Blocks:
    from explorer.analysis.insight.blocks import blocks

    model, data, count, seed = looking.model(number), looking.data(number), looking.images(number), looking.state.seed
    key = looking.key(number, "blocks", count, seed, repr(groups))
    return kept(key, "Summing up", lambda tell: blocks(model, data, groups, count, seed, tell))
