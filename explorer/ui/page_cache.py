"""Computing for the pages, each thing once: by a checkpoint's content and a data set's identity.

Nothing here imports torch before a model or an image is asked for.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer import access
from explorer.checkpoints import Description, load
from explorer.checkpoints.config import ACTIVE_VARIANCE
from explorer.checkpoints.recipe import Source, source_of
from explorer.datasets import open_dataset, own
from explorer.datasets.names import DATASETS
from explorer.errors import UserError
from explorer.ui.open_model import LeastRecent
from explorer.ui.pictures import THUMB, Picture, image_sheet
from models import turns

if TYPE_CHECKING:
    from explorer.analysis.evaluation import EvaluationResult
    from explorer.analysis.inspection import Inspection
    from explorer.analysis.ranges import Aggregate
    from explorer.datasets import Dataset
    from models.beta_vae import BetaVAE

SEED = 0  # of the images that are measured
MODELS, MODEL_BYTES = (16, 1 << 30)  # held for all sessions together; the one used least recently goes


def torch_is_here() -> bool:
    """Whether torch has been imported, so that nobody has to wait for it."""
    return "explorer.analysis.inspection" in sys.modules


def bring_torch() -> None:
    """Wait until it is here: what comes after needs it, whichever parts of a page were shown before."""
    importlib.import_module("explorer.analysis.inspection")


@st.cache_resource(max_entries=1, show_spinner=False)
def _leave_a_core() -> None:
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))


_models: LeastRecent[BetaVAE] = LeastRecent(MODELS, MODEL_BYTES)
_at_betas: LeastRecent[BetaVAE] = LeastRecent(MODELS, MODEL_BYTES)  # plain ones of models for every β


def model(description: Description) -> BetaVAE:
    """The model of a checkpoint. Raises UserError where it can't be used, or changes while it is read."""

    def read() -> tuple[BetaVAE, int]:
        _leave_a_core()
        checkpoint = load(description.path)
        if checkpoint.content != description.content:
            raise UserError(f"{description.name} was replaced while it was read: try again")
        found = checkpoint.model.source or checkpoint.model
        return found, _size(found)

    turns.between.set(_leave_where_asked)
    whole = _models.get(description.content, read)
    beta = description.beta
    if beta is None:
        return whole

    def fold() -> tuple[BetaVAE, int]:
        plain = whole.at(beta)
        return plain, _size(plain)

    return _at_betas.get(description.hash, fold)


def _size(model: BetaVAE) -> int:
    return sum(tensor.nbytes for tensor in model.state_dict().values())


def _leave_where_asked() -> None:
    """End the run of a script whose person has left or touched something else: any look at its state does."""
    if get_script_run_ctx(suppress_warning=True) is not None:
        st.session_state.get("anything")  # a name is wanted, there need not be one


def in_memory(description: Description) -> bool:
    """Whether the model can be used whatever becomes of its files."""
    return description.content in _models


def dataset(description: Description, download: bool = False, source: Source | None = None) -> Dataset:
    """The images of the model's own data set, or of `source`, in the model's shape.

    Raises:
        UserError: the data set is not known, not on this machine, or can't be used.
    """
    source = source or source_of(description.config)
    _leave_a_core()
    roots: list[str | None] = [source.root] if source.root is not None else []
    if not DATASETS[source.name].root_needed:
        roots.append(None)
    complaint: UserError | None = None
    for root in roots:
        try:
            if root is not None:
                access.check_folder(root)
            data = _dataset(source, root, _stamp(root or own.place_of(source.name)), download)
        except UserError as error:
            complaint = complaint or error
            continue
        if data.shape != description.config.shape:
            raise UserError(
                f"{source.title} has images of shape {data.shape}, the model takes {description.config.shape}"
            )
        return data
    raise complaint or UserError(f"{source.title} needs a folder, and the checkpoint names none")


@st.cache_resource(max_entries=6, show_spinner=False)
def _dataset(source: Source, root: str | None, stamp: tuple[int, ...], _download: bool) -> Dataset:
    return open_dataset(
        source.name, size=source.size, root=root, split=source.split, download=_download, channels=source.channels
    )


def _stamp(root: str | None) -> tuple[int, ...]:
    try:
        status = Path(root).stat() if root is not None else None
    except (OSError, ValueError):
        return ()
    return () if status is None else (status.st_ino, status.st_mtime_ns, status.st_size)


def decoded(description: Description, z: Sequence[float]) -> np.ndarray:
    """The picture `(C, H, W)` at `z`."""
    from explorer.analysis.inspection import decode

    return decode(model(description), z)


def inspected(description: Description, indices: Sequence[int], data: Dataset | None = None) -> Inspection:
    """Images of the data set, or of `data`, their posteriors and reconstructions."""
    network, data = model(description), data or dataset(description)
    return _inspected(description.hash, data.identity, tuple(indices), network, data)


