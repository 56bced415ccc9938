"""What stands below the linked sliders on the page Compare: numbers, KL, traversals, matching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import paths
from explorer.analysis.model_table import LEAD, Numbers, best, notes, table_values
from explorer.checkpoints.recipe import Source
from explorer.errors import UserError
from explorer.live.comparison import MOST_MATCHED
from explorer.ui import collapsed, page_cache
from explorer.ui.compare.models import View
from explorer.ui.compare.state import page
from explorer.ui.insight_links import MOST_IN_INSIGHT, insight_links
from explorer.ui.text import plain
from explorer.words import number

STILL = {"displayModeBar": False}
STEPS, CELL = 9, 52  # pictures in a traversal, and their size on the page
MOST_ROWS = 10  # sliders whose traversals are shown
MARK = "background-color: rgba(79, 185, 176, 0.28); font-weight: 600"
TITLES = {
    "name": "Model",
    "images": "Images",
    "objective": "Objective",
    "beta": "β",
    "beta_norm": "β·D/(C·H·W)",
    "reconstruction": "Reconstruction",
    "kl": "KL",
    "elbo": "ELBO",
    "active_units": "Active units",
    "latents": "Latents",
}


def model_sentence(name: str, text: str) -> str:
    """A sentence about the model of that name, for Markdown."""
    return plain(f"{name}: {text.rstrip('.')}.")


def counted(view: View) -> list[Numbers]:
    """The numbers of every model."""
    return [
        table_values(m.name, m.description, m.source, measured)
        for m, measured in zip(view.models, view.evaluations, strict=True)
    ]


def numbers_table(view: View) -> None:
    """The numbers of every model, the best marked where one can be."""
    rows = counted(view)
    st.header("Numbers")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            "Images to measure on", min_value=10, max_value=100_000, step=1000, width=180, **page.entry("count")
        )
        st.number_input(
            "Seed",
            min_value=0,
            max_value=2**31 - 1,
            step=1,
            width=120,
            **page.entry("seed"),
            help="Of the choice of these images, and of the sampled latents.",
        )
    marked = best(rows)
    _about_numbers(rows, marked)
    _frame(rows, marked)
    for row in rows:
        if row.reason:
            st.caption(model_sentence(row.name, f"no numbers, {row.reason}"))
    _collapsed(view)
    _links_to_explore(view)
    counts = {row.count for row in rows if row.count is not None}
    if len(counts) > 1 or any(count < page.state().count for count in counts):
        said = ", ".join(f"{row.name} {row.count:,}" for row in rows if row.count is not None)
        st.caption(plain(f"Images measured on, all where there are fewer than asked: {said}."))


def _about_numbers(rows: list[Numbers], marked: dict[str, set[int]]) -> None:
    words = [
        f"{TITLES[column].lower() if column != 'elbo' else 'ELBO'} {', '.join(rows[n].name for n in sorted(found))}"
        for column, found in marked.items()
        if found
    ]
    told = f"Best, and marked: {'; '.join(words)}. " if words else ""
    st.caption(
        f"{LEAD[:1].upper()}{LEAD[1:]}, as `{paths.COMMAND} evaluate` prints them. {plain(told)}"
        "A smaller reconstruction cost and a larger ELBO = −reconstruction − KL are better, but only "
        "between models of the same images, shape and kind of likelihood. A smaller KL is not better by itself, "
        "and neither are more active units."
    )


def _frame(rows: list[Numbers], marked: dict[str, set[int]]) -> None:
    import pandas as pd

    frame = pd.DataFrame(
        {title: [getattr(row, field) for row in rows] for field, title in TITLES.items()} | {"Note": notes(rows)}
    )

    def mark(column: Any) -> list[str]:
        field = next((field for field, title in TITLES.items() if title == column.name), "")
        return [MARK if n in marked.get(field, ()) else "" for n in range(len(column))]

    st.dataframe(
        frame.style.apply(mark),
        hide_index=True,
        key="compare.numbers",
        column_config={
            "Model": st.column_config.TextColumn(pinned=True),
            "β": st.column_config.NumberColumn(format="%.4g"),
            "β·D/(C·H·W)": st.column_config.NumberColumn(format="%.3g"),
            "Reconstruction": st.column_config.NumberColumn("Reconstruction, nats", format="%.2f"),
            "KL": st.column_config.NumberColumn("KL, nats", format="%.2f"),
            "ELBO": st.column_config.NumberColumn("ELBO, nats", format="%.2f"),
        },
    )


def _collapsed(view: View) -> None:
    for model, measured in zip(view.models, view.evaluations, strict=True):
        if model.description is not None:
            known = None if isinstance(measured, str) else measured
            count, seed = page.state().count, page.state().seed
            found = collapsed.of_model(model.description, known, count, seed, model.data)
            collapsed.show_collapsed(found, model.name)


def _links_to_explore(view: View) -> None:
    st.caption("Open one in Explore:")
    with st.container(horizontal=True, gap="medium", key="compare.open"):
        for model in view.models:
            if model.description is not None:
                st.page_link(
                    "pages/explore.py",
                    label=plain(model.name),
                    icon=":material/tune:",
                    query_params={"model": model.name},
                )
    if any(model.absent for model in view.models):
        st.caption("The page Explore offers to download images where that is possible.")


def kl(view: View) -> None:
    """Bars of the KL of each dimension, sorted in each model, on one scale."""
    from explorer.figures.side_by_side import ranked_kl

    known = [side for side in view.sides if side.kl is not None]
    st.header("KL of each dimension")
    for side in view.sides:
        if side.kl is None:
            reason = side.problem or "it can't be measured without images, and the checkpoint holds no evaluation"
            st.caption(model_sentence(side.name, f"KL not known, {reason}"))
    if not known:
        return
    orders = [sorted(range(side.latents), key=lambda d: -side.kl[d]) for side in known]  # type: ignore[index]
    values = [[side.kl[d] for d in order] for side, order in zip(known, orders, strict=True)]  # type: ignore[index]
    called = [[side.labels.call(d) for d in order] for side, order in zip(known, orders, strict=True)]
    sources = dict.fromkeys(side.about_kl for side in known)
    where = "; ".join(
        text if len(sources) == 1 else f"{', '.join(s.name for s in known if s.about_kl == text)}: {text}"
        for text in sources
    )
    st.caption(plain(f"KL(q(z|x) || p(z)), sorted in each model: {where}."))
    listed = "; ".join(
        f"{side.name} {', '.join(f'{v:.2f}' for v in own[:12])}" for side, own in zip(known, values, strict=True)
    )
    st.plotly_chart(
        ranked_kl([side.name for side in known], values, called),
        key="compare.kl",
        config=STILL,
        alt=f"KL in nats by rank: {listed}",
    )
    insight_links("kl", _readable(view), "first-k", "pruning")


def traversal_rows(view: View) -> None:
    """The same traversal of every model, a row a slider."""
    state, slots = page.state(), view.slots
    shown = min(MOST_ROWS, len(slots))
    st.header("Traversals")
    which = "Each slider" if shown == len(slots) else f"Each of the first {shown} of {len(slots)} sliders"
    st.caption(
        f"{which} in {STEPS} even steps from −{state.span:g} to {state.span:g}, the others at each model's start."
    )
    strips: dict[tuple[int, int], Any] = {}
    for m, (model, side) in enumerate(zip(view.models, view.sides, strict=True)):
        if model.description is None:
            continue
        links = [(k, slots[k][m]) for k in range(shown)]
        for sign in (1, -1):
            wanted = [(k, link.dimension) for k, link in links if link and link.sign == sign]
            start = np.array(side.start, dtype=float)
            low, high = start - sign * state.span, start + sign * state.span
            try:
                found = page_cache.traversals(
                    model.description,
                    start.tolist(),
                    [d for _, d in wanted],
                    (low.tolist(), high.tolist()),
                    STEPS,
                    CELL,
                )
            except UserError as error:
                st.caption(model_sentence(side.name, str(error)))
                continue
            strips |= {(k, m): strip for (k, _), strip in zip(wanted, found, strict=True)}
    for k in range(shown):
        for m, column in enumerate(_across(f"compare.traversal.{k}", len(view.sides))):
            side, link = view.sides[m], slots[k][m]
            with column:
                if link is None or (k, m) not in strips:
                    if side.config is not None:
                        st.caption(plain(f"{k + 1} · {side.name}: this slider moves nothing here"))
                    continue
                name = f"{'−' if link.sign < 0 else ''}{side.labels.call(link.dimension)}"
                caption = plain(f"{k + 1} · {side.name}, {name}")
                strips[k, m].show(f"Traversal of {name} of {side.name}", caption)


def _across(key: str, count: int) -> list[DeltaGenerator]:
    """Places for as many models, up to four in a row."""
    across = count if count <= 4 else 3
    with st.container(gap="xsmall", key=key):
        rows = [st.columns(across, gap="small") for _ in range(-(-count // across))]
    return [column for row in rows for column in row][:count]


def matching(view: View) -> None:
    """Heat-map of the correlations by which dimensions are matched."""
    from explorer.figures import heatmaps

    partners = {view.sides[m].name: m for m, found in enumerate(view.matchings) if found is not None}
    first = view.sides[view.first]
    st.header("Which dimension is which")
    if view.links.why.get("matched"):
        st.caption(plain(view.links.why["matched"]))
    if not partners:
        st.caption("There are no two models here whose dimensions can be matched.")
        return
    chosen = page.state().partner
    if chosen not in partners:
        chosen = next(iter(partners))
    if len(partners) > 1:
        st.selectbox(f"{first.name} with", **page.option("partner", list(partners), chosen), width=400)
    m = partners[chosen]
    found, other = view.matchings[m], view.sides[m]
    assert found is not None
    rows = [first.labels.call(d) for d in range(first.latents)]
    columns = [other.labels.call(e) for e in range(other.latents)]
    pairs = [
        f"{rows[d]} ↔ {'−' if found.correlation[d, e] < 0 else ''}{columns[e]} "
        f"({number(abs(found.correlation[d, e]), 2)})"
        for d, e in sorted(found.pairs, key=lambda pair: -abs(found.correlation[pair]))
    ]
    state = page.state()
    st.caption(
        plain(
            f"|ρ|, Spearman's correlation of the posterior means on the same "
            f"{min(state.count, MOST_MATCHED):,} images, drawn with seed {state.seed}. Framed: the "
            f"assignment with the largest sum. Rows {first.name}, columns {other.name}: "
            f"{', '.join(pairs[:24])}{' …' if len(pairs) > 24 else ''}."
        )
    )
    figure = heatmaps.matrix(
        np.abs(found.correlation),
        rows,
        columns,
        "|ρ|",
        top=1.0,
        row_title=first.name,
        column_title=other.name,
        framed=found.pairs,
    )
    st.plotly_chart(
        figure,
        key="compare.matching",
        config=STILL,
        alt=f"Absolute rank correlations of {first.name} and {other.name}: {', '.join(pairs[:12])}",
    )
    insight_links("matching", _readable(view), "intervene", "anomalies")


def _readable(view: View) -> list[str]:
    """The models that can be used, as many as Insight takes."""
    return [model.name for model in view.models if model.description is not None][:MOST_IN_INSIGHT]


def data_choice(sources: dict[str, Source], lacking: Sequence[str]) -> None:
    """Whose images the models take, where that can differ."""
    if len(sources) + bool(lacking) < 2:
        return
    st.selectbox(
        "Images",
        **page.option("data", ["", *sources]),
        format_func=lambda name: name or "Each model's own",
        width=220,
        help="Every model can also be given the images of one data set, made to its size and channels.",
    )
