"""A state dict read as a Beta-VAE: what was inferred, on what grounds, and how a person corrects it.

A `Reading` holds the layers' order, the possible geometries and the choices that names and shapes leave open;
`model` builds what it says. `explorer.checkpoints.trial` finds the choices out by trying them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import isqrt
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explorer.checkpoints import layers as lay
from explorer.checkpoints.chain import Chains, Link, arrange
from explorer.checkpoints.config import ModelConfig
from explorer.checkpoints.geometry import Geometry, Step, geometries, room
from explorer.checkpoints.pieces import find_pieces
from explorer.errors import UserError, in_words

if TYPE_CHECKING:
    from torch import Tensor

    from models.beta_vae import BetaVAE

Activation = Literal[
    "relu", "leaky-relu", "elu", "selu", "gelu", "silu", "softplus", "tanh", "sigmoid", "none"
]
ACTIVATIONS: tuple[Activation, ...] = (
    "relu", "leaky-relu", "elu", "selu", "gelu", "silu", "softplus", "tanh", "sigmoid", "none",
)  # fmt: skip
Halves = Literal["mean-first", "log-var-first", "interleaved", "interleaved-log-var-first"]
HALVES: tuple[Halves, ...] = (
    "mean-first",
    "log-var-first",
    "interleaved",
    "interleaved-log-var-first",
)
Output = Literal["sigmoid", "tanh", "none"]
OUTPUTS: tuple[Output, ...] = ("sigmoid", "tanh", "none")
Pixels = Literal["0..1", "-1..1"]
PIXELS: tuple[Pixels, ...] = ("0..1", "-1..1")
Upsampling = Literal["nearest", "bilinear"]
UPSAMPLING: tuple[Upsampling, ...] = ("nearest", "bilinear")
Pooling = Literal["max", "average"]
POOLING: tuple[Pooling, ...] = ("max", "average")
TITLES = {
    "geometry": "strides and paddings", "halves": "outputs of the encoder", "spread": "what stands beside the mean",
    "activation": "activation in the encoder", "decoder_activation": "activation in the decoder", "slope": "slope",
    "head_activation": "activation before the encoder's last layer",
    "entry_activation": "activation behind the decoder's first layer",
    "bridge": "activation before the decoder's first convolution", "pooling": "pooling", "upsampling": "upsampling",
    "output": "output of the decoder", "pixels": "pixels in training",
}  # fmt: skip


class Choices(BaseModel):
    """What a state dict leaves open. Every field may be corrected by the person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int = Field(ge=1, le=1024, description="Height of the images in pixels.")
    width: int = Field(ge=1, le=1024, description="Width of the images in pixels.")
    channels: Literal[1, 3] = Field(1, description="1 for grey, 3 for colour.")
    geometry: int = Field(0, ge=0, description="Which of the possible strides and paddings.")
    halves: Halves = Field("mean-first", description="Which outputs of the encoder are the mean.")
    spread: Literal["log-variance", "log-std"] = Field(
        "log-variance", description="What the other outputs are."
    )
    activation: Activation = Field("relu", description="Between the encoder's layers.")
    decoder_activation: Activation = Field("relu", description="Between the decoder's layers.")
    slope: float = Field(0.01, ge=0, le=1, description="Of leaky-relu below 0.")
    bridge: bool = Field(
        True, description="Whether an activation stands before the decoder's first convolution."
    )
    head_activation: bool = Field(
        True, description="Whether an activation stands before the encoder's last layer."
    )
    entry_activation: bool = Field(
        True,
        description="Whether an activation stands between the decoder's first two dense layers.",
    )
    pooling: Pooling = Field("max", description="What is pooled in the encoder.")
    upsampling: Upsampling = Field("nearest", description="What lies between pixels made larger.")
    output: Output = Field("sigmoid", description="What the decoder ends in.")
    pixels: Pixels = Field("0..1", description="How the images' pixels were scaled in training.")


