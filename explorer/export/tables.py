"""Numbers of a model as tables with commas: the KL of each dimension, and the codes of images."""

from __future__ import annotations

from explorer.analysis.linking import order_by_kl
from explorer.analysis.scores import IMAGES
from explorer.checkpoints.config import ACTIVE_VARIANCE
from explorer.checkpoints.labels import read_labels
from explorer.errors import UserError
from explorer.export.formats import ExportRequest
from explorer.export.run_table import csv_of


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


def codes_of(scene: ExportRequest) -> bytes:
    """A row for each image: its number, mean and standard deviation of its posterior, the classes of its factors.

    Raises:
        UserError: there are no images.
    """
    from explorer.analysis.evaluation import choose, encode_all

    if scene.images is None:
        raise UserError("codes are codes of images, and there are none")
    data = scene.images()
    indices = choose(data, min(scene.count or IMAGES, len(data)), scene.seed)
    posterior = encode_all(scene.checkpoint.model, data, indices)
    factors = () if data.factor_names is None else data.factor_names
    classes = data.factors(indices).tolist() if factors else [[] for _ in indices]
    latents = range(scene.checkpoint.model.latents)
    head = ["image", *(f"mean_z{d}" for d in latents), *(f"std_z{d}" for d in latents), *factors]
    numbers = zip(indices.tolist(), posterior.mean.tolist(), posterior.std.tolist(), classes, strict=True)
    rows = ([image, *(f"{value:.6g}" for value in (*mean, *std)), *own] for image, mean, std, own in numbers)
    return csv_of(head, rows)
