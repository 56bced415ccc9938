"""A graph that was imported, as ONNX again: the same nodes and numbers, which any runtime runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import UserError

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

    from models.graph import Graph


def as_it_is(graph: Graph, given: str, ends: Sequence[NodeProto]) -> ModelProto:
    """A graph as a model of ONNX that takes `given` and puts out what the nodes `ends` make of the tensor "raw".

    Args:
        graph: the encoder or the decoder of a model.
        given: the name of its input.
        ends: nodes behind it; the outputs are what these make and do not take themselves.

    Raises:
        UserError: the package onnx is not installed.
    """
    try:
        import onnx
        from onnx import TensorProto, helper, numpy_helper
    except ImportError as error:
        raise UserError("ONNX is written with the package onnx: pip install onnx") from error
    spec = graph.spec
    own = {spec["input"]: given, spec["output"]: "raw"}

    def name(text: str) -> str:
        return own.get(text, f"g_{text}" if text else "")

    state = graph.state_dict()
    tensors = [
        numpy_helper.from_array(t.detach().cpu().float().numpy(), name(k)) for k, t in state.items()
    ]
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
                node["operator"],
                [name(n) for n in node["inputs"]],
                [name(n) for n in node["outputs"]],
                **attributes,
            )
        )
    taken = {n for node in ends for n in node.input}
    outputs = [n for node in ends for n in node.output if n not in taken]
    made = helper.make_graph(
        [*nodes, *ends], "graph", [helper.make_tensor_value_info(given, TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs], tensors,
    )  # fmt: skip
    opset = helper.make_opsetid("", spec["opset"])
    model = helper.make_model(made, opset_imports=[opset], ir_version=min(onnx.IR_VERSION, 10))
    return onnx.shape_inference.infer_shapes(model)
