"""Intervene: move a latent, exchange activations of two images, set a factor, and see what follows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.errors import UserError
from explorer.ui.insight.looking import STILL, Looking, choose_image, explain, give, kept, look_into
from explorer.ui.insight.many_effects import many
from explorer.ui.insight.state import page
from explorer.ui.text import plain, sentence

if TYPE_CHECKING:
    from explorer.analysis.insight.patching import Layer
    from explorer.analysis.inspection import Inspection

ACTS = {"latent": "A latent", "patch": "Activations", "factor": "A factor"}
BARS = 32  # that are drawn
CELL = 132


def show(looking: Looking) -> None:
    """The whole section."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="insight.controls"):
        number = look_into(looking)
        choose_image(looking, "A")
        choose_image(looking, "B", "other")
        st.segmented_control("Change", list(ACTS), format_func=ACTS.__getitem__, required=True, **page.choice("act"))
    data = looking.data(number)
    if max(looking.state.image, looking.state.other) >= len(data):
        st.caption(f"There are {looking.nouns} 0 to {len(data) - 1:,}; the last one stands for those beyond.")
    try:
        {"latent": _latent, "patch": _patch, "factor": _factor}[looking.state.act](looking, number)
    except UserError as error:
        st.caption(sentence(f"absent: {error}"))
    explain("intervene")
    many(looking, number)


def ends(looking: Looking, number: int) -> tuple[int, int]:
    """Images A and B."""
    return looking.image(number), min(looking.state.other, len(looking.data(number)) - 1)


def _inspected(looking: Looking, number: int) -> Inspection:
    from explorer.ui import page_cache

    return page_cache.inspected(looking.descriptions[number], ends(looking, number))


def _row(looking: Looking, number: int, pictures: list[np.ndarray], words: list[str], name: str, alt: str) -> None:
    """Pictures `(C, H, W)` side by side, the last one a difference, with what each is; and the file of them."""
    from explorer.figures.image_grid import grid, png
    from explorer.figures.renderings import render

    sheet = np.stack(pictures)[None]
    looking.sheet(sheet, CELL, number).show(alt=alt, caption=" · ".join(words))
    give(("Pictures, PNG", name, lambda: png(grid(render(sheet, looking.samples(number), 2)))))


def _latent(looking: Looking, number: int) -> None:
    """do(z_j := µ_j + δ·s_j) on image A."""
    from explorer.ui import page_cache

    description, state = looking.descriptions[number], looking.state
    fit = page_cache.fitted_posterior(description, looking.images(number))
    found = _inspected(looking, number)
    order = np.argsort(-found.kl.mean(0), kind="stable").tolist()
    latent = order[0] if state.act_latent is None else min(state.act_latent, len(order) - 1)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input("Latent", min_value=0, max_value=len(order) - 1, width=130, **page.entry("act_latent", latent))
        st.slider(
            "By δ standard deviations", min_value=-10.0, max_value=10.0, step=0.25, width=360, **page.entry("act_by")
        )
    z = found.mean[0].copy()
    z[latent] += state.act_by * fit.std[latent]
    changed = page_cache.decoded(description, z.tolist())
    before = found.reconstructions[0]
    _row(
        looking,
        number,
        [found.images[0], before, changed, np.abs(changed - before)],
        [f"{looking.noun} A", "decoded", f"z{latent} moved", "difference"],
        "latent.png",
        f"{looking.noun.capitalize()} A, its reconstruction, the same with z{latent} moved, and the difference",
    )
    effect = float(np.linalg.norm(changed - before))
    value = "pixel" if looking.samples(number) is None else "value"
    st.caption(
        f"z{latent} goes from {found.mean[0, latent]:.2f} to {z[latent]:.2f}, by {state.act_by:g} times "
        f"{fit.std[latent]:.3f}, its standard deviation over {looking.nouns}. ‖difference‖₂ = {effect:.3f}, "
        f"rms {effect / changed.size**0.5:.4f} of a {value}. Beyond ±3 no {looking.noun} has such "
        "a code."
    )


