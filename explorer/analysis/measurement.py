"""Measure models: encode images, compute scores, keep both, and tell how far it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.analysis import score_cache
from explorer.analysis.evaluation import choose, order_of, posteriors, whole_floats
from explorer.analysis.metrics import MetricResult
from explorer.analysis.metrics.posterior_scores import ACTIVE_DEVIATION, ACTIVE_VARIANCE
from explorer.analysis.metrics.result import undefined
from explorer.analysis.repeats import REPEATS, missing, score, udr_with_interval
from explorer.analysis.score_inputs import Representation, ScoreInputs, sampled
from explorer.analysis.scores import OF_ONE_MODEL, SCORES, Preset, rows_for
from explorer.datasets.base import Dataset
from explorer.errors import UserError
from models.beta_vae import BetaVAE

CHUNK = 1_000  # images between two reports
JACOBIAN_VALUES = 2**24  # slopes that are held at a time
IMAGE_COST = 0.004  # of an image's encoding, beside the costs of the scores

Tell = Callable[[float, str], None]  # a fraction of the whole, and what is being done


@dataclass(frozen=True)
class Plan:
    """What is to be measured, and with which settings; `count` images, or what the scores need."""

    names: tuple[str, ...]
    preset: Preset = "full"
    seed: int = 0
    representation: Representation = "mean"
    repeats: int = REPEATS
    count: int | None = None

    def rows(self, data: Dataset, name: str | None = None) -> int:
        """How many images the score `name` rests on at most, or any of them: the first of their order.

        It doesn't depend on which other scores are asked for, and so doesn't the score.
        """
        if self.count is not None:
            if not 1 <= self.count <= len(data):
                raise UserError(
                    f"count must be between 1 and {len(data):,}, the images of {data.name}, not {self.count:,}"
                )
            return self.count
        return min(rows_for((name,) if name else self.names, self.preset), len(data))


@dataclass(frozen=True)
class Subject:
    """A model to be measured: its name, the hash of its content, and how to get it."""

    name: str
    hash: str
    load: Callable[[], BetaVAE]


@dataclass(frozen=True)
class Encoded:
    """The posterior of `n` images: means and log-variances (n, D) float32, indices (n,), factors (n, K)."""

    means: np.ndarray
    log_vars: np.ndarray
    indices: np.ndarray
    factors: np.ndarray | None
    factor_names: tuple[str, ...]

    def codes(self, representation: Representation, seed: int) -> np.ndarray:
        """Codes (n, D): the means, or one sample of each posterior."""
        if representation == "mean":
            return self.means
        return sampled(self.means, self.log_vars, seed)


def encoded(
    subject: Subject, data: Dataset, count: int, seed: int, tell: Callable[[int], None] | None = None
) -> Encoded:
    """The posterior of `count` images drawn with `seed`, from the disk as far as it is there.

    The images are the first of one order that the seed gives, so that fewer are a part of more.
    """
    name = score_cache.key("codes", subject.hash, data.identity, len(data), seed)
    indices = order_of(data, seed)[:count]
    found = cached_codes(subject.hash, data, seed)
    have = 0 if found is None else len(found[0])
    if have < count:
        parts = [] if found is None else [found]
        model = subject.load()
        for chosen in indices[have:].split(CHUNK):
            batch = [posterior for _, posterior in posteriors(model, data, chosen)]
            parts.append(
                (torch.cat([p.mean for p in batch]).cpu().numpy(), torch.cat([p.log_var for p in batch]).cpu().numpy())
            )
            if tell:
                tell(sum(len(part[0]) for part in parts))
        found = (np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))
        score_cache.write_arrays(name, {"means": found[0], "log_vars": found[1]})
    assert found is not None
    return _of(data, indices, found[0][:count], found[1][:count])


def stored_codes(content: str, data: Dataset, count: int, seed: int) -> Encoded | None:
    """What `encoded` would give, if it is on the disk: at most `count` images, maybe fewer."""
    found = cached_codes(content, data, seed)
    if found is None:
        return None
    count = min(count, len(found[0]))
    return _of(data, order_of(data, seed)[:count], found[0][:count], found[1][:count])


def cached_codes(content: str, data: Dataset, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Means and log-variances that are on the disk, or None."""
    found = score_cache.read_arrays(score_cache.key("codes", content, data.identity, len(data), seed))
    if found is None or set(found) != {"means", "log_vars"}:
        return None
    means, log_vars = found["means"], found["log_vars"]
    whole = means.ndim == 2 and means.shape == log_vars.shape and len(means) <= len(data)
    return (means, log_vars) if whole else None


