"""What pages show of many models at once: measured two at a time, kept in memory and on the disk.

However many people ask for the same, it is computed once. Who leaves while models are being measured
leaves what was measured by then, and the rest is not begun.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import partial
from math import prod
from threading import Lock
from typing import TYPE_CHECKING

import streamlit as st

from explorer.analysis.scores import IMAGES
from explorer.checkpoints import Description
from explorer.errors import UserError
from explorer.ui import page_cache
from explorer.ui.open_model import LeastRecent
from models import turns

if TYPE_CHECKING:
    from torch import Tensor

    from explorer.analysis.summary import Summary
    from explorer.datasets import Dataset

MOST = 2000  # summaries held in memory
AT_ONCE = 2  # models: torch has half of the cores for each
SHARED_BYTES = 256 << 20  # of pixels that are held for all models of a data set at once

Tell = Callable[[int, int], None]  # how many models are done, of how many


class _Bench:
    """The summaries that are known or being made, by key, and the threads that make them."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(AT_ONCE, "summary")
        self.known: LeastRecent[Summary] = LeastRecent(MOST)
        self.making: dict[str, Future[Summary]] = {}
        self.waiting: Counter[str] = Counter()
        self.lock = Lock()

    def leave(self, key: str) -> None:
        """End what nobody waits for any more. Raises CancelledError."""
        with self.lock:
            if not self.waiting[key]:
                raise CancelledError

    @contextmanager
    def wanted(self, work: dict[str, Callable[[], Summary]]) -> Iterator[dict[str, Future[Summary]]]:
        """Futures of all of `work`, begun where nobody did; those that nobody waits for are let go."""
        with self.lock:
            futures = {}
            for key, make in work.items():
                if key not in self.making:
                    self.making[key] = self.pool.submit(make)
                futures[key] = self.making[key]
                self.waiting[key] += 1
        try:
            yield futures
        finally:
            with self.lock:
                for key, future in futures.items():
                    self.waiting[key] -= 1
                    if self.waiting[key] <= 0:
                        future.cancel()
                        del self.waiting[key]
                        self.making.pop(key, None)


@st.cache_resource(show_spinner=False)
def _bench() -> _Bench:
    return _Bench()


def summary(description: Description, count: int, seed: int = 0) -> Summary:
    """The numbers of a model on `count` images of its data set, or all where there are fewer.

    They are those that `python -m explorer evaluate --json` prints for the same count and seed; with the usual
    count, for which the KL is taken apart by as many images as the model's rate needs, those of `--enough`.

    Raises:
        UserError: the images are not at hand, or the model can't be used.
    """
    [found] = summaries([description], count, seed)
    if isinstance(found, UserError):
        raise found
    return found


def summaries(
    descriptions: Sequence[Description], count: int, seed: int = 0, tell: Tell | None = None
) -> list[Summary | UserError]:
    """`summary` of several models; in place of one that can't be had, the reason."""
    bench = _bench()
    found: dict[int, Summary | UserError] = {}
    keys: dict[int, str] = {}
    work: dict[str, Callable[[], Summary]] = {}
    pictures = _Pictures(count, seed)
    for place, description in enumerate(descriptions):
        try:
            data = page_cache.dataset(description)
        except UserError as error:
            found[place] = error
            continue
        keys[place] = key = _key(description, data, min(count, len(data)), seed)
        known = bench.known.used(key) or _stored(key)
        if known is None:
            work[key] = lambda d=description, data=data, key=key: _make(d, data, pictures, key)  # type: ignore[misc]
        else:
            bench.known.put(key, known)
            found[place] = known
    if work:
        with bench.wanted(work) as futures:
            pending = set(futures.values())
            while pending:
                if tell:
                    tell(len(descriptions) - len(pending), len(descriptions))
                _, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            for place, key in keys.items():
                if key in futures:
                    try:
                        found[place] = futures[key].result()
                    except UserError as error:
                        found[place] = error
    return [found[place] for place in range(len(descriptions))]


def stored_summary(description: Description, data: Dataset, count: int, seed: int) -> Summary | None:
    """The `summary` of a model on images of `data`, where it is in memory or on the disk."""
    key = _key(description, data, min(count, len(data)), seed)
    return _bench().known.used(key) or _stored(key)


class _Pictures:
    """The chosen images of each data set, drawn or read once for all models, where they fit."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self.held: dict[str, tuple[Dataset, Tensor]] = {}
        self.lock = Lock()

    def of(self, data: Dataset) -> tuple[Dataset, Tensor]:
        """A data set and the indices in it of the chosen images."""
        import torch

        from explorer.analysis.evaluation import choose
        from explorer.datasets import ArrayDataset

        name = f"{data.identity} {data.shape} {len(data)}"
        with self.lock:
            if name not in self.held:
                indices = choose(data, min(self.count, len(data)), self.seed)
                if len(indices) * prod(data.shape) <= SHARED_BYTES:
                    images = data.images(indices)
                    data, indices = (ArrayDataset(data.name, images, data.identity), torch.arange(len(images)))
                self.held[name] = data, indices
            return self.held[name]


def _make(description: Description, data: Dataset, pictures: _Pictures, key: str) -> Summary:
    from explorer.analysis import score_cache
    from explorer.analysis.summary import summarise
    from explorer.checkpoints import load

    turns.between.set(partial(_bench().leave, key))
    checkpoint = load(description.path, beta=description.beta)
    if checkpoint.hash != description.hash:
        raise UserError(f"{description.name} was replaced while it was read: try again")
    try:
        enough = pictures.count == IMAGES  # where nobody chose a number
        found = summarise(checkpoint.model, data, seed=pictures.seed, held=pictures.of(data), enough=enough)
    except (MemoryError, RuntimeError) as error:  # torch says that memory is short by the latter
        raise UserError(f"{description.name} could not be measured: {error}") from error
    _bench().known.put(key, found)
    score_cache.write_score(key, found.as_json())
    return found


def _stored(key: str) -> Summary | None:
    from explorer.analysis import score_cache
    from explorer.analysis.summary import Summary

    with suppress(KeyError, TypeError, ValueError):
        value = score_cache.read_score(key)
        return None if value is None else Summary.from_json(value)
    return None


def _key(description: Description, data: Dataset, count: int, seed: int) -> str:
    from explorer.analysis import score_cache

    return score_cache.key("summary", description.hash, data.identity, len(data), count, seed)
