"""Measure: how disentangled models are, and the numbers behind the scores."""

from __future__ import annotations

import streamlit as st

from explorer.analysis.scores import SCORES
from explorer.checkpoints import catalogue
from explorer.errors import UserError
from explorer.ui import doubt_mark, first_model
from explorer.ui.measure import latents, score_panel
from explorer.ui.measure import state as page
from explorer.ui.measure.cloud import cloud
from explorer.ui.measure.models import MeasureView, selection
from explorer.ui.text import plain, sentence
from explorer.ui.waiting import busy


def pick() -> list[str]:
    """The models to measure, from the state or the first one there is."""
    entries = {entry.name: entry for entry in catalogue()}
    asked = page.state().models
    names = [name for name in asked if name in entries]
    lost = [name for name in asked if name not in entries]
    if lost:
        page.correct(f"There is no model {', '.join(repr(n[:80]) for n in lost)} here.", models=tuple(names))
    if not names:
        first = first_model.first(list(entries.values()))
        if first is None:
            return []
        names = [first.name]
        page.correct("", models=tuple(names))
    st.multiselect("Models", list(entries), max_selections=page.MOST_MODELS, **page.choice("models", names))
    return names


def looked_at(view: MeasureView) -> int:
    """Which of the models the rest of the page is about."""
    if len(view.names) == 1:
        return 0
    look = page.state().look
    if look not in view.names:
        look = view.names[0]
    st.selectbox("Look into", **page.option("look", view.names, look), width=400)
    return view.names.index(look)


page.follow_url()
st.title("Measure")
names = pick()
if not names:
    st.info("There is no model on this machine yet: train one, or import one.")
    st.stop()
notices = st.container()
score_panel.measure_settings()
if page.complaints():
    notices.warning("  \n".join(plain(complaint) for complaint in page.complaints()))
places = {entry.name: entry for entry in catalogue()}
try:
    with busy(st.container(), "Looking up what is known", 300):
        view = selection(names, [first_model.described(places[name]) for name in names], page.state())
        results = view.results()
except UserError as error:
    st.error(sentence(error))
    if "found" in str(error) or "download" in str(error):
        st.caption("The page Explore offers to download the images where that is possible.")
    st.stop()
doubt_mark.show_doubts(view.descriptions)
score_panel.progress(view)
for name, reason in view.absent.items():
    st.caption(plain(f"{SCORES[name].title}: not measured. {reason}"))
score_panel.downloads(view, results)
score_panel.definitions()
number = looked_at(view)
of = results.get(view.names[number], {})
codes = view.codes(number)
latents.matrices(view, of, codes, view.descriptions[number].config.latents)
latents.carriers(view, of)
latents.latents_table(of)
if codes is not None:
    latents.response_curves(view, codes)
    cloud(view, number)
latents.seeds(view, results, number)