def _of(data: Dataset, indices: Tensor, means: np.ndarray, log_vars: np.ndarray) -> Encoded:
    known = data.factor_names is not None
    factors = data.factors(indices).cpu().numpy() if known else None
    return Encoded(means, log_vars, indices.numpy(), factors, data.factor_names or ())


def inputs_of(model: Callable[[], BetaVAE], found: Encoded, plan: Plan) -> ScoreInputs:
    """What the scores are computed from."""

    def slopes(count: int) -> np.ndarray:
        with whole_floats():
            return jacobians(model(), found.means, count)

    return ScoreInputs(
        found.codes(plan.representation, plan.seed),
        found.factors,
        found.factor_names,
        found.means,
        found.log_vars,
        slopes,
    )


def jacobians(model: BetaVAE, means: np.ndarray, count: int) -> np.ndarray:
    """How the pixels change with the active latents at the first means (m, P, D'), float32.

    Active is a standard deviation of µ over images above 0.5; where there are none, Var(µ) > 0.01.
    """
    spread = means.std(axis=0, dtype=np.float64)
    active = np.flatnonzero(spread > ACTIVE_DEVIATION)
    if not len(active):
        active = np.flatnonzero(spread**2 > ACTIVE_VARIANCE)
    points = torch.tensor(means[:count], device=model.device)
    pixels = int(np.prod(model.shape))
    size = max(1, JACOBIAN_VALUES // (pixels * max(1, len(active))))
    found = np.empty((len(points), pixels, len(active)), dtype=np.float32)
    for start in range(0, len(points), size):
        chunk = points[start : start + size].clone()
        # The gradient is linear in the weights of the pixels, and its slope in them is the Jacobian's
        # column: exact, and without forward mode, which takes seconds to be set up.
        chunk.requires_grad_()
        pixels_of = model.decode(chunk).reshape(len(chunk), -1)
        weights = torch.zeros_like(pixels_of, requires_grad=True)
        gradient = torch.autograd.grad(pixels_of, chunk, weights, create_graph=True)[0]
        for column, latent in enumerate(active):
            slope = torch.autograd.grad(gradient[:, latent].sum(), weights, retain_graph=True)[0]
            found[start : start + size, :, column] = slope.cpu().numpy()
    return found


def measure(
    subjects: Sequence[Subject], data: Dataset, plan: Plan, tell: Tell | None = None, again: bool = False
) -> dict[str, dict[str, MetricResult]]:
    """Every score of the plan for every model, from the disk where it is there; "" holds those of all.

    What takes least time comes first, for those who look on.

    again: compute even what is on the disk.
    """
    rows = plan.rows(data)
    names = [name for name in plan.names if name in OF_ONE_MODEL]
    soonest = sorted(names, key=lambda name: SCORES[name].cost)
    progress = _Progress(len(subjects), rows, plan.names, tell)
    results: dict[str, dict[str, MetricResult]] = {}
    for subject in subjects:
        found_by_name: dict[str, MetricResult] = {}
        inputs: ScoreInputs | None = None
        for name in soonest:
            doing = f"{subject.name}: {SCORES[name].title}"
            kept_name = key_of([subject.hash], data, name, plan)
            stored = None if again else _stored(kept_name)
            if stored is None:
                if inputs is None:
                    found = encoded(subject, data, rows, plan.seed, progress.encoding(subject.name))
                    inputs = inputs_of(subject.load, found, plan)
                progress.doing(doing)
                some = inputs.rows(slice(plan.rows(data, name)))
                stored = score(name, some, plan.seed, plan.preset, plan.repeats)
                score_cache.write_score(kept_name, stored.as_json())
            found_by_name[name] = stored
            progress.done(SCORES[name].cost, doing)
        results[subject.name] = {name: found_by_name[name] for name in names}
    if "udr" in plan.names:
        results[""] = {"udr": _udr(subjects, data, plan, progress, again)}
    return results


def _udr(subjects: Sequence[Subject], data: Dataset, plan: Plan, progress: _Progress, again: bool) -> MetricResult:
    kept_name = key_of([subject.hash for subject in subjects], data, "udr", plan)
    rows = plan.rows(data, "udr")
    stored = None if again else _stored(kept_name)
    if stored is None:
        several = []
        for subject in subjects:
            found = encoded(subject, data, rows, plan.seed, progress.encoding(subject.name))
            several.append(inputs_of(subject.load, found, plan))
        progress.doing(SCORES["udr"].title)
        stored = udr_with_interval(several, plan.seed, plan.preset, plan.repeats)
        score_cache.write_score(kept_name, stored.as_json())
    progress.done(SCORES["udr"].cost, SCORES["udr"].title)
    return stored


def stored_scores(hashes: Sequence[tuple[str, str]], data: Dataset, plan: Plan) -> dict[str, dict[str, MetricResult]]:
    """What `measure` would give, as far as it is on the disk; models as (name, content)."""
    results: dict[str, dict[str, MetricResult]] = {name: {} for name, _ in hashes}
    for name, content in hashes:
        for metric in plan.names:
            if metric in OF_ONE_MODEL:
                stored = _stored(key_of([content], data, metric, plan))
                if stored is not None:
                    results[name][metric] = stored
    if "udr" in plan.names:
        stored = _stored(key_of([content for _, content in hashes], data, "udr", plan))
        results[""] = {} if stored is None else {"udr": stored}
    return results


def can_be_measured(name: str, data: Dataset, models: int) -> str | None:
    """Why a score can't be had of this data and so many models; None where it can."""
    if SCORES[name].needs == "factors" and data.factor_names is None:
        return missing(name, ScoreInputs(np.zeros((0, 1))))
    if SCORES[name].needs == "models" and models < 2:
        return missing(name, ScoreInputs(np.zeros((0, 1))))
    return None


def complete(
    names: Sequence[str], of: dict[str, MetricResult], data: Dataset, models: int, plan: Plan
) -> dict[str, MetricResult]:
    """The results `of` a model in the order of `names`; of what can't be had, one that says why."""
    found: dict[str, MetricResult] = {}
    for name in names:
        if name in of:
            found[name] = of[name]
        elif reason := can_be_measured(name, data, models):
            found[name] = undefined(name, reason, plan.seed, plan.preset)
    return found


def key_of(contents: Sequence[str], data: Dataset, name: str, plan: Plan) -> str:
    """What the score `name` of models with these hashes is called in the cache."""
    return score_cache.score_key(
        contents,
        f"{data.identity} {len(data)}",
        name,
        plan.preset,
        plan.seed,
        plan.representation,
        plan.repeats,
        plan.rows(data, name),
    )


def _stored(name: str) -> MetricResult | None:
    value = score_cache.read_score(name)
    try:
        return None if value is None else MetricResult.from_json(value)
    except (LookupError, TypeError, ValueError, OverflowError):
        return None


class _Progress:
    """Sums up what is done, in units of the scores' costs."""

    def __init__(self, models: int, rows: int, names: Sequence[str], tell: Tell | None) -> None:
        self.rows, self.tell = rows, tell
        scores = sum(SCORES[name].cost for name in names if name in OF_ONE_MODEL)
        together = sum(SCORES[name].cost for name in names if name not in OF_ONE_MODEL)
        self.whole = models * (scores + rows * IMAGE_COST) + together
        self.at = 0.0

    def doing(self, what: str) -> None:
        if self.tell:
            self.tell(min(self.at / self.whole, 1.0), what)

    def done(self, cost: float, what: str) -> None:
        self.at += cost
        self.doing(what)

    def encoding(self, name: str) -> Callable[[int], None]:
        """A callback for `encoded`: so many images are encoded."""
        begin = self.at

        def tell(count: int) -> None:
            self.at = begin + min(count, self.rows) * IMAGE_COST
            self.doing(f"{name}: {count:,} of {self.rows:,} images encoded")

        return tell


__all__ = [
    "Encoded",
    "Plan",
    "Subject",
    "stored_codes",
    "can_be_measured",
    "complete",
    "choose",
    "encoded",
    "jacobians",
    "key_of",
    "stored_scores",
    "inputs_of",
    "measure",
]
