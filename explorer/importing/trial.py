"""Find out by trying what names and shapes leave open: the right reading of a trained VAE finds its latents again.

Latents are drawn from the prior, decoded, encoded, and their means decoded again. In a trained VAE the same images
come out; under a wrong padding, activation, output or half they don't. This needs no images. What is not made again
is weighed against how unusual a choice is, so that ties go to the usual, and steps that helped only on the way are
taken back. A network that was never trained gives no such evidence: the usual choices stand, and are doubtful.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from explorer.importing.alternatives import ACTS, BOTH, LIKELY, TOGETHER, Options, groups, product, styles
from explorer.importing.choices import Choices
from explorer.importing.reading import FEW, SAID, Reading
from explorer.importing.scoring import Pictures, Trial

if TYPE_CHECKING:
    import numpy as np

    from models.beta_vae import BetaVAE

CLEAR = 0.75  # of the variance of drawn images made again: a reading to build on
KEPT = 0.5  # the same of real images
CLEARLY = 0.35  # of the logarithm, by which the rivals of what is said to be found by trial do worse
SOME = 0.25  # the same, where the usual reading makes nothing again
MUCH = 0.6  # the same, where it beats the usual reading by far
MARGIN = 0.12  # logarithm of what is not made again, by which another choice must be better
ROUNDS = 5
SAME = 1e-3  # of the logarithm, by which readings that compute the same differ at most
HALF = 0.5  # of the latents, the same where residual blocks leave more open
SURE = 0.85  # made again: no other beginning is tried
BEGINNINGS = 2
ROUGH = 3  # as many times fewer images, where beginnings are put in order
UNEVEN = 0.3  # of the same logarithm, for an e-fold between change along one side and the other
UNUSUAL = 0.12  # of the same logarithm, for each unit of a geometry's cost
COMMON = ("relu", "leaky-relu", "none")
SIZED = ("geometry", "height", "width")


def settle_choices(reading: Reading, pictures: Pictures | None = None) -> Reading:
    """The reading whose encoder finds most of its decoder's latents again, and what each choice rests on.

    A choice that the person made, or that the trial doesn't decide, stays as it is. `pictures` are real images,
    where there are any such as it was trained on: what is kept of them speaks as well (`Trial`).
    """
    trial = Trial(reading, pictures)
    search = _Search(reading, trial)
    search.climb()
    if trial.of(search.best) is None:
        return replace(reading, doubts={**reading.doubts, "found": UNTRIED})
    return search.settled()


def prior_samples(model: BetaVAE, count: int, seed: int = 0) -> np.ndarray:
    """Images `(count, C, H, W)` in [0, 1], decoded from latents of the prior."""
    import torch

    with torch.inference_mode():
        return model.sample(count, torch.Generator().manual_seed(seed)).numpy()


UNTRIED = "nothing could be tried out: only names and shapes speak for how it is read"


class _Search:
    """From the usual choices to the likeliest: what a reading makes again, less what is unusual about it."""

    def __init__(self, reading: Reading, trial: Trial) -> None:
        self.reading, self.trial = reading, trial
        self.fixed = {name for name, why in reading.basis.items() if why == SAID}
        self.named = {name for name, why in reading.basis.items() if why.startswith("read from")}
        if "size" in self.fixed:
            self.fixed |= {"height", "width"}
        self.best = self.usual = reading.choices
        self.score = self.worth(self.best)

    def worth(self, choices: Choices) -> float:
        """Higher is likelier; −∞ where it can't be."""
        tried = self.trial.worth(choices)
        if tried is None:
            return -inf
        worth = tried - self.odd(choices)
        if choices.height != choices.width:  # which side is the longer: pixels laid wrongly are uneven
            worth -= UNEVEN * self.trial.uneven(choices)
        return worth

    def odd(self, choices: Choices) -> float:
        """How unusual choices are beside what names and shapes suggest, in the same unit."""
        usual, geometries = self.usual, self.reading.geometries
        cost = 0.0
        if geometries:
            cost += UNUSUAL * (geometries[choices.geometry].cost - geometries[0].cost)
        changed = {n for n in Choices.model_fields if getattr(choices, n) != getattr(usual, n)}
        cost += sum(MARGIN * (4 if name in self.named else 1) for name in changed - set(SIZED))
        for name in changed & set(BOTH):
            kind = getattr(choices, name)
            cost += 0.5 if kind == "none" else 0.0 if kind in COMMON else 0.1
        left_out = [n for n in ACTS if getattr(usual, n) and not getattr(choices, n)]
        cost += sum(
            0.1 if name == "bridge" else 0.3 for name in left_out
        )  # fewer nonlinearities earn nothing by themselves
        if choices.activation != choices.decoder_activation:
            cost += 0.2 * (usual.activation == usual.decoder_activation)
        if choices.exit_activation and not usual.exit_activation:
            cost += 0.0 if self.reading.chains.decoder[-1].norm is not None else 0.3
        if choices.pixels in ("fashion-mnist", "cifar10"):
            cost += 0.15 * (choices.pixels != self.reading.data)
        less = {"upsampling", "edges", "encoder_edges", "mean_activation", "activation_at"}
        return cost + 0.15 * len(changed & less)

    def climb(self) -> None:
        """Take the best of each group of choices until none is better; back to the usual where nothing is clear.

        Where less than nearly all is made again, the same from other beginnings: a wrong activation may be the
        best beside a wrong output. Residual blocks leave so much open that a way from choices that make hardly
        anything again is found with fewer images first.
        """
        blocks = self.reading.leaves_open("residual")
        if not blocks or (self.trial.of(self.usual) or 0) >= SOME:
            self._up()
        if not self._sure():
            first = self.best, self.score
            for at in self._found_roughly() if blocks else self._beginnings():
                first = max(first, self._from(at), key=lambda pair: pair[1])
                if blocks and self._sure():
                    break
            self.best, self.score = first
        made, before = self.trial.of(self.best) or 0, self.trial.of(self.usual) or 0
        gained = self.score - self.worth(self.usual)
        much = made >= SOME and before < 0.05 or made >= MUCH and gained > 1
        if not self._clear() and not much:
            self.best, self.score = self.usual, self.worth(self.usual)

    def _found_roughly(self) -> list[Choices]:
        """The best that are found with fewer images, from the choices so far and from other beginnings."""
        whole = self.trial
        self.trial = Trial(self.reading, whole.pictures, ROUGH)
        found = [self._from(at) for at in (self.best, *self._beginnings())]
        self.trial = whole
        return [at for at, _ in sorted(found, key=lambda pair: -pair[1])[:BEGINNINGS]]

    def _from(self, at: Choices) -> tuple[Choices, float]:
        """The best that steps from a beginning lead to, and its worth."""
        self.best, self.score = at, self.worth(at)
        self._up()
        return self.best, self.score

    def _up(self) -> None:
        for _ in range(ROUNDS):
            before = self.best
            for group in groups(self.reading, self.best):
                if group and group[0].get("geometry", 0) >= LIKELY and self._sure():
                    continue
                self._step(group)
            self._step(list(self._back()))
            if self.best == before:
                break

    def _sure(self) -> bool:
        """Whether the best so far makes so much again that another beginning is not worth its time."""
        return (self.trial.of(self.best) or 0) >= SURE and self.trial.apart(self.best) < 0.3

    def _clear(self) -> bool:
        """Whether so much is made again, of drawn or of real images, that the reading can be built on."""
        kept = self.trial.of_pictures(self.best) or 0
        return (self.trial.of(self.best) or 0) >= CLEAR or kept >= KEPT

    def _step(self, group: list[Options]) -> None:
        at = self.best
        for options in group:
            other = self._with(at, options)
            if other is None:
                continue
            worth = self.worth(other)
            if worth > self.score + 1e-6:
                self.best, self.score = other, worth

    def _beginnings(self) -> list[Choices]:
        """The likeliest of other geometries, activations and outputs together."""
        found: dict[Choices, float] = {}
        reading = self.reading
        likely = list(enumerate(reading.geometries[:7]))
        if reading.leaves_open("residual"):  # the small ones first, which cost least
            likely.sort(key=lambda item: item[1].height * item[1].width)
        sizes: list[Options] = [
            {"geometry": number, "height": geometry.height, "width": geometry.width} for number, geometry in likely
        ]
        for sized in sizes or [{}]:
            together = list(TOGETHER if sized.get("geometry") else product())
            if reading.leaves_open("residual"):
                more: list[Options] = [{}, {"bridge": not self.usual.bridge}]
                if sized.get("geometry", 0) < 2:
                    more += [dict.fromkeys(BOTH, kind) for kind in ("silu", "gelu", "elu")]
                together += [style | other for style in styles(reading) for other in more]
            for options in together:
                other = self._with(self.usual, sized | options)
                if other is not None and other not in found:
                    found[other] = self.worth(other)
        best = sorted(found, key=found.__getitem__, reverse=True)
        return [at for at in best[:BEGINNINGS] if found[at] > -inf]

    def _with(self, at: Choices, options: Options) -> Choices | None:
        """`at` with other values, but for what the person said; None where nothing is left to change."""
        options = {k: v for k, v in options.items() if k not in self.fixed and getattr(at, k) != v}
        if any(name in options for name in SIZED) and "geometry" in self.fixed:
            return None
        if {"height", "width"} & options.keys() and "height" in self.fixed:
            return None
        return at.model_copy(update=options) if options else None

    def _back(self) -> Iterator[Options]:
        """Each step taken, undone: one on the way to another may be none in the end."""
        usual, best = self.usual, self.best
        if any(getattr(best, n) != getattr(usual, n) for n in BOTH):
            yield {name: getattr(usual, name) for name in (*BOTH, "slope")}
            yield dict.fromkeys(BOTH, best.activation)
            yield dict.fromkeys(BOTH, best.decoder_activation)
        for name in Choices.model_fields:
            if name not in SIZED and getattr(best, name) != getattr(usual, name):
                yield {name: getattr(usual, name)}

    def settled(self) -> Reading:
        """The reading with the choices that were found, what they rest on, and what is to be doubted."""
        reading, best = self.reading, self.best
        made, found = self.trial.of(best) or 0.0, self.trial.found(best)
        basis = dict(reading.basis)
        doubts = dict(reading.doubts)
        kept = self.trial.of_pictures(best)
        if self._clear():
            self._grounds(basis, doubts)
        spread = _spread(replace(reading, choices=best), self.trial)
        if spread is not None and "spread" not in self.fixed:
            kind, why, doubt = spread
            best = best.model_copy(update={"spread": kind})
            if why:
                basis["spread"] = why
            if doubt:
                doubts["spread"] = doubt
        enough = (HALF if reading.leaves_open("residual") else FEW) * reading.latents
        few = made < CLEAR or found is None or found < enough
        if few and (kept or 0) < KEPT:
            doubts["found"] = (
                f"too few to believe it ({made:.0%} of what is drawn is made again): it is read wrongly, was "
                "never trained, or has collapsed"
            )
        if "geometry" in basis and "size" not in self.fixed:
            basis["size"] = basis["geometry"]
        return replace(
            reading, choices=best, basis=basis, found=found, doubts=doubts, tried=self.trial.images_in_words(best)
        )

    def _grounds(self, basis: dict[str, str], doubts: dict[str, str]) -> None:
        """What each choice rests on after the trial; `doubts` takes what the trial leaves contested."""
        best, usual = self.best, self.usual
        made = self.trial.of(best) or 0.0
        worth = self.trial.worth(best) or 0.0
        rivals: dict[str, tuple[float, float, Options]] = {}
        for group in groups(self.reading, best):
            for options in group:
                other = self._with(best, options)
                if other is None:
                    continue
                names = {k for k in Choices.model_fields if getattr(best, k) != getattr(other, k)}
                about = next(
                    (n for n, own in ABOUT.items() if names <= own), next(iter(names)) if len(names) == 1 else ""
                )
                rival = self.trial.worth(other)
                if rival is not None and abs(rival - worth) < SAME and self.trial.alike(best, other):
                    continue  # the same function, written in another way
                if about and rival is not None and rival > rivals.get(about, (-inf, 0, {}))[0]:
                    rivals[about] = rival, self.trial.of(other) or 0.0, options
        for name in Choices.model_fields:
            about = next((n for n, own in ABOUT.items() if name in own), name)
            if name in self.fixed or about not in rivals or name in ("height", "width"):
                continue
            rival, again, options = rivals[about]
            value = ", ".join(str(v) for k, v in options.items() if k not in ("height", "width"))
            if worth > rival + CLEARLY:
                basis[name] = (
                    f"by trial: with it {made:.0%} of what the decoder draws is made again when it is encoded "
                    f"and decoded, with the next likely {again:.0%}"
                )
            elif getattr(best, name) != getattr(usual, name):
                basis[name] = f"a guess: it does a little better than {value}"
                if about in CONTESTED and about not in doubts:
                    doubts[about] = f"{about} {value} does nearly as well: {again:.0%} made again, and {made:.0%}"
            elif about in CONTESTED and rival > worth + 0.05:
                doubts[about] = (
                    f"another {about} does better ({again:.0%} made again, {made:.0%} with the usual), but is unusual"
                )