@dataclass(frozen=True)
class Reading:
    """What was inferred. `basis` says of each choice what it rests on; `found` what a trial gave."""

    chains: Chains
    geometries: list[Geometry]
    choices: Choices
    basis: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    found: float | None = None  # latents that the encoder finds again in what the decoder draws

    @property
    def latents(self) -> int:
        """D."""
        return self.chains.latents

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the images."""
        return self.choices.channels, self.choices.height, self.choices.width

    def leaves_open(self, name: str) -> bool:
        """Whether a choice changes anything: names of a Sequential's places may settle it, or nothing is there."""
        encoder, heads, decoder = self.chains.encoder, self.chains.heads, self.chains.decoder
        pairs = list(pairwise(decoder))
        steps = self.geometries[self.choices.geometry] if self.geometries else None
        match name:
            case "geometry":
                return bool(self.geometries)
            case "slope":
                return "leaky-relu" in (self.choices.activation, self.choices.decoder_activation)
            case "head_activation":
                return bool(encoder) and _is_open(encoder[-1], heads[0])
            case "entry_activation":
                return bool(pairs) and _is_open(*pairs[0]) and not _bridges(*pairs[0])
            case "bridge":
                return any(_is_open(*pair) and _bridges(*pair) for pair in pairs)
            case "pooling":
                return steps is not None and any(step.pool > 1 for step in steps.encoder)
            case "upsampling":
                return steps is not None and any(step.upsample > 1 for step in steps.decoder)
        return True

    def corrected(self, **changes: Any) -> Reading:
        """The reading with other choices, which then rest on the person's word.

        Raises:
            UserError: a choice that doesn't exist, or that the shapes don't allow.
        """
        changes = {name: value for name, value in changes.items() if value is not None}
        try:
            choices = Choices.model_validate(self.choices.model_dump() | changes)
        except ValidationError as error:
            raise UserError(in_words(error)) from error
        if "geometry" in changes and choices.geometry >= max(1, len(self.geometries)):
            raise UserError(f"geometry must be between 0 and {len(self.geometries) - 1}")
        sized = {"height", "width"} & changes.keys()
        if self.geometries and "geometry" in changes and not sized:
            size = self.geometries[choices.geometry].size
            choices = choices.model_copy(update={"height": size, "width": size})
        elif self.geometries and sized:
            sizes = [g.size for g in self.geometries]
            if choices.height != choices.width or choices.height not in sizes:
                allowed = " or ".join(str(s) for s in dict.fromkeys(sizes))
                raise UserError(
                    f"the layers allow images of {allowed} pixels square, "
                    f"not {choices.height} x {choices.width}"
                )
            if sizes[choices.geometry] != choices.height:
                choices = choices.model_copy(update={"geometry": sizes.index(choices.height)})
        if (self.choices.height, self.choices.width) == (choices.height, choices.width):
            sized = set()
        said = dict.fromkeys(changes, "as you say")
        reading = replace(self, choices=choices, basis={**self.basis, **said}, found=None)
        reading.config()  # raises where the layers don't allow it
        return reading

    def config(self) -> ModelConfig:
        """The config of the model that it describes.

        Raises:
            UserError: its layers don't fit together under these choices.
        """
        try:
            encoder, decoder = self._build()[0]
            return ModelConfig(
                network="layers", shape=self.shape, latents=self.latents, encoder=encoder, decoder=decoder,
                likelihood="bernoulli" if self.choices.output == "sigmoid" else "gaussian",
            )  # fmt: skip
        except ValidationError as error:
            raise UserError(in_words(error)) from error

    def model(self) -> BetaVAE:
        """The model that it describes, ready to use.

        Raises:
            UserError: its layers don't fit together, or its weights are not finite.
        """
        import torch

        from explorer.checkpoints.store import build_model

        config = self.config()
        _, weights = self._build()
        with torch.device("meta"):
            model = build_model(config)
        model.to_empty(device="cpu")
        model.load_state_dict({f"network.{name}": t for name, t in weights.items()})
        for name, tensor in weights.items():
            if not bool(torch.isfinite(tensor).all()):
                raise UserError(f"{name} holds numbers that are not finite")
        return model.requires_grad_(False).eval()

    def words(self) -> dict[str, list[str]]:
        """Encoder and decoder in words, a line a layer."""
        config = self.config()
        return {
            part: [lay.in_words(layer) for layer in getattr(config, part)]
            for part in ("encoder", "decoder")
        }

    def table(self) -> list[tuple[str, str, str]]:
        """Each choice in words: what, taken to be, on the ground of."""
        chosen = self.choices
        found = [("image size", f"{chosen.height} x {chosen.width}", self.basis.get("size", ""))]
        for name in TITLES:
            if not self.leaves_open(name):
                continue
            value = getattr(chosen, name)
            if name == "geometry":
                value = f"{chosen.geometry + 1} of {len(self.geometries)}"
            elif isinstance(value, bool):
                value = "yes" if value else "no"
            found.append((TITLES[name], str(value), self.basis.get(name, "a guess: the usual one")))
        return [*found, self._likelihood()]

    def _likelihood(self) -> tuple[str, str, str]:
        config = self.config()
        if config.likelihood == "bernoulli":
            return "likelihood", "Bernoulli", "the usual one where the decoder ends in a sigmoid"
        scale = "a guess: weights don't tell σ, and every cost in nats rests on it"
        return "likelihood", f"Gaussian, σ = {config.sigma:g} of pixels 0 to 1", scale

    def geometry_words(self) -> list[str]:
        """Each possible geometry in words, such as "64 x 64; in: 2/1, 2/1; out: 2/1, 2/1 (stride/padding)"."""

        def steps(part: tuple[Step, ...]) -> str:
            texts = []
            for s in part:
                text = f"upsample {s.upsample}, " * (s.upsample > 1) + f"{s.stride}/{s.padding}"
                text += f"/{s.output_padding}" if s.output_padding else ""
                texts.append(text + " + pool" * (s.pool > 1))
            return ", ".join(texts)

        found = []
        for g in self.geometries:
            parts = [f"{g.size} x {g.size} px"]
            parts += [f"in {steps(g.encoder)}"] if g.encoder else []
            parts += [f"out {steps(g.decoder)}"] if g.decoder else []
            found.append("; ".join(parts) + " (stride/padding)")
        return found

    # --- building -----------------------------------------------------------------------------------

    def _build(
        self,
    ) -> tuple[tuple[tuple[lay.Layer, ...], tuple[lay.Layer, ...]], dict[str, Tensor]]:
        """Layers of both parts, and their weights by name."""
        chosen, chains = self.choices, self.chains
        geometry = self.geometries[chosen.geometry] if self.geometries else None
        to_pixels = lay.Rescale(scale=0.5, shift=0.5)

        encoder = _Part(
            chosen.activation, chosen.slope, geometry.encoder if geometry else (),
            pooling=chosen.pooling,
        )  # fmt: skip
        if chosen.pixels == "-1..1":
            encoder.add(lay.Rescale(scale=2, shift=-1))
        encoder.image = True
        behind = [*chains.encoder[1:], chains.heads[0]]
        for link, after in zip(chains.encoder, behind, strict=bool(chains.encoder)):
            encoder.link(link, after, after is not chains.heads[0] or chosen.head_activation)
        if geometry is not None and geometry.average > 1:
            encoder.add(lay.Pool(kind="average-pool", size=geometry.average))
        encoder.head(chains.heads, chosen.halves, chosen.spread)

        decoder = _Part(
            chosen.decoder_activation, chosen.slope, geometry.decoder if geometry else (),
            upsampling=chosen.upsampling,
        )  # fmt: skip
        for link, following in zip(chains.decoder, [*chains.decoder[1:], None], strict=True):
            if following is not None and _bridges(link, following):
                usual = chosen.bridge
            else:
                usual = link is not chains.decoder[0] or chosen.entry_activation
            decoder.link(link, following, usual)
        if not decoder.image:
            decoder.add(lay.Unflatten(shape=self.shape))
        if chosen.output == "tanh":
            decoder.add(lay.Activation(kind="tanh"))
        if chosen.output != "sigmoid" and chosen.pixels == "-1..1":
            decoder.add(to_pixels)
        weights = {f"encoder.{k}": v for k, v in encoder.weights.items()}
        weights |= {f"decoder.{k}": v for k, v in decoder.weights.items()}
        return (tuple(encoder.layers), tuple(decoder.layers)), weights


