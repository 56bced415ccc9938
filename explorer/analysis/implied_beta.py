"""Read β off a trained model: what a nat of rate is worth to it in distortion.

An encoder can widen all its posteriors alike: a bias adds s to every log σ². Where training has come to
rest, nothing is gained by that: dD/ds + β dR/ds = 0. So β = −(dD/ds) / (dR/ds), whether it was set by
hand, found as a constraint's multiplier, or is unknown, as with an imported model. Whether it has come
to rest is looked at too (`convergence.py`): without that, any network gives some number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from explorer.analysis.convergence import LEAST, RESTS, Rest, measure_rest
from explorer.analysis.evaluation import choose, posteriors, why_not_finite
from explorer.datasets.base import Dataset
from explorer.errors import UserError
from models.beta_vae import BetaVAE

SMALLEST = 1e-3  # nats: a model whose rate answers less is asleep


@dataclass(frozen=True)
class Multiplier:
    """β as the model itself has it, and its standard error over images: None of a single one.

    `rest` says what D + βR would still gain by more training; None of too few images.
    """

    beta: float
    error: float | None
    count: int
    seed: int
    rest: Rest | None = None

    @property
    def at_rest(self) -> bool | None:
        """Whether training has come to rest at `beta`, so that it is a β at all; None where that can't be told."""
        if self.error is not None and self.beta < -2 * self.error:
            return False  # no model pays to spend more nats
        return None if self.rest is None else self.rest.there

    @property
    def rest_in_words(self) -> str:
        """In words, whether the model is at rest."""
        if self.at_rest is None:
            return f"whether the model is at rest can't be told from fewer than {LEAST} images"
        gains = ""
        if self.rest is not None:
            gains = (
                f"one step down the gradient of D + βR saves {self.rest.gain:.3g} nats an image, "
                f"{100 * self.rest.share:.2g} % of βR"
            )
        if self.at_rest:
            return f"at rest: {gains}"
        return (
            f"not at rest: {gains or 'its β is below 0'} (at rest: under {100 * RESTS:.0f} %). So it is no β "
            "that it was trained with: the model is untrained, was stopped early, or was trained for something else"
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "beta": self.beta,
            "standard_error": self.error,
            "at_rest": self.at_rest,
            "gain": None if self.rest is None else self.rest.gain,
            "gain_share": None if self.rest is None else self.rest.share,
            "count": self.count,
            "seed": self.seed,
        }


def read_beta(model: BetaVAE, data: Dataset, count: int | None = 2000, seed: int = 0) -> Multiplier:
    """The β at which `model` is at rest on `count` images of `data`, one sampled z an image.

    Raises:
        UserError: images of another shape, a count that can't be had, costs that are not finite, or a model with
            every dimension asleep, whose rate answers to nothing.
    """
    indices = choose(data, count, seed)
    noise = torch.Generator().manual_seed(seed)  # of the CPU: the same on every device
    found = []
    for images, posterior in posteriors(model, data, indices):
        with torch.inference_mode(False), torch.enable_grad():
            images, mean, log_var = (t.clone() for t in (images, posterior.mean, posterior.log_var))
            shift = torch.zeros(len(mean), 1, device=mean.device, requires_grad=True)
            draw = torch.randn(mean.shape, generator=noise).to(mean.device)
            z = mean + torch.exp(0.5 * (log_var + shift)) * draw
            nll = model.nll(z, images)
            (distortion,) = torch.autograd.grad(nll.sum(), shift)
        rate = 0.5 * (log_var.exp() - 1).sum(1)  # d KL / ds
        slopes = torch.stack([distortion[:, 0], rate]).detach()
        bad = ~torch.isfinite(torch.cat([slopes, nll.detach()[None]])).all(0)
        if bool(bad.any()):
            first = int(bad.int().argmax())
            raise UserError(why_not_finite(model, z[first : first + 1].detach(), data.name))
        found.append(slopes.cpu().double())
    slopes = torch.cat(found, dim=1)
    distortion_slope, rate_slope = slopes.mean(1).tolist()
    if not abs(rate_slope) > SMALLEST:
        raise UserError("every dimension is asleep: no nat is spent, so none has a price")
    beta = -distortion_slope / rate_slope
    left = slopes[0] + beta * slopes[1]  # of mean 0: the error of a ratio of two means
    count = len(indices)
    error = float(left.std()) / count**0.5 / abs(rate_slope) if count > 1 else None
    return Multiplier(beta, error, count, seed, measure_rest(model, data, indices, beta, error or 0.0, seed))
