"""The models on the page Library: search, filters, order, and what is done with several at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import streamlit as st

from explorer import access
from explorer.checkpoints.overview import Overview, overviews
from explorer.datasets.names import DATASETS
from explorer.launch import model_actions
from explorer.trash import IMAGES, MODEL, RUN
from explorer.ui import widgets
from explorer.ui.library import actions
from explorer.ui.library import state as page
from explorer.ui.library.cards import ORIGINS, date_of, picture, show_card
from explorer.ui.text import plain, sentence
from models.kinds import OBJECTIVES

OBJECTIVE_TITLES = {name: kind.title for name, kind in OBJECTIVES.items()}
KINDS = {MODEL: "a model", IMAGES: "images", RUN: "a run"}
BROUGHT = "library.brought"  # the name of the model that was imported last
MOST_AT_ONCE = 6  # models that Compare takes


def model_section() -> None:
    """All models at hand, as the person wants them."""
    models = overviews()
    if not models:
        st.info("There is no model on this machine yet: train one, or import one.")
        return
    _question(models)
    found = page.matching_models(models, page.state())
    _together(models)
    if not found:
        st.info("No model passes the search and the filters.")
        return
    if page.state().view == "table":
        _table(found)
        return
    _pictures(found)


def _question(models: Sequence[Overview]) -> None:
    """Search, order and filters."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="library-question"):
        st.text_input(
            "Search",
            **page.PAGE.entry("q"),
            width=280,
            max_chars=300,
            placeholder="name, tag, note, data set",
            icon=":material/search:",
        )
        st.selectbox(
            "Sort by", **page.PAGE.option("sort", list(page.SORTS)), format_func=page.SORTS.__getitem__, width=180
        )
        st.toggle("Descending", **page.PAGE.entry("down"))
        st.segmented_control(
            "Show as", ["pictures", "table"], format_func=str.capitalize, required=True, **page.PAGE.choice("view")
        )
    count = page.state().filters
    with st.expander(f"Filters: {count} set" if count else "Filters", icon=":material/filter_alt:"):
        _filters(models)


def _filters(models: Sequence[Overview]) -> None:
    state = page.state()
    offered: dict[str, tuple[str, set[str], dict[str, str]]] = {
        "data": ("Data set", {m.data for m in models}, {k: i.title for k, i in DATASETS.items()}),
        "objective": ("Objective", {m.objective for m in models}, OBJECTIVE_TITLES),
        "origin": ("Where from", {m.entry.origin for m in models}, ORIGINS),
        "tag": ("Tags", {tag for m in models for tag in m.notes.tags}, {}),
    }
    with st.grid("auto", min_column_width=260):
        for field, (label, values, words) in offered.items():
            options = sorted({value for value in values if value} | set(getattr(state, field)))
            st.multiselect(
                label,
                options,
                format_func=_worded(words),
                placeholder="any",
                disabled=not options,
                **page.PAGE.choice(field),
            )
        for field, label in page.NUMBERS.items():
            with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
                for end, word in enumerate(("from", "to")):
                    _bound(field, end, f"{label} {word}")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
            for field, label in (("since", "Saved since"), ("until", "Saved until")):
                day = getattr(state, field)
                key = widgets.key_of(f"library.{field}", day)
                st.date_input(
                    label,
                    day,
                    key=key,
                    on_change=_take_date,
                    args=(field,),
                    width=165,
                    min_value=date(1970, 1, 1),
                    max_value=date(9999, 12, 31),
                )
    if state.filters:
        st.button("Clear the filters", key="library.clear", on_click=_clear)


def _worded(words: Mapping[str, str]) -> Callable[[str], str]:
    return lambda value: words.get(value, value)


def _bound(field: str, end: int, label: str) -> None:
    value = getattr(page.state(), field)[end]
    key = widgets.key_of(f"library.{field}.{end}", value)
    st.number_input(
        label, value=value, key=key, format="%.6g", placeholder="any", width=122, on_change=_take_bound, args=(field,)
    )


def _take_bound(field: str) -> None:
    page.put(**{field: tuple(widgets.value_of(f"library.{field}.{end}") for end in (0, 1))})


def _take_date(field: str) -> None:
    page.put(**{field: widgets.value_of(f"library.{field}")})


def _clear() -> None:
    usual = page.LibraryState()
    page.put(**{name: getattr(usual, name) for name in page.FILTERS})


def _together(models: Sequence[Overview]) -> None:
    """What can be done with the models that are ticked."""
    known = {model.name: model for model in models}
    names = [name for name in actions.ticked() if name in known]
    if not names:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="library-together"):
        st.markdown(f"**{len(names)} ticked**")
        if 1 < len(names) <= MOST_AT_ONCE:
            st.page_link("pages/compare.py", label="Compare", icon=":material/compare:", query_params=_repeated(names))
        st.page_link(
            "pages/measure.py",
            label="Measure",
            icon=":material/straighten:",
            query_params=_repeated(names[:8]),
            disabled=len(names) > 8,
        )
        places = {name: known[name].entry.path for name in names}
        if all(access.may("label", place) for place in places.values()):
            st.text_input(
                "Tag",
                key="library.newtag",
                on_change=actions.add_tag,
                args=(names, "library.newtag"),
                placeholder="Add a tag",
                label_visibility="collapsed",
                width=150,
                max_chars=40,
            )
        own = [name for name in names if known[name].entry.origin != "shipped" and access.may("delete", places[name])]
        if own:
            with st.popover("Delete", icon=":material/delete:"):
                which = f"{len(own)} models go" if len(own) > 1 else "One model goes"
                shipped = len(names) - len(own)
                st.markdown(
                    f"{which} to the trash; from there they can be put back."
                    + (f" {shipped} shipped ones stay." if shipped else "")
                )
                st.button(
                    "Move to the trash", type="primary", key="library.discard", on_click=actions.discard, args=(own,)
                )
        st.button("Untick all", type="tertiary", key="library.untick", on_click=actions.tick_only, args=([],))
        if len(names) > MOST_AT_ONCE:
            st.caption(f"Compare takes up to {MOST_AT_ONCE} models.")


