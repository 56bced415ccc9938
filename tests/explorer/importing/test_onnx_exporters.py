"""Graphs as other exporters write them: read, and run as ONNX Runtime runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from explorer.checkpoints import ModelConfig, load
from explorer.errors import UserError
from explorer.importing.onnx_file import read_onnx_bytes, to_config
from explorer.importing.preview import import_checkpoint
from models.graph import Graph

onnxruntime.set_default_logger_severity(4)
node = helper.make_node
RNG = np.random.default_rng(0)
EMPTY = np.zeros(0, np.float32)


def weight(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape, scale=0.5).astype(np.float32)


def whole(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def model(nodes: list[Any], given: tuple[str, list[int]], ends: list[str], opset: int, **numbers: np.ndarray) -> bytes:
    """A graph of these nodes, with its number of rows free."""
    name, shape = given
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape])],
        [helper.make_tensor_value_info(end, TensorProto.FLOAT, None) for end in ends],
        [numpy_helper.from_array(value, key) for key, value in numbers.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    return bytes(made.SerializeToString())


def run(content: bytes, **given: np.ndarray) -> list[np.ndarray]:
    """What ONNX Runtime makes of it."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return [np.asarray(made) for made in session.run(None, given)]


def read(content: bytes) -> Graph:
    config, weights = to_config(read_onnx_bytes(content).between("x", "y"))
    graph = Graph(config.model_dump())
    graph.load_state_dict({k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in weights.items()})
    return graph.requires_grad_(False)


def pool(kind: str, k: int, pads: list[int], **more: Any) -> Any:
    return node(kind, ["x"], ["y"], kernel_shape=[k, k], strides=[k, k], pads=pads, ceil_mode=1, **more)


def resized(scales: list[float], **how: Any) -> tuple[list[Any], dict[str, np.ndarray]]:
    return [node("Resize", ["x", "r", "s"], ["y"], **how)], {"r": EMPTY, "s": np.array([1, 1, *scales], np.float32)}


def shaped(opset: int) -> tuple[list[Any], dict[str, np.ndarray]]:
    """x.view(x.size(0), -1), as torch's older exporter writes it."""
    open_ = node("Unsqueeze", ["b"], ["u"], axes=[0]) if opset < 13 else node("Unsqueeze", ["b", "zero"], ["u"])
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "g"], ["b"], axis=0),
        open_,
        node("Concat", ["u", "rest"], ["t"], axis=0),
        node("Reshape", ["x", "t"], ["y"]),
    ]
    return nodes, {"g": np.array(0, np.int64), "rest": whole(-1), "zero": whole(0)}


def sliced() -> tuple[list[Any], dict[str, np.ndarray]]:
    """tf.reshape(x, [tf.shape(x)[0], 60]), as tf2onnx writes it."""
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Cast", ["s"], ["c"], to=TensorProto.INT32),
        node("Slice", ["c", "zero", "one", "zero"], ["d"]),
        node("Squeeze", ["d", "zero"], ["e"]),
        node("Unsqueeze", ["e", "zero"], ["u"]),
        node("Concat", ["u", "rest"], ["t"], axis=0),
        node("Cast", ["t"], ["t64"], to=TensorProto.INT64),
        node("Reshape", ["x", "t64"], ["y"]),
    ]
    return nodes, {"zero": whole(0), "one": whole(1), "rest": np.array([60], np.int32)}


def transposed(**how: Any) -> tuple[list[Any], dict[str, np.ndarray]]:
    made = node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2], kernel_shape=[3, 3], **how)
    return [made], {"w": weight(2, 3, 3, 3)}


def padded(mode: str, pads: list[int]) -> tuple[list[Any], dict[str, np.ndarray]]:
    return [node("Pad", ["x", "p"], ["y"], mode=mode)], {"p": whole(*pads)}


def scaled_by_size() -> tuple[list[Any], dict[str, np.ndarray]]:
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Cast", ["s"], ["f"], to=TensorProto.FLOAT),
        node("Gather", ["f", "g"], ["h"], axis=0),
        node("Div", ["x", "h"], ["y"]),
    ]
    return nodes, {"g": np.array(2, np.int64)}


