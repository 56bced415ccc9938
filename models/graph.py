"""A network given as a graph of ONNX operators, run by torch as it is: the road for what no list of layers says.

The graph is data: nodes with an operator's name, attributes, and the names of what goes in and comes out. Operators
and their defaults are ONNX's (onnx.ai/onnx/operators, versions 7 and later). All of them let gradients through.
The explorer checks a graph (`explorer.recipe.graph_config`) before anything here is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from models.networks import Network, Shape
from models.operators import Node

Shapes = tuple[int, ...]
LIMIT = 1 << 40
MAX_CONSTANT = 1 << 20  # numbers that a node may make of the graph's own constants
MAX_CONSTANT_WORK = 1 << 26  # multiplications, or numbers made, that all such nodes may take together


@dataclass(frozen=True)
class Cost:
    """What rows take on their way through a graph."""

    values: int  # the most numbers that are held at a time
    work: int  # multiplications


class Graph(nn.Module):
    """A function of one tensor `(n, …)`, as nodes that are run one after another.

    Args:
        spec: `input` and `output`, names of tensors; `opset`; `weights`, each with its `shape` and whether it is
            `trained`; `constants`, each with `type`, `shape` and `values`; `nodes`.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__()
        self.spec = spec
        for name, weight in spec["weights"].items():
            tensor = torch.zeros(*weight["shape"])
            if weight["trained"]:
                self.register_parameter(name, nn.Parameter(tensor))
            else:
                self.register_buffer(name, tensor)
        # Numbers that say sizes and axes: they stay on the CPU, where they can be read without waiting.
        with torch.device("cpu"):
            self.constants = {
                name: torch.tensor(c["values"], dtype=getattr(torch, c["type"])).reshape(tuple(c["shape"]))
                for name, c in spec["constants"].items()
            }
        self.nodes = [Node.of(node, spec["opset"]) for node in spec["nodes"]]
        self._last = {name: i for i, node in enumerate(self.nodes) for name in node.inputs}

    def extra_repr(self) -> str:
        return f"{len(self.nodes)} operators, opset {self.spec['opset']}"

    def forward(self, x: Tensor) -> Tensor:
        """What the graph makes of `x`.

        Raises:
            ValueError: an operator can't take what it is given; one sentence.
        """
        return self._run(x)[0]

    def follow(
        self, shape: Shapes, rows: int, limit: int, every: dict[str, Shapes] | None = None
    ) -> tuple[Shapes, Cost]:
        """The shape that comes of `rows` rows of one shape, and what they take, without taking memory for them.

        Args:
            shape: of one row.
            rows: how many there are.
            limit: the most numbers that may be held at a time.
            every: where the shape of each tensor on the way is put, by its name.

        Raises:
            ValueError: more than `limit` numbers at a time, or an operator can't take what it is given.
        """
        kept = self._parameters, self._buffers
        try:
            self._parameters = {k: None if v is None else nn.Parameter(v.to("meta"), False) for k, v in kept[0].items()}
            self._buffers = {k: None if v is None else v.to("meta") for k, v in kept[1].items()}
            result, cost = self._run(torch.empty(rows, *shape, device="meta"), limit, every)
        finally:
            self._parameters, self._buffers = kept
        return tuple(result.shape), cost

    def _run(self, x: Tensor, limit: int | None = None, every: dict[str, Shapes] | None = None) -> tuple[Tensor, Cost]:
        """The result, and with a limit the cost. A tensor is let go once no later node takes it."""
        values: dict[str, Tensor] = {self.spec["input"]: x}
        most = work = fixed = 0
        for place, node in enumerate(self.nodes):
            given = [self._value(name, values) if name else None for name in node.inputs]
            try:
                if limit is not None:
                    fixed += _foresee(node, given)
                    _hold(fixed)
                results = node.run(given)
                fixed += sum(0 if result.is_meta else result.numel() for result in results)
                if limit is not None:
                    _hold(fixed)
            except Exception as error:  # whatever a stranger's node makes torch stumble over
                said = str(error).strip() or type(error).__name__
                if isinstance(error, KeyError):
                    said = f"it lacks {said}"
                said = said.splitlines()[0][:200]
                raise ValueError(f"node {place} of the graph ({node.operator}): {said}") from error
            values.update(zip(node.outputs, results, strict=False))
            if every is not None:
                every.update((n, tuple(t.shape)) for n, t in zip(node.outputs, results, strict=False))
            if limit is not None:
                most = max(most, sum(prod(t.shape) for t in values.values()))
                work += node.work(given, results)
                if most > limit:
                    raise ValueError(
                        f"node {place} of the graph ({node.operator}) needs more than {limit:,} values at a time"
                    )
            for name in (*node.inputs, *node.outputs):
                if name != self.spec["output"] and self._last.get(name, -1) <= place:
                    values.pop(name, None)
        return self._value(self.spec["output"], values), Cost(most, work)

    def _value(self, name: str, values: Mapping[str, Tensor]) -> Tensor:
        if name in values:
            return values[name]
        constant = self.constants.get(name)
        return getattr(self, name) if constant is None else constant


def _hold(fixed: int) -> None:
    if fixed > MAX_CONSTANT_WORK:
        raise ValueError("too much is computed of constants")


def _foresee(node: Node, given: list[Tensor | None]) -> int:
    """Refuse what a node would make of constants alone before it makes it: all else is without memory here.

    Returns:
        Multiplications that it takes; 0 where it takes more than constants.
    """
    if any(t is not None and t.is_meta for t in given):
        return 0
    sketch = [t if t is None or i in node.read or t.numel() == 0 else t.to("meta") for i, t in enumerate(given)]
    if not any(t is not None and t.is_meta for t in sketch):
        return 0
    made = node.run(sketch)
    for result in made:
        if result.numel() > MAX_CONSTANT:
            raise ValueError(f"makes {result.numel():,} numbers of constants")
    return node.work(sketch, made)


def build_graph(encoder: Mapping[str, Any], decoder: Mapping[str, Any], shape: Shape, latents: int) -> Network:
    """A network of two graphs: images -> means and log-variances in one row, and latents -> raw outputs.

    `network.layers` keeps them, so that it can be saved again.
    """
    network = Network(Graph(encoder), Graph(decoder), shape, latents)
    network.name = "graph"
    network.layers = {"encoder_graph": encoder, "decoder_graph": decoder}
    return network
