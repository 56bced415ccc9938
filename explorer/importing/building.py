"""Layers and weights of a model from elsewhere, put together from its chains, one geometry and the choices.

Batch norms are folded where nothing stands between; heads become one layer with the means first, so that
config.json describes plain layers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from explorer.importing.chain import ChainLink, Chains
from explorer.importing.choices import Choices
from explorer.importing.geometry import Geometry, sides_of
from explorer.importing.named_layers import NamedLayer
from explorer.importing.residual import Block
from explorer.importing.residual_layers import OWN, Rows, build_block
from explorer.importing.strides import Sides, Step, free_pixels, grown
from explorer.recipe import layer_config as lay

if TYPE_CHECKING:
    from torch import Tensor


class Built(NamedTuple):
    """Layers of a part, and their weights by name."""

    layers: tuple[lay.Layer, ...]
    weights: dict[str, Tensor]
    norms: dict[str, NamedLayer]  # the batch norm whose output a layer gives, by its place


def build_encoder(chains: Chains, geometry: Geometry | None, chosen: Choices) -> Built:
    """Layers from an image in [0, 1] to D means before D log-variances, and their weights by name."""
    part = _Part(chosen, chosen.activation, geometry.encoder if geometry else ())
    _standardise(part, chosen)
    part.image = True
    behind = [*chains.encoder[1:], chains.heads[0]]
    for link, after in zip(chains.encoder, behind, strict=bool(chains.encoder)):
        part.link(link, after, after is not chains.heads[0] or chosen.head_activation)
    if geometry is not None and geometry.average > 1:
        part.add(lay.Pool(kind="average-pool", size=geometry.average))
    part.head(chains.heads)
    return part.built()


def build_decoder(chains: Chains, geometry: Geometry | None, chosen: Choices) -> Built:
    """Layers from latents to what the likelihood takes, and their weights by name."""
    part = _Part(chosen, chosen.decoder_activation, geometry.decoder if geometry else ())
    part.start = _start(geometry, chains, chosen)
    for link, following in zip(chains.decoder, [*chains.decoder[1:], None], strict=True):
        if following is not None and bridges(link, following):
            usual = chosen.bridge
        else:
            usual = link is not chains.decoder[0] or chosen.entry_activation
        part.link(link, following, usual)
    if not part.image:
        part.add(lay.Unflatten(shape=(chosen.channels, chosen.height, chosen.width)))
    if geometry is not None and geometry.resized:
        mode, aligned = _mode(chosen)
        size = chosen.height, chosen.width
        part.add(lay.Resize(size=size, mode=mode, align_corners=aligned))
    if chosen.output == "tanh":
        part.add(lay.Activation(kind="tanh"))
    if chosen.output == "sigmoid" and chosen.kind != "bernoulli":
        part.add(lay.Activation(kind="sigmoid"))
    if chosen.output != "sigmoid":
        _back_to_pixels(part, chosen)
    return part.built()


def _start(geometry: Geometry | None, chains: Chains, chosen: Choices) -> Sides | None:
    """Height and width of the decoder's first image: as many pixels as shrink from the images' own sides."""
    conv = next((link for link in chains.decoder if link.layer.kind == "conv"), None)
    if geometry is None or conv is None:
        return None
    oblong = geometry.height != geometry.width
    for start in (*sides_of(conv.area, oblong), *sides_of(conv.area)):
        ends = start
        for step, link in zip(geometry.decoder, [x for x in chains.decoder if x.layer.kind == "conv"], strict=True):
            ends = _grown(ends, step, link)
        if geometry.resized or ends == (geometry.height, geometry.width):
            return start
    return sides_of(conv.area)[0] if sides_of(conv.area) else None


def _grown(sides: Sides, step: Step, link: ChainLink) -> Sides:
    if link.layer.inside is not None:
        return grown(sides, step)

    def one(n: int) -> int:
        if link.transposed:
            return (n - 1) * step.stride - 2 * step.padding + link.kernel + step.output_padding
        return (n * step.upsample + 2 * step.padding - link.kernel) // step.stride + 1

    return one(sides[0]), one(sides[1])


def _standardise(part: _Part, chosen: Choices) -> None:
    """Pixels of 0 to 1 as the encoder was given them."""
    import torch

    if chosen.pixels == "-1..1":
        part.add(lay.Rescale(scale=2, shift=-1))
    elif (standard := chosen.standard) is not None:
        means, stds = standard
        if len(means) == 1:
            part.add(lay.Rescale(scale=1 / stds[0], shift=-means[0] / stds[0]))
        else:
            mean, std = torch.tensor(means).double(), torch.tensor(stds).double()
            part.add(lay.Affine(features=len(means)), 1 / std, -mean / std)


def _back_to_pixels(part: _Part, chosen: Choices) -> None:
    """What the decoder gives as pixels of 0 to 1."""
    import torch

    standard = chosen.standard
    if standard is None:
        return
    means, stds = standard
    if len(means) == 1:
        part.add(lay.Rescale(scale=stds[0], shift=means[0]))
    else:
        part.add(lay.Affine(features=len(means)), torch.tensor(stds), torch.tensor(means))


def _mode(chosen: Choices) -> tuple[str, bool]:
    aligned = chosen.upsampling == "bilinear-aligned"
    return ("bilinear" if aligned else chosen.upsampling), aligned


@dataclass
class _Part:
    """Layers of an encoder or a decoder while they are put together."""

    chosen: Choices
    activation: str
    steps: tuple[Step, ...]
    rows: Rows = field(default_factory=Rows)
    image: bool = False  # what the last layer gives: an image, or a row of numbers
    step: int = 0  # of the next convolution
    start: Sides | None = None  # height and width of the first image of a decoder

    def add(self, layer: lay.Layer, weight: Tensor | None = None, bias: Tensor | None = None) -> None:
        self.rows.add(layer, weight, bias)

    def built(self) -> Built:
        """What it is now."""
        return Built(tuple(self.rows.layers), self.rows.weights, self.rows.norms)

    def act(self, behind: ChainLink, rows: Rows | None = None) -> None:
        rows = self.rows if rows is None else rows
        activation = dict(self.chosen.activation_at).get(behind.layer.name, self.activation)
        if activation == "leaky-relu":
            rows.add(lay.LeakyReLU(slope=self.chosen.slope))
        elif activation != "none":
            rows.add(lay.Activation(kind=activation))

    def link(self, link: ChainLink, after: ChainLink | None, usual: bool) -> None:
        """A layer with weights, what stands before it, and the norm and the activation behind it.

        `usual` says whether there is one where the names of the layers don't tell.
        """
        if link.layer.inside is not None:
            self.block(link, link.layer.inside, after)
            return
        step = self.weigh(link, *link.tensors)
        if after is None:
            acts = self.chosen.exit_activation
        else:
            own = dict(self.chosen.activation_at).get(link.layer.name)
            usual = self.before_block(link, after, usual)
            acts = own is not None or acts_between(link, after, usual)
        if acts:
            self.act(link)
        if link.norm is not None and link.norm_apart:
            self.rows.add(lay.Affine(features=link.outputs), *link.norm.numbers, link.norm)
        self.pool(step)

    def before_block(self, link: ChainLink, after: ChainLink, usual: bool) -> bool:
        """Whether an activation is usual between a plain layer and a residual block."""
        if after.layer.inside is None or bridges(link, after):
            return usual
        return self.chosen.stem_activation

    def block(self, link: ChainLink, block: Block, after: ChainLink | None) -> None:
        """A residual block, the norm and the activation behind it, and what is pooled there."""
        step = self.steps[self.step] if link.image else Step()
        self.step += link.image
        self.shaped(link)
        self.rows.extend(build_block(block, step, self.chosen, partial(self.act, link), self.edges()))
        if link.norm is not None:
            self.rows.add(lay.Affine(features=link.outputs), *link.norm.numbers, link.norm)
        free = None if after is None else free_pixels(link, after)
        open_ = self.chosen.stack_activation and after is not None and not after.layer.inside
        said = free is not None and free > (step.pool > 1)
        bare = self.chosen.residual not in OWN
        if link.norm is not None or (bare and (said or (free is None and open_))):
            self.act(link)
        self.pool(step)

    def pool(self, step: Step) -> None:
        """What is pooled behind a convolution."""
        if step.pool > 1:
            kind = "max-pool" if self.chosen.pooling == "max" else "average-pool"
            self.add(lay.Pool(kind=kind, size=step.pool))

    def edges(self) -> str:
        """What stands beyond the edges of this part's images."""
        return self.chosen.edges if self.start else self.chosen.encoder_edges

    def shaped(self, link: ChainLink) -> None:
        """An image, or a row of numbers, as a layer takes it."""
        if self.image and link.layer.kind == "linear":
            self.add(lay.Flatten())
            self.image = False
        if not self.image and link.layer.kind == "conv":
            sides = self.start or (1, link.area)
            self.add(lay.Unflatten(shape=(link.inputs, *sides)))
            self.image = True

    def weigh(self, link: ChainLink, weight: Tensor, bias: Tensor | None) -> Step:
        """The layer itself, and what stands before it. Returns a convolution's step."""
        if link.layer.kind == "norm":
            self.rows.add(lay.Affine(features=len(weight)), *link.layer.numbers, link.layer)
            return Step()
        sizes = {"inputs": link.inputs, "outputs": link.outputs, "bias": bias is not None}
        own = link.norm if link.norm is not None and not link.norm_apart else None
        self.shaped(link)
        if link.layer.kind == "linear":
            self.rows.add(lay.Linear(**sizes), weight, bias, own)
            return Step()
        step = self.steps[self.step]
        self.step += 1
        if step.upsample > 1:
            mode, aligned = _mode(self.chosen)
            self.add(lay.Upsample(factor=step.upsample, mode=mode, align_corners=aligned))
        sizes |= {"kernel": link.kernel, "stride": step.stride, "padding": step.padding}
        if link.transposed:
            layer: lay.Layer = lay.ConvTranspose(**sizes, output_padding=step.output_padding)
        else:
            layer = lay.Conv(**sizes, padding_mode=self.edges() if step.padding else "zeros")
        self.rows.add(layer, weight, bias, own)
        return step

    def head(self, heads: list[ChainLink]) -> None:
        """The last layer: D means before D log-variances, in whichever order they were stored."""
        import torch

        halves, spread = self.chosen.halves, self.chosen.spread
        weights, biases = [], []
        for link in heads:
            weight, bias = link.layer.weight.double(), link.layer.bias
            if link.norm is not None and not link.norm_apart:
                weight, bias = link.folded
            weights.append(weight)
            biases.append(bias)
        if any((b is None) != (biases[0] is None) for b in biases):
            biases = [torch.zeros(len(w)) if b is None else b for w, b in zip(weights, biases, strict=True)]
        weight = torch.cat(weights)
        bias = None if biases[0] is None else torch.cat([b.double() for b in biases if b is not None])
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
        self.weigh(replace(heads[0], outputs=2 * latents, norm=None), weight, bias)
        if self.image:
            self.add(lay.Flatten())
        linear = spread in ("log-variance", "log-std")
        if not linear or self.chosen.mean_activation != "none":
            left = "log-variance" if linear else spread
            self.add(lay.Heads(spread=left, mean=self.chosen.mean_activation))


def acts_between(link: ChainLink, after: ChainLink, usual: bool) -> bool:
    """Whether an activation stands between two layers, as far as their places in a Sequential say."""
    if link.layer.kind == "norm":
        return False
    free = free_pixels(link, after)
    return usual if free is None else free >= 1


def is_open(link: ChainLink, after: ChainLink) -> bool:
    """Whether names leave open if an activation stands between two layers; a residual block has its own."""
    return link.layer.kind != "norm" and not link.layer.inside and free_pixels(link, after) is None


def bridges(link: ChainLink, after: ChainLink) -> bool:
    """Whether a row of numbers becomes an image between two layers."""
    return not link.image and after.image
