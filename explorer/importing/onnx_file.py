"""An ONNX file read as data: its nodes, weights and constants, and the part between one tensor and another.

Nothing in the file is run by the reader. Files that point to other files, and operators that the app does not know,
are refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import UserError
from explorer.files import read_regular
from explorer.importing.onnx_wire import DAMAGED, check_parts
from explorer.recipe.graph_config import MAX_NODES, MAX_NUMBERS, GraphConfig
from explorer.recipe.layer_config import MAX_WEIGHTS

if TYPE_CHECKING:
    import onnx

MAX_FILE_BYTES = 512 << 20
OLDEST = 7
FLOATS = ("float32", "float64", "float16", "bfloat16")
SMALL = 256  # numbers of a float constant that is kept in the config
DRAWS = "draws random numbers: export a graph that gives mean and log-variance, and no sample"
WHY = {
    "Loop": "repeats a part of itself",
    "Scan": "repeats a part of itself",
    "If": "chooses between parts of itself",
    "LSTM": "is recurrent",
    "GRU": "is recurrent",
    "RNN": "is recurrent",
}


@dataclass(frozen=True)
class RawNode:
    """A node with the file's own names."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass
class RawGraph:
    """What a file holds. `inputs` gives each axis of what goes in: a length, or None where it is free."""

    opset: int
    inputs: dict[str, tuple[int | None, ...]]
    outputs: tuple[str, ...]
    nodes: list[RawNode]
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    constants: dict[str, np.ndarray] = field(default_factory=dict)

    def between(self, start: str, end: str) -> RawGraph:
        """The part that leads from the tensor `start` to the tensor `end`.

        Raises:
            UserError: `end` needs something else as well, or does not rest on `start`.
        """
        made = {name: node for node in self.nodes for name in node.outputs}
        needed, waiting, wanted = set[int](), [end], set[str]()
        reached = False
        while waiting:
            name = waiting.pop()
            if name in wanted or not name:
                continue
            wanted.add(name)
            if name == start:
                reached = True
            elif name in made:
                needed.add(id(made[name]))
                waiting += made[name].inputs
            elif name not in self.weights and name not in self.constants:
                raise UserError(f"{end[:80]!r} does not rest on {start[:80]!r} alone: it needs {name[:80]!r} too")
        if not reached:
            raise UserError(f"{end[:80]!r} does not rest on {start[:80]!r}")
        nodes = [node for node in self.nodes if id(node) in needed]
        return RawGraph(
            self.opset,
            {start: self.inputs.get(start, ())},
            (end,),
            nodes,
            {name: value for name, value in self.weights.items() if name in wanted},
            {name: value for name, value in self.constants.items() if name in wanted},
        )


def is_onnx(file: Path, root: Path | None = None) -> bool:
    """Whether a file is one of ONNX: by its name, or by how it begins. Raises UserError where it can't be read."""
    if file.suffix.lower() == ".onnx":
        return True
    return begins_like_onnx(read_regular(file, 2 << 30, root, 16))


def begins_like_onnx(head: bytes) -> bool:
    """Whether the first 16 bytes are those of a ModelProto: its version of the format, a small number, then a text.

    The length that begins a file of safetensors may look like that, so its brace is looked for as well.
    """
    return len(head) == 16 and head[0] == 8 and 3 <= head[1] <= 20 and head[8:9] != b"{"


def read_onnx(file: Path, root: Path | None = None) -> RawGraph:
    """The graph in a file.

    Raises:
        UserError: it is no ONNX file, too large, or holds something that is not had here; one sentence.
    """
    content = read_regular(file, MAX_FILE_BYTES, root)
    try:
        return read_onnx_bytes(content)
    except UserError as error:
        raise UserError(f"{file} can't be imported: {error}") from error


