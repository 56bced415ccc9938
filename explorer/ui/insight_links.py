"""Links from what a page shows to the section of Insight that answers the next question."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer.checkpoints import Description

MOST_IN_INSIGHT = 6  # models at a time
QUESTIONS = {
    "first-k": "What do the first latents say?",
    "groups": "Which latents belong together?",
    "intervene": "Why does this slider do that?",
    "plane": "What do two latents draw together?",
    "anomalies": "Where is an image odd?",
    "search": "Is there a better code for it?",
    "pruning": "How much of the network is needed?",
}


def insight_links(key: str, models: Sequence[str], *sections: str, image: int | None = None) -> None:
    """A row of questions, each a link to the section that answers it on these models.

    Args:
        image: the number of the image that is looked at, where there is one.
    """
    with st.container(horizontal=True, gap="medium", key=f"insight-links-{key}"):
        for section in sections:
            about: dict[str, str | list[str]] = {"section": section, "model": list(models)}
            if image is not None:
                about["image"] = str(image)
            st.page_link(
                "pages/insight.py",
                label=QUESTIONS[section],
                icon=":material/travel_explore:",
                query_params=about,
                width="content",
            )


def called(description: Description) -> str:
    """The name of a model, with the β of one for every β."""
    return description.name if description.beta is None else f"{description.name}@{description.beta:g}"
