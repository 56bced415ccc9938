"""Pruning: set the smallest weights to zero, or leave latents out, and see what is left."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.errors import UserError
from explorer.ui.insight.looking import STILL, Looking, choose_images, explain, give, kept
from explorer.ui.insight.state import page
from explorer.ui.text import plain, sentence

if TYPE_CHECKING:
    from explorer.analysis.insight.sparsity import Pruned

PARTS = {"both": "Both", "encoder": "Encoder", "decoder": "Decoder"}
ROWS, ACROSS = 4, 3


def show(looking: Looking) -> None:
    """The whole section."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="insight.controls"):
        choose_images(looking)
        st.segmented_control("Part", list(PARTS), format_func=PARTS.__getitem__, required=True, **page.choice("part"))
        st.toggle("By layer", help="Take the share of each layer, not of all weights together.", **page.entry("layers"))
    most = max(description.config.latents for description in looking.descriptions)
    left_out = min(looking.state.left_out, most)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.slider("Share of weights set to zero", 0.0, 1.0, step=0.05, width=360, **page.entry("share"))
        st.slider("Latents left out, lowest KL first", 0, most, width=300, **page.entry("left_out", left_out))
    for start in range(0, len(looking.names), ACROSS):
        numbers = range(start, min(start + ACROSS, len(looking.names)))
        for column, number in zip(st.columns(ACROSS, gap="large"), numbers, strict=False):
            with column:
                try:
                    _pictures(looking, number)
                except UserError as error:
                    st.error(sentence(f"{looking.names[number]}: {error}"))
    explain("pruning")
    _curves(looking)


def _pictures(looking: Looking, number: int) -> None:
    """A few images, what the model makes of them, and what its pruned copy does."""
    from explorer.analysis.insight.sparsity import pruned, pruned_pictures
    from explorer.figures.image_grid import grid, png
    from explorer.figures.renderings import render

    state, name = looking.state, looking.names[number]
    model, data = looking.model(number), looking.data(number)
    images = looking.few(ROWS, number)
    left_out = min(state.left_out, model.latents)

    def make(_: object) -> tuple[np.ndarray, int, int]:
        made, zeros, weights = pruned(model, state.share, state.part, state.layers)
        return pruned_pictures(model, made, data, images, left_out), zeros, weights

    settings = (state.share, state.part, state.layers, left_out)
    sheet, zeros, weights = kept(looking.key(number, "pruned", tuple(images), *settings), "Pruning", make)
    st.markdown(f"**{plain(name)}**")
    looking.sheet(sheet, 96, number).show(
        alt=f"{len(sheet)} {looking.nouns}, each with what {name} makes of it, whole and pruned",
        caption=f"{looking.noun} · whole · pruned",
    )
    error = float(((sheet[:, 2] - sheet[:, 1]) ** 2).sum(axis=(1, 2, 3)).mean())
    gone = f", {left_out} of {model.latents} latents left out" if left_out else ""
    st.caption(
        f"{zeros:,} of {weights:,} weights are 0, {zeros / weights:.1%}{gone}; "
        f"squared distance from the whole model's pictures {error:.4g}."
    )
    cells = render(sheet, looking.samples(number), 2)
    give(("Pictures, PNG", f"pruned-{number + 1}.png", lambda: png(grid(cells))))


def _curve(looking: Looking, number: int) -> Pruned:
    from explorer.analysis.insight.sparsity import prune

    state, count = looking.state, looking.images(number)
    model, data = looking.model(number), looking.data(number)
    key = looking.key(number, "sparsity", count, state.seed, state.part, state.layers)
    doing = plain(f"{looking.names[number]}: measuring on {count:,} {looking.nouns} at each share")
    return kept(key, doing, lambda tell: prune(model, data, count, state.seed, state.part, state.layers, tell=tell))


def _curves(looking: Looking) -> None:
    """Costs, KL, dimensions and scores against the share of zeros, a line a model."""
    from explorer.export.sparsity_files import pruned_csv

    st.subheader("Against the share of zeros")
    found: dict[str, Pruned] = {}
    for number, name in enumerate(looking.names):
        try:
            found[name] = _curve(looking, number)
        except UserError as error:
            st.caption(sentence(f"{name}: absent. {error}"))
    if not found:
        return
    probes = sorted({of.factor for of in found.values() if of.probe is not None})
    panels = [
        ("−log p(x|µ), nats", "nats", {name: of.nll for name, of in found.items()}),
        ("KL, nats", "nats", {name: of.kl.sum(1) for name, of in found.items()}),
        ("active dimensions", "", {name: of.active for name, of in found.items()}),
        ("MIG", "", {name: of.mig for name, of in found.items() if of.mig is not None}),
        (
            f"accuracy of a probe, {', '.join(probes)}",
            "",
            {name: of.probe for name, of in found.items() if of.probe is not None},
        ),
    ]
    there = [panel for panel in panels if panel[2]]
    for start in range(0, len(there), 2):
        for column, panel in zip(st.columns(2, gap="large"), there[start:], strict=False):
            with column:
                _line(found, *panel, looking.state.share)
    counts = sorted({of.count for of in found.values()})
    lacking = [name for name, of in found.items() if of.mig is None]
    st.caption(
        f"Means over {' to '.join(f'{c:,}' for c in counts)} {looking.nouns}, seed {looking.state.seed}. MIG "
        f"of so few {looking.nouns} is above that of many: compare it along a line. The probe is a logistic regression "
        f"of the means of one half of the {looking.nouns}, held to the other half. "
        + (f"Scores are absent where no factors are known: {plain(', '.join(lacking))}." if lacking else "")
    )
    give(("Curves, CSV", "pruning.csv", partial(pruned_csv, found)))


def _line(found: dict[str, Pruned], title: str, unit: str, values: dict[str, np.ndarray | None], share: float) -> None:
    from explorer.figures.insight_lines import lines

    shown = {name: v for name, v in values.items() if v is not None}
    costs = title.startswith("−log p") and all(bool((v > 0).all()) for v in shown.values())
    st.plotly_chart(
        lines(
            {name: (found[name].share, v) for name, v in shown.items()},
            ("share of weights set to zero", title),
            mark=share,
            log=costs,
            unit=unit,
        ),
        key=f"insight.pruned.{title}",
        config=STILL,
        alt=f"{title} against the share of zeros for {len(shown)} models",
    )
