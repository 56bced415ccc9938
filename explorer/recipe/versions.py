"""Settings as older versions of this program wrote them, read into today's: runs, links and recipes keep them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explorer.errors import in_words
from models.kinds import OBJECTIVES
from models.schedules import Level, Place


class Older(BaseModel):
    """The settings of version 0.2 and before that are schedules now, as they were checked then."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    warmup: Literal["none", "linear", "cyclical", "falling"] = "none"
    warmup_steps: int = Field(0, ge=0)
    beta_start: float = Field(100.0, gt=0, le=1e6)
    cycles: int = Field(4, ge=1, le=1000)
    capacity_steps: int | None = Field(None, ge=0)
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    decay_from: float = Field(0.5, ge=0, lt=1)
    final_rate: float = Field(0.05, ge=0, le=1)

    def beta_schedule(self, objective: str) -> str:
        """How β moved. Raises ValueError where it could not be so."""
        if self.warmup == "none":
            return "constant"
        if "beta_schedule" not in {setting.name for setting in OBJECTIVES[objective].settings}:
            raise ValueError(f"warmup {self.warmup} is not for the objective {objective}")
        neutral = "from=1 " if objective == "tc" else ""  # a total correlation that counts as the KL does
        if self.warmup == "cyclical":
            return f"cyclical {neutral}cycles={self.cycles}"
        if not self.warmup_steps:
            raise ValueError(f"warmup_steps must be given with a {self.warmup} warm-up")
        if self.warmup == "linear":
            return f"linear {neutral}over={self.warmup_steps}"
        return f"factors from={Level(self.beta_start)} over={self.warmup_steps}"

    def rate_schedule(self) -> str:
        """How the learning rate moved."""
        if self.schedule == "constant":
            return "constant"
        return f"{self.schedule} to={Level(self.final_rate, True)} begin={Place.share(self.decay_from)}"

    def capacity_schedule(self) -> str:
        """How C moved."""
        if self.capacity_steps is None:
            return "linear over=70%"
        return f"linear over={self.capacity_steps}" if self.capacity_steps else "constant"


OF_BETA = {"warmup", "warmup_steps", "beta_start", "cycles"}
OF_RATE = {"schedule", "decay_from", "final_rate"}


def current(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings under today's names; what was never called otherwise stays as it is.

    Raises:
        ValueError: an older one that could not be used then either; one sentence.
    """
    given = {name: settings[name] for name in Older.model_fields if name in settings}
    found = {name: value for name, value in settings.items() if name not in given}
    if not given:
        return found
    try:
        older = Older.model_validate(given)
    except ValidationError as error:
        raise ValueError(in_words(error)) from error
    objective = str(settings.get("objective", "beta"))
    if given.keys() & OF_BETA and objective in OBJECTIVES:
        found["beta_schedule"] = older.beta_schedule(objective)
    if given.keys() & OF_RATE:
        found["rate_schedule"] = older.rate_schedule()
    if "capacity_steps" in given:
        found["capacity_schedule"] = older.capacity_schedule()
    return found


def shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    """As `current`, for what is only told; settings that were never good are told as they stand."""
    try:
        return current(settings)
    except ValueError:
        return dict(settings)