def read_onnx_bytes(content: bytes) -> RawGraph:
    """The graph in the bytes of a file.

    Raises:
        UserError: as `read_onnx`.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise UserError("ONNX files are read with the package onnx: pip install onnx") from error
    check_parts(content, onnx.ModelProto.DESCRIPTOR)
    try:
        model = onnx.ModelProto.FromString(content)
    except (DecodeError, ValueError, RuntimeError) as error:
        raise UserError(DAMAGED) from error
    if not model.graph.node:
        raise UserError(f"{DAMAGED}: there is no graph in it")
    return _graph(_inlined(model))


def _inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its own functions written out, where that keeps to the bounds."""
    if not model.functions:
        return model
    from onnx import inliner

    bodies = {(f.domain, f.name): f for f in model.functions}
    sizes: dict[tuple[str, str], tuple[int, int]] = {}

    def size(nodes: Any, above: tuple[tuple[str, str], ...]) -> tuple[int, int]:
        """Nodes and bytes once the functions are written out."""
        count = written = 0
        for node in nodes:
            key = (node.domain, node.op_type)
            more = 1, node.ByteSize()
            if key in above or len(above) > 50:
                raise UserError("a function in it calls itself")
            if key in bodies:
                if key not in sizes:
                    sizes[key] = size(bodies[key].node, (*above, key))
                more = sizes[key]
            count, written = count + more[0], written + more[1]
            if count > MAX_NODES:
                raise UserError(f"it has more than {MAX_NODES:,} nodes")
            if written > MAX_FILE_BYTES:
                raise UserError("the functions in it take too much once they are written out")
        return count, written

    size(model.graph.node, ())
    try:
        return inliner.inline_local_functions(model)
    except Exception as error:  # the library's own, of many kinds
        raise UserError("the functions in it can't be written out") from error


def _graph(model: onnx.ModelProto) -> RawGraph:
    from models.operators import OPERATORS

    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    if opset < OLDEST:
        raise UserError(f"it is of ONNX's operators of version {opset}; {OLDEST} is the oldest that is read")
    graph = model.graph
    if len(graph.node) > MAX_NODES or len(graph.initializer) > MAX_NODES:
        raise UserError(f"it has more than {MAX_NODES:,} nodes or weights")
    if graph.sparse_initializer:
        raise UserError("it has sparse weights, which are not read")
    tensors = {tensor.name: _array(tensor) for tensor in graph.initializer}
    given = {i.name: _axes(i) for i in graph.input if i.name not in tensors}
    raw = RawGraph(opset, given, tuple(o.name for o in graph.output), [])
    for name, value in tensors.items():
        _keep(raw, name, value, weight=value.ndim > 0)
    for node in graph.node:
        attributes = {a.name: _attribute(a, node.op_type) for a in node.attribute}
        if node.domain not in ("", "ai.onnx"):
            raise UserError(f"the operator {node.op_type[:60]!r} of {node.domain[:60]!r} is not ONNX's own")
        if node.op_type == "Constant":
            _keep(raw, node.output[0], _constant(attributes), weight=False)
            continue
        if node.op_type in ("BatchNormalization", "Dropout") and attributes.get("training_mode"):
            raise UserError("it was exported in training mode: call eval() before the export")
        outputs = list(node.output)
        while len(outputs) > 1 and not outputs[-1]:
            outputs.pop()
        if node.op_type in ("BatchNormalization", "Dropout", "LayerNormalization"):
            outputs = outputs[:1]  # the others are of training
        operator = node.op_type
        if operator not in OPERATORS and not operator.startswith("Random"):  # may lie outside the part
            why = WHY.get(operator, "is not known here")
            raise UserError(f"the operator {operator[:60]!r} {why}")
        if operator == "ConstantOfShape" and isinstance(attributes.get("value"), np.ndarray):
            value = attributes.pop("value")
            attributes |= {"value": value.flatten()[0].item(), "type": str(value.dtype)}
        raw.nodes.append(RawNode(operator, tuple(node.input), tuple(outputs), attributes))
        for place in OPERATORS[operator][1] if operator in OPERATORS else ():
            name = node.input[place] if place < len(node.input) else ""
            if name in raw.weights:  # numbers that say a size
                _keep(raw, name, raw.weights.pop(name), weight=False)
    return raw


def _axes(value: onnx.ValueInfoProto) -> tuple[int | None, ...]:
    dims = value.type.tensor_type.shape.dim
    return tuple(int(d.dim_value) if d.HasField("dim_value") and d.dim_value > 0 else None for d in dims)


def _array(tensor: onnx.TensorProto) -> np.ndarray:
    """The numbers of a tensor, which lie in the file itself. bfloat16 and float16 become float32."""
    from onnx import TensorProto, numpy_helper

    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise UserError("its weights lie in another file (external data), which is not opened: save it in one file")
    if tensor.data_type in (TensorProto.STRING, TensorProto.UNDEFINED):
        raise UserError(f"{tensor.name[:60]!r} holds no numbers")
    if any(n < 0 for n in tensor.dims) or prod(tensor.dims) > MAX_WEIGHTS:
        raise UserError(f"{tensor.name[:60]!r} claims a shape of more than {MAX_WEIGHTS:,} numbers")
    try:
        value = numpy_helper.to_array(tensor)
    except Exception as error:  # the library's own, of many kinds
        raise UserError(f"{tensor.name[:60]!r} holds other numbers than its shape says") from error
    if str(value.dtype) in FLOATS:
        value = value.astype(np.float32)
        if not np.isfinite(value).all():
            raise UserError(f"{tensor.name[:60]!r} holds numbers that are not finite")
    elif value.dtype.kind not in "iub":
        raise UserError(f"{tensor.name[:60]!r} holds {value.dtype}, not plain numbers")
    return value


