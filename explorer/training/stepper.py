"""One step of training, as a value: all that it changes, and how that is kept and put back to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.beta_vae import BetaVAE
from models.objectives import Objective, Terms


@dataclass
class Stepper:
    """Takes step after step with what it was given; everything random is drawn anew at each step.

    Args:
        images: the images of a step, floats in [0, 1] on the model's device.
        seed: of a step's noise.
        rate: Adam's rate at a step.
        clip: largest norm of the gradient, or None.
        precision: the context in which the networks are computed.
        labels: what the objective is told of the factors of a step's last images; None where it uses no labels.
    """

    model: BetaVAE
    objective: Objective
    optimiser: torch.optim.Adam
    noise: torch.Generator
    images: Callable[[int], Tensor]
    seed: Callable[[int], int]
    rate: Callable[[int], float]
    clip: float | None
    precision: Any
    labels: Callable[[int], Tensor] | None = None

    def take(self, step: int) -> Terms:
        """One step of the optimiser. The gradients stay until the next."""
        self.model.train()
        images = self.images(step)
        self.noise.manual_seed(self.seed(step))
        self.objective.prepare(self.model, len(images), step, self.noise)
        with self.precision:
            posterior = self.objective.share(self.model.encode(images))
            z = posterior.sample(self.noise)
            raw = self.model.raw(z)
        nll = self.model.likelihood.nll(raw.float(), images)
        if self.labels:
            self.objective.learn(self.labels(step))
        terms: Terms = self.objective(nll, posterior, z, step)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(step)
        self.optimiser.zero_grad()
        terms.loss.backward()
        if self.clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimiser.step()
        return terms

    def keep(self) -> Callable[[], None]:
        """Remember weights, buffers, the optimiser's and the noise's state; gives what puts them back.

        Weights are put back in their own places, so that a recording goes on reading them there.
        """
        places = [*self.model.state_dict(keep_vars=True).values(), *self.objective.state_dict(keep_vars=True).values()]
        values = [place.detach().clone() for place in places]
        parameters = list(self.model.parameters())
        state = self.optimiser.state
        moments = [{key: value.clone() for key, value in state.get(p, {}).items()} for p in parameters]
        rates = [group["lr"] for group in self.optimiser.param_groups]
        noise = self.noise.get_state()

        def put_back() -> None:
            with torch.no_grad():
                for place, value in zip(places, values, strict=True):
                    place.copy_(value)
            for parameter, kept in zip(parameters, moments, strict=True):
                parameter.grad = None
                state.pop(parameter, None)
                if kept:
                    state[parameter] = {key: value.clone() for key, value in kept.items()}
            for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
                group["lr"] = rate
            self.noise.set_state(noise)

        return put_back
