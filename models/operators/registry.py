"""The table of a graph's operators, and one of them with what it takes and gives.

A function takes a node's attributes, then its inputs, None where one is left out. Where ONNX moved an attribute to
an input in a later version, both are understood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
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


def ints(tensor: Tensor | None) -> list[int]:
    if tensor is not None and tensor.is_meta:
        raise ValueError("a size that depends on what the pixels are")
    return [] if tensor is None else [int(n) for n in tensor.flatten().tolist()]


def on_one_device(*tensors: Tensor) -> list[Tensor]:
    """The tensors on one device: constants lie on the CPU."""
    device = next((t.device for t in tensors if t.device.type != "cpu"), tensors[0].device)
    return [t if t.device == device else t.to(device) for t in tensors]
