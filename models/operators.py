"""The operators of a graph (`models.graph`), by their names in ONNX: each a function of tensors in torch.

A function takes a node's attributes, then its inputs, None where one is left out. Where ONNX moved an attribute to
an input in a later version, both are understood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import ceil, floor, prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Attributes = Mapping[str, Any]
Function = Callable[..., Tensor | Sequence[Tensor]]
OPERATORS: dict[str, tuple[Function, frozenset[int]]] = {}
DTYPES = {
    1: torch.float32, 2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32, 7: torch.int64,
    9: torch.bool, 10: torch.float16, 11: torch.float64, 16: torch.bfloat16,
}  # fmt: skip
MAX_MADE = 1 << 20  # numbers that ConstantOfShape and Range may make


@dataclass(frozen=True)
class Node:
    """One operator with what it takes and gives; `read`, the places of inputs whose numbers say sizes or axes."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Attributes
    function: Function
    read: frozenset[int]

    @classmethod
    def of(cls, spec: Mapping[str, Any], opset: int) -> Node:
        """The node that a mapping describes.

        Raises:
            ValueError: no such operator.
        """
        name = spec["operator"]
        if name not in OPERATORS:
            raise ValueError(f"there is no operator {name!r} here")
        function, read = OPERATORS[name]
        attributes = {"opset": opset, "outputs": len(spec["outputs"]), **spec["attributes"]}
        return cls(name, tuple(spec["inputs"]), tuple(spec["outputs"]), attributes, function, read)

    def run(self, given: Sequence[Tensor | None]) -> Sequence[Tensor]:
        """The outputs."""
        results = self.function(self.attributes, *given)
        return [results] if isinstance(results, Tensor) else list(results)

    def work(self, given: Sequence[Tensor | None], results: Sequence[Tensor]) -> int:
        """Multiplications that it takes, counted for the operators that multiply much."""
        made = prod(results[0].shape)
        x, weight = given[0], given[1] if len(given) > 1 else None
        if x is None or weight is None:
            return made
        if self.operator == "Conv":
            return made * prod(weight.shape[1:])
        if self.operator == "ConvTranspose":
            return prod(x.shape) * prod(weight.shape[1:])
        if self.operator == "Gemm":
            return made * x.shape[0 if self.attributes.get("transA") else 1]
        if self.operator == "MatMul":
            return made * x.shape[-1]
        if self.operator == "Einsum":
            return prod(x.shape) * prod(weight.shape)
        return made


def operator(*names: str, read: Sequence[int] = ()) -> Callable[[Function], Function]:
    """Put a function into `OPERATORS`; `read` names the inputs whose numbers it looks at."""

    def put(function: Function) -> Function:
        OPERATORS.update(dict.fromkeys(names, (function, frozenset(read))))
        return function

    return put


def _ints(tensor: Tensor | None) -> list[int]:
    if tensor is not None and tensor.is_meta:
        raise ValueError("a size that depends on what the pixels are")
    return [] if tensor is None else [int(n) for n in tensor.flatten().tolist()]


def _together(*tensors: Tensor) -> list[Tensor]:
    """The tensors on one device: constants lie on the CPU."""
    device = next((t.device for t in tensors if t.device.type != "cpu"), tensors[0].device)
    return [t if t.device == device else t.to(device) for t in tensors]


# --- number by number ---------------------------------------------------------------------------------


def _one(name: str, function: Callable[[Tensor], Tensor]) -> None:
    OPERATORS[name] = (lambda a, x: function(x)), frozenset()


