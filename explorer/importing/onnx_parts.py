"""Encoder and decoder in ONNX graphs: cut out of one, or taken from two, with what they take and give.

Names of outputs say what is the mean and what stands beside it; where they don't, widths do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isqrt, prod
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from explorer.errors import UserError
from explorer.importing.onnx_file import RawGraph, to_config
from explorer.recipe.graph_config import GraphConfig
from explorer.recipe.layer_config import MAX_VALUES

if TYPE_CHECKING:
    from models.graph import Graph

Shape = tuple[int, ...]
Halves = Literal["mean-first", "log-var-first", "interleaved", "interleaved-log-var-first"]
SPREADS = ("log-variance", "log-std", "std", "variance")
# Words in the name of an output, and what they say of it; the first that is found counts.
NAMED = {
    "log-variance": r"log_?-?var|logvar|log_?sigma_?(sq|2)|lv$",
    "log-std": r"log_?-?(std|sigma|scale)",
    "variance": r"(^|[^a-z])var(iance)?($|[^a-z])|sigma_?(sq|2)",
    "std": r"std|sigma|scale|stddev",
    "mean": r"mean|mu($|[^a-z])|loc($|[^a-z])",
    "sample": r"sample|^z($|[^a-z])|latent",
}
HALVES: tuple[Halves, ...] = ("mean-first", "log-var-first", "interleaved", "interleaved-log-var-first")


class GraphChoices(BaseModel):
    """What a graph leaves open. None where it is to be found out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int | None = Field(None, ge=1, le=1024)
    width: int | None = Field(None, ge=1, le=1024)
    channels: Literal[1, 3] | None = None
    halves: Halves | None = None  # which numbers of one row are the mean
    spread: Literal["log-variance", "log-std", "std", "variance"] | None = None  # what the others are
    pixels: Literal["0..1", "-1..1"] | None = None  # how the images were scaled in training
    output: Literal["pixels", "logits"] | None = None  # what the decoder gives, where it ends in no sigmoid
    likelihood: Literal["bernoulli", "gaussian"] | None = None
    sigma: float = Field(0.1, gt=0, le=10)  # of a Gaussian, in pixel values in [0, 1]


GRAPH_CHOICES: dict[str, tuple[str, tuple[str, ...]]] = {  # the question, and what may be said
    "halves": ("Which numbers of the row are the mean", HALVES),
    "spread": ("What stands beside the mean", SPREADS),
    "likelihood": ("What the pixels were taken to be in training", ("bernoulli", "gaussian")),
    "output": ("What the decoder gives", ("pixels", "logits")),
    "pixels": ("How pixels were scaled in training", ("0..1", "-1..1")),
}


@dataclass(frozen=True)
class GraphParts:
    """Encoder and decoder. `posterior` names the encoder's outputs: mean and spread, or the one that holds both."""

    encoder: RawGraph
    decoder: RawGraph
    posterior: tuple[str, ...]
    shape: Shape  # (C, H, W)
    latents: int
    image_axes: Shape  # of what the encoder takes, without the row
    latent_axes: Shape
    output_axes: Shape  # of what the decoder gives


def find_parts(graphs: Sequence[RawGraph], choices: GraphChoices) -> GraphParts:
    """Encoder and decoder of a file that holds both, or of two files in any order.

    Raises:
        UserError: there is no such pair; one sentence on why.
    """
    pairs = [(graphs[0], graphs[-1]), (graphs[-1], graphs[0])]
    if len(graphs) == 1:
        pairs = [_split(graphs[0], choices)]
    complaints = []
    for encoder, decoder in pairs:
        try:
            return _fit(encoder, decoder, choices)
        except UserError as error:
            complaints.append(str(error))
    raise UserError(complaints[0])


def _only_input(graph: RawGraph, part: str) -> str:
    if len(graph.inputs) != 1:
        names = ", ".join(repr(name[:40]) for name in list(graph.inputs)[:5]) or "nothing"
        raise UserError(
            f"the {part} takes {names}; one input is wanted (a model on a condition, such as a class, is not a "
            "Beta-VAE of images alone)"
        )
    return next(iter(graph.inputs))


