"""Numbers of a model as tables with commas: the KL of each dimension, codes of samples, and what is decoded."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from explorer.analysis.linking import order_by_kl
from explorer.analysis.scores import IMAGES
from explorer.analysis.traversal import hold_small
from explorer.checkpoints.config import ACTIVE_VARIANCE, CheckpointConfig
from explorer.checkpoints.labels import read_labels
from explorer.errors import UserError
from explorer.export.formats import ExportRequest
from explorer.export.run_table import csv_of, parquet_of

if TYPE_CHECKING:
    import numpy as np


def kl_of(scene: ExportRequest) -> bytes:
    """A row for each dimension, the highest KL first: its number, its name, its KL in nats, whether it is active.

    Raises:
        UserError: the KL isn't known.
    """
    if scene.kl is None:
        raise UserError("the KL of this model is not known: it can't be measured without images")
    names, known = read_labels(scene.checkpoint.path).names, scene.checkpoint.evaluation
    active = scene.active
    if active is None and known is not None and known.activity is not None:
        active = [value > ACTIVE_VARIANCE for value in known.activity]
    rows = [
        (d, names.get(d, ""), f"{float(scene.kl[d]):.6g}", "" if active is None else int(active[d]))
        for d in order_by_kl(len(scene.kl), [float(value) for value in scene.kl])
    ]
    return csv_of(("dimension", "name", "kl_nats", "active"), rows)


def decoded_of(scene: ExportRequest) -> bytes:
    """A row for what is decoded at `z`, and rows for each dimension's traversal from there, the highest KL first.

    The first two columns say which dimension is moved and where it stands ("" in the first row); the others are the
    values of the sample in their units, as the sliders show them.

    Raises:
        UserError: there are more values than one asker is given memory for.
    """
    import numpy as np

    from explorer.analysis.inspection import decode
    from explorer.analysis.ranges import value_range
    from explorer.analysis.traversal import at_once, traverse

    config, model = scene.checkpoint.config, scene.checkpoint.model
    latents, steps, width = model.latents, max(scene.steps, 2), prod(model.shape)
    hold_small(
        f"{latents * steps + 1:,} rows of {width:,} values take", latents * steps * width * 12, "take fewer steps"
    )
    low, high = value_range("prior", latents) if scene.ends is None else (np.array(end) for end in scene.ends)
    order = order_by_kl(latents, None if scene.kl is None else [float(value) for value in scene.kl])
    offset, gain = _scale(config, model.shape)

    def told(values: np.ndarray) -> list[str]:
        return [f"{value:.7g}" for value in (offset + gain * values.reshape(-1).astype(np.float64))]

    start = np.asarray(scene.z, dtype=float)
    rows = [["", "", *told(decode(model, [float(value) for value in start]))]]
    together = at_once(model, steps)
    for first in range(0, latents, together):
        chosen = order[first : first + together]
        moved = traverse(model, start, chosen, low, high, steps)
        for d, row in zip(chosen, moved, strict=True):
            places = np.linspace(low[d], high[d], steps)
            rows += [[str(d), f"{place:.6g}", *told(value)] for place, value in zip(places, row, strict=True)]
    return csv_of(["dimension", "value", *_columns(config)], rows)


def _columns(config: CheckpointConfig) -> list[str]:
    """What each value of a sample is called."""
    if config.samples is not None:
        return config.samples.columns(config.shape)
    channels, height, width = config.shape
    names = ("grey",) if channels == 1 else ("red", "green", "blue")
    return [f"{name} {y} {x}" for name in names for y in range(height) for x in range(width)]


def _scale(config: CheckpointConfig, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Offset and gain of each value of a sample `(C·H·W,)`."""
    import numpy as np

    if config.samples is None:
        return np.zeros(prod(shape)), np.ones(prod(shape))
    each = shape[2] if config.samples.kind == "signal" else 1
    offset, gain = (np.repeat(np.array(values, dtype=np.float64), each) for values in config.samples.scale())
    return offset, gain


def codes_of(scene: ExportRequest) -> bytes:
    """A row for each image: its number, mean and standard deviation of its posterior, the classes of its factors.

    Raises:
        UserError: there are no images.
    """
    image, mean, std, classes, factors = _codes(scene)
    latents = range(mean.shape[1])
    head = ["image", *(f"mean_z{d}" for d in latents), *(f"std_z{d}" for d in latents), *factors]
    numbers = zip(image.tolist(), mean.tolist(), std.tolist(), classes.tolist(), strict=True)
    rows = ([number, *(f"{value:.6g}" for value in (*own, *wide)), *known] for number, own, wide, known in numbers)
    return csv_of(head, rows)


def code_arrays_of(scene: ExportRequest) -> bytes:
    """The same as an .npz file: image (n,), mean, std (n, D) float32, factors (n, K) and factor_names (K,).

    Raises:
        UserError: there are no images.
    """
    import io

    import numpy as np

    image, mean, std, classes, factors = _codes(scene)
    arrays: dict[str, Any] = {"image": image, "mean": mean, "std": std}
    arrays |= {"factors": classes, "factor_names": np.array(factors)} if factors else {}
    made = io.BytesIO()
    np.savez(made, **arrays)
    return made.getvalue()


def code_parquet_of(scene: ExportRequest) -> bytes:
    """The table of `codes_of` as Parquet, its floats as they are.

    Raises:
        UserError: there are no images, or pyarrow is not installed.
    """
    import numpy as np
    import pandas as pd

    image, mean, std, classes, factors = _codes(scene)
    latents = range(mean.shape[1])
    names = [*(f"mean_z{d}" for d in latents), *(f"std_z{d}" for d in latents)]
    frame = pd.DataFrame(np.concatenate([mean, std], axis=1), columns=names)
    frame.insert(0, "image", image)
    for place, factor in enumerate(factors):
        frame[factor] = classes[:, place]
    return parquet_of(frame)


def _codes(scene: ExportRequest) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """Numbers of images (n,), their means and deviations (n, D) float32, classes (n, K) int64, the factors' names."""
    import numpy as np

    from explorer.analysis.evaluation import choose, encode_all

    if scene.images is None:
        raise UserError("codes are codes of images, and there are none")
    data = scene.images()
    indices = choose(data, min(scene.count or IMAGES, len(data)), scene.seed)
    posterior = encode_all(scene.checkpoint.model, data, indices)
    names = data.factor_names or ()
    classes = data.factors(indices).cpu().numpy() if names else np.zeros((len(indices), 0), np.int64)
    return indices.numpy(), posterior.mean.numpy(), posterior.std.numpy(), classes, tuple(names)