# Choices that are one question, and those whose wrong answer shows in every picture.
ABOUT: dict[str, set[str]] = {
    "geometry": {"geometry", "height", "width"},
    "output": {"output", "pixels", "exit_activation"},
    "activation": {"activation", "decoder_activation", "slope"},
    "residual": {"residual", "stem_activation", "stack_activation"},
}
CONTESTED = (
    "geometry",
    "output",
    "halves",
    "activation",
    "edges",
    "encoder_edges",
    "pooling",
    "upsampling",
    "residual",
)


def _spread(reading: Reading, trial: Trial) -> tuple[str, str, str] | None:
    """What stands beside the mean, by what the posterior of drawn images adds up to; why; and what is doubtful.

    Over images of the prior Var(mean) + E[σ²] is 1 in each dimension, as the prior's variance is.
    """
    off = trial.spreads(reading.choices)
    if not off or trial.of(reading.choices) is None:
        return None
    usual, basis = reading.choices.spread, reading.basis.get("spread", "")
    best = min(off, key=lambda kind: (round(off[kind], 1), kind != usual))
    # σ² = exp(h) and exp(2h) differ little where h is near 0, and an encoder too sure of itself blurs them
    needed = 0.8 if {best, usual} == {"log-variance", "log-std"} else 0.4
    if best == usual or off[usual] <= off[best] + needed:
        return usual, "", ""
    why = (
        f"drawn images' posteriors are {off[best]:.1f} e-folds from adding up to the prior, "
        f"with {usual} {off[usual]:.1f}"
    )
    if (trial.of(reading.choices) or 0) < CLEAR:
        return None
    if "read from" not in basis:
        return best, f"by trial: {why}", f"taken to be {best}: {why}" if off[best] > 1 else ""
    if off[usual] > off[best] + 1.5:
        return usual, "", f"its name says {usual}, and {best} fits better: {why}"
    return usual, "", ""
