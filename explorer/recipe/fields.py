"""The settings of the kinds as fields of pydantic models: what `models.kinds` says is checked, and said, from there."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, create_model

from models import schedules
from models.kinds import Setting


def one_of(names: Any) -> Any:
    """The type of a name that a table has."""
    return Literal[tuple(names)]


def _schedule(text: str) -> str:
    return str(schedules.read(text))


ScheduleText = Annotated[str, Field(max_length=2000), AfterValidator(_schedule)]  # as it is written shortest


def with_settings(name: str, base: type[BaseModel], settings: dict[str, Setting]) -> Any:
    """`base` with a field for each of `settings` behind its own."""
    fields: dict[str, Any] = {key: _field(setting) for key, setting in settings.items()}
    return create_model(name, __base__=base, __module__=base.__module__, **fields)


def _field(setting: Setting) -> tuple[Any, Any]:
    kind: Any = one_of(setting.choices) if setting.choices else ScheduleText if setting.moves else setting.kind
    bounds: dict[str, Any] = {"ge": setting.least, "gt": setting.above, "le": setting.most}
    info = Field(description=setting.about, **{k: v for k, v in bounds.items() if v is not None})
    if setting.usual is None:
        kind = kind | None
    return Annotated[kind, info], setting.usual
