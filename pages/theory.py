"""Theory: the objective in its two forms, each symbol with what moves it, and what follows from it."""

from __future__ import annotations

import streamlit as st

from explorer.errors import UserError
from explorer.ui import doubt_mark
from explorer.ui.text import plain, sentence
from explorer.ui.theory import ideas, panels
from explorer.ui.theory import state as page
from explorer.ui.theory.glossary import BOUND, CONSTRAINT, IDEAS, LAGRANGIAN, SOURCES, SYMBOLS, TOPICS, painted


def objective_forms(marked: str) -> None:
    """Both forms of the objective, with the chosen symbol in colour."""
    first, second, third = st.columns(3, border=True)
    for column, title, formula in (
        (first, "First form: a limit on the code", CONSTRAINT),
        (second, "The limit's multiplier is β", LAGRANGIAN),
        (third, "Second form: a price, set by hand", BOUND),
    ):
        with column:
            st.markdown(f"**{title}**")
            st.latex(painted(formula, marked))


THE_IDEA = (
    "A Beta-VAE tells each picture by a short code and draws it again from that code alone. It wants two things that "
    "pull apart: a drawing like the picture, and a code that says little. You limit how much the code may say, ε nats, "
    "and the best model within that limit has a price for each further nat, β. Or you set the price, and the limit "
    "follows."
)


def choices() -> None:
    """The buttons: symbols of the formulas, and where they lead."""
    topic = page.state().topic
    for name, label, offered in (("symbol", "Choose a symbol", SYMBOLS), ("idea", "Go on to an idea", IDEAS)):
        st.session_state[f"theory.{name}"] = topic if topic in offered else None
        st.pills(
            label,
            list(offered),
            key=f"theory.{name}",
            on_change=choose_topic,
            args=(name,),
            format_func=lambda key: TOPICS[key].button,
        )


def choose_topic(name: str) -> None:
    """The callback of both: what was touched is the topic; a second touch changes nothing."""
    picked = st.session_state.get(f"theory.{name}")
    if picked is not None:
        page.put(topic=picked)


ABOUT_MODELS = {
    "epsilon": panels.epsilon,
    "beta": panels.beta_panel,
    "decoder": panels.spent,
    "expectation": panels.spent,
    "weights": panels.spent,
    "x": panels.image_panel,
    "z": panels.code,
    "capacity": ideas.capacity,
}
ALONE = {
    "linear": ideas.linear_panel,
    "tc": ideas.correlation,
    "norm": ideas.beta_norm_panel,
    "sigma": ideas.variance,
    "loss": ideas.other_code_panel,
}

page.follow_url()
st.title("Theory")
st.markdown(THE_IDEA)
chosen = page.state().topic
topic = TOPICS[chosen]
objective_forms(topic.marks or chosen)
choices()
notices = st.container()
side, right = st.columns([4, 8], gap="large")
with side:
    st.header(topic.title, anchor=False)
    st.markdown(topic.words)
    if topic.formula:
        st.latex(topic.formula)
try:
    if chosen in ABOUT_MODELS:
        with side:
            family = panels.chosen_family()
        if family is not None:
            doubt_mark.show_doubts(member.description for member in family.members)
            with right:
                ABOUT_MODELS[chosen](family, side)
    else:
        with right:
            ALONE.get(chosen, panels.gaussians)(side)
except UserError as error:
    st.error(sentence(error))
if page.complaints():
    notices.warning("  \n".join(plain(complaint) for complaint in page.complaints()))
with st.expander("Sources"):
    st.markdown(SOURCES)
