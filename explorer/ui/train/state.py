"""What the page Train shows, as one value: a run, or the draft of a new one; written as a URL and back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from explorer.checkpoints.catalogue import catalogue
from explorer.datasets.names import DATASETS
from explorer.errors import UserError, in_words
from explorer.launch import run_name_from
from explorer.recipe import versions
from explorer.recipe.run import TrainConfig
from explorer.training.sweep_plan import combinations
from explorer.training.warm_start import check_start as check_model
from explorer.training.warm_start import recipe_from
from explorer.ui.page_state import few
from models.kinds import OBJECTIVES, settings_of

USUAL = TrainConfig()
# What a sweep goes over, besides seeds.
VARIED = {s.name: s.sign for s in settings_of(*OBJECTIVES.values()).values() if s.sign}
# A link never makes this machine fetch something: that takes the person's own tick.
SETTINGS = [name for name in TrainConfig.model_fields if name != "download"]
OWN = ("run", "name", "vary", "values", "seeds")


def _fitting(settings: Mapping[str, Any], before: str, after: str) -> dict[str, Any]:
    """Settings as they are with other data: what only images have goes; the network is the usual one of the data."""
    old, new = DATASETS.get(before), DATASETS.get(after)
    if new is None or old is None or (new.kind == "image" and old.network == new.network):
        return dict(settings)
    gone = ("network", "likelihood", *(() if new.kind == "image" else ("size", "channels")))
    kept = {name: value for name, value in settings.items() if name not in gone}
    return kept | {name: value for name, value in new.usual.items() if value != getattr(USUAL, name)}


@dataclass(frozen=True)
class TrainState:
    """The page Train, whole."""

    run: str = ""  # the run that is looked at; empty: the form
    settings: Mapping[str, Any] = field(default_factory=dict)  # of TrainConfig, each good by itself
    name: str = ""  # of the new run or sweep; empty: one made from the settings
    vary: str = ""  # of VARIED; empty: a single run
    values: str = ""  # what it takes, with commas
    seeds: str = ""  # with commas; empty: the setting's

    def value(self, name: str) -> Any:
        """A setting, as usual where it was not changed."""
        return self.settings.get(name, getattr(USUAL, name))

    def with_setting(self, name: str, value: Any) -> TrainState:
        """With another value. Raises UserError on one that can't be used by itself."""
        checked = check_value(name, value)
        settings = {k: v for k, v in self.settings.items() if k != name}
        if name == "data":
            settings = _fitting(settings, self.value("data"), checked)
        return replace(self, settings=settings if checked == getattr(USUAL, name) else settings | {name: checked})

    def config(self) -> TrainConfig:
        """The run's settings together. Raises UserError where they don't go together."""
        try:
            return TrainConfig.model_validate(dict(self.settings))
        except ValidationError as error:
            raise UserError(in_words(error)) from error

    def planned(self) -> list[tuple[str, TrainConfig]]:
        """Name and settings of every run: one, or all of the sweep. Raises UserError."""
        lists = self.lists()
        if not lists:
            return [(self.called(), self.config())]
        found = []
        for name, chosen in combinations(lists):
            try:
                config = TrainConfig.model_validate(dict(self.settings) | chosen)
            except ValidationError as error:
                raise UserError(f"run {name}: {in_words(error)}") from error
            found.append((name, config))
        return found

    def lists(self) -> dict[str, list[Any]]:
        """What the sweep combines; empty for a single run. Raises UserError."""
        if not self.vary:
            return {}
        values = numbers_in(self.values, self.vary, VARIED[self.vary])
        seeds = numbers_in(self.seeds, "seed", "seeds") if self.seeds.strip() else []
        return {self.vary: values, "seed": seeds or [self.value("seed")]}

    def recipe(self) -> str:
        """The sweep as a TOML file for `python -m explorer sweep`. Raises UserError."""
        lists = self.lists()
        common = {name: value for name, value in self.settings.items() if name not in lists}
        lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in common.items()]
        lines += ["[sweep]", *(f"{name} = {json.dumps(v)}" for name, v in lists.items())]
        return "\n".join(lines)

    def called(self) -> str:
        """The name given, with what no run's name has made into "-"; or one that says what is trained."""
        if self.name.strip():
            return run_name_from(self.name) or self.name.strip()
        objective = OBJECTIVES[self.value("objective")]
        about = objective.label.format(**{s.name: self.value(s.name) for s in objective.settings})
        data = re.sub(r"[^\w+=-]+", "-", self.value("data").removeprefix("own:")).strip("-")[:60]
        return f"{data or 'own'}-{self.vary + '-sweep' if self.vary else about}"

    def to_params(self) -> dict[str, str]:
        """The parameters of a URL that shows this; what is as usual is left out."""
        if self.run:
            return {"run": self.run}
        own = {name: getattr(self, name) for name in OWN if getattr(self, name)}
        return own | {
            name: f"{value:.10g}" if isinstance(value, float) else str(value)
            for name, value in self.settings.items()
            if name != "download"
        }


def check_value(name: str, value: Any) -> Any:
    """A setting's value as TrainConfig takes it. Raises UserError where it is none by itself."""
    try:
        return _checker(name).validate_python(value)
    except ValidationError as error:
        raise UserError(f"{name}: {in_words(error)} (given: {_short(str(value))})") from error


