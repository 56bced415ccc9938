"""What a person looks at on the page Library: one value, which lives in the URL and in the session."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from explorer.checkpoints.overview import Overview, passes
from explorer.ui.page_state import PageState

PER_PAGE = 12
LISTS = ("data", "objective", "origin", "tag")
NUMBERS: dict[str, str] = {
    "beta": "β",
    "latents": "Latents",
    "reconstruction": "Reconstruction",
    "kl": "KL",
    "active": "Active units",
    "mig": "MIG",
}
SORTS = {"": "As listed", "name": "Name", "saved": "Date", "bytes": "Size"} | NUMBERS


def _bounds(value: object) -> object:
    """ "1,8" as (1, 8); one end may be left out."""
    return [end.strip() or None for end in value.split(",")] if isinstance(value, str) else value


Finite = Annotated[float, Field(allow_inf_nan=False)]
Bounds = Annotated[tuple[Finite | None, Finite | None], BeforeValidator(_bounds)]
Text = Annotated[str, Field(min_length=1, max_length=120)]
ALL: Bounds = (None, None)


class LibraryState(BaseModel):
    """The page Library, whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    show: Literal["models", "import", "images", "trash"] = "models"
    q: str = Field("", max_length=300)  # words that name, notes, tags, data or objective hold
    data: tuple[Text, ...] = Field((), max_length=20)
    objective: tuple[Text, ...] = Field((), max_length=20)
    origin: tuple[Literal["shipped", "library", "run"], ...] = Field((), max_length=3)
    tag: tuple[Text, ...] = Field((), max_length=20)  # all of them
    beta: Bounds = ALL
    latents: Bounds = ALL
    reconstruction: Bounds = ALL
    kl: Bounds = ALL
    active: Bounds = ALL
    mig: Bounds = ALL
    since: date | None = None
    until: date | None = None
    sort: Literal["", "name", "saved", "bytes", "beta", "latents", "reconstruction", "kl", "active", "mig"] = ""
    down: bool = False  # the largest first
    view: Literal["pictures", "table"] = "pictures"
    page: int = Field(1, ge=1, le=10**6)

    @property
    def filters(self) -> int:
        """How many filters are set, the search not among them."""
        return sum(getattr(self, name) != getattr(LibraryState(), name) for name in FILTERS)


FILTERS = (*LISTS, *NUMBERS, "since", "until")


def matching_models(models: Sequence[Overview], state: LibraryState) -> list[Overview]:
    """The models that the state asks for, in its order. What is not known never passes a bound."""
    kept = [model for model in models if _passes(model, state)]
    if not state.sort:
        kept.sort(key=lambda model: model.entry.origin == "shipped")  # what is one's own comes first
        return kept[::-1] if state.down else kept
    if state.sort == "name":
        return sorted(kept, key=lambda model: _natural(model.name), reverse=state.down)
    known: list[Overview] = []
    unknown: list[Overview] = []
    for model in kept:
        (unknown if getattr(model, state.sort) is None else known).append(model)
    return sorted(known, key=lambda m: getattr(m, state.sort), reverse=state.down) + unknown


def _natural(name: str) -> list[tuple[int, str]]:
    """beta2 comes before beta10."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(int(part[:18]) if n % 2 else 0, part) for n, part in enumerate(parts)]


def _passes(model: Overview, state: LibraryState) -> bool:
    if state.data and model.data not in state.data:
        return False
    if state.objective and model.objective not in state.objective:
        return False
    if state.origin and model.entry.origin not in state.origin:
        return False
    if not set(state.tag) <= set(model.notes.tags):
        return False
    for name in NUMBERS:
        low, high = getattr(state, name)
        if low is None and high is None:
            continue
        value = getattr(model, name)
        if value is None or not ((-math.inf if low is None else low) <= value <= (math.inf if high is None else high)):
            return False
    if state.since or state.until:
        day = datetime.fromtimestamp(model.saved, UTC).date()
        if not (state.since or date.min) <= day <= (state.until or date.max):
            return False
    return passes(model, state.q)


# --- in the session, and in the URL ---------------------------------------------------------------


class _Library(PageState[LibraryState]):
    def put(self, **values: Any) -> None:
        """Change the state by a callback, and the URL with it; another question begins at its first page."""
        super().put(**{"page": 1, **values})


PAGE = _Library("library", LibraryState, {name: name for name in LISTS})
state, complaints, complain, follow_url, put = PAGE.state, PAGE.complaints, PAGE.complain, PAGE.follow_url, PAGE.put