@dataclass
class _Part:
    """Layers of an encoder or a decoder while they are put together."""

    activation: Activation
    slope: float
    steps: tuple[Step, ...]
    pooling: Pooling = "max"
    upsampling: Upsampling = "nearest"
    layers: list[lay.Layer] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)
    image: bool = False  # what the last layer gives: an image, or a row of numbers
    step: int = 0  # of the next convolution

    def add(
        self, layer: lay.Layer, weight: Tensor | None = None, bias: Tensor | None = None
    ) -> None:
        for name, tensor in (("weight", weight), ("bias", bias)):
            if tensor is not None:
                self.weights[f"{len(self.layers)}.{name}"] = tensor.detach().float().contiguous()
        self.layers.append(layer)

    def act(self) -> None:
        if self.activation == "leaky-relu":
            self.add(lay.LeakyReLU(slope=self.slope))
        elif self.activation != "none":
            self.add(lay.Activation(kind=self.activation))

    def link(self, link: Link, after: Link | None, usual: bool) -> None:
        """A layer with weights, what stands before it, and the norm and the activation behind it.

        `usual` says whether there is one where the names of the layers don't tell.
        """
        pool = self.weigh(link, link.piece.weight, link.piece.bias)
        if after is not None and _acts(link, after, usual):
            self.act()
        if link.norm is not None and link.norm_apart:
            self.add(lay.Affine(features=link.outputs), link.norm.weight, link.norm.bias)
        if pool > 1:
            kind = "max-pool" if self.pooling == "max" else "average-pool"
            self.add(lay.Pool(kind=kind, size=pool))

    def weigh(self, link: Link, weight: Tensor, bias: Tensor | None) -> int:
        """The layer itself. Returns the side of what is pooled behind it."""
        if link.piece.kind == "norm":
            self.add(lay.Affine(features=len(weight)), weight, bias)
            return 1
        if link.norm is not None and not link.norm_apart:
            weight, bias = _folded(link, weight, bias)
        sizes = {"inputs": link.inputs, "outputs": link.outputs, "bias": bias is not None}
        if link.piece.kind == "linear":
            if self.image:
                self.add(lay.Flatten())
                self.image = False
            self.add(lay.Linear(**sizes), weight, bias)
            return 1
        step = self.steps[self.step]
        self.step += 1
        if not self.image:
            side = isqrt(link.area)
            self.add(lay.Unflatten(shape=(link.inputs, side, side)))
            self.image = True
        if step.upsample > 1:
            self.add(lay.Upsample(factor=step.upsample, mode=self.upsampling))
        sizes |= {"kernel": link.kernel, "stride": step.stride, "padding": step.padding}
        if link.transposed:
            self.add(lay.ConvTranspose(**sizes, output_padding=step.output_padding), weight, bias)
        else:
            self.add(lay.Conv(**sizes), weight, bias)
        return step.pool

    def head(self, heads: list[Link], halves: Halves, spread: str) -> None:
        """The last layer: D means before D log-variances, in whichever order they were stored."""
        import torch

        weights = [h.piece.weight.double() for h in heads]
        biases = [h.piece.bias for h in heads]
        if any((b is None) != (biases[0] is None) for b in biases):
            biases = [
                torch.zeros(len(w)) if b is None else b
                for w, b in zip(weights, biases, strict=True)
            ]
        weight = torch.cat(weights)
        bias = (
            None if biases[0] is None else torch.cat([b.double() for b in biases if b is not None])
        )
        latents = len(weight) // 2
        rows = torch.arange(2 * latents)
        if halves.startswith("interleaved"):
            rows = torch.cat([rows[0::2], rows[1::2]])
        if halves.endswith("log-var-first"):
            rows = torch.cat([rows[latents:], rows[:latents]])
        factor = torch.ones(2 * latents, dtype=torch.float64)
        if spread == "log-std":
            factor[latents:] = 2
        weight = weight[rows] * factor.view(-1, *[1] * (weight.ndim - 1))
        bias = None if bias is None else bias[rows] * factor
        link = replace(heads[0], outputs=2 * latents, norm=None)
        self.weigh(link, weight, bias)
        if self.image:
            self.add(lay.Flatten())


