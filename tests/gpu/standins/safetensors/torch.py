"""See the package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import read, written  # type: ignore[attr-defined]  # the stand-in's own


def load(content: bytes) -> dict[str, Any]:
    return dict(read(content)[0])


def load_file(path: Any) -> dict[str, Any]:
    return load(Path(path).read_bytes())


def save(tensors: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> bytes:
    return bytes(written(tensors, metadata))
