"""What a state dict leaves open, as values: each choice a person may correct, and its words. No torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from explorer.recipe.layer_config import Spread

Activation = Literal[
    "relu", "leaky-relu", "elu", "selu", "gelu", "silu", "mish", "hardswish", "softplus", "tanh", "sigmoid", "none"
]
ACTIVATIONS: tuple[Activation, ...] = (
    "relu",
    "leaky-relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "hardswish",
    "softplus",
    "tanh",
    "sigmoid",
    "none",
)
Halves = Literal["mean-first", "log-var-first", "interleaved", "interleaved-log-var-first"]
HALVES: tuple[Halves, ...] = ("mean-first", "log-var-first", "interleaved", "interleaved-log-var-first")
SPREADS: tuple[Spread, ...] = ("log-variance", "log-std", "std", "softplus-std", "variance", "softplus-variance")
Output = Literal["sigmoid", "tanh", "none"]
OUTPUTS: tuple[Output, ...] = ("sigmoid", "tanh", "none")
Pixels = Literal["0..1", "-1..1", "mnist", "fashion-mnist", "cifar10", "imagenet", "standardised"]
PIXELS: tuple[Pixels, ...] = ("0..1", "-1..1", "mnist", "fashion-mnist", "cifar10", "imagenet", "standardised")
# Means and standard deviations of pixels, a pair a channel, by which programs standardise them.
STANDARD: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "mnist": ((0.1307,), (0.3081,)),
    "fashion-mnist": ((0.2860,), (0.3530,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
Upsampling = Literal["nearest", "bilinear", "bilinear-aligned"]
UPSAMPLING: tuple[Upsampling, ...] = ("nearest", "bilinear", "bilinear-aligned")
Pooling = Literal["max", "average"]
POOLING: tuple[Pooling, ...] = ("max", "average")
Edges = Literal["zeros", "replicate", "reflect"]
EDGES: tuple[Edges, ...] = ("zeros", "replicate", "reflect")
# Where the activation of a residual block stands, and what is added to what; x is what the block is given.
Residual = Literal["after", "none", "inside", "before", "before-shared", "in-place", "normed", "chain"]
RESIDUALS: tuple[Residual, ...] = ("after", "none", "inside", "before", "before-shared", "in-place", "normed", "chain")
LIKELIHOODS = ("bernoulli", "gaussian")
TITLES = {
    "geometry": "strides and paddings",
    "halves": "outputs of the encoder",
    "spread": "what stands beside the mean",
    "mean_activation": "activation behind the mean",
    "activation": "activation in the encoder",
    "decoder_activation": "activation in the decoder",
    "slope": "slope",
    "activation_at": "activations behind single layers",
    "head_activation": "activation before the encoder's last layer",
    "entry_activation": "activation behind the decoder's first layer",
    "bridge": "activation before the decoder's first convolution",
    "exit_activation": "activation behind the decoder's last layer",
    "residual": "activation of residual blocks",
    "stem_activation": "activation before residual blocks",
    "stack_activation": "activation behind residual blocks",
    "pooling": "pooling",
    "upsampling": "upsampling",
    "edges": "beyond the edges in the decoder",
    "encoder_edges": "beyond the edges in the encoder",
    "output": "output of the decoder",
    "pixels": "pixels in training",
}


class Choices(BaseModel):
    """What a state dict leaves open. Every field may be corrected by the person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int = Field(ge=1, le=1024, description="Height of the images in pixels.")
    width: int = Field(ge=1, le=1024, description="Width of the images in pixels.")
    channels: Literal[1, 3] = Field(1, description="1 for grey, 3 for colour.")
    geometry: int = Field(0, ge=0, description="Which of the possible strides and paddings.")
    halves: Halves = Field("mean-first", description="Which outputs of the encoder are the mean.")
    spread: Spread = Field("log-variance", description="What the other outputs are.")
    mean_activation: Literal["none", "relu"] = Field("none", description="What stands behind the mean.")
    activation: Activation = Field("relu", description="Between the encoder's layers.")
    decoder_activation: Activation = Field("relu", description="Between the decoder's layers.")
    activation_at: tuple[tuple[str, Activation], ...] = Field(
        (), description="Behind single layers, by their names, where it is another."
    )
    slope: float = Field(0.01, ge=0, le=1, description="Of leaky-relu below 0.")
    bridge: bool = Field(True, description="Whether an activation stands before the decoder's first convolution.")
    head_activation: bool = Field(True, description="Whether an activation stands before the encoder's last layer.")
    entry_activation: bool = Field(
        True, description="Whether an activation stands between the decoder's first two dense layers."
    )
    exit_activation: bool = Field(False, description="Whether an activation stands behind the decoder's last layer.")
    residual: Residual = Field(
        "after",
        description="Where a residual block's activation stands: behind the sum (after; normed where the last norm is "
        "there too), before its layers (before; before-shared where a shortcut's layer takes the same; in-place where "
        "x itself does), behind its layers (inside), or only between them (none). With chain nothing is added.",
    )
    stem_activation: bool = Field(
        True, description="Whether an activation stands between a plain layer and a residual block."
    )
    stack_activation: bool = Field(
        False, description="Whether one stands behind residual blocks without one of their own."
    )
    pooling: Pooling = Field("max", description="What is pooled in the encoder.")
    upsampling: Upsampling = Field("nearest", description="What lies between pixels made larger.")
    edges: Edges = Field("zeros", description="What stands beyond the edges of an image.")
    encoder_edges: Edges = Field("zeros", description="The same in the encoder.")
    output: Output = Field("sigmoid", description="What the decoder ends in.")
    pixels: Pixels = Field("0..1", description="How the images' pixels were scaled in training.")
    pixel_mean: float = Field(
        0.5, ge=-10, le=10, description="What was taken off pixels of 0 to 1, where standardised."
    )
    pixel_std: float = Field(0.5, gt=0.001, le=10, description="What they were then divided by, where standardised.")
    likelihood: Literal["bernoulli", "gaussian"] | None = Field(
        None, description="Of the pixels; what goes with the output if left out."
    )
    sigma: float = Field(0.1, gt=0, le=10, description="σ of a Gaussian likelihood, of pixels from 0 to 1.")

    @property
    def standard(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """What is taken off pixels of 0 to 1 and what they are divided by, a number a channel or one for all."""
        if self.pixels == "0..1":
            return None
        if self.pixels == "-1..1":
            return (0.5,), (0.5,)
        if self.pixels == "standardised":
            return (self.pixel_mean,), (self.pixel_std,)
        means, stds = STANDARD[self.pixels]
        if len(means) == 3 and self.channels == 1:
            return (sum(means) / 3,), (sum(stds) / 3,)
        return means, stds

    @property
    def kind(self) -> Literal["bernoulli", "gaussian"]:
        """The likelihood: the said one, or the one that goes with what the decoder ends in."""
        usual: Literal["bernoulli", "gaussian"] = "bernoulli" if self.output == "sigmoid" else "gaussian"
        return self.likelihood or usual
