"""Find out by trying what names and shapes leave open: the right reading of a trained VAE finds its latents again.

Latents are drawn from the prior, decoded, and encoded again. In a trained VAE the mean comes back near the
latents that were drawn, in every dimension that the model uses; under a wrong padding, activation, output or
half it comes back as noise. This needs no images. A network that was never trained gives no such evidence, and
the usual choices stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from explorer.checkpoints.layers import work
from explorer.checkpoints.reading import HALVES, POOLING, UPSAMPLING, Choices, Reading
from explorer.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from models.beta_vae import BetaVAE

IMAGES = 16
BUDGET = 5_000_000_000  # multiplications; a second or so
ENOUGH = 0.5, 0.05  # latents found again, below which nothing is said; the same as a part of all
MARGIN = 0.2, 0.02  # latents more that another choice must find
UNUSUAL = 0.7, 0.07  # the same, where it gives encoder and decoder different activations
TRIED = ("relu", "leaky-relu", "elu", "tanh", "silu", "gelu")

# What is used together, tried before each choice by itself.
TOGETHER: tuple[dict[str, Any], ...] = (
    {
        "activation": "leaky-relu",
        "decoder_activation": "leaky-relu",
        "output": "tanh",
        "pixels": "-1..1",
    },
    {"activation": "relu", "decoder_activation": "relu", "output": "tanh", "pixels": "-1..1"},
    {"activation": "relu", "decoder_activation": "relu", "output": "none", "pixels": "0..1"},
    {"activation": "tanh", "decoder_activation": "tanh"},
    {"activation": "leaky-relu", "decoder_activation": "leaky-relu"},
    {"activation": "leaky-relu", "decoder_activation": "leaky-relu", "slope": 0.2},
    {"activation": "elu", "decoder_activation": "elu"},
    {"activation": "silu", "decoder_activation": "silu"},
    {"activation": "gelu", "decoder_activation": "gelu"},
)


def settle(reading: Reading) -> Reading:
    """The reading whose encoder finds most of its decoder's latents again, and what each choice rests on.

    A choice that the person made, or that the trial doesn't decide, stays as it is.
    """
    fixed = {name for name, why in reading.basis.items() if why == "as you say"}
    trial = _Trial(reading)
    best = reading.choices
    score = trial.of(best)
    if score is None:
        return reading
    enough, margin, unusual = (
        max(least, part * reading.latents) for least, part in (ENOUGH, MARGIN, UNUSUAL)
    )
    changed = True
    beaten: dict[str, float] = {}  # the best that another value of a choice came to
    while changed:
        changed, beaten = False, {}
        for options in _alternatives(reading, best):
            options = {k: v for k, v in options.items() if k not in fixed and getattr(best, k) != v}
            other = trial.of(best.model_copy(update=options)) if options else None
            if other is None:
                continue
            apart = {"activation", "decoder_activation"} & options.keys() == set(options)
            if other > score + (unusual if apart else margin) and other >= enough:
                best, score, changed = best.model_copy(update=options), other, True
                break
            for name in (
                options
                if len(options) == 1 or options.keys() <= {"geometry", "height", "width"}
                else ()
            ):
                beaten[name] = max(other, beaten.get(name, 0.0))
    basis = dict(reading.basis)
    if score >= enough:
        usual = reading.choices
        for name in Choices.model_fields:
            if name in fixed or name not in basis:
                continue
            if name in beaten and score > beaten[name] + margin:
                basis[name] = (
                    f"by trial: with it the encoder finds {score:.1f} of {reading.latents} latents again in "
                    f"what the decoder draws, with any other {beaten[name]:.1f} at most"
                )
            elif getattr(best, name) != getattr(usual, name):
                basis[name] = (
                    f"by trial, with the others: {score:.1f} of {reading.latents} latents found again"
                )
        if "geometry" in basis:
            basis["size"] = basis["geometry"]
    return replace(reading, choices=best, basis=basis, found=score)


def samples(model: BetaVAE, count: int, seed: int = 0) -> np.ndarray:
    """Images `(count, C, H, W)` in [0, 1], decoded from latents of the prior."""
    import torch

    with torch.inference_mode():
        return model.sample(count, torch.Generator().manual_seed(seed)).numpy()


def _alternatives(reading: Reading, at: Choices) -> Iterator[dict[str, Any]]:
    """Other choices around `at`, those that explain the most first."""
    for halves in HALVES if len(reading.chains.heads) == 1 else HALVES[:2]:
        if "names" not in reading.basis.get("halves", ""):
            yield {"halves": halves}
    for name in ("bridge", "head_activation", "entry_activation"):
        if reading.leaves_open(name):
            yield {name: not getattr(at, name)}
    for number, geometry in enumerate(reading.geometries):
        yield {"geometry": number, "height": geometry.size, "width": geometry.size}
    yield from TOGETHER
    for output, pixels in (
        ("sigmoid", "0..1"),
        ("none", "0..1"),
        ("tanh", "-1..1"),
        ("tanh", "0..1"),
    ):
        yield {"output": output, "pixels": pixels}
    yield {"output": "sigmoid"}
    yield {"output": "none"}
    yield {"pixels": "-1..1"}
    for name, values in (("pooling", POOLING), ("upsampling", UPSAMPLING)):
        if reading.leaves_open(name):
            yield from ({name: value} for value in values)
    for activation in TRIED:
        yield {"decoder_activation": activation}
    for activation in TRIED:
        yield {"activation": activation}


class _Trial:
    """Scores of readings, each found once, within a budget of arithmetic that is the same on every machine."""

    def __init__(self, reading: Reading) -> None:
        import torch

        self.reading = reading
        self.left = BUDGET
        self.encoded: dict[Choices, Tensor | None] = {}
        z = torch.randn(IMAGES, reading.latents, generator=torch.Generator().manual_seed(0))
        self.z = z / z.square().mean(0).sqrt()

    def of(self, choices: Choices) -> float | None:
        """Latents found again: the sum over dimensions of 1 − E[(z − mean)²], where that is above 0.

        None where the choices can't be, the budget is spent, or the numbers run away.
        """
        import torch

        plain = choices.model_copy(update={"halves": "mean-first", "spread": "log-variance"})
        if plain not in self.encoded:
            self.encoded[plain] = self._encode(plain)
        raw = self.encoded[plain]
        if raw is None:
            return None
        latents = self.reading.latents
        mean = {
            "mean-first": raw[:, :latents], "log-var-first": raw[:, latents:],
            "interleaved": raw[:, 0::2], "interleaved-log-var-first": raw[:, 1::2],
        }[choices.halves]  # fmt: skip
        found = (1 - (self.z - mean).square().mean(0)).clamp(min=0)
        return float(torch.nan_to_num(found).sum())

    def _encode(self, choices: Choices) -> Tensor | None:
        import torch

        try:
            reading = replace(self.reading, choices=choices)
            config = reading.config()
            assert config.encoder is not None and config.decoder is not None
            cost = IMAGES * work(config.encoder, config.decoder, config.shape, config.latents)
            if cost > self.left:
                return None
            self.left -= cost
            model = reading.model()
        except UserError:
            return None
        with torch.inference_mode():
            return model.network.encoder(model.decode(self.z))