def _attribute(attribute: onnx.AttributeProto, operator: str) -> Any:
    """An attribute as plain Python."""
    from onnx import AttributeProto

    match attribute.type:
        case AttributeProto.INT:
            return int(attribute.i)
        case AttributeProto.FLOAT:
            return float(attribute.f)
        case AttributeProto.STRING:
            return attribute.s.decode("utf-8", "replace")
        case AttributeProto.INTS:
            return tuple(int(n) for n in attribute.ints)
        case AttributeProto.FLOATS:
            return tuple(float(n) for n in attribute.floats)
        case AttributeProto.TENSOR:
            return _array(attribute.t)
    why = WHY.get(operator, f"has an attribute {attribute.name[:40]!r} that is not plain numbers")
    raise UserError(f"the operator {operator[:60]!r} {why}")


def _constant(attributes: Mapping[str, Any]) -> np.ndarray:
    for name, value in attributes.items():
        if name == "value" and isinstance(value, np.ndarray):
            return value
        if name in ("value_int", "value_ints"):
            return np.array(value, dtype=np.int64)
        if name in ("value_float", "value_floats"):
            return np.array(value, dtype=np.float32)
    raise UserError("a constant in it holds no plain numbers")


def _keep(raw: RawGraph, name: str, value: np.ndarray, weight: bool) -> None:
    """Put numbers among the weights, or where they only say sizes or stand in a formula among the constants."""
    if value.dtype.kind == "f" and (weight or value.size > SMALL) and value.size:
        raw.weights[name] = value
        return
    if value.size > MAX_NUMBERS:
        raise UserError(f"{name[:60]!r} is a constant of more than {MAX_NUMBERS:,} numbers")
    if value.dtype.kind in "iu" and str(value.dtype) not in ("int64", "int32", "uint8"):
        value = value.astype(np.int64)
    raw.constants[name] = value


def to_config(raw: RawGraph) -> tuple[GraphConfig, dict[str, np.ndarray]]:
    """The graph of a part with plain names, and its weights by these names.

    Raises:
        UserError: it does not keep to the bounds; one sentence.
    """
    from pydantic import ValidationError

    from explorer.errors import in_words

    drawn = next((node.operator for node in raw.nodes if node.operator.startswith("Random")), None)
    if drawn is not None:
        raise UserError(f"the operator {drawn[:60]!r} {DRAWS}")
    (start,), (end,) = raw.inputs, raw.outputs
    names = {start: "x"}
    names |= {name: f"w{i}" for i, name in enumerate(raw.weights)}
    names |= {name: f"c{i}" for i, name in enumerate(raw.constants)}
    made = [name for node in raw.nodes for name in node.outputs]
    names |= {name: f"v{i}" for i, name in enumerate(made) if name}
    still = {
        name for node in raw.nodes if node.operator == "BatchNormalization" for name in node.inputs[3:5]
    }  # what was counted while training, not learnt
    try:
        config = GraphConfig.model_validate(
            {
                "opset": raw.opset,
                "input": names[start],
                "output": names[end],
                "weights": {
                    names[name]: {"shape": value.shape, "trained": name not in still}
                    for name, value in raw.weights.items()
                },
                "constants": {
                    names[name]: {"type": str(value.dtype), "shape": value.shape, "values": value.flatten().tolist()}
                    for name, value in raw.constants.items()
                },
                "nodes": [
                    {
                        "operator": node.operator,
                        "inputs": [names[name] if name else "" for name in node.inputs],
                        "outputs": [names[name] for name in node.outputs],
                        "attributes": node.attributes,
                    }
                    for node in raw.nodes
                ],
            }
        )
    except ValidationError as error:
        raise UserError(in_words(error)) from error
    except KeyError as error:
        raise UserError(f"a node in it leaves an output without a name ({error})") from error
    return config, {names[name]: value for name, value in raw.weights.items()}