@st.cache_data(max_entries=64, max_size="64mb", show_spinner=False)
def _inspected(content: str, identity: str, indices: tuple[int, ...], _model: BetaVAE, _data: Dataset) -> Inspection:
    from explorer.analysis.inspection import inspect

    return inspect(_model, _data, indices)


def evaluated(description: Description, count: int, seed: int = SEED, data: Dataset | None = None) -> EvaluationResult:
    """Reconstruction, KL and activity over `count` images, or all where there are fewer."""
    network, data = model(description), data or dataset(description)
    count = min(count, len(data))
    return _evaluated(description.hash, data.identity, count, seed, network, data)


@st.cache_data(max_entries=64, show_spinner=False)
def _evaluated(content: str, identity: str, count: int, seed: int, _model: BetaVAE, _data: Dataset) -> EvaluationResult:
    from explorer.analysis.evaluation import evaluate

    return evaluate(_model, _data, count=count, seed=seed)


def means(description: Description, count: int, seed: int, data: Dataset) -> np.ndarray:
    """The posterior means `(n, D)` of the same images as `evaluated`."""
    network = model(description)
    return _means(description.hash, data.identity, min(count, len(data)), seed, network, data)


@st.cache_data(max_entries=32, max_size="64mb", show_spinner=False)
def _means(content: str, identity: str, count: int, seed: int, _model: BetaVAE, _data: Dataset) -> np.ndarray:
    from explorer.analysis.evaluation import choose, encode_all

    return np.asarray(encode_all(_model, _data, choose(_data, count, seed)).mean.numpy())


def fitted_posterior(description: Description, count: int) -> Aggregate:
    """The aggregate posterior over the same images as `evaluated`."""
    network, data = model(description), dataset(description)
    return _fitted(description.hash, data.identity, min(count, len(data)), network, data)


@st.cache_data(max_entries=64, show_spinner=False)
def _fitted(content: str, identity: str, count: int, _model: BetaVAE, _data: Dataset) -> Aggregate:
    from explorer.analysis.evaluation import choose, encode_all
    from explorer.analysis.traversal import aggregate

    return aggregate(encode_all(_model, _data, choose(_data, count, SEED)))


def image_numbers(description: Description, count: int) -> list[int]:
    """Numbers of `count` images of the data set, always the same ones."""
    from explorer.analysis.evaluation import choose

    data = dataset(description)
    return [int(index) for index in choose(data, min(count, len(data)), SEED)]


def samples(description: Description, count: int) -> list[tuple[int, np.ndarray]]:
    """A few images of the data set `(C, H, W)` in [0, 1] with their numbers; none where it is not here."""
    try:
        indices = image_numbers(description, count)
        return list(zip(indices, inspected(description, indices).images, strict=True))
    except UserError:
        return []


def traversals(
    description: Description,
    start: Sequence[float],
    dimensions: Sequence[int],
    ends: tuple[Sequence[float], Sequence[float]],
    steps: int,
    cell: int = THUMB,
) -> list[Picture]:
    """A strip of pictures for each chosen dimension, from its low to its high (`ends`)."""
    key = tuple(tuple(float(v) for v in values) for values in (start, *ends))
    return _traversals(description.hash, key, tuple(dimensions), steps, cell, description)


@st.cache_data(max_entries=128, max_size="64mb", show_spinner=False)
def _traversals(
    content: str,
    key: tuple[tuple[float, ...], ...],
    dimensions: tuple[int, ...],
    steps: int,
    cell: int,
    _description: Description,
) -> list[Picture]:
    from explorer.analysis.traversal import at_once, traverse

    (start, low, high), network = (np.array(values) for values in key), model(_description)
    strips: list[Picture] = []
    together = at_once(network, steps)
    for first in range(0, len(dimensions), together):
        rows = traverse(network, start, list(dimensions[first : first + together]), low, high, steps)
        strips += [image_sheet(row[None], cell, _description.config.samples) for row in rows]
    return strips


@dataclass(frozen=True)
class Start:
    """Where the sliders start: z `(D,)`, in words; the image it comes from; what could not be had."""

    z: list[float]
    words: str = "prior mean"
    image: int = 0
    inspection: Inspection | None = None
    complaint: str = ""


def first_start(description: Description, image: int) -> Start | None:
    """The start from that image where the checkpoint itself says it: without torch and images, so with no picture."""
    first = description.config.first_image
    usual = description.beta is None or description.beta == description.config.beta()
    if first is None or first.image != image or not usual:
        return None
    return Start(list(first.mean), _from_image(image), image)


def _from_image(image: int) -> str:
    return f"the posterior mean of image {image:,}"


