"""As much of pydantic as a run needs to hold its settings, for machines that lack it. Nothing is refused here."""

from __future__ import annotations

import json
import types
import typing
from typing import Annotated, Any, Union

ConfigDict = dict
FiniteFloat = float
SerializerFunctionWrapHandler = Any
MISSING = object()


class ValidationError(ValueError):
    def errors(self, **how: Any) -> list[dict[str, Any]]:
        return [{"loc": (), "msg": str(self), "type": "value_error", "input": None}]


class FieldInfo:
    def __init__(self, default: Any = MISSING, default_factory: Any = None, **rest: Any) -> None:
        self.default, self.default_factory = default, default_factory

    def made(self) -> Any:
        return self.default_factory() if self.default_factory else self.default


Field = FieldInfo


class BeforeValidator:
    def __init__(self, function: Any) -> None:
        self.function = function


class AfterValidator:
    def __init__(self, function: Any) -> None:
        self.function = function


def PrivateAttr(default: Any = None) -> Any:
    return default


def StringConstraints(**how: Any) -> None:
    return None


def model_validator(mode: str) -> Any:
    def mark(function: Any) -> Any:
        function.after = mode == "after"
        return function

    return mark


def field_validator(*names: str, mode: str = "after") -> Any:
    return lambda function: function


def model_serializer(*how: Any, **more: Any) -> Any:
    return how[0] if how and callable(how[0]) else lambda function: function


def create_model(name: str, __base__: Any, __module__: str, **fields: Any) -> Any:
    hints = {field: hint for field, (hint, _) in fields.items()}
    usual = {field: default for field, (_, default) in fields.items()}
    return type(name, (__base__,), {"__annotations__": hints, "__module__": __module__, **usual})


class BaseModel:
    model_config: Any = {}
    model_fields: typing.ClassVar[dict[str, FieldInfo]] = {}

    def __init_subclass__(cls) -> None:
        own = {}
        for name in cls.__dict__.get("__annotations__", {}):
            if not name.startswith("_") and name not in ("model_config", "model_fields"):
                default = cls.__dict__.get(name, MISSING)
                own[name] = default if isinstance(default, FieldInfo) else FieldInfo(default)
        cls.model_fields = {**cls.model_fields, **own}

    def __init__(self, **values: Any) -> None:
        self.model_fields_set = set(values)
        hints = typing.get_type_hints(type(self), include_extras=True)
        for name, field in self.model_fields.items():
            value = values[name] if name in values else field.made()
            if value is MISSING:
                raise ValidationError(f"{name} is missing")
            self.__dict__[name] = _fitted(hints[name], value)
        for name in dir(type(self)):
            if getattr(getattr(type(self), name), "after", False) is True:
                getattr(self, name)()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._said() == other._said()

    def __hash__(self) -> int:
        return hash(repr(self._said()))

    def _said(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.model_fields}

    @classmethod
    def model_validate(cls, value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if not isinstance(value, dict):
            raise ValidationError(f"{cls.__name__} is no table")
        return cls(**value)

    @classmethod
    def model_validate_json(cls, text: Any) -> Any:
        try:
            return cls.model_validate(json.loads(text))
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def model_copy(self, update: Any = None, deep: bool = False) -> Any:
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__, **(update or {}))
        return made

    def model_dump(
        self,
        mode: str = "python",
        include: Any = None,
        exclude: Any = (),
        exclude_none: bool = False,
        exclude_defaults: bool = False,
    ) -> dict[str, Any]:
        found = {}
        for name, field in self.model_fields.items():
            value = self.__dict__[name]
            if (include is not None and name not in include) or name in exclude:
                continue
            if (exclude_none and value is None) or (exclude_defaults and value == field.made()):
                continue
            found[name] = _plain(value, mode, exclude_none)
        return found

    def model_dump_json(self, exclude_none: bool = False) -> str:
        return json.dumps(self.model_dump("json", exclude_none=exclude_none), ensure_ascii=False)


def _plain(value: Any, mode: str, exclude_none: bool) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode, exclude_none=exclude_none)
    if isinstance(value, tuple | list):
        made = [_plain(item, mode, exclude_none) for item in value]
        return made if mode == "json" or isinstance(value, list) else tuple(made)
    return value


def _fitted(hint: Any, value: Any) -> Any:
    """`value` as the hint has it: tables as models, lists as tuples, whole numbers as floats."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        for about in arguments[1:]:
            if isinstance(about, BeforeValidator):
                value = about.function(value)
        return _fitted(arguments[0], value)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        others = [kind for kind in arguments if kind is not type(None)]
        return _fitted(others[0], value) if len(others) == 1 else value
    if origin is tuple and isinstance(value, list | tuple):
        kinds = arguments * len(value) if len(arguments) == 1 else arguments
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            kinds = (arguments[0],) * len(value)
        return tuple(_fitted(kind, item) for kind, item in zip(kinds, value, strict=True))
    if isinstance(hint, type) and issubclass(hint, BaseModel) and isinstance(value, dict):
        return hint.model_validate(value)
    return float(value) if hint is float and type(value) is int else value