def _two(name: str, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    OPERATORS[name] = (lambda a, x, y: function(*_together(x, y))), frozenset()


def _many(name: str, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    OPERATORS[name] = (lambda a, *xs: reduce(function, _together(*xs))), frozenset()


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
    return reduce(torch.add, _together(*xs)) / len(xs)


@operator("Where")
def _where(a: Attributes, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    condition, x, y = _together(condition, x, y)
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
            x = cut(*_together(x, bound.to(x.dtype)))
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


# --- layers -------------------------------------------------------------------------------------------


def _same(a: Attributes, sizes: Sequence[int], kernel: Sequence[int]) -> list[int]:
    """Begins and ends of the padding, as ONNX writes them: by its numbers or by `auto_pad`."""
    count = len(sizes)
    if a.get("auto_pad", "NOTSET") in ("NOTSET", "VALID", ""):
        none = [0] * (2 * count)
        return none if a.get("auto_pad") == "VALID" else list(a.get("pads", none))
    strides, dilations = a.get("strides", [1] * count), a.get("dilations", [1] * count)
    begins, ends = [], []
    for n, k, s, d in zip(sizes, kernel, strides, dilations, strict=True):
        total = max((ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
        less, more = total // 2, total - total // 2
        begins.append(less if a["auto_pad"] == "SAME_UPPER" else more)
        ends.append(more if a["auto_pad"] == "SAME_UPPER" else less)
    return begins + ends


def _padded(x: Tensor, pads: Sequence[int], value: float = 0.0) -> Tensor:
    """`x` with its last axes padded; `pads` begins first, then ends."""
    count = len(pads) // 2
    if not any(pads):
        return x
    reverse = [pads[i + side * count] for i in reversed(range(count)) for side in (0, 1)]
    return F.pad(x, reverse, value=value)


@operator("Conv")
def _conv(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    count = x.ndim - 2
    pads = _same(a, x.shape[2:], weight.shape[2:])
    even = pads[:count] == pads[count:]
    function: Any = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[count]
    result: Tensor = function(
        x if even else _padded(x, pads),
        weight,
        bias,
        a.get("strides", [1] * count),
        pads[:count] if even else 0,
        a.get("dilations", [1] * count),
        a.get("group", 1),
    )
    return result


@operator("ConvTranspose")
def _conv_transpose(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    count = x.ndim - 2
    strides, dilations = a.get("strides", [1] * count), a.get("dilations", [1] * count)
    more = a.get("output_padding", [0] * count)
    pads = list(a.get("pads", [0] * (2 * count)))
    wanted = a.get("output_shape")
    if wanted is None and a.get("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [n * s for n, s in zip(x.shape[2:], strides, strict=True)]
    if wanted is not None:
        for i, n in enumerate(x.shape[2:]):
            full = strides[i] * (n - 1) + more[i] + (weight.shape[2 + i] - 1) * dilations[i] + 1
            total = full - wanted[-count:][i]
            half = total // 2 if a.get("auto_pad") == "SAME_UPPER" else total - total // 2
            pads[i], pads[count + i] = half, total - half
    function: Any = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[count]
    even = pads[:count] == pads[count:] and min(pads) >= 0
    result: Tensor = function(x, weight, bias, strides, pads[:count] if even else 0, more, a.get("group", 1), dilations)
    return result if even else _padded(result, [-n for n in pads])


@operator("Gemm")
def _gemm(a: Attributes, x: Tensor, y: Tensor, bias: Tensor | None = None) -> Tensor:
    x, y = _together(x.t() if a.get("transA") else x, y.t() if a.get("transB") else y)
    alpha, beta = a.get("alpha", 1.0), a.get("beta", 1.0)
    if bias is not None and alpha == beta == 1 and bias.ndim == 1:
        return torch.addmm(bias, x, y)
    result: Tensor = alpha * (x @ y)
    return result if bias is None else result + beta * bias


@operator("Einsum")
def _einsum(a: Attributes, *xs: Tensor) -> Tensor:
    if len(xs) > 2:  # what lies between the first two and the others may be of any size
        raise ValueError("sums over products of more than two tensors are not had here")
    return torch.einsum(a["equation"], *_together(*xs))


@operator("BatchNormalization")
def _batch_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    return F.batch_norm(x, mean, var, scale, bias, False, 0.0, a.get("epsilon", 1e-5))


@operator("InstanceNormalization")
def _instance_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return F.instance_norm(x, weight=scale, bias=bias, eps=a.get("epsilon", 1e-5))


@operator("LayerNormalization")
def _layer_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.layer_norm(x, list(x.shape[a.get("axis", -1) % x.ndim :]), scale, bias, a.get("epsilon", 1e-5))


@operator("GroupNormalization")
def _group_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    groups, channels = a["num_groups"], x.shape[1]
    if a["opset"] < 21 and len(scale) == groups:  # one number a group, before version 21
        scale, bias = (t.repeat_interleave(channels // groups) for t in (scale, bias))
    return F.group_norm(x, groups, scale, bias, a.get("epsilon", 1e-5))


@operator("LpNormalization")
def _lp_norm(a: Attributes, x: Tensor) -> Tensor:
    return F.normalize(x, p=a.get("p", 2), dim=a.get("axis", -1))


@operator("LRN")
def _lrn(a: Attributes, x: Tensor) -> Tensor:
    return F.local_response_norm(x, a["size"], a.get("alpha", 1e-4), a.get("beta", 0.75), a.get("bias", 1.0))


def _pools(a: Attributes, x: Tensor) -> tuple[list[int], list[int], list[int]]:
    kernel = list(a["kernel_shape"])
    return kernel, list(a.get("strides", [1] * len(kernel))), _same(a, x.shape[2:], kernel)


def _without_padding_alone(
    a: Attributes, x: Tensor, made: Tensor, pads: Sequence[int], kernel: Sequence[int]
) -> Tensor:
    """What a pool made, without windows that begin behind the pixels: rounding up may have added them."""
    count = len(kernel)
    strides = a.get("strides", [1] * count)
    for i in range(count):
        most = -(-(x.shape[2 + i] + pads[i]) // strides[i])  # windows that begin before the end
        made = made.narrow(2 + i, 0, min(made.shape[2 + i], most))
    return made


@operator("MaxPool")
def _max_pool(a: Attributes, x: Tensor) -> Tensor:
    if a["outputs"] > 1:
        raise ValueError("the places of the largest values are not had here")
    kernel, strides, pads = _pools(a, x)
    count = len(kernel)
    even = pads[:count] == pads[count:] and all(2 * p <= k for p, k in zip(pads, kernel, strict=False))
    function: Any = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[count]
    result: Tensor = function(
        x if even else _padded(x, pads, -torch.inf),
        kernel,
        strides,
        pads[:count] if even else 0,
        a.get("dilations", [1] * count),
        bool(a.get("ceil_mode", 0)),
    )
    return _without_padding_alone(a, x, result, pads, kernel)


@operator("AveragePool")
def _average_pool(a: Attributes, x: Tensor) -> Tensor:
    kernel, strides, pads = _pools(a, x)
    if any(n != 1 for n in a.get("dilations", [])):
        raise ValueError("average pooling with gaps is not had here")
    count, rounding = len(kernel), bool(a.get("ceil_mode", 0))
    function: Any = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[count]
    even = pads[:count] == pads[count:] and all(2 * p <= k for p, k in zip(pads, kernel, strict=False))
    inside = bool(a.get("count_include_pad", 0))
    if even:
        result: Tensor = function(x, kernel, strides, pads[:count], rounding, inside)
        return result
    sums = function(_padded(x, pads), kernel, strides, 0, rounding)
    sums = _without_padding_alone(a, x, sums, pads, kernel)
    if inside:
        return sums
    seen = function(_padded(torch.ones_like(x), pads), kernel, strides, 0, rounding)
    return sums / _without_padding_alone(a, x, seen, pads, kernel)


@operator("GlobalAveragePool")
def _global_average(a: Attributes, x: Tensor) -> Tensor:
    return x.mean(dim=tuple(range(2, x.ndim)), keepdim=True)


@operator("GlobalMaxPool")
def _global_max(a: Attributes, x: Tensor) -> Tensor:
    return x.amax(dim=tuple(range(2, x.ndim)), keepdim=True)


def _reduced(name: str, function: Callable[[Tensor, list[int], bool], Tensor]) -> None:
    @operator(name, read=[1])
    def run(a: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
        over = _ints(axes) if axes is not None else list(a.get("axes", []))
        if not over and a.get("noop_with_empty_axes", 0):
            return x
        return function(x, over or list(range(x.ndim)), bool(a.get("keepdims", 1)))


def _product(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    for axis in sorted((axis % x.ndim for axis in axes), reverse=True):
        x = x.prod(dim=axis, keepdim=keep)
    return x


_REDUCE: dict[str, Callable[[Tensor, list[int], bool], Tensor]] = {
    "ReduceMean": torch.mean,
    "ReduceSum": torch.sum,
    "ReduceMax": torch.amax,
    "ReduceMin": torch.amin,
    "ReduceL1": lambda x, axes, keep: x.abs().sum(axes, keep),
    "ReduceL2": lambda x, axes, keep: x.square().sum(axes, keep).sqrt(),
    "ReduceSumSquare": lambda x, axes, keep: x.square().sum(axes, keep),
    "ReduceLogSumExp": torch.logsumexp,
    "ReduceProd": _product,
}
for _name, _reduce in _REDUCE.items():
    _reduced(_name, _reduce)


# --- shapes -------------------------------------------------------------------------------------------


@operator("Shape")
def _shape(a: Attributes, x: Tensor) -> Tensor:
    return torch.tensor(x.shape[a.get("start", 0) : a.get("end")], dtype=torch.int64, device="cpu")


@operator("Size")
def _size(a: Attributes, x: Tensor) -> Tensor:
    return torch.tensor(x.numel(), dtype=torch.int64, device="cpu")


@operator("Reshape", read=[1])
def _reshape(a: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    sizes = _ints(shape)
    if not a.get("allowzero", 0):
        sizes = [x.shape[i] if n == 0 else n for i, n in enumerate(sizes)]
    return x.reshape(sizes)


@operator("Flatten")
def _flatten(a: Attributes, x: Tensor) -> Tensor:
    axis = a.get("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(prod(x.shape[:axis]), prod(x.shape[axis:]))


@operator("Transpose")
def _transpose(a: Attributes, x: Tensor) -> Tensor:
    return x.permute(*a.get("perm", list(reversed(range(x.ndim)))))


@operator("Squeeze", read=[1])
def _squeeze(a: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    over = _ints(axes) if axes is not None else list(a.get("axes", []))
    return x.squeeze(tuple(over) if over else tuple(i for i, n in enumerate(x.shape) if n == 1))


@operator("Unsqueeze", read=[1])
def _unsqueeze(a: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    over = _ints(axes) if axes is not None else list(a.get("axes", []))
    for axis in sorted(axis % (x.ndim + len(over)) for axis in over):
        x = x.unsqueeze(axis)
    return x


@operator("Concat")
def _concat(a: Attributes, *xs: Tensor) -> Tensor:
    return torch.cat(_together(*xs), dim=a["axis"])


@operator("Split", read=[1])
def _split(a: Attributes, x: Tensor, sizes: Tensor | None = None) -> Sequence[Tensor]:
    axis = a.get("axis", 0)
    lengths = _ints(sizes) if sizes is not None else list(a.get("split", []))
    if not lengths:
        return torch.split(x, ceil(x.shape[axis] / a.get("num_outputs", a["outputs"])), dim=axis)
    return torch.split(x, lengths, dim=axis)


@operator("Slice", read=[1, 2, 3, 4])
def _slice(
    a: Attributes,
    x: Tensor,
    starts: Tensor | None = None,
    ends: Tensor | None = None,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    begin = _ints(starts) if starts is not None else list(a["starts"])
    stop = _ints(ends) if ends is not None else list(a["ends"])
    over = (_ints(axes) if axes is not None else list(a.get("axes", []))) or list(range(len(begin)))
    step = _ints(steps) or [1] * len(begin)
    for low, high, axis, by in zip(begin, stop, over, step, strict=True):
        n = x.shape[axis]
        if by > 0:
            first, last, _ = slice(low, high, by).indices(n)
            x = x.narrow(axis, first, max(last - first, 0))
            x = x if by == 1 else x[(slice(None),) * (axis % x.ndim) + (slice(None, None, by),)]
        else:
            places = range(n)[slice(low, None if high < -n else high, by)]
            at = torch.arange(len(places), device=x.device) * places.step + places.start
            x = x.index_select(axis, at)
    return x


@operator("Gather")
def _gather(a: Attributes, x: Tensor, places: Tensor) -> Tensor:
    axis = a.get("axis", 0) % x.ndim
    if not places.is_meta and not x.is_meta:
        places = places.where(places >= 0, places + x.shape[axis])
    result = x.index_select(axis, places.flatten().to(x.device, torch.int64))
    return result.reshape((*x.shape[:axis], *places.shape, *x.shape[axis + 1 :]))


@operator("Expand", read=[1])
def _expand(a: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    return x.expand(torch.broadcast_shapes(x.shape, torch.Size(_ints(shape))))


@operator("Tile", read=[1])
def _tile(a: Attributes, x: Tensor, repeats: Tensor) -> Tensor:
    return x.repeat(_ints(repeats))


def _allowed(count: float) -> None:
    if not 0 <= count <= MAX_MADE:
        raise ValueError(f"makes more than {MAX_MADE:,} numbers of constants")


@operator("ConstantOfShape", read=[0])
def _constant_of_shape(a: Attributes, shape: Tensor) -> Tensor:
    sizes = _ints(shape)
    _allowed(prod(sizes) if min(sizes, default=0) >= 0 else -1)
    return torch.full(sizes, a.get("value", 0.0), dtype=getattr(torch, a.get("type", "float32")), device="cpu")


@operator("Range", read=[0, 1, 2])
def _range(a: Attributes, start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    low, high, step = (t.item() for t in (start, limit, delta))
    _allowed((high - low) / step if step else -1)
    return torch.arange(low, high, step, dtype=start.dtype, device="cpu")


@operator("Pad", read=[1, 2, 3])
def _pad(
    a: Attributes, x: Tensor, pads: Tensor | None = None, value: Tensor | None = None, axes: Tensor | None = None
) -> Tensor:
    given = _ints(pads) if pads is not None else list(a["pads"])
    over = [n % x.ndim for n in _ints(axes)] if axes is not None else list(range(len(given) // 2))
    sides = [[0, 0] for _ in range(x.ndim)]
    for i, axis in enumerate(over):
        sides[axis] = [given[i], given[len(over) + i]]
    mode = a.get("mode", "constant")
    if mode == "constant":
        fill = float(value.item()) if value is not None and value.numel() else float(a.get("value", 0.0))
        return F.pad(x, [n for pair in reversed(sides) for n in pair], value=fill)
    for axis, (before, behind) in enumerate(sides):
        if before or behind:
            _allowed(x.shape[axis] + before + behind)
            kept = x.shape[axis] + min(before, 0) + min(behind, 0)
            x = x.narrow(axis, max(-before, 0), kept)
            at = _mirrored(mode, kept, max(before, 0), max(behind, 0))
            x = x.index_select(axis, at.to(x.device))
    return x


def _mirrored(mode: str, n: int, before: int, behind: int) -> Tensor:
    """Which of `n` places in a row stands at each place of a longer one."""
    at = torch.arange(-before, n + behind, device="cpu")
    match mode:
        case "edge":
            return at.clamp(0, n - 1)
        case "wrap":
            return at.remainder(n)
        case "reflect":
            turn = max(2 * (n - 1), 1)
            return torch.minimum(at.remainder(turn), (-at).remainder(turn))
    raise ValueError(f"padding by {mode} is not had here")


@operator("DepthToSpace")
def _depth_to_space(a: Attributes, x: Tensor) -> Tensor:
    b = a["blocksize"]
    if a.get("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, b)
    n, c, h, w = x.shape
    parts = x.reshape(n, b, b, c // (b * b), h, w)
    return parts.permute(0, 3, 4, 1, 5, 2).reshape(n, c // (b * b), h * b, w * b)


@operator("SpaceToDepth")
def _space_to_depth(a: Attributes, x: Tensor) -> Tensor:
    b = a["blocksize"]
    n, c, h, w = x.shape
    parts = x.reshape(n, c, h // b, b, w // b, b)
    return parts.permute(0, 3, 5, 1, 2, 4).reshape(n, c * b * b, h // b, w // b)


@operator("Upsample", read=[1])
def _upsample(a: Attributes, x: Tensor, scales: Tensor | None = None) -> Tensor:
    factors = scales.tolist() if scales is not None else a["scales"]
    mode = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return _resized({"mode": "nearest", **a, **mode}, x, torch.tensor(factors, device="cpu"), None)


@operator("Resize", read=[1, 2, 3])
def _resize(
    a: Attributes, x: Tensor, _region: Tensor | None = None, scales: Tensor | None = None, sizes: Tensor | None = None
) -> Tensor:
    return _resized(a, x, _region if a["opset"] == 10 else scales, sizes)


def _resized(a: Attributes, x: Tensor, scales: Tensor | None, sizes: Tensor | None) -> Tensor:
    """Axis by axis, so that every way of ONNX to place the pixels is exact; cubic curves are not had."""
    if a.get("antialias", 0) or a.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise ValueError("resizing with antialias, or by keeping the aspect ratio, is not had here")
    if a.get("mode", "nearest") not in ("nearest", "linear"):
        raise ValueError(f"resizing by {a['mode']} is not had here")
    axes = [n % x.ndim for n in a.get("axes", range(x.ndim))]
    lengths: list[int]
    if sizes is not None and sizes.numel():
        lengths = _ints(sizes)
        factors = [n / x.shape[axis] for n, axis in zip(lengths, axes, strict=True)]
    else:
        if scales is None or not scales.numel() or scales.is_meta:
            raise ValueError("resizing needs factors or sizes")
        factors = [float(n) for n in scales.tolist()]
        lengths = [floor(x.shape[axis] * f) for axis, f in zip(axes, factors, strict=True)]
    way = a.get("coordinate_transformation_mode", "half_pixel" if a["opset"] > 10 else "asymmetric")
    for axis, length, factor in zip(axes, lengths, factors, strict=True):
        if length == x.shape[axis] and factor == 1:
            continue
        if not 0 < length <= MAX_MADE:
            raise ValueError(f"makes {length:,} pixels in a row")
        places = _places(way, length, x.shape[axis], factor)
        usual = "round_prefer_floor" if a["opset"] > 10 else "floor" if factor >= 1 else "ceil"
        x = _resampled(x, axis, places, a.get("mode", "nearest"), a.get("nearest_mode", usual))
    return x


def _places(way: str, length: int, before: int, factor: float) -> Tensor:
    """Where in the old row each pixel of the new one lies. In float32, as ONNX Runtime has it: it settles ties."""
    i = torch.arange(length, dtype=torch.float32, device="cpu")
    factor = torch.tensor(factor, dtype=torch.float32, device="cpu").item()
    match way:
        case "half_pixel":
            return (i + 0.5) / factor - 0.5
        case "pytorch_half_pixel":
            return (i + 0.5) / factor - 0.5 if length > 1 else torch.zeros_like(i)
        case "half_pixel_symmetric":
            adjust = length / (factor * before)
            centre = before / 2
            return centre * (1 - adjust) + (i + 0.5) / factor - 0.5
        case "align_corners":
            return i * ((before - 1) / (length - 1)) if length > 1 else torch.zeros_like(i)
        case "asymmetric":
            return i / factor
        case "tf_half_pixel_for_nn":
            return (i + 0.5) / factor
    raise ValueError(f"resizing by {way} is not had here")


def _resampled(x: Tensor, axis: int, places: Tensor, mode: str, nearest: str) -> Tensor:
    last = x.shape[axis] - 1

    def rows(at: Tensor) -> Tensor:
        return x.index_select(axis, at.clamp(0, last).to(x.device, torch.int64))

    if mode == "nearest":
        rule: dict[str, Callable[[Tensor], Tensor]] = {
            "floor": torch.floor,
            "ceil": torch.ceil,
            "round_prefer_floor": lambda p: torch.ceil(p - 0.5),
            "round_prefer_ceil": lambda p: torch.floor(p + 0.5),
        }
        return rows(rule[nearest](places))
    low = torch.floor(places)
    weight = (places - low).to(x.dtype).to(x.device).reshape(-1, *[1] * (x.ndim - 1 - axis))
    return torch.lerp(rows(low), rows(low + 1), weight)
