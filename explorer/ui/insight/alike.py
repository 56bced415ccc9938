"""How alike several models are: matched latents, and their traversals one under the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.checkpoints.recipe import source_of
from explorer.errors import UserError
from explorer.recipe.samples import noun
from explorer.ui.insight.looking import STILL, Looking, kept
from explorer.ui.text import plain, sentence

if TYPE_CHECKING:
    from explorer.analysis.insight.progress import Tell
    from explorer.analysis.insight.stability import Stability

SHOWN = 4  # latents of the first model, by KL
STEPS, SPAN = 7, 2.0
FEW = 100  # images below which a correlation says little


def alike(looking: Looking) -> None:
    """The part of the section on several models."""
    st.subheader("How alike the models are")
    try:
        found, kls = _stability(looking)
    except UserError as error:
        st.caption(sentence(f"absent: {error}"))
        return
    from explorer.figures.heatmaps import matrix

    labels = [f"{n + 1}" for n in range(len(looking.names))]
    left, right = st.columns([1, 2], gap="large")
    with left:
        st.plotly_chart(
            matrix(found.mean, labels, labels, "", top=1.0),
            key="insight.alike",
            config=STILL,
            alt=f"Mean matched |ρ| of {len(labels)} models with one another",
        )
        st.caption("; ".join(f"{n + 1}: {plain(name)}" for n, name in enumerate(looking.names)))
    with right:
        _traversals(looking, found, kls)
    value = "absent, since no matched pair is alive in both" if found.value is None else f"**{found.value:.3f}**"
    st.markdown(f"Mean matched |ρ| over all pairs of models, of latents alive in both: {value}.")
    st.caption(
        f"Spearman's ρ of posterior means over {found.count:,} {looking.nouns} of "
        f"{plain(source_of(looking.descriptions[0].config).title)}; alive is a KL above 0.1 nats: "
        + ", ".join(f"{count} in {plain(name)}" for name, count in zip(looking.names, found.alive, strict=True))
        + ". UDR, which measures the same by other means, stands on the page Measure."
        + (f" So few {looking.nouns} say little: choose more." if found.count < FEW else "")
    )


def _stability(looking: Looking) -> tuple[Stability, list[np.ndarray]]:
    """The models matched on the images of the first one, and the KL of each latent of each model."""
    from explorer.analysis.evaluation import choose, encode_all
    from explorer.analysis.insight.stability import stability

    data, count, seed = looking.data(), looking.images(), looking.state.seed
    for name, description in zip(looking.names, looking.descriptions, strict=True):
        if description.config.shape != data.shape or noun(description.config.samples) != noun(data.samples):
            raise UserError(
                f"{name} takes {noun(description.config.samples)}s of shape {description.config.shape}, "
                f"{looking.names[0]} {noun(data.samples)}s of shape {data.shape}; "
                f"models are matched on the same {looking.nouns}"
            )
    key = (*(d.hash for d in looking.descriptions), data.identity, "stability", count, seed)
    models = [looking.model(number) for number in range(len(looking.names))]

    def make(tell: Tell) -> tuple[Stability, list[np.ndarray]]:
        posteriors = []
        for number, model in enumerate(models):
            posteriors.append(encode_all(model, data, choose(data, count, seed)))
            tell((number + 1) / (len(models) + 1))
        means = [posterior.mean.double().numpy() for posterior in posteriors]
        kls = [posterior.kl().double().mean(0).numpy() for posterior in posteriors]
        return stability(means, kls), kls

    return kept(key, "Matching the latents of all models", make)


def _traversals(looking: Looking, found: Stability, kls: list[np.ndarray]) -> None:
    """The first latents of the first model, each with its partner in the others under it."""
    order = np.argsort(-kls[0], kind="stable")[:SHOWN]
    for latent in order.tolist():
        rows, said = [], []
        for number in range(len(looking.names)):
            partner = found.partner(0, number, latent)
            if partner is None:
                continue
            dimension, rho = partner
            rows.append(_row(looking, number, dimension, turned=rho < 0))
            sign = "−" if rho < 0 else ""
            said.append(f"{number + 1}: {sign}z{dimension}" + (f" (ρ = {rho:.2f})" if number else ""))
        looking.sheet(np.stack(rows), 52).show(
            alt=f"Traversals of z{latent} of {looking.names[0]} and of the latents matched with it",
            caption=" · ".join(said),
        )


def _row(looking: Looking, number: int, dimension: int, turned: bool) -> np.ndarray:
    """Pictures `(steps, C, H, W)` along one latent from the image that is shown; backwards where ρ is negative."""
    from explorer.analysis.inspection import inspect
    from explorer.analysis.traversal import traverse

    model, data, image = looking.model(number), looking.data(), looking.image()
    ends = np.full(model.latents, SPAN)
    key = (looking.descriptions[number].hash, data.identity, "row", image, dimension)

    def make(_: object) -> np.ndarray:
        start = inspect(model, data, [image]).mean[0]
        strip: np.ndarray = traverse(model, start, [dimension], -ends, ends, STEPS)[0]
        return strip

    row: np.ndarray = kept(key, "Decoding", make)
    return np.flip(row, axis=0) if turned else row
