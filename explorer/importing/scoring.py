"""How well a reading makes images again, within a budget of arithmetic that is the same on every machine.

Three kinds of evidence, none of which needs to know how the model was trained: what is drawn from the prior comes
again when it is encoded and decoded; a batch norm gives what it gave in training; and real images, where there are
any of the kind, are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import TYPE_CHECKING

from explorer.errors import UserError
from explorer.importing.building import Built, build_decoder, build_encoder
from explorer.importing.choices import SPREADS, Choices
from explorer.importing.layer_runner import Made, Runner
from explorer.recipe.layer_config import part_work

if TYPE_CHECKING:
    from torch import Tensor

    from explorer.importing.reading import Reading

IMAGES = ((300_000, 48), (3_000_000, 12), (1 << 62, 8))  # up to so many multiplications, how many
BUDGET = 2_000_000_000  # multiplications; a second or two
MAX_TRIALS = 300
MORE = 2  # as much of both for residual blocks, of which more is open
REMEMBERED = 64  # batches of images, and networks, in memory
FLAT = 1e-5  # variance of a pixel, below which images are all alike
FLOOR = 0.004  # not made again: less says nothing more
APART, REAL = 1.0, 1.0  # how much a nat of norms, and what is not kept of real images, count
LAST = {"halves": "mean-first", "spread": "log-variance", "mean_activation": "none"}
ENCODER = {"activation", "head_activation", "encoder_edges", "pooling"}  # what no decoder knows of
Pictures = Callable[[tuple[int, int, int]], "Tensor | None"]


class Trial:
    """Scores of readings, each found once.

    Args:
        reading: which layers there are, and what is open.
        pictures: gives real images `(n, C, H, W)` in [0, 1] of a shape (C, H, W), where there are any such as the
            model was trained on.
        share: as many times fewer images than usual, four at least, where a rough order is enough.
    """

    def __init__(self, reading: Reading, pictures: Pictures | None = None, share: int = 1) -> None:
        import torch

        self.reading, self.pictures = reading, pictures
        more = MORE if reading.leaves_open("residual") else 1
        self.runner, self.trials, self.budget = Runner(), more * MAX_TRIALS, more * BUDGET
        self.drawn: dict[object, tuple[Made, Made] | None] = {}
        self.built: dict[tuple[str, Choices], Built | None] = {}
        self.scores: dict[Choices, float | None] = {}
        self.kept: dict[Choices, float | None] = {}
        self.real: dict[tuple[int, int, int], Made | None] = {}
        count = next(count for most, count in IMAGES if reading.work() <= most)
        count = max(4, count // share)
        z = torch.randn(count, reading.latents, generator=torch.Generator().manual_seed(0))
        self.z = z / z.square().mean(0).sqrt()
        self.start = self.runner.put(self.z)

    def worth(self, choices: Choices) -> float | None:
        """How much speaks for a reading, as a logarithm; None where it can't be."""
        made = self.of(choices)
        if made is None:
            return None
        worth = -log(max(1 - made, FLOOR)) - APART * self.apart(choices)
        kept = self.of_pictures(choices)
        return worth if kept is None else worth - REAL * log(max(1 - kept, FLOOR))

    def of(self, choices: Choices) -> float | None:
        """The part of the drawn images' variance that is left when they are encoded and decoded again, 0 to 1.

        Less than half is a reading of which nothing is known. None where the choices can't be, the budget is
        spent, or the numbers run away.
        """
        if choices not in self.scores:
            spent = self.runner.work > self.budget or self.trials <= 0
            drawn = None if spent else self._drawn(choices)
            self.scores[choices] = self._again(choices, drawn and drawn[1])
            self.trials -= 1
        return self.scores[choices]

    def of_pictures(self, choices: Choices) -> float | None:
        """The same of real images; None where there are none of this shape. Below 0 where noise is added."""
        if self.pictures is None:
            return None
        if choices not in self.kept:
            shape = choices.channels, choices.height, choices.width
            if shape not in self.real:
                found = self.pictures(shape)
                self.real[shape] = None if found is None else self.runner.put(found)
            self.kept[choices] = self._again(choices, self.real[shape])
        return self.kept[choices]

    def apart(self, choices: Choices) -> float:
        """Nats between what batch norms give here and what they gave in training, a mean over norms; 0 without."""
        drawn = self._drawn(choices)
        if drawn is None:
            return 0.0
        raw, images = drawn
        real = self.real.get((choices.channels, choices.height, choices.width))
        encoded = self._run("encoder", choices.model_copy(update=LAST), real or images)
        # an encoder was trained on other images than are drawn here
        inward = encoded.norms if encoded else ()
        found = (*raw.norms, *(nats if real else 0.5 * nats for nats in inward))
        return sum(found) / len(found) if found else 0.0

    def images_in_words(self, choices: Choices) -> str:
        """Which images a reading was tried on: another machine may have others, and then read otherwise."""
        text = f"{len(self.z)} images drawn from its prior"
        if self.pictures is None:
            return text
        real = self.real.get((choices.channels, choices.height, choices.width))
        name = getattr(self.pictures, "name", "its data set")
        if real is None:
            return f"{text} (images of {name} in its size are not at hand)"
        return f"{text} and {len(real.value)} of {name}"

    def alike(self, one: Choices, other: Choices) -> bool:
        """Whether two readings compute the same, each written in its own way."""
        import torch

        made = []
        for choices in (one, other):
            drawn = self._drawn(choices)
            halves = drawn and self._halves(choices, drawn[1])
            if not drawn or not halves:
                return False
            made.append((drawn[0].value, *halves))
        return all(
            a.shape == b.shape and torch.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in zip(*made, strict=True)
        )

    def uneven(self, choices: Choices) -> float:
        """How much more drawn images change along one side than along the other: |log| of the ratio of squares."""
        import torch

        drawn = self._drawn(choices)
        if drawn is None:
            return 0.0
        across, down = (drawn[1].value.double().diff(dim=d).square().mean() for d in (-1, -2))
        return float(torch.log((across + 1e-12) / (down + 1e-12)).abs())

    def found(self, choices: Choices) -> float | None:
        """Latents found again: the sum over dimensions of 1 − E[(z − mean)²], where that is above 0."""
        import torch

        drawn = self._drawn(choices)
        halves = drawn and self._halves(choices, drawn[1])
        if halves is None:
            return None
        found = (1 - (self.z - halves[0]).square().mean(0)).clamp(min=0)
        return float(torch.nan_to_num(found).sum())

    def spreads(self, choices: Choices) -> dict[str, float]:
        """By what the second half may be: how far drawn images' posteriors are from what they should be.

        Var(mean) + E[σ²] is 1, the prior's variance: the mean of its |log| over dimensions. E[σ²] is near
        E[(z − mean)²]; less is common (what is drawn is not quite what was trained on) and costs little, more is
        not. A variance has no sign; a σ may have lost its own.
        """
        import torch

        drawn = self._drawn(choices)
        halves = drawn and self._halves(choices, drawn[1])
        if halves is None:
            return {}
        mean, raw = (half.double() for half in halves)
        missed = (self.z - mean).square().mean(0).clamp(min=1e-9)
        positive = torch.nn.functional.softplus(raw)
        variances = {
            "log-variance": raw.exp(),
            "log-std": (2 * raw).exp(),
            "std": raw.square(),
            "softplus-std": positive.square(),
            "variance": raw.abs(),
            "softplus-variance": positive,
        }
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

    # --- running ------------------------------------------------------------------------------------

    def _drawn(self, choices: Choices) -> tuple[Made, Made] | None:
        """What the decoder gives of latents of the prior, and the images that those are."""
        geometries = self.reading.geometries
        geometry = geometries[choices.geometry] if geometries else None
        own = choices.model_dump(exclude={*ENCODER, *LAST, "geometry", "sigma"})
        key = tuple(own.values()), geometry and (geometry.decoder, geometry.resized)
        if key not in self.drawn:
            if len(self.drawn) >= REMEMBERED:
                self.drawn.pop(next(iter(self.drawn)))
            raw = self._run("decoder", choices, self.start)
            images = raw and self.runner.put(_pixels(choices, raw.value))
            self.drawn[key] = (raw, images) if raw and images else None
        return self.drawn[key]

    def _again(self, choices: Choices, given: Made | None) -> float | None:
        """The part of the variance of images that is left when they are encoded and decoded again."""
        halves = given and self._halves(choices, given)
        if given is None or halves is None:
            return None
        raw = self._run("decoder", choices, self.runner.put(halves[0]))
        if raw is None:
            return None
        images, again = given.value.double(), _pixels(choices, raw.value)
        spread = float((images - images.mean(0)).square().sum())
        if spread < FLAT * images.numel():  # nothing is drawn, or what is drawn lies outside of 0 to 1
            return 0.0
        left = float((images - again).square().sum()) / max(spread, 1e-9)
        return max(0.0, 1 - left) if left == left else None

    def _halves(self, choices: Choices, images: Made) -> tuple[Tensor, Tensor] | None:
        """Means, and what stands beside them, of images."""
        encoded = self._run("encoder", choices.model_copy(update=LAST), images)
        if encoded is None:
            return None
        raw, d = encoded.value, self.reading.latents
        first, second = raw[:, :d], raw[:, d:]
        if choices.halves.startswith("interleaved"):
            first, second = raw[:, 0::2], raw[:, 1::2]
        if choices.halves.endswith("log-var-first"):
            first, second = second, first
        return first.relu() if choices.mean_activation == "relu" else first, second

    def _run(self, part: str, choices: Choices, given: Made) -> Made | None:
        import torch

        key = part, choices
        if key not in self.built:
            if len(self.built) >= REMEMBERED:
                self.built.pop(next(iter(self.built)))
            self.built[key] = self._built(part, choices)
        built = self.built[key]
        if built is None:
            return None
        with torch.inference_mode():
            return self.runner.run(built, given)

    def _built(self, part: str, choices: Choices) -> Built | None:
        """The layers of a part; None where the choices can't be."""
        reading, d = self.reading, self.reading.latents
        geometry = reading.geometries[choices.geometry] if reading.geometries else None
        shape = choices.channels, choices.height, choices.width
        try:
            if part == "decoder":
                built = build_decoder(reading.chains, geometry, choices)
                part_work(part, built.layers, (d,), shape)
            else:
                built = build_encoder(reading.chains, geometry, choices)
                part_work(part, built.layers, shape, (2 * d,))
        except (UserError, ValueError):
            return None
        return built


def _pixels(choices: Choices, raw: Tensor) -> Tensor:
    return raw.sigmoid() if choices.kind == "bernoulli" else raw.clamp(0, 1)