@cache
def _checker(name: str) -> TypeAdapter[Any]:
    annotation = TrainConfig.model_fields[name].rebuild_annotation()
    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False))


def numbers_in(text: str, setting: str, called: str) -> list[Any]:
    """The values in a text, with commas or blanks between them, each once. Raises UserError."""
    words = text.replace(",", " ").replace(";", " ").split()
    if not words:
        raise UserError(f"the list of {called} is empty; 1, 4, 8 would be one")
    return list(dict.fromkeys(check_value(setting, word) for word in words[:1001]))


def from_params(params: Mapping[str, Sequence[str]]) -> tuple[TrainState, list[str]]:
    """The state that a URL asks for, and one sentence for each value in it that can't be used."""
    state, complaints, older = TrainState(), [], dict[str, Any]()
    for name in params.get("from", ())[:1]:  # a link to go on from a model, by its recipe
        try:
            state = draft_from(name)
        except UserError as error:
            complaints.append(f"In the address, {error}.")
    for name, values in params.items():
        if name == "from" and len(values) == 1:
            continue
        if name not in (*SETTINGS, *OWN, *versions.Older.model_fields):
            complaints.append(f"The address has {_short(name)}, which is no setting that it can give.")
        elif len(values) != 1:
            complaints.append(f"{name} stands {len(values)} times in the address; once is right.")
        elif name == "vary" and values[0] not in VARIED:
            complaints.append(f"In the address, vary is {_short(values[0])}, not one of {', '.join(VARIED)}.")
        elif name in OWN:
            if len(values[0]) > 500:
                complaints.append(f"In the address, {name} is longer than the 500 letters allowed.")
            else:
                state = replace(state, **{name: values[0]})  # type: ignore[arg-type]
        elif name in versions.Older.model_fields:
            older[name] = values[0]
        else:
            try:
                state = state.with_setting(name, values[0])
            except UserError as error:
                usual = getattr(USUAL, name)
                complaints.append(f"In the address, {error}; the usual value, {usual}, is used.")
    try:
        for name, value in versions.current({"objective": state.value("objective"), **older}).items():
            state = state.with_setting(name, value)
    except (UserError, ValueError) as error:
        complaints.append(f"In the address, {error}.")
    return state, few(complaints)


def draft_of(config: TrainConfig, name: str = "") -> TrainState:
    """The draft of a run like another one."""
    settings = {k: v for k, v in config.model_dump().items() if v != getattr(USUAL, k)}
    return TrainState(settings=settings, name=name)


def draft_from(name: str) -> TrainState:
    """The draft of a run that goes on from a model of this home: by its recipe, where it has one. Raises UserError."""
    if name not in {entry.name for entry in catalogue()}:
        raise UserError(f"there is no model {_short(name)} here to start from")
    recipe = recipe_from(name)
    return TrainState(settings={k: v for k, v in recipe.items() if v != getattr(USUAL, k)})


def check_start(config: TrainConfig) -> None:
    """Raise UserError where a run can't start as it says: a page starts from models of this home alone."""
    if config.start is not None and config.start not in {entry.name for entry in catalogue()}:
        raise UserError(f"there is no model {_short(config.start)} here to start from")
    check_model(config)


def _short(text: str, limit: int = 40) -> str:
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")


@dataclass(frozen=True)
class Preset:
    """Settings by name: where they come from, and how they differ from there."""

    title: str
    about: str
    settings: Mapping[str, Any]


_OF_CHEN = {"network": "mlp", "steps": 18_000, "batch_size": 2048, "learning_rate": 1e-3}
PRESETS = (
    Preset(
        "Demo (seconds)",
        "dSprites at 32 px with the fast network: enough to see reconstructions come and dimensions wake.",
        {
            "size": 32,
            "latents": 6,
            "steps": 400,
            "log_every": 10,
            "eval_every": 100,
            "save_every": 100,
            "beta": 2.0,
            "learning_rate": 2e-3,
            "rate_schedule": "cosine to=x0.05 begin=50%",
        },
    ),
    Preset(
        "Higgins 2017, β = 4",
        "dSprites with the fully connected network of their table 1 and β = 4. They used Adagrad at "
        "0.01; Adam at 0.0005 takes its place here, for 300,000 steps of 64.",
        {"network": "mlp", "beta": 4.0, "steps": 300_000, "learning_rate": 5e-4},
    ),
    Preset(
        "Burgess 2018, C = 25",
        "dSprites with their convolutional network, γ = 1000, C rising from 0 to 25 nats over 100,000 "
        "steps, Adam at 0.0005. They trained longer than the 150,000 steps set here.",
        {
            "network": "burgess",
            "objective": "capacity",
            "gamma": 1000.0,
            "capacity": 25.0,
            "capacity_schedule": "linear over=100000",
            "steps": 150_000,
            "learning_rate": 5e-4,
        },
    ),
    Preset(
        "Chen 2018, β = 6",
        "β-TCVAE on dSprites: fully connected, Adam at 0.001, 18,000 steps of 2,048 (50 epochs). The "
        "total correlation is estimated by stratified sampling here, by weighted sampling there.",
        {"objective": "tc", "beta": 6.0, **_OF_CHEN},
    ),
)
