"""Whether no latent carries information any more (posterior collapse), in one rule for pages and shell, and what helps.

A model that was never trained tells nothing of its images either. It is told apart by its pictures: a trained decoder
without a code makes the mean image, an untrained one makes something worse (`blank.py`; this needs images). A run is
told apart by its log: how far it is, and whether something presses on its KL that is still to be lifted.
Nothing here needs torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from explorer import paths
from explorer.checkpoints.config import CheckpointConfig
from explorer.recipe import versions
from models.kinds import LIKELIHOODS, OBJECTIVES, values_of

NOTHING = 0.1  # nats an image, in all dimensions: less is no information
EARLY = 0.1  # part of a run in which latents may still sleep without meaning anything
NEWEST = 3  # records of a log whose mean is the KL now


class Measured(Protocol):
    """What the rule needs of an evaluation: an EvaluationResult, or what a checkpoint says of itself."""

    @property
    def kl(self) -> float:
        """Nats an image."""

    @property
    def active_units(self) -> int:
        """Dimensions with Var(µ) > 0.01."""

    @property
    def reconstruction(self) -> float:
        """Nats an image."""


@dataclass(frozen=True)
class Verdict:
    """Why a model tells nothing of its images.

    `kind`: "collapsed"; "untrained", or read wrongly; "unclear" between these, without images; "asleep", a run of
    which that may still change. `words` is a sentence, `helps` what to change, empty where nothing is to be.
    """

    kind: Literal["collapsed", "untrained", "unclear", "asleep"]
    words: str
    helps: str = ""

    @property
    def sentences(self) -> str:
        """Both, as sentences."""
        return f"{self.words}. {self.helps}." if self.helps else f"{self.words}."


def tells_nothing(
    kl: float,
    active_units: int | None,
    activity: Sequence[float] | None = None,
    mean_variance: Sequence[float] | None = None,
) -> bool:
    """Whether the code carries no information: hardly any KL, or no dimension that moves with the image.

    Args:
        kl: nats an image, the sum over dimensions; the information is at most that.
        active_units: dimensions with Var(µ) > 0.01 (Burda et al. 2015), None where that is not known.
        activity, mean_variance: Var(µ) and E[σ²] of each dimension `(D,)`, where they are known. Means that move
            little are a code all the same where the posterior is as narrow: then ½ ln(1 + Var(µ)/E[σ²]) counts, what
            a Gaussian channel of that noise carries.
    """
    if not math.isfinite(kl):
        return False
    if kl < NOTHING:
        return True
    if active_units is None or active_units > 0:
        return False
    if activity is None or mean_variance is None:
        return True
    told = [0.5 * math.log1p(a / max(v, 1e-12)) for a, v in zip(activity, mean_variance, strict=True)]
    return sum(told) < NOTHING


def verdict(measured: Measured, config: CheckpointConfig, blank: tuple[float, float] | None = None) -> Verdict | None:
    """What is wrong with a model, or None where its code carries something.

    Args:
        measured: its numbers on some images.
        config: what it is, and its recipe where there is one.
        blank: what the mean of these images costs, and plain grey (see `blank.costs`); None without images.
    """
    activity = getattr(measured, "activity", None)
    if not tells_nothing(measured.kl, measured.active_units, activity, getattr(measured, "mean_variance", None)):
        return None
    known = (
        f"no latent carries information: KL {measured.kl:.3f} nats an image in all, {measured.active_units} of "
        f"{config.latents} dimensions active"
    )
    settings = versions.shown(config.training or {})
    helps = advice(settings, config.likelihood, config.sigma)
    if blank is not None:
        mean, grey = blank
        if grey > mean and measured.reconstruction - mean > 0.5 * (grey - mean):
            return Verdict(
                "untrained",
                f"{known}, and its pictures are worse than the mean image ({measured.reconstruction:.4g} for "
                f"{mean:.4g} nats): it is untrained, was read wrongly, or never saw such images, rather than collapsed",
            )
    elif not settings:
        return Verdict(
            "unclear",
            f"{known}: it has collapsed, is untrained, or was read wrongly, which its images would tell apart",
            helps,
        )
    return Verdict("collapsed", f"it has collapsed: {known}, so that every image is decoded alike", helps)


def verdict_of_run(
    train: Sequence[Mapping[str, Any]],
    held_out: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    steps: int,
    finished: bool,
) -> Verdict | None:
    """What is wrong with a run, from the records of its log; None where its code carries something.

    Args:
        train, held_out: the log's records of each kind, in order.
        settings: its TrainConfig as a dictionary.
        steps: of the whole run.
        finished: whether it has done them.
    """
    kls = [(r["step"], float(r["kl"])) for r in train if _has_kl(r)]
    measured = next((r for r in reversed(held_out) if _has_kl(r)), None)
    last = -1 if measured is None else measured["step"]
    since = [kl for step, kl in kls if step > last][-NEWEST:]  # than the last evaluation
    if since:
        kl, step = sum(since) / len(since), kls[-1][0]
        nothing = kl < NOTHING
    elif measured is not None:
        kl, step, units = float(measured["kl"]), last, measured.get("active_units")
        nothing = tells_nothing(kl, units if type(units) is int else None)
    else:
        return None
    if not nothing:
        return None
    at, most = max(kls, key=lambda pair: pair[1], default=(0, 0.0))
    fell = f", from {most:.2f} at step {at:,}" if most > 10 * NOTHING and most > 10 * kl else ""
    known = f"KL {kl:.3f} nats an image in all at step {step:,}{fell}"
    reason = _still_pressed(settings, step, steps)
    if not finished and (reason or step < EARLY * steps):
        return Verdict(
            "asleep", f"no latent carries information yet: {known}; that is usual {reason or 'early in a run'}"
        )
    likelihood = str(settings.get("likelihood", "bernoulli"))
    return Verdict(
        "collapsed",
        f"the run has collapsed{'' if finished else ' so far'}: no latent carries information, {known}",
        advice(settings, likelihood, float(settings.get("sigma") or 0.1)),
    )


def _still_pressed(settings: Mapping[str, Any], step: int, steps: int) -> str:
    """What holds the KL down at this step and is to be lifted by itself; empty where nothing is."""
    kind = OBJECTIVES.get(str(settings.get("objective")))
    return "" if kind is None else kind.eases(values_of(kind, settings), step, steps)


def advice(settings: Mapping[str, Any], likelihood: str, sigma: float) -> str:
    """What wakes latents, for such a recipe; an empty one is that of other code."""
    objective, pixels = OBJECTIVES.get(str(settings.get("objective"))), LIKELIHOODS.get(likelihood)
    if objective is None:
        found = [f"a lower weight of its KL (`{paths.COMMAND} beta` says which β it is), or one that rises from 0"]
    else:
        words = {name: _shown(settings, name) for name in values_of(objective, {})}
        words["beta_schedule"] = str(settings.get("beta_schedule", "constant"))
        found = objective.wakes(words)
    if pixels is not None and pixels.wakes:
        pressed = objective is not None and objective.role in ("set", "part")
        if pixels.variance == "set" or pressed:
            found.append(pixels.wakes.format(sigma=f"{sigma:g}"))
    return f"What helps: {'; '.join(found)}"


def _shown(settings: Mapping[str, Any], name: str) -> str:
    value = settings.get(name)
    return f"{value:g}" if _is_number(value) else "it has"


def _has_kl(record: Mapping[str, Any]) -> bool:
    return _is_number(record.get("kl")) and type(record.get("step")) is int


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
