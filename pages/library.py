"""Library: every model at hand with its picture, its recipe and its numbers."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.checkpoints import Description, Entry, catalogue, describe
from explorer.errors import UserError
from explorer.ui import cached, recipe, session
from explorer.ui.text import plain, sentence, size
from explorer.ui.waiting import busy

ORIGINS = {"shipped": "shipped", "library": "your library", "run": "a run"}
ROWS, STEPS, CELL = 5, 7, 40


def numbers(description: Description) -> str:
    """What was measured with these weights, as the checkpoint says, and how large they are."""
    config, measured = description.config, description.config.evaluation
    file = f"file {size(description.bytes)}"
    if measured is None:
        return f"Not measured: the checkpoint holds no evaluation · {file}"
    found = [
        f"reconstruction {measured.reconstruction:.2f} nats",
        f"KL {measured.kl:.2f} nats",
        f"{measured.active_units} of {config.latents} active",
        "MIG not measured" if measured.mig is None else f"MIG {measured.mig:.3f}",
        file,
    ]
    where = f"{measured.count:,} images of {measured.data} ({measured.split}), seed {measured.seed}"
    return f"{' · '.join(found)} · as the checkpoint says, on {where}"


def card(entry: Entry) -> tuple[Description, DeltaGenerator] | None:
    """A model in words, and the place of its picture; None where it can't be read."""
    with st.container(border=True):
        st.markdown(f"**{plain(entry.name)}**  \n:gray[{ORIGINS[entry.origin]}]")
        try:
            description = describe(entry.path)
        except UserError as error:
            st.error(sentence(error))
            return None
        place = st.container()
        try:
            config = description.config
            st.markdown(
                f"{plain(recipe.objective(config))}  \n{plain(recipe.beta(config))}  \n"
                f"{plain(recipe.implied_variance(description))}"
            )
            st.caption(plain(" · ".join(recipe.lines(config))))
        except UserError as error:
            st.caption(sentence(error))
        st.caption(plain(numbers(description)))
        st.page_link(
            "pages/explore.py", label="Open in Explore", icon=":material/tune:",
            query_params={"model": entry.name},
        )  # fmt: skip
        return description, place


def picture(description: Description, place: DeltaGenerator) -> None:
    """Traversals of the dimensions with the highest KL, decoded by the model itself."""
    latents, known = description.config.latents, description.config.evaluation
    order = list(range(latents))
    if known is not None:
        order.sort(key=lambda dimension: -known.kl_per_dimension[dimension])
    shown = order[:ROWS]
    try:
        with busy(place, "Decoding", len(shown) * CELL):
            low, high, _ = cached.limits(description, "prior", 0.05, 3.0, 0)
            start = [0.0] * latents
            strips = cached.traversals(description, start, shown, (low, high), STEPS, CELL)
    except UserError as error:
        place.error(sentence(error))
        return
    names = ", ".join(f"z{dimension}" for dimension in shown)
    with place:
        with st.container(gap="xxsmall"):
            for strip, dimension in zip(strips, shown, strict=True):
                strip.show(f"Traversal of z{dimension}")
        st.caption(
            f"{names} from the prior's 5 % to 95 %"
            + ("" if known is None else ", the highest KL first")
        )


session.visit("library")
st.title("Library")
entries = catalogue()
if not entries:
    st.info("There is no model on this machine yet: train one, or import one.")
with st.grid("auto", min_column_width=330):
    places = [card(entry) for entry in entries]
for found in places:
    if found is not None:
        picture(*found)
