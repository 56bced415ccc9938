"""Shapes of tensors and arrays as annotations: `Float[Tensor, "n D"]`. The tests check them (tests/shapes.py).

The product runs without the package jaxtyping: there, an annotation is the bare type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped
else:
    try:
        from jaxtyping import Float, Shaped
    except ImportError:

        class _Bare:
            def __class_getitem__(cls, of: tuple[Any, str]) -> Any:
                return of[0]

        Float = Shaped = _Bare

__all__ = ["Float", "Shaped"]