def _fit(encoder: RawGraph, decoder: RawGraph, choices: GraphChoices) -> GraphParts:
    images, z = _only_input(encoder, "encoder"), _only_input(decoder, "decoder")
    axes = _sizes(encoder.inputs[images], choices)
    shapes = _shapes(encoder, images, axes)
    posterior, latents = _posterior(encoder, images, shapes)
    latent_axes: Shape = (latents,)
    given = decoder.inputs[z]
    if len(given) == 4:
        latent_axes = (latents, 1, 1) if given[1] in (None, latents) else (1, 1, latents)
    if len(given) > 1 and all(given[1:]) and prod(n or 1 for n in given[1:]) != latents:
        wanted = prod(n or 1 for n in given[1:])
        raise UserError(f"the encoder gives {latents} latents and the decoder takes {wanted}")
    end = _image_output(decoder, z, latent_axes, prod(axes))
    part = decoder.between(z, end)
    output_axes = _shapes(part, z, latent_axes)[end]
    shape = _image_shape(axes, output_axes, choices)
    return GraphParts(encoder, part, posterior, shape, latents, axes, latent_axes, output_axes)


def _split(graph: RawGraph, choices: GraphChoices) -> tuple[RawGraph, RawGraph]:
    """One graph of a whole model, cut at the latents."""
    if len(graph.inputs) == 2:  # images, and latents of their own
        by_size = sorted(graph.inputs, key=lambda n: prod(a or 1 for a in graph.inputs[n][1:]))
        z, images = by_size
        ends = {name: _rests_on(graph, name) for name in graph.outputs}
        parts = []
        for start in (images, z):
            outputs = tuple(name for name, rests in ends.items() if rests == {start})
            parts.append(replace(graph, inputs={start: graph.inputs[start]}, outputs=outputs))
        if all(part.outputs for part in parts):
            return parts[0], parts[1]
    images = _only_input(graph, "model")
    axes = _sizes(graph.inputs[images], choices)
    known = [name for name in graph.outputs if not _is_random(graph, name)]
    shapes = _shapes(replace(graph, outputs=tuple(known)), images, axes)
    posterior, latents = _posterior(replace(graph, outputs=tuple(known)), images, shapes)
    mean = posterior[0]
    others = [name for name in graph.outputs if name not in posterior]
    order = [name for node in graph.nodes for name in node.outputs]
    after = _descendants(graph, mean) | {mean}
    for end in others:
        for z in [name for name in order if name in after and name != end]:
            try:
                decoder = graph.between(z, end)
                made = _shapes(replace(decoder, inputs={z: (None, latents)}), z, (latents,))
            except (UserError, ValueError):
                continue
            if prod(made[end]) == prod(axes):
                encoder = replace(graph, outputs=posterior)
                return encoder, replace(decoder, inputs={z: (None, latents)}, outputs=(end,))
    raise UserError(
        "no way from latents to images was found in it: give the encoder and the decoder as two files, or one whose "
        "outputs are the image, the mean and the log-variance"
    )


def _rests_on(graph: RawGraph, name: str) -> set[str]:
    made = {output: node for node in graph.nodes for output in node.outputs}
    seen, waiting = set[str](), [name]
    while waiting:
        at = waiting.pop()
        if at not in seen:
            seen.add(at)
            waiting += made[at].inputs if at in made else ()
    return seen & graph.inputs.keys()


def _is_random(graph: RawGraph, name: str) -> bool:
    made = {output: node for node in graph.nodes for output in node.outputs}
    seen, waiting = set[str](), [name]
    while waiting:
        at = waiting.pop()
        if at in made and at not in seen:
            seen.add(at)
            if made[at].operator.startswith("Random"):
                return True
            waiting += made[at].inputs
    return False


def _descendants(graph: RawGraph, start: str) -> set[str]:
    reached = {start}
    for node in graph.nodes:
        if reached & set(node.inputs):
            reached.update(node.outputs)
    return reached - {start}


def _sizes(axes: Sequence[int | None], choices: GraphChoices) -> Shape:
    """The axes of what the encoder takes, without the row, with free ones as the person says."""
    inner = list(axes[1:])
    if not inner or len(inner) > 3:
        raise UserError(f"it takes {len(axes)} axes; images have two to four: rows, and (channels,) height, width")
    if len(inner) == 3:
        last = inner[2] in (1, 3) and inner[0] not in (1, 3)
        given = (
            [choices.height, choices.width, choices.channels]
            if last
            else [choices.channels, choices.height, choices.width]
        )
        inner = [n or g for n, g in zip(inner, given, strict=True)]
    elif len(inner) == 2:
        inner = [n or g for n, g in zip(inner, (choices.height, choices.width), strict=True)]
    if not all(inner):
        raise UserError("it takes images of any size: say the height, the width and the number of channels")
    sizes = tuple(int(n or 0) for n in inner)
    if prod(sizes) > MAX_VALUES:
        raise UserError(f"it takes {prod(sizes):,} numbers an image, more than {MAX_VALUES:,}")
    return sizes


