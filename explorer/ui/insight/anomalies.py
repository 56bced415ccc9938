"""Anomalies: where an image is unlike what a model knows, by ten scores; and which images stand out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.checkpoints.doubts import sentence_of
from explorer.checkpoints.recipe import price
from explorer.errors import UserError
from explorer.ui.insight.looking import STILL, Looking, choose_images, explain, give, kept, look_into
from explorer.ui.insight.standing_out import standing_out
from explorer.ui.insight.state import page
from explorer.ui.pictures import Picture
from explorer.ui.text import plain, sentence

if TYPE_CHECKING:
    from explorer.analysis.insight.injected import Anomaly
    from explorer.analysis.insight.pixel_scores import AnomalyMaps, OneImage

KINDS = {"bright": "Bright square", "dark": "Dark square", "erased": "Erased part", "noise": "Noise", "blob": "Blob"}
KINDS_OF_VALUES = {
    "bright": "High values",
    "dark": "Low values",
    "erased": "A flat line",
    "noise": "Noise",
    "blob": "Bump",
}
LINES = ("squared_error", "kl_gradient", "error_gradient", "both_gradient", "product")  # of the curve over β
CELL = 132


def show(looking: Looking) -> None:
    """The whole section."""
    numbers = range(len(looking.names))
    with st.container(horizontal=True, vertical_alignment="bottom", key="insight.controls"):
        number = look_into(looking)
        choose_images(looking)
    if any(samples is not None and samples.kind == "vector" for samples in map(looking.samples, numbers)):
        st.caption(
            "Columns of a table have no neighbours, so that nothing can be put into a part of a row, and no map of it "
            "be smoothed. Which rows stand out as a whole is below."
        )
        explain("anomalies")
        standing_out(looking, number)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="insight.put-in"):
        kinds = page.option("odd", list(KINDS), looking.state.odd)
        words = KINDS if looking.samples(number) is None else KINDS_OF_VALUES
        st.selectbox("What is put in", **kinds, format_func=words.__getitem__, width=170)
        side = f"Side, share of the {looking.noun}"
        st.slider(side, min_value=0.02, max_value=1.0, step=0.02, width=190, **page.entry("odd_size"))
        st.slider("Strength", min_value=0.05, max_value=1.0, step=0.05, width=150, **page.entry("odd_strength"))
        if looking.samples(number) is None:
            st.slider("Row of its centre", min_value=0.0, max_value=1.0, step=0.02, width=160, **page.entry("odd_row"))
        across = "Column" if looking.samples(number) is None else "Place of its centre"
        st.slider(across, min_value=0.0, max_value=1.0, step=0.02, width=160, **page.entry("odd_column"))
    _one(looking, number)
    explain("anomalies")
    _many(looking, number)
    standing_out(looking, number)


def _anomaly(looking: Looking, placed: bool) -> Anomaly:
    from explorer.analysis.insight.injected import Anomaly

    state = looking.state
    place = (state.odd_row, state.odd_column) if placed else None
    return Anomaly(state.odd, state.odd_size, state.odd_strength, place)


def _beta(looking: Looking, number: int) -> float | None:
    of = looking.descriptions[number]
    return price(of.config, of.path, of.beta).whole


def _one(looking: Looking, number: int) -> None:
    """The image with the anomaly in it, what the model makes of it, and the map of the chosen score."""
    from explorer.analysis.insight.pixel_scores import SCORES
    from explorer.export.anomaly_files import first_row, one_png
    from explorer.figures.image_grid import grid, png
    from explorer.figures.insight_points import map_pictures

    found = _maps(looking, number)
    mask, maps = found.mask, found.maps
    score = looking.state.odd_score if looking.state.odd_score in maps else next(iter(maps))
    st.selectbox("Score", **page.option("odd_score", list(maps), score), format_func=SCORES.__getitem__, width=330)
    own, thing = looking.samples(number), looking.noun
    places = "pixels" if own is None else "places"
    top = [*first_row(found, own), map_pictures(maps[score], own)]
    large = grid(np.stack(top)[None].repeat(2, axis=2).repeat(2, axis=3))
    Picture(png(large), 4 * CELL).show(
        alt=f"The changed {thing}, its reconstruction, the {places} that changed, and the map of {SCORES[score]}",
        caption=f"changed {thing} · reconstruction · {int(mask.sum()):,} {places} that changed · "
        f"{plain(SCORES[score])}",
    )
    small = np.stack([map_pictures(values, own) for values in maps.values()])
    Picture(png(grid(small.reshape(2, -1, *small.shape[1:]))), 5 * 100).show(
        alt="The maps of all scores, two rows of five",
        caption=" · ".join(plain(SCORES[name]) for name in maps)
        + f". Two rows; {'bright' if own is None else 'high'} is most, for each map by itself.",
    )
    note = sentence_of(looking.descriptions[number].config)
    give(("All maps, PNG", "anomaly-maps.png", partial(one_png, found, note, own)))


def _maps(looking: Looking, number: int) -> OneImage:
    from explorer.analysis.insight.pixel_scores import one_image

    model, data, image = looking.model(number), looking.data(number), looking.image(number)
    anomaly, beta, seed = _anomaly(looking, placed=True), _beta(looking, number), looking.state.seed
    key = looking.key(number, "maps", image, anomaly, seed, beta)
    return kept(key, "Mapping", lambda _: one_image(model, data, image, anomaly, seed, beta))


def _found(looking: Looking, number: int) -> AnomalyMaps:
    from explorer.analysis.insight.pixel_scores import anomaly_maps

    state, count, beta = looking.state, looking.images(number), _beta(looking, number)
    anomaly = _anomaly(looking, placed=False)
    model, data, slow = looking.model(number), looking.data(number), state.odd_projection
    key = looking.key(number, "anomalies", anomaly, count, state.seed, beta, slow)
    doing = plain(f"{looking.names[number]}: mapping {count:,} changed {looking.nouns}")
    return kept(key, doing, lambda tell: anomaly_maps(model, data, anomaly, count, state.seed, beta, slow, tell))


def _many(looking: Looking, number: int) -> None:
    """How well each score finds what was put into many images."""
    from explorer.analysis.insight.pixel_scores import SCORES
    from explorer.export.anomaly_files import scores_csv

    st.subheader("Which score finds it")
    places = "pixels" if looking.samples(number) is None else "places"
    st.toggle("With the projection, which takes 25 passes", **page.entry("odd_projection"))
    found: dict[int, AnomalyMaps] = {}
    for place, name in enumerate(looking.names):
        try:
            found[place] = _found(looking, place)
        except UserError as error:
            st.caption(sentence(f"{plain(name)}: absent: {error}"))
    if number in found:
        of = found[number]
        rows = {
            f"Score of a {places[:-1]}": [SCORES[name] for name in of.names],
            "AUROC": of.auroc.tolist(),
            "AP": of.ap.tolist(),
            "Best Dice": of.dice.tolist(),
            f"AUROC, mean of {looking.nouns}": of.mean_auroc.tolist(),
        }
        numbers = {name: st.column_config.NumberColumn(format="%.3f") for name in list(rows)[1:]}
        st.dataframe(rows, hide_index=True, column_config=numbers, key="insight.scores", height=38 + 35 * len(of.names))
        images = ", ".join(f"{plain(n)} {v:.2f}" for n, v in zip(of.image_names, of.image_auroc, strict=True))
        weight = f"β = {of.beta:g}" if _beta(looking, number) is not None else "β is not known, 1 is taken"
        st.caption(
            f"Pooled over {of.pixels:,} {places} of {of.count:,} {looking.nouns}, {of.masked:,} of them changed "
            f"({100 * of.masked / of.pixels:.2g} %, the AP of a score that knows nothing), at drawn places; {weight}. "
            f"Changed {looking.nouns} told from the same clean ones, AUROC: {images}."
        )
    if found:
        give(("Scores, CSV", "anomalies.csv", lambda: scores_csv({looking.names[n]: of for n, of in found.items()})))
    _over_beta(looking, found)


def _over_beta(looking: Looking, found: dict[int, AnomalyMaps]) -> None:
    """AUROC of some scores against β, where several models have one."""
    from explorer.analysis.insight.pixel_scores import SCORES
    from explorer.figures.insight_lines import lines

    betas = {number: _beta(looking, number) for number in found}
    known = sorted((beta, number) for number, beta in betas.items() if beta is not None)
    if len({beta for beta, _ in known}) < 2:
        return
    series = {
        SCORES[name]: (
            [beta for beta, _ in known],
            [float(found[n].auroc[found[n].names.index(name)]) for _, n in known],
        )
        for name in LINES
    }
    figure = lines(series, ("β", "AUROC of pixels"))
    figure.update_xaxes(type="log")
    st.plotly_chart(figure, key="insight.over-beta", config=STILL, alt="AUROC of five scores against β")
    left = [plain(looking.names[n]) for n, beta in betas.items() if beta is None]
    if left:
        st.caption(f"Without a known β on the whole KL, and so not in the chart: {', '.join(left)}.")
