"""The shapes that annotations of models and metrics state, held to in every test: see models/shapes.py.

Functions and methods are wrapped once, wherever they have been imported to. jaxtyping's own import hook would do
dataclasses as well, but makes their check anew for each instance, which takes a training step many times as long.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any

import torch
from beartype import BeartypeConf, beartype
from jaxtyping import jaxtyped

MODULES = ["models.beta_vae", "models.constraints", "models.likelihoods", "models.networks", "models.objectives"]
METRICS = "explorer.analysis.metrics"


def check() -> None:
    """Hold every call of what states a shape to it."""
    package = importlib.import_module(METRICS)
    names = [*MODULES, *(f"{METRICS}.{module.name}" for module in pkgutil.iter_modules(package.__path__))]
    wrapped: dict[int, Callable[..., Any]] = {}
    for module in map(importlib.import_module, names):
        for value in list(vars(module).values()):
            if isinstance(value, FunctionType) and _states(value):
                wrapped.setdefault(id(value), _checked(value))
            elif isinstance(value, type) and value.__module__ == module.__name__:
                for part, method in list(vars(value).items()):
                    if isinstance(method, FunctionType) and part != "__init__" and _states(method):
                        setattr(value, part, _checked(method))
    for name, module in list(sys.modules.items()):
        if name.startswith(("models.", "explorer.")):
            for attribute, value in list(vars(module).items()):
                if id(value) in wrapped:
                    setattr(module, attribute, wrapped[id(value)])


def _states(function: FunctionType) -> bool:
    return any(kind in str(hint) for hint in function.__annotations__.values() for kind in ("Float[", "Shaped["))


def _checked(function: FunctionType) -> Callable[..., Any]:
    whole_as_float = BeartypeConf(is_pep484_tower=True)
    checked = jaxtyped(function, typechecker=beartype(conf=whole_as_float))

    @wraps(function)
    def held(*given: Any, **named: Any) -> Any:
        if torch.compiler.is_compiling():  # also while exporting: shapes may have no numbers
            return function(*given, **named)
        return checked(*given, **named)

    return held
