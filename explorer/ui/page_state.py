"""The state of a page as one value in the session and in the URL.

The state is the one truth. A widget is shown at the state's value and gives a new state when it is
touched; the URL is read when it is not the one written last: on arrival, or after the back button.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Generic, TypeVar

import streamlit as st
from pydantic import Field, ValidationError

from explorer.errors import UserError, in_words
from explorer.ui import address, widgets

MAX_COMPLAINTS = 8
MAX_MENDED = 50  # addresses of a session that are remembered as corrected
Coordinate = Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)]  # of a latent
State = TypeVar("State")


class PageState(Generic[State]):
    """The state of the page called `name`: an instance of `model`, whose fields all have usual values.

    `model` is a pydantic model; a page with another kind of value says itself how it changes and is written.
    `repeated` are the fields that hold several texts, each by the name of its parameter, which comes once
    for each of them. Other tuples are numbers with commas between them; nothing between two is None.
    """

    def __init__(self, name: str, model: type[State], repeated: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.model: Any = model
        self.repeated = dict(repeated or {})
        self._params = {field: param for param, field in self.repeated.items()}

    def state(self) -> State:
        """What the person looks at."""
        held: State = st.session_state.get(f"{self.name}.state") or self.model()
        return held

    def complaints(self) -> list[str]:
        """Sentences on what could not be used as it was given."""
        return list(st.session_state.get(f"{self.name}.complaints", ()))

    def complain(self, *said: Exception | str) -> None:
        """Say at the top of the page why the last touch did nothing; without a word, that all is well."""
        st.session_state[f"{self.name}.complaints"] = [str(sentence) for sentence in said]

    def follow_url(self) -> None:
        """Take the state from the URL where the person asked for another one by it."""
        arrived = address.visit(self.name)
        asked = address.asked()
        written = f"{self.name}.written"
        if self.settle() or asked == st.session_state.get(written):
            return
        if not asked and arrived and f"{self.name}.state" in st.session_state:
            self._write()
            return
        state, complaints = self.from_params(asked)
        st.session_state[f"{self.name}.state"] = state
        st.session_state[f"{self.name}.complaints"] = complaints
        st.session_state[written] = asked
        if complaints:
            self._mend(asked)

    def settle(self) -> bool:
        """Whether a callback changed the state in this run; asked once a run."""
        if address.untold(self.name):
            self._write()
        return bool(st.session_state.pop(f"{self.name}.touched", False))

    def put(self, **values: Any) -> None:
        """Change the state by a callback, and the URL with it. What can't be used changes nothing."""
        self.change(lambda: self._changed(values))

    def change(self, to: Callable[[], State]) -> None:
        """Take another state whole by a callback; where `to` raises UserError, what it says is shown instead."""
        st.session_state[f"{self.name}.touched"] = True
        try:
            st.session_state[f"{self.name}.state"] = to()
        except ValidationError as error:
            self.complain(f"That can't be used: {in_words(error)}.")
        except UserError as error:
            self.complain(error)
        else:
            self.complain()
            self._write()

    def retell(self) -> None:
        """Put the state into the address once more, by a callback whose request may have come with an older one."""
        self._write()

    def correct(self, sentence: str, **values: Any) -> None:
        """Change what was asked for and can't be had; with a sentence, the URL is changed, too, else it stays."""
        st.session_state[f"{self.name}.state"] = self._changed(values)
        if sentence:
            if sentence not in self.complaints():
                self.complain(*self.complaints(), sentence)
            self._mend(address.asked())

    def entry(
        self, field: str, value: Any = None, change: Callable[..., None] | None = None, **others: Any
    ) -> dict[str, Any]:
        """Key, value and callback of the number, text, slider or toggle that shows `field`.

        It shows `value`, or else the state's; its touch calls `change`, or else `put`, and `others` change along.
        """
        wanted = self._value(field) if value is None else value
        if isinstance(wanted, tuple):
            wanted = list(wanted)
        key = widgets.key_of(f"{self.name}.{field}", wanted)
        callback = {"on_change": self.take, "args": (field, change or self.put), "kwargs": others}
        return {"key": key, "value": wanted, **callback}

    def choice(self, field: str, value: Any = None, **others: Any) -> dict[str, Any]:
        """The same of a segmented control or a choice of several."""
        bound = self.entry(field, value, **others)
        return bound | {"default": bound.pop("value")}

    def option(self, field: str, options: Sequence[Any], value: Any = None, **others: Any) -> dict[str, Any]:
        """The same of one choice from a list of `options`."""
        bound = self.entry(field, value, **others)
        return bound | {"options": options, "index": options.index(bound.pop("value"))}

    def take(self, field: str, change: Callable[..., None], **others: Any) -> None:
        """The callback of that widget."""
        value = widgets.value_of(f"{self.name}.{field}")
        if value is not None:
            change(**{field: value}, **others)

    def from_params(self, params: Mapping[str, Sequence[str]]) -> tuple[State, list[str]]:
        """The state that a URL asks for, and one sentence for each value in it that can't be used."""
        given: dict[str, Any] = {}
        said: list[str] = []
        for name, values in params.items():
            field = self.repeated.get(name, name)
            several = name in self.repeated
            if field not in self.model.model_fields or (field in self._params and not several):
                said.append(f"The address has {name[:40]!r}, which is no setting of this page.")
            elif not several and len(values) != 1:
                instead = f"once is right, so {self.instead(field)} is used"
                said.append(f"{name} stands {len(values)} times in the address; {instead}.")
            else:
                value: Any = list(values) if several else values[0]
                try:
                    self.model.model_validate({field: value})
                    given[field] = value
                except ValidationError as error:
                    said.append(f"In the address, {_words(error)}; {self.instead(field)} is used.")
        return self.model.model_validate(given), few(said)

    def instead(self, field: str) -> str:
        """How a sentence calls what `field` is where nothing usable is said."""
        return "the usual value"

    def to_params(self, shown: State) -> dict[str, list[str]]:
        """The parameters of a URL that shows this; what is as usual is left out."""
        usual, params = self.model(), {}
        for field in self.model.model_fields:
            value = getattr(shown, field)
            if value == getattr(usual, field) or value is None:
                continue
            if field in self._params:
                params[self._params[field]] = list(value)
            elif isinstance(value, tuple):
                params[field] = [",".join("" if part is None else _text(part) for part in value)]
            else:
                params[field] = [_text(value)]
        return params

    def _value(self, field: str) -> Any:
        return getattr(self.state(), field)

    def _changed(self, values: Mapping[str, Any]) -> State:
        shown: Any = self.state()
        changed: State = self.model.model_validate({**shown.model_dump(), **values})
        return changed

    def _mend(self, asked: dict[str, list[str]]) -> None:
        """Put what is shown into an address that asks for what can't be had, so that it can be copied.

        Once for each such address: the back button leads to it again, and beyond it.
        """
        mended: list[dict[str, list[str]]] = st.session_state.setdefault(f"{self.name}.mended", [])
        if asked not in mended:
            mended.append(asked)
            del mended[:-MAX_MENDED]
            self._write()

    def _write(self) -> None:
        params = self.to_params(self.state())
        st.session_state[f"{self.name}.written"] = params
        address.tell(self.name, params)


def few(said: list[str]) -> list[str]:
    """Complaints on an address, the last of them one on all the rest where there are many."""
    more = len(said) - MAX_COMPLAINTS + 1
    return said if more < 2 else [*said[:-more], f"{more} more values in the address can't be used."]


def _words(error: ValidationError) -> str:
    """The complaints on one parameter: the first three where a list has many."""
    several = in_words(error).split("; ")
    more = [f"and {len(several) - 3} more"] if len(several) > 3 else []
    return "; ".join(re.sub(r"^(\w+)\.(\d+)\b", r"\1, place \2", words) for words in [*several[:3], *more])


def _text(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