NHWC = [0, 1, 2, 0, 0, 1, 3, 0]
CASES: dict[str, tuple[int, tuple[list[Any], dict[str, np.ndarray]]]] = {
    "sizes by shape, gather and concat, 9": (9, shaped(9)),
    "sizes by shape, gather and concat, 18": (18, shaped(18)),
    "sizes by a slice of the shape, in int32": (13, sliced()),
    "a number of pixels as a factor": (13, scaled_by_size()),
    "same, upper": (
        13,
        ([node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER", strides=[2, 2])], {"w": weight(3, 2, 4, 4)}),
    ),
    "same, lower": (
        13,
        ([node("Conv", ["x", "w"], ["y"], auto_pad="SAME_LOWER", strides=[3, 3])], {"w": weight(3, 2, 4, 4)}),
    ),
    "transposed, same": (13, transposed(auto_pad="SAME_UPPER")),
    "transposed, by its output's shape": (13, transposed(output_shape=[10, 12])),
    "transposed, uneven": (13, transposed(pads=[0, 0, 1, 1])),
    "the largest, rounded up into the padding": (13, ([pool("MaxPool", 2, [0, 0, 1, 1])], {})),
    "the mean, rounded up into the padding": (13, ([pool("AveragePool", 2, [0, 0, 1, 1])], {})),
    "the mean with its padding, rounded up": (19, ([pool("AveragePool", 3, [1, 0, 0, 1], count_include_pad=1)], {})),
    "resized at a tie": (13, resized([1.5, 0.7], mode="nearest", coordinate_transformation_mode="half_pixel")),
    "resized as TensorFlow does": (
        11,
        resized([2, 3], mode="nearest", coordinate_transformation_mode="tf_half_pixel_for_nn"),
    ),
    "resized before version 11": (
        10,
        ([node("Resize", ["x", "s"], ["y"], mode="nearest")], {"s": np.array([1, 1, 2, 3], np.float32)}),
    ),
    "smaller before version 11": (
        10,
        ([node("Resize", ["x", "s"], ["y"], mode="nearest")], {"s": np.array([1, 1, 0.4, 0.5], np.float32)}),
    ),
    "reflected, channels last": (13, padded("reflect", NHWC)),
    "edges, channels last": (13, padded("edge", NHWC)),
    "wrapped and cut": (19, padded("wrap", [0, 0, -1, 2, 0, 0, 2, -1])),
    "reflected and cut": (13, padded("reflect", [0, 0, -1, 2, 0, 0, 2, -1])),
}


@pytest.mark.parametrize("name", CASES)
def test_an_exporters_way_to_say_it_gives_what_onnx_runtime_gives(name: str) -> None:
    opset, (nodes, numbers) = CASES[name]
    content = model(nodes, ("x", [2, 5, 6]), ["y"], opset, **numbers)
    x = weight(3, 2, 5, 6)
    [wanted] = run(content, x=x)
    graph = read(content)
    made = graph(torch.from_numpy(x)).numpy()
    with torch.device("meta"):  # as models are built
        foreseen, _ = graph.follow((2, 5, 6), 3, 1 << 20)
    assert made.shape == wanted.shape == foreseen
    np.testing.assert_allclose(made, wanted, atol=1e-5)


def keras_like(folder: Path) -> Path:
    """An encoder and a decoder with channels last, as tf2onnx makes them of Keras' convolutional VAE."""
    flat = {"rest": whole(-1, 36), "image": whole(-1, 3, 3, 4)}
    encoder = [
        node("Transpose", ["x"], ["a"], perm=[0, 3, 1, 2]),
        node("Pad", ["a", "p"], ["b"]),
        node("Conv", ["b", "w"], ["c"], strides=[2, 2], kernel_shape=[3, 3]),
        node("BatchNormalization", ["c", "s", "o", "m", "v"], ["d"], epsilon=1e-3),
        node("LeakyRelu", ["d"], ["e"], alpha=0.3),
        node("Transpose", ["e"], ["f"], perm=[0, 2, 3, 1]),
        node("Reshape", ["f", "rest"], ["g"]),
        node("MatMul", ["g", "wm"], ["h"]),
        node("Add", ["h", "bm"], ["z_mean"]),
        node("MatMul", ["g", "wv"], ["z_log_var"]),
    ]
    decoder = [
        node("MatMul", ["z", "w0"], ["a"]),
        node("Relu", ["a"], ["b"]),
        node("Reshape", ["b", "image"], ["c"]),
        node("Transpose", ["c"], ["d"], perm=[0, 3, 1, 2]),
        node("ConvTranspose", ["d", "w"], ["e"], strides=[2, 2], kernel_shape=[3, 3], output_shape=[6, 6]),
        node("Sigmoid", ["e"], ["f"]),
        node("Transpose", ["f"], ["y"], perm=[0, 2, 3, 1]),
    ]
    folder.mkdir()
    (folder / "encoder.onnx").write_bytes(model(
        encoder, ("x", [6, 6, 1]), ["z_mean", "z_log_var"], 15, rest=flat["rest"], p=whole(0, 0, 0, 0, 0, 0, 1, 1),
        w=weight(4, 1, 3, 3), s=weight(4), o=weight(4), m=weight(4), v=np.abs(weight(4)), wm=weight(36, 2),
        bm=weight(2), wv=weight(36, 2),
    ))  # fmt: skip
    (folder / "decoder.onnx").write_bytes(
        model(decoder, ("z", [2]), ["y"], 15, image=flat["image"], w0=weight(2, 36), w=weight(4, 1, 3, 3))
    )
    return folder


def test_channels_last_come_out_as_images_and_codes_as_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    source = keras_like(tmp_path / "keras")
    vae = load(import_checkpoint(source, "keras")).model
    x, z = np.random.default_rng(1).random((3, 6, 6, 1), dtype=np.float32), weight(3, 2)
    mean, log_var = run((source / "encoder.onnx").read_bytes(), x=x)
    [images] = run((source / "decoder.onnx").read_bytes(), z=z)
    with torch.inference_mode():
        posterior = vae.encode(torch.from_numpy(x).permute(0, 3, 1, 2))
        made = vae.decode(torch.from_numpy(z)).permute(0, 2, 3, 1)
    assert vae.shape == (1, 6, 6) and vae.likelihood.name == "bernoulli"
    np.testing.assert_allclose(posterior.mean.numpy(), mean, atol=1e-5)
    np.testing.assert_allclose(posterior.log_var.numpy(), log_var, atol=1e-5)
    np.testing.assert_allclose(made.numpy(), images, atol=1e-5)


def test_a_sample_in_the_place_of_an_output_is_refused_by_its_operator() -> None:
    nodes = [node("RandomNormalLike", ["x"], ["e"]), node("Add", ["x", "e"], ["y"])]
    with pytest.raises(UserError, match="'RandomNormalLike' draws random numbers: export"):
        read(model(nodes, ("x", [4]), ["y"], 13))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("int32", [2**40]),
        ("uint8", [-1]),
        ("int64", [0.5]),
        ("float32", [1e300]),
        ("bool", [7]),
        ("int32", [-(2**31) - 1]),
    ],
)
def test_a_number_that_its_type_can_not_hold_is_refused(kind: str, values: list[float]) -> None:
    constant = {"type": kind, "shape": [1], "values": values}
    nodes = [{"operator": "Identity", "inputs": ["x"], "outputs": ["y"]}]
    part = {"opset": 13, "input": "x", "output": "y", "constants": {"c": constant}, "nodes": nodes}
    with pytest.raises(ValueError, match=f"a value that is no {kind}"):
        ModelConfig.model_validate(
            {"network": "graph", "shape": (1, 2, 2), "latents": 2, "encoder_graph": part, "decoder_graph": part}
        )