def _folded(link: Link, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """Weight and bias of a layer with the batch norm behind it taken into them."""
    import torch

    assert link.norm is not None
    gain, shift = link.norm.weight, link.norm.bias
    assert shift is not None
    axis = 1 if link.transposed else 0
    shape = [1] * weight.ndim
    shape[axis] = -1
    start = torch.zeros_like(gain) if bias is None else bias.double()
    return weight.double() * gain.view(shape), start * gain + shift


def _acts(link: Link, after: Link, usual: bool) -> bool:
    """Whether an activation stands between two layers, as far as their places in a Sequential say."""
    if link.piece.kind == "norm":
        return False
    free = room(link, after)
    return usual if free is None else free >= 1


def _is_open(link: Link, after: Link) -> bool:
    """Whether names leave open if an activation stands between two layers."""
    return link.piece.kind != "norm" and room(link, after) is None


def _bridges(link: Link, after: Link) -> bool:
    """Whether a row of numbers becomes an image between two layers."""
    return not link.image and after.image


# --- reading ----------------------------------------------------------------------------------------


def read(state: Mapping[str, Tensor], said: Mapping[str, Any] | None = None) -> Reading:
    """What names and shapes say of a state dict, with the usual choice where they say nothing.

    Args:
        state: named tensors.
        said: choices of the person (`Choices`), which stand.

    Raises:
        UserError: no encoder and decoder can be made of it; one sentence.
    """
    found = find_pieces(state)
    if not found.layers:
        raise UserError(
            "it holds no layers: no convolution and no dense layer has a name that ends in .weight"
        )
    chains = arrange(found.layers)
    said = dict(said or {})
    channels, size, possible = _sizes(chains, said)
    if possible is not None and not possible:
        raise UserError(
            "no strides and paddings make an image of its convolutions that is as large as the one they take"
        )
    basis = {"size": "read from the shapes"}
    if possible:
        others = {g.size for g in possible} - {possible[0].size}
        alike = len({(g.size, g.encoder, g.decoder) for g in possible}) > 1
        basis["geometry"] = (
            "a guess: the most usual that fits" if alike else "the only one that fits"
        )
        basis["size"] = "a guess: the most usual that fits" if others else basis["size"]
    usual, notes = _usual(chains)
    basis |= notes
    left = [f"left out: {', '.join(found.left_out[:6])}"] if found.left_out else []
    reading = Reading(
        chains, possible or [], Choices(height=size[0], width=size[1], channels=channels, **usual),
        basis, tuple(left),
    )  # fmt: skip
    reading.config()
    return reading.corrected(**said) if said else reading


def _sizes(
    chains: Chains, said: Mapping[str, Any]
) -> tuple[Literal[1, 3], tuple[int, int], list[Geometry] | None]:
    """Channels, height and width, and the geometries where there are convolutions (None without)."""
    entry = [*chains.encoder, *chains.heads]
    first, last = entry[0], chains.decoder[-1]
    conv_in = [link for link in entry if link.piece.kind == "conv"]
    if len(chains.heads) == 2 and chains.heads[1].piece.kind == "conv":
        conv_in.pop()
    conv_out = [link for link in chains.decoder if link.piece.kind == "conv"]
    dense = first.inputs if first.piece.kind != "conv" and first.piece.kind == "linear" else None
    back = last.outputs if last.piece.kind == "linear" else None
    if dense is not None and back is not None and dense != back:
        raise UserError(f"its encoder takes {dense:,} numbers and its decoder gives {back:,}")
    channels: int | None = None
    for count in (first.inputs if dense is None else None, last.outputs if back is None else None):
        if count is not None:
            if count not in (1, 3) or channels not in (None, count):
                raise UserError(f"its images have {count} channels; 1 or 3 can be imported")
            channels = count
    numbers = dense or back
    if channels is None or not (conv_in or conv_out):
        assert numbers is not None
        channels, size = _guess_sides(numbers)
        if "height" in said and "width" in said:
            channels, size = said.get("channels", channels), (said["height"], said["width"])
        if size is None:
            raise UserError(
                f"its images are {numbers:,} numbers, and which height and width that is, nothing says: "
                "give it (--size HEIGHTxWIDTH)"
            )
        if not (conv_in or conv_out):
            return 3 if channels == 3 else 1, size, None
    sides: list[int] = []
    if numbers is not None:
        side = isqrt(numbers // channels)
        sides = [side] if channels * side * side == numbers else []
    one: Literal[1, 3] = 3 if channels == 3 else 1
    flat = next((link.area for link in entry if link.piece.kind == "linear"), None)
    if conv_in and flat is None:
        flat = 1
    behind = (
        next((link for link in entry if link.piece.kind == "linear"), None) if conv_in else None
    )
    before = [link for link in chains.decoder if link.piece.kind == "linear"]
    dense_layers = behind, before[-1] if before and conv_out else None
    possible = geometries(conv_in, flat, conv_out, sides, dense_layers)
    side = possible[0].size if possible else 1
    return one, (side, side), possible


def _guess_sides(numbers: int) -> tuple[int, tuple[int, int] | None]:
    """Channels and sides of an image of that many numbers, where it is square."""
    for channels in (1, 3):
        side = isqrt(numbers // channels)
        if channels * side * side == numbers:
            return channels, (side, side)
    for height, width in ((28, 20), (218, 178), (112, 92), (64, 48), (48, 64), (192, 168)):
        for channels in (1, 3):
            if channels * height * width == numbers:
                return channels, (height, width)
    return 1, None


def _usual(chains: Chains) -> tuple[dict[str, Any], dict[str, str]]:
    """Choices that names suggest, and what each rests on."""
    heads = [link.piece for link in chains.heads]
    chosen: dict[str, Any] = {}
    basis = dict.fromkeys(
        ("activation", "decoder_activation", "output", "pixels"), "a guess: the usual one"
    )
    basis |= dict.fromkeys(
        ("spread", "bridge", "head_activation", "entry_activation", "pooling", "upsampling"),
        "a guess: the usual one",
    )
    if len(heads) == 2:
        basis["halves"] = "two layers, read from their names"
        if heads[1].says_log_std:
            chosen["spread"], basis["spread"] = "log-std", "read from its name"
        elif heads[1].says_log_var:
            basis["spread"] = "read from its name"
        else:
            basis["halves"] = "two layers alike, the first is taken for the mean: a guess"
    else:
        basis["halves"] = "a guess: the usual one"
        if heads[0].says_log_var and heads[0].says_log_std:
            chosen["spread"] = "log-std"
    names = {link.piece.name.partition(".")[0] for link in chains.decoder}
    if {"decoder_input", "final_layer"} <= names:
        chosen |= {"activation": "leaky-relu", "decoder_activation": "leaky-relu", "output": "tanh"}
        chosen |= {"bridge": False, "pixels": "-1..1"}
        basis |= dict.fromkeys(chosen, "what PyTorch-VAE uses, whose names these are")
    elif "decoder_input" in names:
        chosen["bridge"] = False
        basis["bridge"] = "a guess: a layer of this name mostly stands bare before the blocks"
    elif _bare_before_blocks(chains.decoder):
        chosen["bridge"] = False
        basis["bridge"] = "read from the names: the dense layer stands alone among blocks"
    return chosen, basis


def _bare_before_blocks(decoder: list[Link]) -> bool:
    """Whether the dense layer before the convolutions is a bare `layers.0` whose neighbour is `layers.1.0`."""
    for before, after in zip(decoder, decoder[1:], strict=False):
        if not before.image and after.image:
            a, b = before.piece.name.split("."), after.piece.name.split(".")
            return len(b) == len(a) + 1 and a[:-1] == b[:-2] and a[-1].isdecimal()
    return False
