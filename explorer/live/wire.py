"""What goes to the browser, as types: front/wire.ts is made from these (see front/build.py).

A field that is missing or unknown is an error here, before anything is sent. What comes back is checked where
it arrives: `Touch` in ui/explore/latents.py and in ui/compare/live.py.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from explorer import __version__
from explorer.analysis.linking import Way


class Wire(BaseModel):
    """One value for the browser."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_serialization_defaults_required=True)


class DimensionData(Wire):
    """What is known of a dimension: its KL in nats, and whether it is active."""

    kl: float | None
    active: bool | None


class SampleData(Wire):
    """A sample of the data set; `source` is its picture's address.

    Attributes:
        values: `(C·H·W,)` in [0, 1], where they can't be read off the picture.
    """

    index: int
    source: str
    values: list[float] | None = None


class ChannelData(Wire):
    """A lead of a signal, or a column of a row: value in units = offset + gain · value in [0, 1]."""

    name: str
    unit: str
    offset: float
    gain: float


class AxisData(Wire):
    """What a signal runs over, in even steps from `first` to `last`."""

    name: str
    unit: str
    first: float
    last: float


class KindData(Wire):
    """What samples are that are no images."""

    kind: Literal["signal", "vector"]
    channels: list[ChannelData]
    axis: AxisData | None


class BetaPointData(Wire):
    """What a model costs at a β: in nats rate, distortion and the KL of each dimension `(D,)`.

    Attributes:
        slope: −dD/dR there. active: which dimensions are.
    """

    beta: float
    rate: float
    distortion: float
    slope: float
    kl: list[float]
    active: list[bool]


class BetaData(Wire):
    """The β of a model for every β: its ends, the one that is shown, the one that it returns to, and its curve.

    Attributes:
        image: address of the image that the sliders start from, which another β encodes otherwise; values: the
            sample itself, `(C·H·W,)` in [0, 1], where it can't be read off a picture.
    """

    low: float
    high: float
    value: float
    start: float
    curve: list[BetaPointData]
    image: str | None = None
    values: list[float] | None = None


class GroupData(Wire):
    """A named group of latents: how far each of them, by its number, moves for one unit of the group's slider."""

    name: str
    direction: dict[str, float]


class ExplorerData(Wire):
    """The explorer of one model.

    Attributes:
        shape: (C, H, W). kind: what samples are that are no images.
        low, high, start, z: `(D,)`. order: of the sliders. locked: what nothing moves.
        names: by dimension. seq: of the last touch that Python knows.
        ready: whether the decoder can be fetched; waiting: why not. picture: what Python decoded, as an address.
        doubtful: whether something speaks against how the model was read; files that are saved are called so.
        beta: of a model for every β. groups: each has a slider of its own. version: of the program.
    """

    name: str
    hash: str
    shape: tuple[int, int, int]
    kind: KindData | None = None
    latents: int
    dims: list[DimensionData]
    names: dict[str, str]
    order: list[int]
    locked: list[int]
    low: list[float]
    high: list[float]
    start: list[float]
    z: list[float]
    seq: int = 0
    ready: bool = True
    waiting: str = ""
    picture: str | None = None
    samples: list[SampleData] = []
    doubtful: bool = False
    beta: BetaData | None = None
    groups: list[GroupData] = []
    version: str = __version__


class SideData(Wire):
    """One model of a comparison; without a `shape` there is none, and `problem` says why.

    Attributes:
        label: what tells it from the others; empty where only its name does.
        start, z: `(D,)`, and where the sliders put it. notes: sentences on its start.
        input, reconstruction, error: addresses of pictures. beta: the one of a model for every β.
    """

    name: str
    label: str
    problem: str
    hash: str
    shape: tuple[int, int, int] | None
    kind: KindData | None = None
    latents: int
    dims: list[DimensionData]
    names: dict[str, str]
    start: list[float]
    z: list[float]
    notes: list[str]
    input: str | None
    reconstruction: str | None
    error: str | None
    ready: bool
    waiting: str = ""
    picture: str | None = None
    doubtful: bool = False
    beta: float | None = None


LinkData = tuple[int, int, float | None]  # dimension, sign, correlation with the first model's
SlotData = list[LinkData | None]  # of one slider: a link for each model


class LinksData(Wire):
    """The sliders of each way to link; None where a way can't be had."""

    kl: list[SlotData] | None
    matched: list[SlotData] | None
    hand: list[SlotData] | None


class ComparisonData(Wire):
    """Models side by side, and how sliders link them.

    Attributes:
        key: says which models these are. link: the way that sliders are linked. about, why: see `Links`.
        z: where the sliders stand. span: how far they reach. slider: whose traversal is shown.
    """

    models: list[SideData]
    key: str
    link: Way
    links: LinksData
    about: dict[str, str]
    why: dict[str, str]
    z: list[float]
    span: float
    slider: int
    seq: int = 0
    version: str = __version__


class GaussiansData(Wire):
    """q = N(mu, sigma²) of the page Theory."""

    mu: float
    sigma: float
    label: str
    seq: int


class PointData(Wire):
    """A model on the rate-distortion plane, both in nats."""

    name: str
    rate: float
    distortion: float
    beta: float | None


class ConstrainedData(PointData):
    """A model that was trained with KL < epsilon; beta is read off it."""

    epsilon: float | None


class CurveData(Wire):
    """The measured rate-distortion curve of a family, with ε or β on it.

    Attributes:
        limits: of the slider. rates, distortions, betas: of the axes. table: [R, D, β] along the curve.
        knots, chords: rates of the curve's dots, and β between each two of them.
        slack: the rate from which on a constraint costs nothing.
    """

    name: Literal["epsilon", "beta"]
    value: float
    limits: tuple[float, float]
    rates: tuple[float, float]
    distortions: tuple[float, float]
    betas: tuple[float, float]
    table: list[tuple[float, float, float]]
    knots: list[float]
    chords: list[float]
    points: list[PointData]
    constrained: list[ConstrainedData]
    slack: float | None
    label: str
    seq: int


Colour = tuple[int, int, int]


class ScatterData(Wire):
    """The head of the scatter's block of bytes: `n` points, then x and y as float32 and kind as uint16.

    Attributes:
        id: of these points. palette: colour of each kind. picked: the point with a ring; near: those with small ones.
    """

    id: str
    n: int
    palette: list[Colour]
    legend: list[tuple[str, Colour]]
    xTitle: str
    yTitle: str
    label: str
    picked: int | None
    near: list[int]


class ThumbData(Wire):
    """The picture of the point under the pointer, as base64, and a few words."""

    i: int | None
    png: str
    words: str
