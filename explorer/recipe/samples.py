"""What the samples of a data set are where they are no images: curves over an axis, or rows of named columns.

Models work on values in [0, 1]; what a person reads is in units: offset + gain · value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e30, le=1e30)]
Word = Annotated[str, Field(max_length=80)]
Kind = Literal["image", "signal", "vector"]
MOST_CHANNELS = 4096


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Channel(_Value):
    """A lead of a signal, or a column of a table: value in units = offset + gain · value in [0, 1]."""

    name: Word
    unit: Word = ""
    offset: Finite = 0.0
    gain: Annotated[Finite, Field(gt=0)] = 1.0

    @property
    def title(self) -> str:
        """Its name, with the unit in brackets."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


class Axis(_Value):
    """What a signal runs over: its values are evenly spaced from `first` to `last`."""

    name: Word
    unit: Word = ""
    first: Finite = 0.0
    last: Finite

    def values(self, count: int) -> list[float]:
        """The place of each of `count` values, in units."""
        step = (self.last - self.first) / max(count - 1, 1)
        return [self.first + step * place for place in range(count)]


class Samples(_Value):
    """What a model's samples are.

    Attributes:
        kind: "signal", of shape (leads, 1, values), or "vector", of shape (1, 1, columns).
        channels: its leads, or its columns.
        axis: of a signal.
        scaling: how values came to lie in [0, 1], in a sentence.
    """

    kind: Literal["signal", "vector"]
    channels: tuple[Channel, ...] = Field(min_length=1, max_length=MOST_CHANNELS)
    axis: Axis | None = None
    scaling: str = Field("", max_length=400)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.axis is None) != (self.kind == "vector"):
            raise ValueError("a signal has an axis, a vector has none")
        return self

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether samples of this shape (C, H, W) can be such."""
        place = 0 if self.kind == "signal" else 2
        return shape[1] == 1 and shape[place] == len(self.channels) and (self.kind == "signal" or shape[0] == 1)

    def columns(self, shape: Sequence[int]) -> list[str]:
        """What each value of a sample of this shape is called, in the order in which it lies there."""
        if self.axis is None:
            return [channel.title for channel in self.channels]
        places = [f"{value:.6g}" for value in self.axis.values(shape[2])]
        return [f"{channel.title} at {place}" for channel in self.channels for place in places]

    def scale(self) -> tuple[list[float], list[float]]:
        """Offset and gain of each channel."""
        return [channel.offset for channel in self.channels], [channel.gain for channel in self.channels]


def told(shape: Sequence[int], samples: Samples | None) -> str:
    """What samples of this shape (C, H, W) are, in words: "images of 64 × 64 px, 1 channel"."""
    channels, height, width = shape
    if samples is None:
        return f"images of {width} × {height} px, {channels} channel{'s' if channels > 1 else ''}"
    if samples.kind == "signal":
        leads = "" if channels == 1 else f", {channels} leads"
        return f"signals of {width:,} values{leads}"
    return f"rows of {width:,} columns"


def noun(samples: Samples | None) -> str:
    """What one sample is called: image, signal or row."""
    if samples is None:
        return "image"
    return "signal" if samples.kind == "signal" else "row"
