"""A model as ONNX: the decoder and the encoder, each one file that any runtime can run.

decoder: `z` float32 (n, D) -> `images` float32 (n, C, H, W) in [0, 1]
encoder: `images` float32 (n, C, H, W) in [0, 1] -> `mean`, `log_var` float32 (n, D)

The number of rows n is free. Weights lie inside the file. A model for every β is exported as the plain one of its
β; asked for every β, both take `log_beta` float32 (1,) as well.
"""

from __future__ import annotations

import copy
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from explorer.checkpoints import Checkpoint
from explorer.errors import UserError
from explorer.export.formats import ExportRequest
from explorer.export.graphs import as_it_is
from explorer.files import write_atomic
from models.any_beta import AnyBetaVAE
from models.beta_vae import BetaVAE
from models.graph import Graph
from models.kinds import LIKELIHOODS

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

MAX_IN_PAGE = 1 << 23  # numbers of an image between two layers; a page decodes some ten images at once


class _Part(nn.Module):
    """Half of a model; it is told a β at each call where the model is for every one."""

    def __init__(self, model: BetaVAE) -> None:
        super().__init__()
        self.model = model

    def told(self, log_beta: Tensor | None) -> BetaVAE:
        if log_beta is not None:
            for part in cast(AnyBetaVAE, self.model).parts:
                part.log_beta = log_beta
        return self.model


class _Decoder(_Part):
    def forward(self, z: Tensor, log_beta: Tensor | None = None) -> Tensor:
        return self.told(log_beta).decode(z)


class _Encoder(_Part):
    def forward(self, images: Tensor, log_beta: Tensor | None = None) -> tuple[Tensor, Tensor]:
        posterior = self.told(log_beta).encode(images)
        return posterior.mean, posterior.log_var


def decoder_onnx(checkpoint: Checkpoint, every_beta: bool = False) -> bytes:
    """The decoder as the bytes of an ONNX file: `z` (n, D) -> `images` (n, C, H, W) in [0, 1].

    Args:
        every_beta: with `log_beta` (1,) as an input too, of a model for every β; no matter to others.

    Raises:
        UserError: the packages that write ONNX are not installed.
    """
    network = checkpoint.model.network
    if isinstance(network.decoder, Graph):
        ends = _pixels(checkpoint.config.likelihood)
        z, images = {"z": (network.latents,)}, {"images": network.shape}
        return _finished(checkpoint, as_it_is(network.decoder, z, images, ends), "decoder")
    example = torch.zeros(2, checkpoint.model.latents)
    return _exported(checkpoint, _Decoder, every_beta, example, "z", ["images"])


def encoder_onnx(checkpoint: Checkpoint, every_beta: bool = False) -> bytes:
    """The encoder as the bytes of an ONNX file: `images` (n, C, H, W) -> `mean`, `log_var` (n, D).

    `every_beta` as for the decoder.

    Raises:
        UserError: the packages that write ONNX are not installed.
    """
    network = checkpoint.model.network
    if isinstance(network.encoder, Graph):
        ends = _halves(checkpoint.model.latents)
        row = (network.latents,)
        made = as_it_is(network.encoder, {"images": network.shape}, {"mean": row, "log_var": row}, ends)
        return _finished(checkpoint, made, "encoder")
    example = torch.zeros(2, *checkpoint.model.shape)
    outputs = ["mean", "log_var"]
    return _exported(checkpoint, _Encoder, every_beta, example, "images", outputs)


def decoder_of(scene: ExportRequest) -> bytes:
    """The decoder of a scene's model, from where it lies ready."""
    return scene.network(0) or decoder_onnx(scene.checkpoint, scene.every_beta)


def encoder_of(scene: ExportRequest) -> bytes:
    """Its encoder."""
    return scene.network(1) or encoder_onnx(scene.checkpoint, scene.every_beta)


def encoder_path(decoder: Path) -> Path:
    """Where the encoder goes, beside its decoder: NAME.onnx -> NAME.encoder.onnx."""
    return decoder.with_suffix(".encoder.onnx")


def check_for_page(checkpoint: Checkpoint) -> None:
    """Raises UserError where a browser would need more memory for the model than a page is given."""
    network = checkpoint.model.network
    most = max(network.width("decoder"), network.width("encoder"))
    if most > MAX_IN_PAGE:
        raise UserError(
            f"its layers hold {most:,} numbers of an image at a time, more than the {MAX_IN_PAGE:,} that a page decodes"
        )


