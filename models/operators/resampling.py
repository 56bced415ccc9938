"""Operators that make images larger or smaller."""

from __future__ import annotations

from collections.abc import Callable
from math import floor

import torch
from torch import Tensor

from models.operators.registry import MAX_MADE, Attributes, ints, operator


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
        lengths = ints(sizes)
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
