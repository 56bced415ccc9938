"""ONNX files with lying sizes, odd operators, constants without end, names that go in circles, and damaged bytes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tests.fuzz.formats import HUGE, change_bytes
from tests.fuzz.trying import Asked, tried

FORMATS = ("onnx",)
LARGE = (-(2**63), -1, 0, 1, 7, 2**16, 2**20, 2**31, 2**40, 2**62)
# Operators that make much of little, or look at numbers to know a size: each with how many whole numbers it takes.
GREEDY = {
    "Tile": 1, "Expand": 1, "Reshape": 1, "ConstantOfShape": 0, "Pad": 1, "Slice": 4, "Range": 2, "Gather": 1,
    "Concat": 1, "Split": 1, "Resize": 3, "Upsample": 1, "DepthToSpace": 0, "Einsum": 1, "Unsqueeze": 1, "Squeeze": 1,
    "Transpose": 0, "LRN": 0, "AveragePool": 0, "ConvTranspose": 1, "MatMul": 1, "Gemm": 1, "ReduceSum": 1, "Cast": 0,
    "Shape": 0, "Mul": 1, "Pow": 1, "Where": 2, "Softmax": 0, "Dropout": 1, "GroupNormalization": 2, "Loop": 2, "If": 0,
}  # fmt: skip

ATTRIBUTES = (
    "axis",
    "axes",
    "perm",
    "blocksize",
    "kernel_shape",
    "strides",
    "pads",
    "size",
    "to",
    "num_groups",
    "group",
    "dilations",
    "mode",
    "scales",
)


def run(asked: Asked) -> dict[str, Any]:
    """Try the inputs of the format."""
    import shutil

    import torch

    from explorer.checkpoints import load
    from explorer.importing.preview import import_checkpoint

    valid = {name: content.SerializeToString() for name, content in _valid().items()}
    source = asked.base / "case"
    home = asked.base / "home"

    def make(number: int, rng: random.Random) -> Path:
        files = dict(valid)
        if number >= 0:
            victim = rng.choice(list(files))
            way = change_bytes if rng.random() < 0.3 else _mutated
            files[victim] = way(files[victim], rng)
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir()
        for file, content in files.items():
            (source / file).write_bytes(content)
        return source

    def attempt(folder: Path) -> None:
        kept = import_checkpoint(folder, "fuzzed")
        try:
            model = load(kept).model
            with torch.inference_mode():
                image = model.decode(torch.zeros(3, model.latents))
            assert tuple(image.shape) == (3, *model.shape), "the images have another shape"
        finally:
            shutil.rmtree(kept)

    def left() -> list[str]:
        found = [p.name for p in (home / "library").glob("*") if p.name != ".changing"]
        if found:
            shutil.rmtree(home, ignore_errors=True)
        return found

    return tried(asked, make, attempt, left)


def kept(folder: Path) -> Path:
    """A model of two graphs, as the explorer keeps it in a folder."""
    from explorer.checkpoints import ModelConfig, save
    from explorer.checkpoints.store import build_model

    def node(operator: str, inputs: list[str], output: str, **attributes: Any) -> dict[str, Any]:
        return {"operator": operator, "inputs": inputs, "outputs": [output], "attributes": attributes}

    sizes = {"type": "int64", "shape": [4], "values": [-1, 1, 6, 6]}
    encoder = {
        "opset": 17,
        "input": "x",
        "output": "y",
        "weights": {"a": {"shape": [36, 4]}, "b": {"shape": [4]}},
        "nodes": [node("Flatten", ["x"], "f", axis=1), node("Gemm", ["f", "a", "b"], "y", alpha=1.0)],
    }
    decoder = {
        "opset": 17,
        "input": "x",
        "output": "y",
        "weights": {"a": {"shape": [2, 36]}},
        "constants": {"c": sizes},
        "nodes": [node("MatMul", ["x", "a"], "f"), node("Reshape", ["f", "c"], "y")],
    }
    config = ModelConfig.model_validate(
        {"network": "graph", "shape": (1, 6, 6), "latents": 2, "encoder_graph": encoder, "decoder_graph": decoder}
    )
    return save(build_model(config), folder)


def _valid() -> dict[str, Any]:
    """An encoder and a decoder of images of 6 x 6."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)

    def made(nodes: list[Any], shape: list[Any], ends: dict[str, list[Any]], **weights: tuple[int, ...]) -> Any:
        arrays = {n: rng.normal(size=s, scale=0.5).astype(np.float32) for n, s in weights.items()}
        tensors = [numpy_helper.from_array(a, n) for n, a in arrays.items()]
        tensors.append(numpy_helper.from_array(np.array([-1, 1, 6, 6]), "image"))
        graph = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape])],
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", *s]) for n, s in ends.items()],
            tensors,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    node = helper.make_node
    encoder = [
        node("Flatten", ["x"], ["f"]),
        node("Gemm", ["f", "a", "b"], ["h"]),
        node("Relu", ["h"], ["r"]),
        node("Gemm", ["r", "c"], ["mean"]),
        node("Gemm", ["r", "d"], ["log_var"]),
    ]
    decoder = [
        node("Gemm", ["x", "a", "b"], ["h"]),
        node("Relu", ["h"], ["r"]),
        node("MatMul", ["r", "c"], ["l"]),
        node("Sigmoid", ["l"], ["s"]),
        node("Reshape", ["s", "image"], ["y"]),
    ]
    return {
        "encoder.onnx": made(encoder, [1, 6, 6], {"mean": [2], "log_var": [2]}, a=(36, 5), b=(5,), c=(5, 2), d=(5, 2)),
        "decoder.onnx": made(decoder, [2], {"y": [1, 6, 6]}, a=(2, 5), b=(5,), c=(5, 36)),
    }


