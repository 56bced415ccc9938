"""The calculator of what a KL weight of other code is as β: on the page Theory, and on Train beside the form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from explorer.analysis.kl_weight import COSTS, FORMS, WAYS, Equivalent, KLWeight, equivalent
from explorer.errors import UserError
from explorer.ui.page_state import PageState
from explorer.ui.text import plain, sentence
from explorer.words import number

LABELS = {
    "weight": "Weight of the KL",
    "values": "Values N = C·H·W",
    "latents": "Latents M",
    "batch": "Images a batch",
    "pixel_range": "Its pixels' range",
    "cost_sigma": "Its σ",
    "pixel_sigma": "σ of a pixel here",
    "cost_weight": "Weight of the cost",
}
WAY_LABELS = {
    "over_pixels": "Cost over pixels",
    "over_latents": "KL over latents",
    "over_batch": "Cost over the batch",
    "kl_over_batch": "KL over the batch",
}
AS_THE_FORM: dict[str, Any] = dict.fromkeys(WAYS)  # nothing is told one by one


class Aside(PageState[KLWeight]):
    """The state of the calculator where it is a part of a page: in the session, not in the URL."""

    def __init__(self, name: str, usual: Callable[[], dict[str, Any]]) -> None:
        super().__init__(name, KLWeight)
        self.usual = usual

    def state(self) -> KLWeight:
        """What was entered; before that, the usual values, with those of the page around it."""
        return st.session_state.get(f"{self.name}.state") or KLWeight(**self.usual())

    def _write(self) -> None:
        """Nothing: the URL is the page's."""


def calculator(page: PageState[Any]) -> Equivalent | None:
    """The loss as it is written there, and its β; None where it has none. The state's fields are ForeignLoss's."""
    loss: KLWeight = page.state()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _number(page, "weight", 170)
        st.selectbox(
            "Its reconstruction cost of a pixel",
            **page.option("cost", list(COSTS)),
            format_func=COSTS.__getitem__,
            width=330,
        )
    st.selectbox(
        "How it sums or averages",
        **page.option("form", list(FORMS), **AS_THE_FORM),
        format_func=lambda form: FORMS[form][0][:1].upper() + FORMS[form][0][1:],
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _number(page, "values", 150)
        _number(page, "latents", 150)
        if loss.way("over_batch") != loss.way("kl_over_batch"):
            _number(page, "batch", 150)
        if loss.cost == "gaussian":
            _number(page, "cost_sigma", 170)
        if loss.cost != "bernoulli" or loss.pixel_range != 1:
            _number(page, "pixel_range", 170)
        if loss.cost != "bernoulli":
            _number(page, "pixel_sigma", 190)
    with st.expander("Sum or mean, one by one"), st.container(horizontal=True, vertical_alignment="bottom"):
        for name in WAYS:
            st.selectbox(WAY_LABELS[name], **page.option(name, ["sum", "mean"], loss.way(name)), width=165)
        _number(page, "cost_weight", 165)
    try:
        found = equivalent(loss)
    except UserError as error:
        st.error(sentence(error))
        return None
    st.markdown(plain(loss_words(loss, found)).replace("\\*\\*", "**"))
    st.caption(
        plain(
            f"That loss is {number(found.scale)} times D + βR in nats an image, and a constant: the gradients point "
            f"the same way, and Adam hardly notices the factor. β·M/N = {number(found.beta_norm)}. The KL is meant "
            "with its ½; double the weight of code that leaves the ½ out. Keras averages a loss over the last axis, "
            "the channels, before anything is summed: of 3 channels the weight of the cost is 1/3."
        )
    )
    return found


def loss_words(loss: KLWeight, found: Equivalent) -> str:
    """The answer in a sentence."""
    begin = f"A weight of {number(loss.weight)} on its KL is **β = {number(found.beta, 4)}**"
    if found.sigma is None or found.implied_variance is None:
        return f"{begin} with Bernoulli pixels."
    same = f"only βσ² = {number(found.implied_variance, 4)} counts"
    one = f"so it is also β = 1 with σ = {number(found.implied_variance**0.5, 4)}"
    return f"{begin} with Gaussian pixels of σ = {number(found.sigma)}: {same}, {one}."


def _number(page: PageState[Any], name: str, width: int) -> None:
    info = KLWeight.model_fields[name]
    whole = name in ("values", "latents", "batch")
    st.number_input(
        LABELS[name],
        step=1 if whole else None,
        format=None if whole else "%.6g",
        width=width,
        help=plain(info.description or ""),
        **page.entry(name),
    )
