"""What every disentanglement metric returns: one value, the numbers behind it, and its settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class MetricResult:
    """One score with everything needed to judge it.

    name: the metric's name in `explorer.analysis.metrics`.
    value: the score, or None where it is undefined for this input.
    parts: the numbers behind the value (matrices, per-factor scores); each metric lists its own.
        Empty where the value is undefined because of the input as a whole.
    count: rows of the table that the value rests on.
    seed: what every random choice came from.
    preset: "full" (the reference's sample sizes) or "fast".
    reason: one sentence that says why the value is undefined; None where it is defined.
    ceiling: a proven upper bound: no codes with as many latents score more on these rows; None where
        no bound is known. It need not be attained.
    yardstick: what codes that one knows score, and no bound: for mig, mig_sup and sap codes that number
        the factors' classes, for udr models with the same latents; None for the other scores.
    interval: the ends of a 95 % confidence interval, over `repeats` (see `repeats`).
    interval_of: what that interval holds, such as "the mean score at 3,000 rows"; None where there is none.
    repeats: how many repeats the interval rests on; 0 where there is none.
    """

    name: str
    value: float | None
    parts: dict[str, Any] = field(default_factory=dict)
    count: int = 0
    seed: int = 0
    preset: str = "full"
    reason: str | None = None
    ceiling: float | None = None
    yardstick: float | None = None
    interval: tuple[float, float] | None = None
    interval_of: str | None = None
    repeats: int = 0

    def as_json(self) -> dict[str, Any]:
        """The result as plain numbers, lists and strings (an undefined number becomes None)."""
        return {
            "name": self.name,
            "value": _plain(self.value),
            "parts": _plain(self.parts),
            "count": self.count,
            "seed": self.seed,
            "preset": self.preset,
            "reason": self.reason,
            "ceiling": _plain(self.ceiling),
            "yardstick": _plain(self.yardstick),
            "interval": _plain(self.interval),
            "interval_of": self.interval_of,
            "repeats": self.repeats,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "MetricResult":
        """The result that `as_json` wrote; its parts stay plain lists."""
        known = {name: stored[name] for name in cls.__dataclass_fields__}
        if known["interval"] is not None:
            known["interval"] = (float(known["interval"][0]), float(known["interval"][1]))
        return cls(**known)


def undefined(name: str, reason: str, seed: int, preset: str) -> MetricResult:
    """The result of a metric that has no value for its input, with the sentence that says why."""
    return MetricResult(name, None, seed=seed, preset=preset, reason=reason)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
