"""How well a reading makes drawn images again, within a budget of arithmetic that is the same on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer.checkpoints.building import Built, build_decoder, build_encoder
from explorer.checkpoints.choices import SPREADS, Choices
from explorer.checkpoints.layers import part_work
from explorer.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from explorer.checkpoints.reading import Reading

IMAGES, LARGE, FEWER = 16, 20_000_000, 8  # images; above so many multiplications an image, fewer
BUDGET = 6_000_000_000  # multiplications; a second or so
MAX_TRIALS = 500
FLAT = 1e-5  # variance of a pixel, below which images are all alike
DECODER = {
    "height", "width", "channels", "decoder_activation", "activation_at", "slope", "bridge",
    "entry_activation", "exit_activation", "upsampling", "edges", "output", "pixels", "pixel_mean",
    "pixel_std", "likelihood",
}  # fmt: skip
LAST = {"halves": "mean-first", "spread": "log-variance", "mean_activation": "none"}


class Trial:
    """Scores of readings, each found once."""

    def __init__(self, reading: Reading) -> None:
        import torch

        self.reading = reading
        self.left, self.trials = BUDGET, MAX_TRIALS
        self.encoded: dict[Choices, Tensor | None] = {}
        self.decoded: dict[object, Tensor | None] = {}
        self.scores: dict[Choices, float | None] = {}
        z = torch.randn(IMAGES, reading.latents, generator=torch.Generator().manual_seed(0))
        self.z = z / z.square().mean(0).sqrt()

    def of(self, choices: Choices) -> float | None:
        """The part of the drawn images' variance that is left when they are encoded and decoded again, 0 to 1.

        Less than half is a reading of which nothing is known. None where the choices can't be, the budget is
        spent, or the numbers run away.
        """
        if choices not in self.scores:
            self.scores[choices] = self._score(choices)
        return self.scores[choices]

    def _score(self, choices: Choices) -> float | None:
        mean = self._mean(choices)
        images = None if mean is None else self._images(choices)
        if mean is None or images is None:
            return None
        again = self._pixels(choices, self._run("decoder", choices, mean))
        if again is None:
            return None
        images = images.double()
        spread = float((images - images.mean(0)).square().sum())
        if (
            spread < FLAT * images.numel()
        ):  # nothing is drawn, or what is drawn lies outside of 0 to 1
            return 0.0
        left = float((images - again).square().sum()) / max(spread, 1e-9)
        return max(0.0, 1 - left) if left == left else None

    def uneven(self, choices: Choices) -> float:
        """How much more drawn images change along one side than along the other: |log| of the ratio of squares."""
        import torch

        images = self._images(choices)
        if images is None:
            return 0.0
        across, down = (images.double().diff(dim=d).square().mean() for d in (-1, -2))
        return float(torch.log((across + 1e-12) / (down + 1e-12)).abs())

    def found(self, choices: Choices) -> float | None:
        """Latents found again: the sum over dimensions of 1 − E[(z − mean)²], where that is above 0."""
        import torch

        mean = self._mean(choices)
        if mean is None:
            return None
        found = (1 - (self.z[: len(mean)] - mean).square().mean(0)).clamp(min=0)
        return float(torch.nan_to_num(found).sum())

    def _mean(self, choices: Choices) -> Tensor | None:
        halves = self._halves(choices)
        if halves is None:
            return None
        return halves[0].relu() if choices.mean_activation == "relu" else halves[0]

    def _images(self, choices: Choices) -> Tensor | None:
        """Images drawn from the prior."""
        geometries = self.reading.geometries
        geometry = geometries[choices.geometry] if geometries else None
        key = tuple(getattr(choices, name) for name in sorted(DECODER)), geometry and (
            geometry.decoder, geometry.resized,
        )  # fmt: skip
        if key not in self.decoded:
            self.decoded[key] = self._pixels(choices, self._run("decoder", choices, self.z))
        return self.decoded[key]

    def _pixels(self, choices: Choices, raw: Tensor | None) -> Tensor | None:
        if raw is None:
            return None
        return raw.sigmoid() if choices.kind == "bernoulli" else raw.clamp(0, 1)

    def spreads(self, choices: Choices) -> dict[str, float]:
        """By what the second half may be: how far drawn images' posteriors are from what they should be.

        Var(mean) + E[σ²] is 1, the prior's variance: the mean of its |log| over dimensions. E[σ²] is near
        E[(z − mean)²]; less is common (what is drawn is not quite what was trained on) and costs little, more is
        not. A variance has no sign; a σ may have lost its own.
        """
        import torch

        halves = self._halves(choices)
        if halves is None:
            return {}
        mean, raw = (half.double() for half in halves)
        missed = (self.z[: len(mean)] - mean).square().mean(0).clamp(min=1e-9)
        positive = torch.nn.functional.softplus(raw)
        variances = {
            "log-variance": raw.exp(), "log-std": (2 * raw).exp(), "std": raw.square(),
            "softplus-std": positive.square(), "variance": raw.abs(), "softplus-variance": positive,
        }  # fmt: skip
        found: dict[str, float] = {}
        for kind in SPREADS:
            variance = variances[kind].mean(0)
            whole = (mean.var(0, correction=0) + variance).clamp(1e-12, 1e12).log().abs()
            apart = (variance / missed).clamp(1e-12, 1e12).log()
            value = float((whole + apart.clamp(min=0) + 0.1 * (-apart).clamp(min=0)).mean())
            if kind == "variance" and bool((raw < 0).any()):
                value += 2
            found[kind] = value if value == value else 99.0
        return found

    def _halves(self, choices: Choices) -> tuple[Tensor, Tensor] | None:
        """Means, and what stands beside them, of the drawn images."""
        plain = choices.model_copy(update=LAST)
        if plain not in self.encoded:
            self.encoded[plain] = self._encode(plain)
        raw = self.encoded[plain]
        if raw is None:
            return None
        d = self.reading.latents
        first, second = raw[:, :d], raw[:, d:]
        if choices.halves.startswith("interleaved"):
            first, second = raw[:, 0::2], raw[:, 1::2]
        return (second, first) if choices.halves.endswith("log-var-first") else (first, second)

    def _encode(self, choices: Choices) -> Tensor | None:
        images = self._images(choices)
        return None if images is None else self._run("encoder", choices, images)

    def _run(self, part: str, choices: Choices, given: Tensor) -> Tensor | None:
        import torch

        reading, d = self.reading, self.reading.latents
        geometry = reading.geometries[choices.geometry] if reading.geometries else None
        shape = choices.channels, choices.height, choices.width
        try:
            if part == "decoder":
                built = build_decoder(reading.chains, geometry, choices)
                work = part_work(part, built.layers, (d,), shape)
                given = given[: FEWER if work > LARGE else IMAGES]
            else:
                built = build_encoder(reading.chains, geometry, choices)
                work = part_work(part, built.layers, shape, (2 * d,))
        except (UserError, ValueError):
            return None
        cost = len(given) * work
        if cost > self.left or self.trials <= 0:
            return None
        self.left -= cost
        self.trials -= part == "encoder"
        with torch.inference_mode():
            return _computed(built, given)


def _computed(built: Built, given: Tensor) -> Tensor:
    import torch

    from models.batches import BESIDES, in_parts, width
    from models.layers import KINDS

    with torch.device("meta"):
        layers = torch.nn.Sequential(*(KINDS[x.kind](x.model_dump()) for x in built.layers))
    layers.load_state_dict(built.weights, assign=True)
    layers.eval()
    row = tuple(given.shape[1:])
    (made,) = in_parts(lambda x: (layers(x),), lambda: 4 * BESIDES * width(layers, row), given)
    return made