def _patch(looking: Looking, number: int) -> None:
    """Units of a layer from B's pass in A's."""
    from explorer.analysis.insight.patching import images_of, layers_of, patch, unit_effects, units_of
    from explorer.figures.insight_lines import bars

    model, state = looking.model(number), looking.state
    layers = {layer.name: layer for layer in layers_of(model)}
    usual = "decoder:0" if "decoder:0" in layers else next(iter(layers))
    name = state.act_layer if state.act_layer in layers else usual
    with st.container(horizontal=True, vertical_alignment="bottom"):
        options = page.option("act_layer", list(layers), name)
        st.selectbox("Layer", **options, format_func=lambda n: _words(layers[n]), width=360)
        st.text_input("Units, all if empty", placeholder="0-3, 7", max_chars=200, **page.entry("act_units"))
    layer = layers[name]
    units = units_of(state.act_units, layer.units)
    pair = images_of(model, looking.data(number), *ends(looking, number))
    key = looking.key(number, "patch", ends(looking, number), name)
    found = kept((*key, tuple(units)), "Patching", lambda _: patch(model, pair, layer, units))
    _row(
        looking,
        number,
        [*found.images, np.abs(found.images[1] - found.images[0])],
        ["A decoded", "A with units of B", "B decoded", "difference from A"],
        "patch.png",
        f"A decoded, A with {len(units)} units of {name} from B, B decoded, and the difference",
    )
    if found.effect is None:
        st.caption("A and B decode to the same picture: an effect would be 0/0, and is absent.")
        return
    st.caption(
        f"{len(units)} of {layer.units} units: effect {found.effect:.3f} (0 is A, 1 is B), "
        f"recovery {found.recovery:.3f}."
    )
    alone = kept((*key, "units"), "Patching each unit alone", lambda _: unit_effects(model, pair, layer))
    if alone is None:
        return
    order = np.argsort(-np.abs(alone), kind="stable")[:BARS]
    st.plotly_chart(
        bars([str(u) for u in order], alone[order], "effect of a unit alone"),
        key="insight.units",
        config=STILL,
        alt=f"Effect of each of {len(order)} units of {name} alone",
    )
    few = f"The {len(order)} of largest effect of {layer.units} units. " if layer.units > len(order) else ""
    st.caption(f"{few}Effects of units alone need not add up to that of all: what follows is not linear.")
    from explorer.export.effect_files import units_csv

    give(("Units, CSV", "units.csv", partial(units_csv, name, alone)))


def _words(layer: Layer) -> str:
    sizes = " × ".join(str(size) for size in layer.shape)
    return f"{layer.part} {layer.place}: {layer.kind}, {sizes}"


def _factor(looking: Looking, number: int) -> None:
    """do(factor := value) on image A, where the data set renders its factors."""
    from explorer.datasets.base import FactorGrid, unit
    from explorer.figures.insight_lines import bars
    from explorer.ui import page_cache

    data, state, model = looking.data(number), looking.state, looking.model(number)
    if not isinstance(data, FactorGrid):
        raise UserError(
            f"{data.name} holds {looking.nouns} and does not make them from factors, so that none can be set"
        )
    factor = min(state.act_factor, len(data.factor_names) - 1)
    size = data.factor_sizes[factor]
    value = min(state.act_value, size - 1)
    names = data.factor_names
    with st.container(horizontal=True, vertical_alignment="bottom"):
        options = page.option("act_factor", range(len(names)), factor)
        st.selectbox("Factor", **options, format_func=lambda k: names[k], width=220)
        st.number_input(
            f"Set to, 0 to {size - 1}", min_value=0, max_value=size - 1, width=150, **page.entry("act_value", value)
        )
    import torch

    image = looking.image(number)
    classes = data.factors([image])
    was = int(classes[0, factor])
    classes[0, factor] = value
    pixels = unit(data.render(classes)).to(model.device)
    with torch.inference_mode():
        mean = model.encode(pixels).mean
        decoded = model.decode(mean)[0].float().cpu().numpy()
    fit = page_cache.fitted_posterior(looking.descriptions[number], looking.images(number))
    found = page_cache.inspected(looking.descriptions[number], [image])
    before, after = found.images[0], pixels[0].cpu().numpy()
    _row(
        looking,
        number,
        [before, after, decoded, np.abs(decoded - found.reconstructions[0])],
        [f"{looking.noun} A", f"{names[factor]} set", "decoded", "change of the decoded"],
        "factor.png",
        f"{looking.noun.capitalize()} A, the same with {names[factor]} set to {value}, what is decoded of it, and how "
        "that changed",
    )
    moved = (mean[0].cpu().numpy() - found.mean[0]) / np.where(fit.std > 0, fit.std, 1)
    order = np.argsort(-np.abs(moved), kind="stable")[:BARS]
    st.plotly_chart(
        bars([f"z{j}" for j in order], moved[order], "change, standard deviations"),
        key="insight.moved",
        config=STILL,
        alt=f"How far each latent moves when {names[factor]} is set",
    )
    st.caption(f"{plain(names[factor])} goes from {was} to {value}; the latents that answer most come first.")