def write_onnx(checkpoint: Checkpoint, target: Path, every_beta: bool = False) -> tuple[Path, Path]:
    """Write the decoder at `target` and the encoder beside it; returns both paths. `every_beta` as for the decoder.

    Raises:
        UserError: they can't be written there, or the packages that write ONNX are not installed.
    """
    decoder, encoder = (made(checkpoint, every_beta) for made in (decoder_onnx, encoder_onnx))
    beside = encoder_path(target)
    write_atomic(beside, encoder)
    write_atomic(target, decoder)
    return target, beside


def _exported(
    checkpoint: Checkpoint, part: type[_Part], every_beta: bool, example: Tensor, given: str, outputs: list[str]
) -> bytes:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401  (the exporter asks for it, in words of its own)
    except ImportError as error:
        raise UserError(
            f"ONNX is written with the package {error.name}, which is not installed: pip install onnx onnxscript"
        ) from error
    whole = checkpoint.model.source if every_beta else None
    model = copy.deepcopy(whole) or checkpoint.model  # tracing leaves what it was told in a model
    examples: tuple[Tensor, ...] = (example.to(model.device),)
    names, free = [given], [{0: torch.export.Dim("n")}]
    if whole is not None:
        examples += (torch.zeros(1, device=model.device),)
        names.append("log_beta")
        free.append({})
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                part(model).eval(),
                examples,
                dynamo=True,
                verbose=False,
                external_data=False,
                input_names=names,
                output_names=outputs,
                dynamic_shapes=tuple(free),
            )
    finally:
        log.setLevel(level)
    assert program is not None
    return _finished(checkpoint, program.model_proto, part.__name__.strip("_").lower(), whole is not None)


def _finished(checkpoint: Checkpoint, proto: ModelProto, name: str, every_beta: bool = False) -> bytes:
    """The bytes of a model, with what it is of beside it."""
    import onnx

    _strip(proto)
    _halve(proto)
    proto.graph.name = name
    proto.doc_string = checkpoint.name
    facts = {
        "model": checkpoint.name,
        "weights": checkpoint.content if every_beta else checkpoint.hash,
        "latents": str(checkpoint.model.latents),
        "shape": "x".join(str(number) for number in checkpoint.model.shape),
        "likelihood": checkpoint.config.likelihood,
        "objective": checkpoint.config.objective,
        "beta": "" if every_beta or checkpoint.beta is None else f"{checkpoint.beta:g}",
    }
    onnx.helper.set_model_props(proto, {key: value for key, value in facts.items() if value})
    onnx.checker.check_model(proto, full_check=True)
    return bytes(proto.SerializeToString(deterministic=True))


def _pixels(likelihood: str) -> list[NodeProto]:
    """What makes pixels of raw outputs."""
    from onnx import helper

    made, given = [], "raw"
    steps = LIKELIHOODS[likelihood].nodes
    for number, (operator, constants) in enumerate(steps, 1):
        names = [f"constant_{number}_{place}" for place in range(len(constants))]
        for name, value in zip(names, constants, strict=True):
            tensor = helper.make_tensor(name, 1, [], [value])
            made.append(helper.make_node("Constant", [], [name], value=tensor))
        result = "images" if number == len(steps) else f"pixels_{number}"
        made.append(helper.make_node(operator, [given, *names], [result]))
        given = result
    return made


def _halves(latents: int) -> list[NodeProto]:
    """What cuts a row into means and log-variances."""
    from onnx import helper

    nodes = []
    for number, name in enumerate(("mean", "log_var")):
        places = range(number * latents, (number + 1) * latents)
        tensor = helper.make_tensor(f"{name}_places", 7, [latents], list(places))
        nodes += [
            helper.make_node("Constant", [], [f"{name}_places"], value=tensor),
            helper.make_node("Gather", ["raw", f"{name}_places"], [name], axis=1),
        ]
    return nodes


def _halve(proto: object) -> None:
    """Store weights that half precision holds exactly in it, followed by a cast: the same numbers."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    graph = proto.graph  # type: ignore[attr-defined]
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if values.size > 64 and np.array_equal(half.astype(np.float32), values):
            name, stored = tensor.name, f"{tensor.name}.half"
            tensor.CopyFrom(numpy_helper.from_array(half, stored))
            casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)


def _strip(proto: object) -> None:
    """Leave out the exporter's traces, which name source files of the machine that exported."""
    graph = proto.graph  # type: ignore[attr-defined]
    for item in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del item.metadata_props[:]
        item.doc_string = ""
    del graph.metadata_props[:]
