"""Whether training has come to rest: what the gradient of D + βR still has to give.

The gradient itself tells little: in the sharp directions of the weights it stays large at the end of any training by
small batches, and its norm depends on how a network is written. What counts is what following it gains. Its direction
is taken from some images, a step is made along it, as long as pays best, and what the step saves is measured on other
images with the same noise. Noise in the direction gains nothing there, so that a model at rest is not blamed for it.
The gain stands beside βR, what the code costs at that β: with the shipped models it is under 0.6 %, after some hundred
steps of training, or where the rate of learning was never lowered, between 0.8 and 200 %.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.analysis.evaluation import BATCH, PART
from explorer.datasets.base import Dataset
from models.beta_vae import BetaVAE
from models.turns import leave

IMAGES = 1000  # that are looked at, at most: one half for the direction, the other for the gain
LEAST = 100
RESTS = 0.01  # of βR: a gain below it is none
FIRST, SHORTEST, LONGEST = 1e-4, 1e-8, 0.1  # steps: what the weights that move most are moved by


@dataclass(frozen=True)
class Rest:
    """What a step down the gradient of D + βR saves in nats an image, its standard error, and what βR is."""

    gain: float
    error: float
    price: float

    @property
    def share(self) -> float:
        """The gain as a part of βR."""
        return self.gain / self.price

    @property
    def there(self) -> bool:
        """Whether nothing is left to gain, as far as these images show."""
        return self.gain <= max(RESTS * self.price, 2 * self.error)


def measure_rest(model: BetaVAE, data: Dataset, indices: Tensor, beta: float, error: float, seed: int) -> Rest | None:
    """See what a step down the gradient of D + βR saves; None where there are fewer than 100 images.

    Args:
        indices: of the images, `(n,)`; a thousand of them are used at most.
        beta: the β in question, and its standard `error`: βR is held to be no less than error · R.
    """
    if len(indices) < LEAST:
        return None
    own = copy.deepcopy(model).eval().requires_grad_(True)  # others look at `model` meanwhile
    weights: list[Tensor] = list(own.parameters())
    first, second = indices[:IMAGES].chunk(2)
    direction = _descent(own, weights, data, first, beta, seed)
    start = [weight.detach().clone() for weight in weights]
    costs, rate = _costs(own, data, second, beta, seed + 1)

    def saved(step: float) -> Tensor:
        with torch.no_grad():
            for weight, begin, way in zip(weights, start, direction, strict=True):
                weight.copy_(begin - step * way)
        return torch.nan_to_num(costs - _costs(own, data, second, beta, seed + 1)[0], nan=-torch.inf)

    step = FIRST
    found = saved(step)
    while not found.mean() > 0 and step > SHORTEST:
        step /= 4
        found = saved(step)
    while step < LONGEST and (further := saved(2 * step)).mean() > found.mean():
        step, found = 2 * step, further
    price = max(beta, error) * rate
    if not found.mean() > 0 or not price > 0:
        return Rest(0.0, 0.0, price) if price > 0 else None
    return Rest(float(found.mean()), float(found.std()) / len(found) ** 0.5, price)


def _batches(model: BetaVAE, data: Dataset, indices: Tensor, seed: int, most: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Images in [0, 1] and noise for their latents, as many at a time as the model can be given."""
    data = data.to(model.device)
    noise = torch.Generator().manual_seed(seed)
    for chosen in indices.split(max(1, min(most, model.rows))):
        leave()
        draw = torch.randn(len(chosen), model.latents, generator=noise)
        yield data.unit(chosen), draw.to(model.device)


def _price(model: BetaVAE, images: Tensor, draw: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """D + βR and R of each image, `(n,)`."""
    posterior = model.encode(images)
    rate = posterior.kl().sum(1)
    return model.nll(posterior.mean + posterior.std * draw, images) + beta * rate, rate


def _descent(
    model: BetaVAE, weights: list[Tensor], data: Dataset, indices: Tensor, beta: float, seed: int
) -> list[Tensor]:
    """The mean gradient, each weight's part in units of its spread over batches, as Adam has it: within ±1.

    Parts that can't be told from noise are left out: in a sharp direction they would keep every step short.
    """
    mean = [torch.zeros_like(weight) for weight in weights]
    square = [torch.zeros_like(weight) for weight in weights]
    with torch.inference_mode(False), torch.enable_grad():
        for images, draw in _batches(model, data, indices, seed, min(PART, len(indices) // 10)):
            cost, _ = _price(model, images.clone(), draw, beta)
            gradient = torch.autograd.grad(cost.mean(), weights, allow_unused=True)
            for own, total, squares in zip(gradient, mean, square, strict=True):
                if own is not None:
                    total += own
                    squares += own.square()
    batches = -(-len(indices) // max(1, min(PART, len(indices) // 10, model.rows)))
    direction = []
    for total, squares in zip(mean, square, strict=True):
        middle, power = total / batches, squares / batches
        noise = ((power - middle.square()).clamp(min=0) / (batches - 1)).sqrt()
        clear = middle.abs() > 2 * noise
        direction.append(torch.where(clear, middle / (power.sqrt() + 1e-12), 0))
    return direction


def _costs(model: BetaVAE, data: Dataset, indices: Tensor, beta: float, seed: int) -> tuple[Tensor, float]:
    """D + βR of each image `(n,)`, float64 on the CPU, and the mean of R."""
    most = PART if model.device.type == "cpu" else BATCH
    with torch.inference_mode():
        found = [
            torch.stack(_price(model, images, draw, beta)).cpu().double()
            for images, draw in _batches(model, data, indices, seed, most)
        ]
    costs, rates = torch.cat(found, dim=1)
    return costs, float(rates.mean())
