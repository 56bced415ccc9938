"""The sentence on a page that a model or a run has collapsed, and what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.analysis.collapse import Verdict, tells_nothing, verdict
from explorer.checkpoints import Description
from explorer.errors import UserError
from explorer.ui import page_cache
from explorer.ui.text import plain

if TYPE_CHECKING:
    from explorer.analysis.evaluation import EvaluationResult
    from explorer.datasets import Dataset
    from models.beta_vae import BetaVAE

ICONS = {
    "collapsed": ":material/bedtime:",
    "untrained": ":material/help:",
    "unclear": ":material/help:",
    "asleep": ":material/hourglass_top:",
}


def show_collapsed(found: Verdict | None, name: str = "") -> None:
    """Say it, where there is something to say; `name` is the model's, where several are shown."""
    if found is None:
        return
    said = found.sentences
    said = f"{name}: {said}" if name else said[:1].upper() + said[1:]
    (st.info if found.kind == "asleep" else st.warning)(plain(said, 1000), icon=ICONS[found.kind])


def of_model(
    description: Description,
    measured: EvaluationResult | None,
    count: int,
    seed: int = page_cache.SEED,
    data: Dataset | None = None,
) -> Verdict | None:
    """The verdict on a model: `measured` on the images of the same count and seed, or what it says of itself."""
    if measured is None:
        claimed = description.evaluation
        return None if claimed is None else verdict(claimed, description.config)
    if verdict(measured, description.config) is None:
        return None  # the images are looked at again only where that matters
    network, data = page_cache.model(description), data or page_cache.dataset(description)
    blank = _blank(description.hash, data.identity, min(count, len(data)), seed, network, data)
    return verdict(measured, description.config, blank)


@st.cache_data(max_entries=64, show_spinner=False)
def _blank(content: str, identity: str, count: int, seed: int, _model: BetaVAE, _data: Dataset) -> tuple[float, float]:
    from explorer.analysis.blank import blank_costs

    return blank_costs(_model, _data, count, seed)


def explored(description: Description, count: int) -> None:
    """The sentence on the page Explore. No image is decoded where the rates, which it has, tell that there is none."""
    known = page_cache.measured(description, count)
    if (
        isinstance(known, page_cache.MeasuredKL)
        and known.active is not None
        and not tells_nothing(sum(known.kl), sum(known.active))
    ):
        return
    try:
        measured = page_cache.evaluated(description, count)
    except UserError:
        measured = None  # the page says what is wrong with the images
    show_collapsed(of_model(description, measured, count))
