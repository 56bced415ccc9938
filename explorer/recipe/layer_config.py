"""A network layer by layer, as config.json holds it: each layer's sizes, and that they fit together.

Knows nothing of torch. Sizes are capped and every shape is followed from the images to the posterior
and from the latents to the images before anything is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

MAX_LAYERS = 200
MAX_INSIDE = 40  # layers on one way of a residual block
MAX_WEIGHTS = 1 << 28  # numbers in all; 1 GB
MAX_VALUES = 1 << 24  # numbers between two layers for one image
MAX_WORK = 20_000_000_000  # multiplications for one image

Width = Annotated[int, Field(ge=1, le=1 << 20)]
Kernel = Annotated[int, Field(ge=1, le=64)]
Finite = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Shape = tuple[int, ...]


# Fields that came later, and what they are in older files: left out where they are that, so that what is
# counted of a config.json stays as it was.
LATER: dict[str, object] = {"padding_mode": "zeros", "align_corners": False}


class _Layer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_serializer(mode="wrap")
    def _as_before(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = serialize(self)
        return {k: v for k, v in found.items() if k not in LATER or v != LATER[k]}


class _Convolution(_Layer):
    inputs: Width
    outputs: Width
    kernel: Kernel
    stride: Kernel = 1
    padding: Annotated[int, Field(ge=0, le=64)] = 0
    bias: bool = True


class Conv(_Convolution):
    """A convolution with a square kernel; `padding_mode` says what stands beyond the edges."""

    kind: Literal["conv"] = "conv"
    padding_mode: Literal["zeros", "replicate", "reflect"] = "zeros"


class ConvTranspose(_Convolution):
    """A transposed convolution with a square kernel."""

    kind: Literal["conv-transpose"] = "conv-transpose"
    output_padding: Annotated[int, Field(ge=0, le=64)] = 0


class Linear(_Layer):
    """A dense layer."""

    kind: Literal["linear"] = "linear"
    inputs: Width
    outputs: Width
    bias: bool = True


class Affine(_Layer):
    """A factor and a summand for each channel: a batch norm that has been trained."""

    kind: Literal["affine"] = "affine"
    features: Width


class Rescale(_Layer):
    """x · scale + shift, with two numbers for all."""

    kind: Literal["rescale"] = "rescale"
    scale: Finite
    shift: Finite


class Flatten(_Layer):
    """(C, H, W) to C·H·W numbers."""

    kind: Literal["flatten"] = "flatten"


class Unflatten(_Layer):
    """C·H·W numbers to (C, H, W)."""

    kind: Literal["unflatten"] = "unflatten"
    shape: tuple[Width, Width, Width]


class Upsample(_Layer):
    """Each pixel `factor` times as wide and high, or what lies between pixels between their values."""

    kind: Literal["upsample"] = "upsample"
    factor: Annotated[int, Field(ge=2, le=8)]
    mode: Literal["nearest", "bilinear"] = "nearest"
    align_corners: bool = False


class Resize(_Layer):
    """An image brought to `size`, (height, width), whatever its own."""

    kind: Literal["resize"] = "resize"
    size: tuple[Width, Width]
    mode: Literal["nearest", "bilinear"] = "bilinear"
    align_corners: bool = False


class Pool(_Layer):
    """The largest value or the mean of each `size` x `size` block."""

    kind: Literal["max-pool", "average-pool"]
    size: Kernel


class Activation(_Layer):
    """A function of each number by itself."""

    kind: Literal["relu", "elu", "selu", "gelu", "silu", "softplus", "tanh", "sigmoid", "mish", "hardswish"]


class LeakyReLU(_Layer):
    """x above 0, `slope`·x below."""

    kind: Literal["leaky-relu"] = "leaky-relu"
    slope: Annotated[float, Field(ge=0, le=1)] = 0.01


Spread = Literal["log-variance", "log-std", "std", "softplus-std", "variance", "softplus-variance"]


class Heads(_Layer):
    """2·D numbers to D means and D log-variances, where the second half is told in another way.

    "std" is σ, "variance" σ² (their sign is lost), "log-std" log σ; "softplus-…" the same behind a softplus.
    """

    kind: Literal["heads"] = "heads"
    spread: Spread = "log-variance"
    mean: Literal["none", "relu"] = "none"


OnOneWay = (
    Conv
    | ConvTranspose
    | Linear
    | Affine
    | Rescale
    | Flatten
    | Unflatten
    | Upsample
    | Resize
    | Pool
    | Activation
    | LeakyReLU
    | Heads
)
Plain = Annotated[OnOneWay, Field(discriminator="kind")]
Inside = Annotated[tuple[Plain, ...], Field(max_length=MAX_INSIDE)]


class Residual(_Layer):
    """The sum of two ways: what the layers of `block` make, and what those of `shortcut` do (x itself without any)."""

    kind: Literal["residual"] = "residual"
    block: Inside
    shortcut: Inside = ()


Layer = Annotated[OnOneWay | Residual, Field(discriminator="kind")]
Layers = Annotated[tuple[Layer, ...], Field(min_length=1, max_length=MAX_LAYERS)]


def check_layers(encoder: Sequence[Layer], decoder: Sequence[Layer], images: Shape, latents: int) -> None:
    """Follow the shapes through both parts.

    Raises:
        ValueError: two layers that don't fit together, an end of another size, or more weights, values
            or arithmetic than is allowed; one sentence.
    """
    multiplications = work(encoder, decoder, images, latents)
    weights = sum(_weights(layer) for layer in (*encoder, *decoder))
    if weights > MAX_WEIGHTS:
        raise ValueError(f"the layers have {weights:,} weights, more than {MAX_WEIGHTS:,}")
    if multiplications > MAX_WORK:
        raise ValueError(f"an image takes {multiplications:,} multiplications, more than {MAX_WORK:,}")


def work(encoder: Sequence[Layer], decoder: Sequence[Layer], images: Shape, latents: int) -> int:
    """Multiplications that one image takes on its way through both parts.

    Raises:
        ValueError: as `check_layers` does where layers don't fit together.
    """
    return part_work("encoder", encoder, images, (2 * latents,)) + part_work("decoder", decoder, (latents,), images)


def part_work(part: str, layers: Sequence[Layer], start: Shape, end: Shape) -> int:
    """Multiplications that one image takes on its way through one part.

    Raises:
        ValueError: as `check_layers` does where layers don't fit together.
    """
    total, shape = _through(part, layers, start)
    if shape != end:
        raise ValueError(f"the {part} ends in the shape {shape}, and {end} is wanted")
    return total


def _through(part: str, layers: Sequence[Layer], shape: Shape) -> tuple[int, Shape]:
    """Multiplications on the way through layers, and the shape that comes out."""
    total = 0
    for number, layer in enumerate(layers):
        where = f"{part}, layer {number} ({layer.kind})"
        if isinstance(layer, Residual):
            first, made = _through(where, layer.block, shape)
            second, beside = _through(where, layer.shortcut, shape)
            if made != beside:
                raise ValueError(f"{where}: adds the shape {made} to {beside}")
            total, shape = total + first + second, made
            continue
        try:
            before, shape = shape, after(layer, shape)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        if prod(shape) > MAX_VALUES:
            raise ValueError(f"{part}, layer {number} puts out more than {MAX_VALUES:,} values")
        places = before if isinstance(layer, ConvTranspose) else shape
        total += _weights(layer) * prod(places[1:])
    return total, shape


def after(layer: Plain, shape: Shape) -> Shape:
    """The shape that a layer makes of `shape`, without the number of images; not of a residual block.

    Raises:
        ValueError: the layer can't take it.
    """
    match layer:
        case Linear():
            if shape != (layer.inputs,):
                raise ValueError(f"takes {layer.inputs} numbers, not the shape {shape}")
            return (layer.outputs,)
        case Flatten():
            return (prod(shape),)
        case Unflatten():
            if len(shape) != 1 or prod(layer.shape) != shape[0]:
                raise ValueError(f"can't make the shape {layer.shape} of {shape}")
            return layer.shape
        case Affine():
            if shape[0] != layer.features:
                raise ValueError(f"takes {layer.features} channels, not {shape[0]}")
            return shape
        case Rescale() | Activation() | LeakyReLU():
            return shape
        case Heads():
            if len(shape) != 1 or shape[0] % 2:
                raise ValueError(f"takes a mean and a spread for each latent, not the shape {shape}")
            return shape
    return _after_images(layer, shape)


def _after_images(layer: Plain, shape: Shape) -> Shape:
    """The shape that a layer of images makes."""
    if len(shape) != 3:
        raise ValueError(f"takes images, not the shape {shape}")
    channels, *sides = shape
    match layer:
        case Conv() | ConvTranspose():
            inputs, channels, sides = channels, layer.outputs, _sides_of(layer, sides)
            if inputs != layer.inputs:
                raise ValueError(f"takes {layer.inputs} channels, not {inputs}")
        case Upsample():
            sides = [n * layer.factor for n in sides]
        case Resize():
            sides = list(layer.size)
        case Pool():
            sides = [n // layer.size for n in sides]
    if min(sides) < 1:
        raise ValueError(f"leaves nothing of {shape[1]} x {shape[2]} pixels")
    return (channels, *sides)


def _sides_of(layer: Conv | ConvTranspose, sides: Sequence[int]) -> list[int]:
    """Height and width that a convolution makes."""
    if isinstance(layer, Conv):
        if layer.padding_mode == "reflect" and layer.padding >= min(sides):
            raise ValueError("its edges are mirrored further than the image reaches")
        return [(n + 2 * layer.padding - layer.kernel) // layer.stride + 1 for n in sides]
    if layer.output_padding >= layer.stride:
        raise ValueError("output_padding must be less than stride")
    more = layer.kernel - 2 * layer.padding + layer.output_padding
    return [(n - 1) * layer.stride + more for n in sides]


def _weights(layer: Layer) -> int:
    match layer:
        case Conv() | ConvTranspose():
            return layer.inputs * layer.outputs * layer.kernel**2 + layer.outputs * layer.bias
        case Linear():
            return layer.inputs * layer.outputs + layer.outputs * layer.bias
        case Affine():
            return 2 * layer.features
        case Residual():
            return sum(_weights(inside) for inside in (*layer.block, *layer.shortcut))
    return 0


def layer_words(layer: Layer) -> str:
    """Such as "convolution 1 → 32, 4 x 4, stride 2, padding 1"."""
    match layer:
        case Conv() | ConvTranspose():
            name = "convolution" if isinstance(layer, Conv) else "transposed convolution"
            text = (
                f"{name} {layer.inputs} → {layer.outputs}, {layer.kernel} x {layer.kernel}, "
                f"stride {layer.stride}, padding {layer.padding}"
            )
            if isinstance(layer, ConvTranspose):
                more = layer.output_padding
                return f"{text}, output padding {more}" if more else text
            edges = {"replicate": ", edges repeated", "reflect": ", edges mirrored"}
            return text + edges.get(layer.padding_mode, "")
        case Linear():
            return f"dense {layer.inputs} → {layer.outputs}"
        case Affine():
            return f"a factor and a summand for each of {layer.features} channels"
        case Rescale():
            return f"x · {layer.scale:g} + {layer.shift:g}"
        case Unflatten():
            return "unflatten to " + " x ".join(str(n) for n in layer.shape)
        case Upsample():
            corners = ", corners aligned" if layer.align_corners else ""
            return f"upsample x {layer.factor}, {layer.mode}{corners}"
        case Resize():
            corners = ", corners aligned" if layer.align_corners else ""
            return f"resize to {layer.size[0]} x {layer.size[1]}, {layer.mode}{corners}"
        case Heads():
            before = "means behind a ReLU, " if layer.mean == "relu" else ""
            return f"{before}log-variance of a {layer.spread}"
        case Pool():
            return f"{layer.kind} {layer.size} x {layer.size}"
        case LeakyReLU():
            return f"leaky-relu, slope {layer.slope:g}"
        case Residual():
            block, shortcut = (
                "; ".join(layer_words(inside) for inside in way) or "what it is given"
                for way in (layer.block, layer.shortcut)
            )
            return f"residual: ({block}) + ({shortcut})"
    return layer.kind
