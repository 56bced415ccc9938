"""A graph that was imported, as ONNX again: the same nodes and numbers, which any runtime runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import UserError

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, ValueInfoProto

    from models.graph import Graph

Axes = Mapping[str, tuple[int, ...]]  # a name, and the shape of a row


def as_it_is(graph: Graph, given: Axes, outputs: Axes, ends: Sequence[NodeProto]) -> ModelProto:
    """A graph as a model of ONNX; the nodes `ends` make its outputs of the tensor "raw".

    Args:
        graph: the encoder or the decoder of a model.
        given: the name of its input, with the shape of a row.
        outputs: the names of its outputs, with the shapes of a row.
        ends: nodes behind the graph.

    Raises:
        UserError: the package onnx is not installed.
    """
    try:
        import onnx
        from onnx import helper, numpy_helper
    except ImportError as error:
        raise UserError("ONNX is written with the package onnx: pip install onnx") from error
    spec = graph.spec
    own: dict[str, str] = dict(zip((spec["input"], spec["output"]), (*given, "raw"), strict=True))

    def name(text: str) -> str:
        return own.get(text, f"g_{text}" if text else "")

    state = graph.state_dict()
    tensors = [numpy_helper.from_array(t.detach().cpu().float().numpy(), name(k)) for k, t in state.items()]
    tensors += [
        numpy_helper.from_array(np.array(c["values"], dtype=c["type"]).reshape(c["shape"]), name(k))
        for k, c in spec["constants"].items()
    ]
    nodes = []
    for node in spec["nodes"]:
        attributes: dict[str, Any] = dict(node["attributes"])
        if node["operator"] == "ConstantOfShape" and "value" in attributes:
            value = np.array([attributes.pop("value")], dtype=attributes.pop("type", "float32"))
            attributes["value"] = numpy_helper.from_array(value)
        nodes.append(
            helper.make_node(
                node["operator"], [name(n) for n in node["inputs"]], [name(n) for n in node["outputs"]], **attributes
            )
        )
    made = helper.make_graph([*nodes, *ends], "graph", _infos(given), _infos(outputs), tensors)
    opset = helper.make_opsetid("", spec["opset"])
    model = helper.make_model(made, opset_imports=[opset], ir_version=min(onnx.IR_VERSION, 10))
    return onnx.shape_inference.infer_shapes(model)


def _infos(axes: Axes) -> list[ValueInfoProto]:
    from onnx import TensorProto, helper

    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape]) for name, shape in axes.items()]
