"""What β a KL weight of other code comes to: losses that are summed or averaged in other ways than here.

A loss is w_D · (its reconstruction cost) + w · (its KL). Each way of summing or averaging is a factor before the
distortion D, the sum over pixels, and before the rate R, the sum over latents, both means over images. So the loss
is, up to a constant, `scale` · (D + βR) with one β, and its gradients are `scale` times those of D + βR.
Nothing here needs torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from explorer.errors import UserError

Reduction = Literal["sum", "mean"]
Form = Literal["sums", "all-sums", "mean-pixels", "mean-pixels-sum-kl", "all-means"]
Cost = Literal["bernoulli", "squared", "half-squared", "gaussian"]
Own = Reduction | None
WAYS = ("over_pixels", "over_latents", "over_batch", "kl_over_batch")

# Title, and how it reduces the cost over pixels, the KL over latents, and each over the batch.
FORMS: dict[str, tuple[str, tuple[Reduction, Reduction, Reduction, Reduction]]] = {
    "sums": (
        "summed over pixels and latents, averaged over the batch (as in the papers, and here)",
        ("sum", "sum", "mean", "mean"),
    ),
    "all-sums": ("summed over pixels, latents and batch", ("sum", "sum", "sum", "sum")),
    "mean-pixels": (
        "mean over pixels and batch, KL summed over latents and averaged over the batch",
        ("mean", "sum", "mean", "mean"),
    ),
    "mean-pixels-sum-kl": (
        "mean over pixels and batch, KL summed over latents and batch",
        ("mean", "sum", "mean", "sum"),
    ),
    "all-means": ("mean over pixels, latents and batch", ("mean", "mean", "mean", "mean")),
}
COSTS: dict[str, str] = {
    "bernoulli": "binary cross-entropy",
    "squared": "squared error (x − x̂)²",
    "half-squared": "half the squared error",
    "gaussian": "−log of a normal density with a fixed σ",
}


def _product(value: Any) -> Any:
    """A shape such as 3x64x64 counts as its product."""
    parts = value.lower().split("x") if isinstance(value, str) else []
    if 1 < len(parts) < 5 and all(part.isdecimal() and len(part) < 8 for part in parts):
        return math.prod(map(int, parts))
    return value


class KLWeight(BaseModel):
    """A loss as other code writes it, and σ of the Gaussian pixels that it is told for."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    weight: float = Field(
        0.00025, ge=0, le=1e9, description="Weight of the KL in that loss; of several, their product."
    )
    cost: Cost = Field(
        "squared",
        description="Its reconstruction cost of a pixel: bernoulli, the binary cross-entropy; squared, (x − x̂)²; "
        "half-squared, half of that; gaussian, −log N(x; x̂, σ²).",
    )
    form: Form = Field(
        "mean-pixels", description=f"How it sums: {'; '.join(f'{n}, {t}' for n, (t, _) in FORMS.items())}."
    )
    over_pixels: Own = Field(None, description="The cost over pixels, where it is not as the form has it.")
    over_latents: Own = Field(None, description="The KL over latents, where it is not as the form has it.")
    over_batch: Own = Field(None, description="The cost over the batch, where it is not as the form has it.")
    kl_over_batch: Own = Field(None, description="The KL over the batch, where it is not as the form has it.")
    values: Annotated[int, BeforeValidator(_product)] = Field(
        4096, ge=1, le=3 * 1024 * 1024, description="Values of an image, C·H·W, such as 12288 or 3x64x64."
    )
    latents: int = Field(10, ge=1, le=512, description="Number of latent dimensions.")
    batch: int = Field(
        64, ge=1, le=1_000_000, description="Images a batch; matters where one of both is summed over it."
    )
    cost_weight: float = Field(1.0, gt=0, le=1e9, description="Weight of the reconstruction cost in that loss.")
    cost_sigma: float = Field(1.0, gt=0, le=1e4, description="σ of its gaussian cost, in its own units of a pixel.")
    pixel_range: float = Field(
        1.0, gt=0, le=1e6, description="Width of its pixel values: 1 for 0 to 1, 2 for −1 to 1, 255 for bytes."
    )
    pixel_sigma: float = Field(
        0.1, gt=0, le=10, description="σ of this program's gaussian likelihood, pixels in [0, 1]; only βσ² counts."
    )

    def way(self, name: str) -> Reduction:
        """How it reduces: `name` is one of WAYS."""
        given: Own = getattr(self, name)
        return given or FORMS[self.form][1][WAYS.index(name)]


@dataclass(frozen=True)
class Equivalent:
    """The same loss in this program's terms: `scale` · (D + βR) and a constant, nats an image.

    `sigma` is that of the likelihood "gaussian", pixels in [0, 1], None for "bernoulli"; `beta_norm` is β·M/N
    (Higgins et al. 2017).
    """

    beta: float
    likelihood: Literal["bernoulli", "gaussian"]
    sigma: float | None
    beta_norm: float
    scale: float

    @property
    def implied_variance(self) -> float | None:
        """βσ², which decides which reconstruction is best whatever σ is; None for Bernoulli pixels."""
        return None if self.sigma is None else self.beta * self.sigma**2

    def settings(self) -> dict[str, float | str]:
        """The settings of `train` that say it."""
        found: dict[str, float | str] = {"objective": "beta", "beta": float(f"{self.beta:.6g}")}
        found["likelihood"] = self.likelihood
        return found if self.sigma is None else found | {"sigma": self.sigma}


def equivalent(loss: KLWeight) -> Equivalent:
    """β, likelihood and σ with which this program minimises the same.

    Raises:
        UserError: numbers so small or large that no β can be told.
    """
    batch = float(loss.batch)
    distortion = loss.cost_weight  # times the cost, summed over pixels, mean over images
    distortion *= 1 if loss.way("over_pixels") == "sum" else 1 / loss.values
    distortion *= batch if loss.way("over_batch") == "sum" else 1
    rate = loss.weight
    rate *= 1 if loss.way("over_latents") == "sum" else 1 / loss.latents
    rate *= batch if loss.way("kl_over_batch") == "sum" else 1
    if loss.cost == "bernoulli":
        if loss.pixel_range != 1:
            raise UserError(
                "a cross-entropy is of pixels in [0, 1], whose range is 1: choose another cost, or that range"
            )
        sigma, unit = None, 1.0
    else:
        squares = {"squared": 1.0, "half-squared": 0.5, "gaussian": 0.5 / loss.cost_sigma**2}[loss.cost]
        sigma = loss.pixel_sigma
        unit = squares * loss.pixel_range**2 * 2 * sigma**2  # of it in nats of D here
    scale = distortion * unit
    beta = rate / scale if scale else math.inf
    if not math.isfinite(beta) or not math.isfinite(scale):
        raise UserError("no β can be told: these weights are too far apart for the numbers of a computer")
    return Equivalent(
        beta, "bernoulli" if sigma is None else "gaussian", sigma, beta * loss.latents / loss.values, scale
    )
