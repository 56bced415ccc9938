"""What the explorer in the browser is given about a model: plain values, ready for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from explorer.analysis.linking import order_by_kl
from explorer.checkpoints import Checkpoint, Description
from explorer.checkpoints.config import ACTIVE_VARIANCE, CurvePoint
from explorer.checkpoints.labels import Labels
from explorer.live.wire import (
    AxisData,
    BetaData,
    BetaPointData,
    ChannelData,
    DimensionData,
    ExplorerData,
    GroupData,
    KindData,
    SampleData,
)
from explorer.recipe.samples import Samples
from models.kinds import usual_beta


def payload(
    description: Description | Checkpoint,
    labels: Labels,
    kl: Sequence[float] | None,
    active: Sequence[bool] | None,
    low: Sequence[float],
    high: Sequence[float],
    start: Sequence[float],
    z: Sequence[float],
    locked: Sequence[int] = (),
    image: SampleData | None = None,
    **others: Any,
) -> dict[str, Any]:
    """The data of `Explorer` in front/explorer.ts: `ExplorerData` as JSON.

    Args:
        kl: KL of each dimension in nats `(D,)`, None where it is not known; sliders are ordered by it.
        active: whether each dimension is active, None where that is not known.
        low, high: ends of the sliders `(D,)`.
        start, z: where the latents return to, and where they are, `(D,)`.
        locked: dimensions that nothing moves.
        image: the image that the latents start from.
        others: what depends on who shows it: `ready`, `waiting`, `picture`, `samples`, `seq`, ...
    """
    latents = description.config.latents
    own = {
        "name": description.name,
        "hash": description.content,
        "shape": description.config.shape,
        "kind": samples_data(description.config.samples),
        "latents": latents,
        "dims": dimensions(latents, kl, active),
        "names": {str(d): name for d, name in labels.names.items()},
        "order": labels.ordered(order_by_kl(latents, kl)),
        "locked": list(locked),
        "low": rounded(low),
        "high": rounded(high),
        "start": rounded(start),
        "z": rounded(z),
        "doubtful": bool(description.config.doubts),
        "beta": beta_data(description, image),
        "groups": [
            GroupData(name=group.name, direction={str(d): round(w, 6) for d, w in group.direction.items()})
            for group in labels.groups
            if max(group.latents) < latents
        ],
    }
    return ExplorerData.model_validate(own | others).model_dump(mode="json")


def samples_data(samples: Samples | None) -> KindData | None:
    """What the samples are, for the browser; None of images."""
    if samples is None:
        return None
    return KindData(
        kind=samples.kind,
        channels=[ChannelData(**channel.model_dump()) for channel in samples.channels],
        axis=None if samples.axis is None else AxisData(**samples.axis.model_dump()),
    )


def beta_data(description: Description | Checkpoint, image: SampleData | None = None) -> BetaData | None:
    """β of a model for every β; None of others."""
    if description.beta is None or description.config.betas is None:
        return None
    low, high = description.config.betas
    curve = [
        BetaPointData(
            beta=float(f"{point.beta:.6g}"),
            rate=round(point.rate, 4),
            distortion=round(point.reconstruction, 4),
            slope=round(slope, 4),
            kl=rounded(point.kl_per_dimension),
            active=[value > ACTIVE_VARIANCE for value in point.activity],
        )
        for point, slope in zip(description.config.curve or (), slopes(description.config.curve or ()), strict=True)
    ]
    source, values = (None, None) if image is None else (image.source, image.values)
    return BetaData(
        low=low,
        high=high,
        value=description.beta,
        start=usual_beta(low, high),
        curve=curve,
        image=source,
        values=values,
    )


def slopes(curve: Sequence[CurvePoint]) -> list[float]:
    """−dD/dR at each point, from one neighbour to the other: β, where the model is at rest."""
    found = []
    for place, _ in enumerate(curve):
        before, after = curve[max(place - 1, 0)], curve[min(place + 1, len(curve) - 1)]
        paid = before.rate - after.rate
        found.append((after.reconstruction - before.reconstruction) / paid if abs(paid) > 1e-9 else 0.0)
    return found


def dimensions(latents: int, kl: Sequence[float] | None, active: Sequence[bool] | None) -> list[DimensionData]:
    """What is known of each dimension."""
    return [
        DimensionData(
            kl=None if kl is None else round(float(kl[d]), 4), active=None if active is None else bool(active[d])
        )
        for d in range(latents)
    ]


def rounded(values: Sequence[float]) -> list[float]:
    """As many digits as the browser is given, and no −0."""
    return [round(float(value), 4) + 0.0 for value in values]
