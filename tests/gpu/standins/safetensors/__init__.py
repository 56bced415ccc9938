"""The format of safetensors in plain Python, for machines that lack the library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch as pytorch  # `torch` is the name of the submodule

KINDS = {
    "F64": pytorch.float64,
    "I64": pytorch.int64,
    "F32": pytorch.float32,
    "I32": pytorch.int32,
    "F16": pytorch.float16,
    "BF16": pytorch.bfloat16,
    "U8": pytorch.uint8,
}


class SafetensorError(Exception):
    pass


def read(content: bytes) -> tuple[dict[str, pytorch.Tensor], dict[str, str]]:
    """The tensors, and what is said of them."""
    try:
        end = 8 + int.from_bytes(content[:8], "little")
        header: dict[str, Any] = json.loads(content[8:end])
        about = header.pop("__metadata__", {})
        tensors = {}
        for name, entry in header.items():
            low, high = entry["data_offsets"]
            raw = np.frombuffer(content[end + low : end + high], np.uint8).copy()
            tensors[name] = pytorch.from_numpy(raw).view(KINDS[entry["dtype"]]).view(entry["shape"])
        return tensors, about
    except (ValueError, KeyError, RuntimeError) as error:
        raise SafetensorError(str(error)) from error


def written(tensors: Mapping[str, pytorch.Tensor], metadata: Mapping[str, str] | None) -> bytes:
    names = {kind: name for name, kind in KINDS.items()}
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    parts, at = [], 0
    for name in order:
        tensor = tensors[name].contiguous()
        raw = tensor.reshape(-1).view(pytorch.uint8).numpy().tobytes()
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + len(raw)]}
        parts.append(raw)
        at += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(parts)


class safe_open:
    def __init__(self, path: Any, framework: str) -> None:
        self._tensors, self._about = read(Path(path).read_bytes())

    def __enter__(self) -> safe_open:
        return self

    def __exit__(self, *why: object) -> None:
        return None

    def metadata(self) -> dict[str, str]:
        return self._about

    def keys(self) -> list[str]:
        return list(self._tensors)

    def get_tensor(self, name: str) -> pytorch.Tensor:
        return self._tensors[name]
