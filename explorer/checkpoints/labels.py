"""What a person calls the dimensions of a model, and in which order they stand; kept with the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from explorer import access, paths
from explorer.errors import UserError
from explorer.files import read_json, write_json

MAX_LATENTS = 512
FILE = "labels.json"
Dimension = Annotated[int, Field(ge=0, lt=MAX_LATENTS)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
Weight = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
MOST_GROUPS = 16


class Group(BaseModel):
    """Latents that are looked at together, and the direction in which one slider moves them: a weight for each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    weights: dict[Dimension, Weight] = Field(min_length=1, max_length=MAX_LATENTS)

    @property
    def latents(self) -> tuple[int, ...]:
        """Its latents, by number."""
        return tuple(sorted(self.weights))

    @property
    def direction(self) -> dict[int, float]:
        """The weights with the length 1; all alike where they are 0."""
        length = math.hypot(*self.weights.values())
        if not length:
            return dict.fromkeys(self.latents, len(self.weights) ** -0.5)
        return {latent: self.weights[latent] / length for latent in self.latents}


class Labels(BaseModel):
    """Names of dimensions, such as {3: "rotation"}, the order of the sliders where it was chosen, and named groups."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: dict[Dimension, Name] = Field(default_factory=dict, max_length=MAX_LATENTS)
    order: tuple[Dimension, ...] = Field((), max_length=MAX_LATENTS)
    groups: tuple[Group, ...] = Field((), max_length=MOST_GROUPS)

    def ordered(self, usual: Sequence[int]) -> list[int]:
        """The dimensions of `usual` in the chosen order; those it does not name follow as usual."""
        known = set(usual)
        chosen = [d for d in dict.fromkeys(self.order) if d in known]
        return chosen + [d for d in usual if d not in chosen]

    def call(self, dimension: int) -> str:
        """Such as "rotation (z3)", or "z3"."""
        name = self.names.get(dimension)
        return f"{name} (z{dimension})" if name else f"z{dimension}"


def read_labels(checkpoint: Path) -> Labels:
    """The labels of the checkpoint in a directory; none where nobody gave any, or they can't be read."""
    for file in (_place(checkpoint), checkpoint / FILE):
        try:
            return Labels.model_validate(read_json(file))
        except (UserError, ValidationError):
            continue
    return Labels()


def name_dimensions(checkpoint: Path, labels: Labels) -> None:
    """`write_labels` for who asks. Raises UserError also where that is not allowed."""
    access.require("label", checkpoint)
    write_labels(checkpoint, labels)


def write_labels(checkpoint: Path, labels: Labels) -> None:
    """Keep the labels with the model. Raises UserError where that is not possible."""
    if not checkpoint.is_dir():
        raise UserError(f"names can't be kept: there is no model in {checkpoint} any more")
    # Without what is empty: a program from before there were groups reads the rest.
    left_out = None if labels.groups else {"groups"}
    write_json(_place(checkpoint), labels.model_dump(mode="json", exclude=left_out))


def _place(checkpoint: Path) -> Path:
    """Beside the weights; for a shipped model, which belongs to the program, in the person's own folder."""
    if checkpoint.parent == paths.PRETRAINED:
        return paths.home() / "labels" / f"{checkpoint.name}.json"
    return checkpoint / FILE
