"""A network as a graph of ONNX operators, as config.json holds it, and the bounds that it has to keep.

The settings know nothing of torch: names, sizes and the order of nodes are checked here. `check_graph` follows the
shapes through both graphs, with torch but without memory.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from explorer.recipe.layer_config import MAX_VALUES, MAX_WEIGHTS, MAX_WORK

if TYPE_CHECKING:
    from models.networks import Network

MAX_NODES = 5_000
MAX_NUMBERS = 1 << 16  # in constants
ROWS = (1, 2, 7, 64)  # images at a time that are followed through: what a row takes must not grow with them

HELD = {
    "float32": 3.4028235e38,
    "float64": 2**1024,
    "int64": 2**63 - 1,
    "int32": 2**31 - 1,
    "uint8": 255,
    "bool": 1,
}  # the largest number of each type

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Length = Annotated[int, Field(ge=1, le=1 << 28)]
Whole = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Attribute = (
    Whole
    | Finite
    | Annotated[str, Field(max_length=200)]
    | Annotated[tuple[Whole, ...], Field(max_length=64)]
    | Annotated[tuple[Finite, ...], Field(max_length=64)]
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Weight(_Part):
    """A tensor of model.safetensors; one that is not `trained` stays as it is when the model is trained on."""

    shape: Annotated[tuple[Length, ...], Field(max_length=6)]
    trained: bool = True


class Constant(_Part):
    """A few numbers that say sizes and axes, or stand in a formula."""

    type: Literal["float32", "float64", "int64", "int32", "uint8", "bool"]
    shape: Annotated[tuple[Annotated[int, Field(ge=0, le=MAX_NUMBERS)], ...], Field(max_length=6)]
    values: Annotated[tuple[bool | Whole | Finite, ...], Field(max_length=MAX_NUMBERS)]

    @model_validator(mode="after")
    def _filled(self) -> Self:
        if prod(self.shape) != len(self.values):
            raise ValueError(f"{len(self.values)} values for the shape {self.shape}")
        most = HELD[self.type]
        least = {"uint8": 0, "bool": 0}.get(self.type, -most if self.type[0] == "f" else -most - 1)
        whole = self.type[0] != "f"
        if any(not least <= v <= most or (whole and v != int(v)) for v in self.values):
            raise ValueError(f"a value that is no {self.type}")
        return self


class GraphNode(_Part):
    """An operator; an empty name is an input that is left out."""

    operator: str = Field(pattern=r"^[A-Za-z0-9]{1,40}$")
    inputs: Annotated[tuple[Name | Literal[""], ...], Field(max_length=1000)] = ()
    outputs: Annotated[tuple[Name, ...], Field(min_length=1, max_length=64)]
    attributes: Annotated[dict[Annotated[str, Field(max_length=40)], Attribute], Field(max_length=30)] = {}


class GraphConfig(_Part):
    """A function of one tensor: `input` to `output`, by nodes of the operators of one version of ONNX."""

    opset: int = Field(ge=7, le=99)
    input: Name
    output: Name
    weights: Annotated[dict[Name, Weight], Field(max_length=MAX_NODES)] = {}
    constants: Annotated[dict[Name, Constant], Field(max_length=MAX_NODES)] = {}
    nodes: Annotated[tuple[GraphNode, ...], Field(min_length=1, max_length=MAX_NODES)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        known = {self.input, *self.weights}
        if len(known) <= len(self.weights) or known & self.constants.keys():
            raise ValueError("a name stands for two things")
        known |= self.constants.keys()
        for place, node in enumerate(self.nodes):
            for name in node.inputs:
                if name and name not in known:
                    raise ValueError(f"node {place} ({node.operator}) takes {name!r}, which nothing has made")
            for name in node.outputs:
                if name in known:
                    raise ValueError(f"node {place} ({node.operator}) makes {name!r} a second time")
                known.add(name)
        if self.output not in known:
            raise ValueError(f"nothing makes the output {self.output!r}")
        if sum(len(constant.values) for constant in self.constants.values()) > MAX_NUMBERS:
            raise ValueError(f"the constants hold more than {MAX_NUMBERS:,} numbers")
        if self.count > MAX_WEIGHTS:
            raise ValueError(f"the graph has {self.count:,} weights, more than {MAX_WEIGHTS:,}")
        return self

    @property
    def count(self) -> int:
        """Numbers in all weights."""
        return sum(prod(weight.shape) for weight in self.weights.values())


def check_graph(network: Network) -> None:
    """Follow the shapes of one and of several images through both graphs of a network.

    Raises:
        ValueError: a graph that ends in another shape, that can't take images together, or that needs more values
            or arithmetic than is allowed; one sentence.
    """
    from models.graph import Graph

    ends = {"encoder": (network.shape, (2 * network.latents,)), "decoder": ((network.latents,), network.shape)}
    work = 0
    for name, (start, end) in ends.items():
        graph = getattr(network, name)
        assert isinstance(graph, Graph)
        single = None
        for rows in ROWS:
            try:
                shape, cost = graph.follow(start, rows, rows * MAX_VALUES)
            except ValueError as error:
                together = f", {rows} images at a time" if rows > 1 else ""
                raise ValueError(f"{name}{together}: {error}") from error
            if shape != (rows, *end):
                raise ValueError(f"the {name} makes the shape {shape} of {rows} rows, and {(rows, *end)} is wanted")
            single = single or cost
            if cost.values > rows * single.values or cost.work > rows * single.work:
                raise ValueError(f"the {name} takes more for each image, the more images there are")
        assert single is not None
        work += single.work
    if work > MAX_WORK:
        raise ValueError(f"an image takes {work:,} multiplications, more than {MAX_WORK:,}")
