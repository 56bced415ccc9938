"""Operators that go number by number: arithmetic, activations, softmax."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from models.operators.registry import DTYPES, OPERATORS, Attributes, Function, on_one_device, operator


def _one(name: str, function: Callable[[Tensor], Tensor]) -> None:
    OPERATORS[name] = (lambda a, x: function(x)), frozenset()


def _two(name: str, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    OPERATORS[name] = (lambda a, x, y: function(*on_one_device(x, y))), frozenset()


def _many(name: str, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    OPERATORS[name] = (lambda a, *xs: reduce(function, on_one_device(*xs))), frozenset()


_ONE: dict[str, Callable[[Tensor], Tensor]] = {
    "Relu": F.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Softplus": lambda x: F.softplus(x, threshold=1e9),
    "Softsign": F.softsign, "Mish": F.mish, "HardSwish": F.hardswish, "Exp": torch.exp, "Log": torch.log,
    "Sqrt": torch.sqrt, "Reciprocal": torch.reciprocal, "Neg": torch.neg, "Abs": torch.abs, "Erf": torch.erf,
    "Sin": torch.sin, "Cos": torch.cos, "Atan": torch.atan, "Floor": torch.floor, "Ceil": torch.ceil,
    "Round": torch.round, "Sign": torch.sign, "Not": torch.logical_not, "Identity": lambda x: x,
}  # fmt: skip
for _name, _single in _ONE.items():
    _one(_name, _single)


def _divide(x: Tensor, y: Tensor) -> Tensor:
    whole = not (x.is_floating_point() or y.is_floating_point())
    return torch.div(x, y, rounding_mode="trunc" if whole else None)


_TWO: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": _divide, "Equal": torch.eq, "Less": torch.lt,
    "Greater": torch.gt, "LessOrEqual": torch.le, "GreaterOrEqual": torch.ge, "And": torch.logical_and,
    "Or": torch.logical_or, "PRelu": lambda x, slope: torch.where(x < 0, slope * x, x),
    "Pow": lambda x, y: torch.pow(x, y).to(x.dtype), "MatMul": torch.matmul,
}  # fmt: skip
for _name, _pair in _TWO.items():
    _two(_name, _pair)
_MANY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"Sum": torch.add, "Max": torch.maximum, "Min": torch.minimum}
for _name, _pair in _MANY.items():
    _many(_name, _pair)


@operator("Mean")
def _mean(a: Attributes, *xs: Tensor) -> Tensor:
    return reduce(torch.add, on_one_device(*xs)) / len(xs)


@operator("Where")
def _where(a: Attributes, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    condition, x, y = on_one_device(condition, x, y)
    return torch.where(condition, x, y)


@operator("LeakyRelu")
def _leaky_relu(a: Attributes, x: Tensor) -> Tensor:
    return F.leaky_relu(x, a.get("alpha", 0.01))


@operator("ThresholdedRelu")
def _thresholded_relu(a: Attributes, x: Tensor) -> Tensor:
    return torch.where(x > a.get("alpha", 1.0), x, torch.zeros_like(x))


@operator("Elu")
def _elu(a: Attributes, x: Tensor) -> Tensor:
    return F.elu(x, a.get("alpha", 1.0))


@operator("Celu")
def _celu(a: Attributes, x: Tensor) -> Tensor:
    return F.celu(x, a.get("alpha", 1.0))


@operator("Selu")
def _selu(a: Attributes, x: Tensor) -> Tensor:
    scaled: Tensor = a.get("gamma", 1.0507009873554805) * F.elu(x, a.get("alpha", 1.6732632423543772))
    return scaled


@operator("Gelu")
def _gelu(a: Attributes, x: Tensor) -> Tensor:
    return F.gelu(x, approximate=a.get("approximate", "none"))


@operator("Swish")
def _swish(a: Attributes, x: Tensor) -> Tensor:
    return x * torch.sigmoid(a.get("alpha", 1.0) * x)


@operator("HardSigmoid")
def _hard_sigmoid(a: Attributes, x: Tensor) -> Tensor:
    line: Tensor = a.get("alpha", 0.2) * x + a.get("beta", 0.5)
    return line.clamp(0, 1)


@operator("Clip")
def _clip(a: Attributes, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    for bound, name, cut in ((low, "min", torch.maximum), (high, "max", torch.minimum)):
        if bound is None and name in a:
            bound = torch.tensor(a[name], dtype=x.dtype, device="cpu")
        if bound is not None:
            x = cut(*on_one_device(x, bound.to(x.dtype)))
    return x


@operator("Cast")
def _cast(a: Attributes, x: Tensor) -> Tensor:
    if a["to"] not in DTYPES:
        raise ValueError("casts to a type that is not plain numbers")
    return x.to(DTYPES[a["to"]])


@operator("CastLike")
def _cast_like(a: Attributes, x: Tensor, like: Tensor) -> Tensor:
    return x.to(like.dtype)


@operator("Dropout")
def _dropout(a: Attributes, x: Tensor, *_: Tensor | None) -> Tensor:
    return x  # a model at rest drops nothing


def _softmax(function: Callable[..., Tensor]) -> Function:
    def run(a: Attributes, x: Tensor) -> Tensor:
        if a["opset"] >= 13:
            return function(x, dim=a.get("axis", -1))
        axis = a.get("axis", 1) % x.ndim  # all axes from this one on were one, before version 13
        return function(x.flatten(axis), dim=axis).reshape(x.shape)

    return run


OPERATORS["Softmax"] = _softmax(torch.softmax), frozenset()
OPERATORS["LogSoftmax"] = _softmax(torch.log_softmax), frozenset()
