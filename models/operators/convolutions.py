"""Operators of layers: convolutions, products, norms, pooling, and reductions over axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from models.operators.registry import Attributes, ints, on_one_device, operator


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
    x, y = on_one_device(x.t() if a.get("transA") else x, y.t() if a.get("transB") else y)
    alpha, beta = a.get("alpha", 1.0), a.get("beta", 1.0)
    if bias is not None and alpha == beta == 1 and bias.ndim == 1:
        return torch.addmm(bias, x, y)
    result: Tensor = alpha * (x @ y)
    return result if bias is None else result + beta * bias


@operator("Einsum")
def _einsum(a: Attributes, *xs: Tensor) -> Tensor:
    if len(xs) > 2:  # what lies between the first two and the others may be of any size
        raise ValueError("sums over products of more than two tensors are not had here")
    return torch.einsum(a["equation"], *on_one_device(*xs))


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
        over = ints(axes) if axes is not None else list(a.get("axes", []))
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
