"""What every section is given: the models and their images; and what sections share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import streamlit as st

from explorer import access
from explorer.analysis.insight.contents import SECTIONS
from explorer.checkpoints import Description, describe
from explorer.checkpoints.recipe import source_of
from explorer.errors import UserError, out_of_memory
from explorer.export.origin_record import Origin, origin
from explorer.export.stamps import stamped
from explorer.recipe.samples import Samples, noun
from explorer.ui import page_cache
from explorer.ui.insight.state import InsightState, page
from explorer.ui.open_model import LeastRecent
from explorer.ui.pictures import Picture, image_sheet
from explorer.ui.text import sentence

if TYPE_CHECKING:
    from explorer.analysis.insight.progress import Tell
    from explorer.datasets import Dataset
    from models.beta_vae import BetaVAE

STILL = {"displayModeBar": False}
MOST, MOST_BYTES = 200, 256 << 20  # results in memory for all sessions
Result = TypeVar("Result")


@dataclass(frozen=True)
class Looking:
    """The models that the page is about, one at least, each by its own name, and the page's state."""

    names: tuple[str, ...]
    descriptions: tuple[Description, ...]
    state: InsightState

    def model(self, number: int = 0) -> BetaVAE:
        """The model of that place. Raises UserError where it can't be used."""
        return page_cache.model(self.descriptions[number])

    def data(self, number: int = 0) -> Dataset:
        """The images of the model of that place. Raises UserError where they are not at hand."""
        return page_cache.dataset(self.descriptions[number])

    def prepare(self) -> None:
        """Have torch here, and the images of the first model. Raises UserError where those are not at hand."""
        page_cache.bring_torch()
        self.data()

    def samples(self, number: int = 0) -> Samples | None:
        """What the samples of the model of that place are; None means images."""
        return self.descriptions[number].config.samples

    @property
    def noun(self) -> str:
        """What a sample of these models is called."""
        nouns = {noun(description.config.samples) for description in self.descriptions}
        return nouns.pop() if len(nouns) == 1 else "sample"

    @property
    def nouns(self) -> str:
        """What several samples are called."""
        return f"{self.noun}s"

    def sheet(self, samples: np.ndarray, cell: int, number: int = 0) -> Picture:
        """Samples `(rows, columns, C, H, W)` of the model of that place side by side, drawn as what they are."""
        return image_sheet(samples, cell, self.samples(number))

    def images(self, number: int = 0) -> int:
        """How many images are measured on."""
        return min(self.state.count, len(self.data(number)))

    def image(self, number: int = 0) -> int:
        """The image that is shown; the last one where there are not so many."""
        return min(self.state.image, len(self.data(number)) - 1)

    def few(self, count: int, number: int = 0) -> list[int]:
        """At most `count` images to be seen: the one that is shown, then others of the model of that place."""
        shown = self.image(number)
        others = page_cache.image_numbers(self.descriptions[number], count)
        return [shown, *[i for i in others if i != shown][: count - 1]]

    def key(self, number: int, *settings: object) -> tuple[object, ...]:
        """What a result of the model of that place depends on, besides `settings`."""
        data = self.data(number)
        return (self.descriptions[number].hash, data.identity, len(data), *settings)


class _Results:
    """Results that are known, by key. Who asks for one that is being made waits for it; of others, nobody waits."""

    def __init__(self) -> None:
        self.known: LeastRecent[Any] = LeastRecent(MOST, MOST_BYTES)
        self.locks: dict[str, threading.Lock] = {}

    def get(self, key: str, make: Callable[[], Result]) -> Result:
        with self.locks.setdefault(key, threading.Lock()):
            try:
                found: Result | None = self.known.used(key)
                if found is None:
                    found = make()
                    self.known.put(key, found, _size(found))
                return found
            finally:
                self.locks.pop(key, None)


@st.cache_resource(show_spinner=False)
def _results() -> _Results:
    return _Results()


