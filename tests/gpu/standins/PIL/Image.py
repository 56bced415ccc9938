"""See the package."""

from __future__ import annotations

from typing import Any

MAX_IMAGE_PIXELS = None


class DecompressionBombError(Exception):
    pass


class Image:
    def save(self, file: Any, *how: Any, **more: Any) -> None:
        pass


def fromarray(values: Any) -> Image:
    return Image()