def starting_point(description: Description, kind: str, seed: int, image: int) -> Start:
    """The start of that kind; the prior mean, with a complaint, where the image can't be had."""
    latents = description.config.latents
    if kind == "sample":
        from explorer.analysis.inspection import prior_sample

        z = [round(float(v), 4) for v in prior_sample(latents, seed)]
        return Start(z, f"the sample of seed {seed}")
    if kind == "mean":
        return Start([0.0] * latents)
    try:
        data = dataset(description)
    except UserError:
        told = first_start(description, image)
        if told is not None:  # nobody asked for that image
            return told
        complaint = "the model's images are not on this machine, see below; the picture at the prior's mean is shown"
        return Start([0.0] * latents, complaint=complaint)
    complaint = ""
    if image >= len(data):
        complaint = f"image {image:,} is not there, the data set has images 0 to {len(data) - 1:,}; image 0 is shown"
        image = 0
    found = inspected(description, [image])
    z = [float(v) for v in found.mean[0]]
    return Start(z, _from_image(image), image, found, complaint)


@dataclass(frozen=True)
class MeasuredKL:
    """KL by dimension `(D,)` in nats, where it comes from, and which dimensions are active (or None)."""

    kl: list[float]
    active: list[bool] | None
    count: int
    words: str

    @property
    def order(self) -> list[int]:
        """The dimensions by KL, the highest first."""
        return sorted(range(len(self.kl)), key=lambda d: -self.kl[d])

    def describe(self, dimension: int) -> str:
        """Such as "KL 2.10 nats · active"."""
        text = f"KL {self.kl[dimension]:.2f} nats"
        if self.active is None:
            return text
        return f"{text} · {'active' if self.active[dimension] else 'inactive'}"


def measured(description: Description, count: int) -> MeasuredKL | str:
    """KL over `count` images; else what the checkpoint says of itself; else why there is none."""
    with suppress(UserError):  # the page says once what is wrong with the images
        kl, activity, images = _rates(
            description.hash,
            dataset(description).identity,
            min(count, len(dataset(description))),
            model(description),
            dataset(description),
        )
        return MeasuredKL(
            kl,
            [v > ACTIVE_VARIANCE for v in activity],
            images,
            f"mean over {images:,} images of {source_of(description.config).title}, "
            f"drawn with seed {SEED}; active is Var(µ) > {ACTIVE_VARIANCE:g}",
        )
    return claimed(description) or ("it can't be measured without images, and the checkpoint holds no evaluation")


@st.cache_data(max_entries=64, show_spinner=False)
def _rates(
    content: str, identity: str, count: int, _model: BetaVAE, _data: Dataset
) -> tuple[list[float], list[float], int]:
    """KL and activity of each dimension, as `evaluate` has them, and of how many images: none is decoded."""
    from explorer.analysis.evaluation import choose, encode_all

    found = encode_all(_model, _data, choose(_data, count, SEED))
    kl, activity = found.kl().double().numpy().mean(0), found.mean.double().numpy().var(0)
    if not np.isfinite(kl).all():
        raise UserError("the KL on these images is not finite")
    return kl.tolist(), activity.tolist(), count


def claimed(description: Description) -> MeasuredKL | None:
    """The KL that the checkpoint holds; None where it holds no evaluation. Needs no torch."""
    known = description.evaluation
    if known is None:
        return None
    which = (
        f"{known.active_units} of {description.config.latents} dimensions active, it does not say which"
        if known.activity is None
        else f"active is Var(µ) > {ACTIVE_VARIANCE:g}"
    )
    words = (
        f"as the checkpoint says: mean over {known.count:,} images of {known.data} ({known.split}), "
        f"seed {known.seed}; {which}"
    )
    active = None if known.activity is None else [v > ACTIVE_VARIANCE for v in known.activity]
    return MeasuredKL(list(known.kl_per_dimension), active, known.count, words)


def slider_limits(
    description: Description, kind: str, quantile: float, span: float, count: int
) -> tuple[list[float], list[float], str]:
    """Lowest and highest value of each dimension, and a sentence where the range can't be had."""
    from explorer.analysis.ranges import value_range

    latents, complaint = description.config.latents, ""
    if kind == "fixed":
        low, high = value_range("fixed", latents, span=span)
        return low.tolist(), high.tolist(), complaint
    if kind == "aggregate":
        try:
            fit = fitted_posterior(description, count)
            low, high = value_range("aggregate", latents, quantile, fitted=fit)
            return low.tolist(), high.tolist(), complaint
        except UserError:
            complaint = "the aggregate posterior needs images; the prior's range is shown"
    low, high = value_range("prior", latents, quantile)
    return low.tolist(), high.tolist(), complaint