def kept(key: tuple[object, ...], doing: str, make: Callable[[Tell], Result]) -> Result:
    """What `make` gives, computed once for each key; a bar with the words `doing` stands on the page meanwhile.

    Args:
        key: all that the result depends on, with the name of what is computed.
        make: computes it, and tells how far it is.

    Raises:
        UserError: as `make` does; memory that is too small among it.
    """
    text = repr(key)
    found: Result | None = _results().known.used(text)
    if found is not None:
        return found
    bar, shown = st.progress(0.0, doing), 0

    def tell(share: float) -> None:
        nonlocal shown
        if int(100 * share) > shown:
            shown = min(100, int(100 * share))
            bar.progress(shown, doing)

    try:
        return _results().get(text, lambda: make(tell))
    except (MemoryError, RuntimeError) as error:
        small = out_of_memory(error)
        if small is None:
            raise
        raise small from error
    finally:
        bar.empty()


def _size(result: object) -> int:
    """Bytes of the arrays of a result, about."""
    if isinstance(result, np.ndarray):
        return result.nbytes
    if isinstance(result, bytes):
        return len(result)
    if isinstance(result, tuple | list):
        return sum(map(_size, result))
    values = getattr(result, "__dict__", None)
    return 64 + sum(map(_size, values.values())) if values else 64


def choose_image(looking: Looking, label: str = "number", field: str = "image") -> None:
    """The number of one image; `label` stands behind what it is: "Image number", "Signal A"."""
    words = f"{looking.noun.capitalize()} {label}"
    st.number_input(words, min_value=0, max_value=10**9, step=1, width=150, **page.entry(field))


def choose_count(looking: Looking, label: str = "to measure on") -> None:
    """How many are taken of the data set: "Images to measure on"."""
    words = f"{looking.nouns.capitalize()} {label}"
    st.number_input(words, min_value=10, max_value=5000, step=50, width=170, **page.entry("count"))


def choose_images(looking: Looking, one: bool = True) -> None:
    """Which image is shown, and on how many is measured."""
    if one:
        choose_image(looking)
    choose_count(looking)
    st.number_input("Seed", min_value=0, max_value=2**31 - 1, step=1, width=120, **page.entry("seed"))
    for number in range(len(looking.descriptions) if one else 0):
        if looking.state.image >= len(looking.data(number)):
            st.caption(
                f"{looking.noun.capitalize()} {looking.state.image:,} is not there: "
                f"{source_of(looking.descriptions[number].config).title} has {looking.nouns} 0 to "
                f"{len(looking.data(number)) - 1:,}. The last one is shown."
            )
            return


def look_into(looking: Looking) -> int:
    """Which of the models a section on one model is about."""
    if len(looking.names) == 1:
        return 0
    look = looking.state.look if looking.state.look in looking.names else looking.names[0]
    st.selectbox("Look into", **page.option("look", looking.names, look), width=300)
    return looking.names.index(look)


def explain(name: str) -> None:
    """The words of a section, and its definition with the source, where one asks for it."""
    section = SECTIONS[name]
    st.markdown(section.words)
    with st.expander("Definition and source", icon=":material/function:"):
        st.markdown(section.definition)
        st.caption(section.source)


def _described(names: Sequence[str]) -> list[Description]:
    """The models of these names that are here."""
    found = []
    for name in names:
        with suppress(UserError):
            found.append(describe(name))
    return found


def _stamped(make: Callable[[], bytes], name: str, where: Origin) -> bytes:
    return stamped(make(), name, where)


def give(*files: tuple[str, str, Callable[[], bytes]]) -> None:
    """Buttons that give files: label, name and what makes the bytes when it is pressed."""
    why = access.why_not("export")
    if why:
        st.caption(sentence(why))
        return
    state = page.state()
    params = page.to_params(state) | {"section": [state.section]}
    where = origin("insight", params, _described(state.models))
    kinds = {"csv": "text/csv", "png": "image/png", "gif": "image/gif"}
    with st.container(horizontal=True, gap="small"):
        for label, name, make in files:
            st.download_button(
                label,
                partial(_stamped, make, name, where),
                name,
                kinds[name.rpartition(".")[2]],
                icon=":material/download:",
                key=f"insight.give.{name}",
                on_click="ignore",
            )