def _module(graph: RawGraph) -> tuple[Graph, GraphConfig]:
    import torch

    from models.graph import Graph

    config, _ = to_config(graph)
    with torch.device("meta"):
        return Graph(config.model_dump()), config


def _shapes(graph: RawGraph, start: str, axes: Shape) -> dict[str, Shape]:
    """The shape of each output of a graph, without the row, by the graph's own names."""
    found = {}
    for end in graph.outputs:
        part = graph.between(start, end)
        module, _ = _module(part)
        try:
            shape, _ = module.follow(axes, 1, MAX_VALUES)
        except ValueError as error:
            raise UserError(str(error)) from error
        found[end] = shape[1:]
    return found


def word(name: str) -> str | None:
    text = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    text = text.removesuffix(":0")
    return next((word for word, pattern in NAMED.items() if re.search(pattern, text)), None)


def _posterior(graph: RawGraph, start: str, shapes: Mapping[str, Shape]) -> tuple[tuple[str, ...], int]:
    """The outputs that are mean and spread, and D."""
    image = prod(n or 1 for n in graph.inputs[start][1:])
    rows = {name: prod(shape) for name, shape in shapes.items() if prod(shape) != image or prod(shape) < 8}
    words = {name: word(name) for name in rows}
    means = [name for name, word in words.items() if word == "mean"]
    spreads = [name for name, word in words.items() if word in SPREADS]
    if len(means) == 1 and len(spreads) == 1 and rows[means[0]] == rows[spreads[0]]:
        return (means[0], spreads[0]), rows[means[0]]
    names = [name for name in rows if words[name] != "sample"] or list(rows)
    if len(names) == 1 and rows[names[0]] % 2 == 0:
        return (names[0],), rows[names[0]] // 2
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            if rows[first] == rows[second] and {words[first], words[second]} != {"sample"}:
                pair = (second, first) if words[first] in SPREADS or words[second] == "mean" else (first, second)
                return pair, rows[first]
    listed = ", ".join(
        f"{name[:40]} ({' x '.join(map(str, shapes[name])) or 'one number'})" for name in list(shapes)[:6]
    )
    raise UserError(
        f"the encoder gives {listed or 'nothing'}; wanted are a mean and a log-variance of one width, or both in one "
        "row (an autoencoder without a posterior is not a VAE)"
    )


def _image_output(decoder: RawGraph, z: str, axes: Shape, pixels: int) -> str:
    for end in decoder.outputs:
        part = decoder.between(z, end)
        if prod(_shapes(replace(part, outputs=(end,)), z, axes)[end]) == pixels:
            return end
    raise UserError(f"the decoder gives no image of the {pixels:,} numbers that the encoder takes")


def _image_shape(axes: Shape, output: Shape, choices: GraphChoices) -> Shape:
    """(C, H, W), by whichever of the two ends has the axes of an image."""
    for shape in (axes, output):
        match shape:
            case (1 | 3 as c, h, w):
                return (c, h, w)
            case (h, w, 1 | 3 as c):
                return (c, h, w)
            case (h, w):
                return (1, h, w)
            case (c, _, _):
                raise UserError(f"its images have {c} channels; images of 1 or 3 are read")
    pixels = axes[0]
    for channels in [choices.channels] if choices.channels else [1, 3]:
        if choices.height and choices.width:
            if channels * choices.height * choices.width == pixels:
                return (channels, choices.height, choices.width)
        elif pixels % channels == 0 and isqrt(pixels // channels) ** 2 == pixels // channels:
            side = isqrt(pixels // channels)
            return (channels, side, side)
    raise UserError(
        f"it takes {pixels:,} numbers in a row, which are no square image: say the height, the width and the channels"
    )


def free_rows(graph: RawGraph) -> RawGraph:
    """The graph with the number of rows free that an export with a fixed number has written into its reshapes."""
    (axes,) = graph.inputs.values()
    rows = axes[0] if axes else None
    if rows is None:
        return graph
    shapes = {node.inputs[1] for node in graph.nodes if node.operator in ("Reshape", "Expand") and len(node.inputs) > 1}
    constants = dict(graph.constants)
    for name in shapes & constants.keys():
        value = constants[name]
        if value.ndim == 1 and value.size and value[0] == rows:
            value = value.copy()
            value[0] = 0 if (value[1:] == -1).any() else -1
            constants[name] = value
    return replace(graph, constants=constants)