def _mutated(raw: bytes, rng: random.Random) -> bytes:
    """The graph with some of its claims changed."""
    import onnx

    model = onnx.ModelProto.FromString(raw)
    for _ in range(rng.choice((1, 1, 2, 5))):
        rng.choice((_sizes, _names, _greedy, _greedy, _greedy, _frame))(model, rng)
    content: bytes = model.SerializeToString()
    return content


def _sizes(model: Any, rng: random.Random) -> None:
    tensor = rng.choice(list(model.graph.initializer))
    match rng.randrange(6):
        case 0:
            tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(LARGE)
        case 1:
            tensor.dims.extend([rng.choice((0, 1, 2**40))] * rng.choice((1, 8, 100)))
        case 2:
            tensor.data_type = rng.randrange(30)
        case 3:
            tensor.raw_data = tensor.raw_data[: rng.randrange(len(tensor.raw_data) + 1)]
        case 4:
            tensor.raw_data = b"\xff" * len(tensor.raw_data)
        case _:
            dim = rng.choice(list(rng.choice([*model.graph.input, *model.graph.output]).type.tensor_type.shape.dim))
            dim.dim_value = rng.choice(LARGE)


def _names(model: Any, rng: random.Random) -> None:
    graph = model.graph
    node = rng.choice(list(graph.node))
    known = [name for n in graph.node for name in (*n.input, *n.output)] + ["", "nothing", "x" * 5000, "\u202e"]
    match rng.randrange(5):
        case 0:
            node.input[rng.randrange(len(node.input))] = rng.choice(known)
        case 1:
            node.output[rng.randrange(len(node.output))] = rng.choice(known)
        case 2:
            graph.node.remove(node)
        case 3:
            graph.node.extend([node] * rng.choice((1, 20, 6000)))
        case _:
            node.op_type = rng.choice([*GREEDY, "Identity", "Constant", "RandomNormal", "", "X" * 3000])


def _greedy(model: Any, rng: random.Random) -> None:
    """A node that may make much, between two others: its numbers of constants, with attributes of any kind."""
    import numpy as np
    from onnx import helper, numpy_helper

    graph = model.graph
    at = rng.randrange(len(graph.node) + 1)
    before = rng.choice(["x", *(name for n in graph.node[:at] for name in n.output), "k0"])
    operator, count = rng.choice(list(GREEDY.items()))
    names = []
    for _ in range(count):
        name = f"k{len(graph.initializer)}"
        kind = rng.choice((np.int64, np.int64, np.float32))
        values = [rng.choice((*LARGE, 1, 1, 2, 3)) for _ in range(rng.choice((0, 1, 1, 2, 3, 4, 8)))]
        value = np.array(values, kind) if rng.random() < 0.8 else np.ones((1 << rng.randrange(8),) * 2, kind)
        graph.initializer.append(numpy_helper.from_array(value, name))
        names.append(name)
    attributes: dict[str, Any] = {}
    for name in rng.sample(ATTRIBUTES, rng.randrange(4)):
        several = [rng.choice((*LARGE, 1, 2)) for _ in range(rng.randrange(1, 6))]
        attributes[name] = rng.choice((rng.choice(LARGE), several, 1.5, "x"))
    if operator == "Einsum":
        attributes["equation"] = rng.choice(("ij,k->ijk", "...,...->", "i,j,k,l->", "ij,jk->ik", "?", "i" * 3000))
    made = f"g{len(graph.node)}"
    node = helper.make_node(operator, [before, *names], [made], **attributes)
    nodes = list(graph.node)
    for later in nodes[at:]:
        for place, name in enumerate(later.input):
            if name == before and rng.random() < 0.7:
                later.input[place] = made
    del graph.node[:]
    graph.node.extend([*nodes[:at], node, *nodes[at:]])


def _frame(model: Any, rng: random.Random) -> None:
    from onnx import helper

    match rng.randrange(5):
        case 0:
            model.opset_import[0].version = rng.choice(HUGE[:8]) % 2**31
        case 1:
            inner = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [], [])
            for _ in range(rng.choice((1, 5, 20))):
                inner = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=inner)], "g", [], [])
            model.graph.node.extend(inner.node)
        case 2:
            body = [helper.make_node("F", ["a"], ["b"], domain="f"), helper.make_node("F", ["b"], ["c"], domain="f")]
            name = rng.choice(("F", "G"))
            model.functions.append(helper.make_function("f", name, ["a"], ["c"], body, [helper.make_opsetid("", 17)]))
            model.graph.node.append(helper.make_node("F", ["x"], ["more"], domain="f"))
        case 3:
            tensor = model.graph.initializer[0]
            tensor.data_location = 1
            tensor.external_data.add(key="location", value="/etc/passwd")
        case _:
            del model.graph.output[:]
