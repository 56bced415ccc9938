"""Operators that move numbers without changing them, or make new ones: shapes, slices, padding."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod

import torch
import torch.nn.functional as F
from torch import Tensor

from models.operators.registry import MAX_MADE, Attributes, ints, on_one_device, operator


@operator("Shape")
def _shape(a: Attributes, x: Tensor) -> Tensor:
    return torch.tensor(x.shape[a.get("start", 0) : a.get("end")], dtype=torch.int64, device="cpu")


@operator("Size")
def _size(a: Attributes, x: Tensor) -> Tensor:
    return torch.tensor(x.numel(), dtype=torch.int64, device="cpu")


@operator("Reshape", read=[1])
def _reshape(a: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    sizes = ints(shape)
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
    over = ints(axes) if axes is not None else list(a.get("axes", []))
    return x.squeeze(tuple(over) if over else tuple(i for i, n in enumerate(x.shape) if n == 1))


@operator("Unsqueeze", read=[1])
def _unsqueeze(a: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    over = ints(axes) if axes is not None else list(a.get("axes", []))
    for axis in sorted(axis % (x.ndim + len(over)) for axis in over):
        x = x.unsqueeze(axis)
    return x


@operator("Concat")
def _concat(a: Attributes, *xs: Tensor) -> Tensor:
    return torch.cat(on_one_device(*xs), dim=a["axis"])


@operator("Split", read=[1])
def _split(a: Attributes, x: Tensor, sizes: Tensor | None = None) -> Sequence[Tensor]:
    axis = a.get("axis", 0)
    lengths = ints(sizes) if sizes is not None else list(a.get("split", []))
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
    begin = ints(starts) if starts is not None else list(a["starts"])
    stop = ints(ends) if ends is not None else list(a["ends"])
    over = (ints(axes) if axes is not None else list(a.get("axes", []))) or list(range(len(begin)))
    step = ints(steps) or [1] * len(begin)
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
    return x.expand(torch.broadcast_shapes(x.shape, torch.Size(ints(shape))))


@operator("Tile", read=[1])
def _tile(a: Attributes, x: Tensor, repeats: Tensor) -> Tensor:
    return x.repeat(ints(repeats))


def _allowed(count: float) -> None:
    if not 0 <= count <= MAX_MADE:
        raise ValueError(f"makes more than {MAX_MADE:,} numbers of constants")


@operator("ConstantOfShape", read=[0])
def _constant_of_shape(a: Attributes, shape: Tensor) -> Tensor:
    sizes = ints(shape)
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
    given = ints(pads) if pads is not None else list(a["pads"])
    over = [n % x.ndim for n in ints(axes)] if axes is not None else list(range(len(given) // 2))
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