def _repeated(names: Sequence[str]) -> dict[str, list[str]]:
    return {"model": list(names)}


def _pictures(found: Sequence[Overview]) -> None:
    pages = -(-len(found) // page.PER_PAGE)
    number = min(page.state().page, pages)
    first = (number - 1) * page.PER_PAGE
    shown = found[first : first + page.PER_PAGE]
    many = f"{len(found):,} models" if len(found) > 1 else "1 model"
    st.caption(many if pages == 1 else f"{many}, {first + 1:,} to {first + len(shown):,} are shown")
    with st.grid("auto", min_column_width=330):
        places = [show_card(model) for model in shown]
    if pages > 1:
        name = f"library.page.{pages}"
        key = widgets.key_of(name, number)
        st.pagination(pages, default=number, key=key, on_change=_turn, args=(name,))
    for place in places:
        if place is not None:
            picture(*place)


def _turn(name: str) -> None:
    page.put(page=widgets.value_of(name) or 1)


def _table(found: Sequence[Overview]) -> None:
    """Every model that was found, a row each; rows that are chosen are ticked."""
    st.caption(f"{len(found):,} models. A click on a heading sorts; rows that are ticked can be compared.")
    rows: dict[str, list[Any]] = {
        "Model": [m.name for m in found],
        "From": [ORIGINS[m.entry.origin] for m in found],
        "Data set": [m.data for m in found],
        "Objective": [OBJECTIVE_TITLES.get(m.objective, m.objective) for m in found],
        **{label: [getattr(m, field) for m in found] for field, label in page.NUMBERS.items()},
        "Tags": [list(m.notes.tags) for m in found],
        "Saved": [date_of(m.saved) for m in found],
        "MB": [m.bytes / 1e6 for m in found],
        "Trouble": [m.error for m in found],
    }
    if not any(rows["Trouble"]):
        del rows["Trouble"]
    names = rows["Model"]
    ticked = [row for row, name in enumerate(names) if name in set(actions.ticked())]
    key = f"library.table.{hash(tuple(names)) & 0xFFFFFFFF}"
    decimals = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        rows,
        key=key,
        hide_index=True,
        height=620,
        on_select=lambda: _selected(key, names),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": ticked}},
        placeholder="",
        column_config={
            "Reconstruction": decimals,
            "KL": decimals,
            "MB": decimals,
            "MIG": st.column_config.NumberColumn(format="%.3f"),
            "Tags": st.column_config.ListColumn(),
        },
        alt=f"{len(found)} models with their recipes and numbers",
    )


def _selected(key: str, names: Sequence[str]) -> None:
    rows = [row for row in st.session_state[key]["selection"]["rows"] if row in range(len(names))]
    others = [name for name in actions.ticked() if name not in set(names)]
    actions.tick_only([*others, *(names[row] for row in rows)])


def bring() -> None:
    """Models from elsewhere: looked at, corrected where that is needed, and kept."""
    from explorer.ui.library.importing import import_panel

    if why := access.why_not("import"):
        st.info(sentence(why), icon=":material/lock:")
        return
    added = import_panel()
    if added is not None:
        st.session_state[BROUGHT] = added
    brought = st.session_state.get(BROUGHT)
    if brought is not None:
        with st.container(horizontal=True, vertical_alignment="center", key="library-brought"):
            st.markdown(f"**{plain(brought)}** is in your library.")
            st.page_link(
                "pages/explore.py", label="Open in Explore", icon=":material/tune:", query_params={"model": brought}
            )


def deleted_models() -> None:
    """What was deleted, to be put back or deleted for good."""
    items = [item for item in model_actions.trashed() if access.may("delete", item.inside)]
    if not items:
        st.info("The trash is empty.")
        return
    for item in items[:50]:
        with st.container(horizontal=True, vertical_alignment="center", key=f"library-trash-{item.path.name}"):
            kind = KINDS[item.kind]
            when = date_of(int(item.path.name) / 1e9) if item.path.name.isdecimal() else ""
            st.markdown(f"**{plain(item.name)}**  \n:gray[{kind}, deleted on {when}]", width=300)
            st.button("Put back", key=f"library.restore.{item.path.name}", on_click=actions.restore, args=(item,))
    if len(items) > 50:
        st.caption(f"and {len(items) - 50:,} older ones")
    with st.popover("Empty the trash", icon=":material/delete_forever:"):
        st.markdown(f"{len(items)} things are gone for good then.")
        st.button(
            "Delete them for good", key="library.empty", type="primary", on_click=actions.empty_trash, args=(items,)
        )
