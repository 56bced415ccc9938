"""Pictures into a folder: each content decoded once, each frame counted, what can't be used named with its reason."""

from __future__ import annotations

import hashlib
import io
import os
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from explorer import access
from explorer.datasets import own
from explorer.datasets.archives import FileRefused
from explorer.datasets.budget import Budget, BudgetSpent
from explorer.datasets.fair_queue import TICK
from explorer.datasets.folder import MAX_FILES, SUFFIXES
from explorer.datasets.other_kinds import other_kind
from explorer.datasets.picture_files import NO_PICTURE, Looked, PictureWarnings, frames_of, look_at_picture
from explorer.errors import UserError
from explorer.files import printable
from explorer.recipe.samples import Samples, told

THUMB, THUMBS = 64, 24  # pixels of a small picture, and how many are shown
COLUMNS, GAP = 12, 2
MAX_TOTAL = 8 << 30  # bytes of one set
AT_ONCE, BYTES_AT_ONCE = 64, 64 << 20  # files that are in memory together
MAX_NAMED = 200  # refused files that are named one by one
FOLDERS_NAMED = 5


@dataclass(frozen=True)
class PictureSource:
    """A file that may be a picture.

    Attributes:
        name: with the folders it lies in.
        size: bytes that it has where it lies.
        read: its content; raises Refused.
        packed: a digest that is equal for equal contents, without unpacking them, where there is one.
    """

    name: str
    size: int
    read: Callable[[], bytes]
    packed: Callable[[], bytes] | None = None


@dataclass(frozen=True)
class PictureSet:
    """What was looked at, and lies in `stage` until it is kept or let go.

    Attributes:
        file: what the content is called in `stage`.
        smallest, largest: width and height of pictures, upright; equal for arrays.
        cropped: pictures that are not square, and `lost` the mean part of their area that is cut off.
        copies: files with the same bytes as another one, stored once.
        refused: names of files with the reasons, the first `MAX_NAMED`; `refusals` counts all.
        sheet: a PNG file with the first `shown` images as they will be seen, cropped and made small.
        notes: what else the person should read.
        splits: the parts that an array file has.
    """

    stage: Path
    kind: str
    file: str
    digest: str
    count: int
    total: int
    smallest: tuple[int, int]
    largest: tuple[int, int]
    cropped: int
    lost: float
    copies: int
    refused: tuple[tuple[str, str], ...]
    refusals: int
    sheet: bytes
    shown: int
    notes: tuple[str, ...] = ()
    splits: tuple[str, ...] = ("train",)
    samples: Samples | None = None  # what they are, where they are no images

    @property
    def about(self) -> str:
        """Sizes and crops in words; of curves and rows what was made of them."""
        if self.samples is not None:
            return f"{told((len(self.samples.channels), 1, self.smallest[0]), self.samples)}; {self.samples.scaling}"
        (width, height), (wide, high) = self.smallest, self.largest
        sizes = f"{width} × {height} px"
        if (width, height) != (wide, high):
            sizes = f"from {sizes} to {wide} × {high} px"
        if not self.cropped:
            return f"{sizes}, all square"
        return (
            f"{sizes}; {self.cropped:,} of {self.count:,} are not square and are cropped to their central "
            f"square, which cuts off {100 * self.lost:.0f} % of their area on average"
        )


def collect_pictures(
    items: Iterable[PictureSource], stage: Path, budget: Budget, refused: list[tuple[str, str]]
) -> PictureSet:
    """Copy the pictures among `items` into `stage`. Raises UserError where there are none, or too many."""
    return _Gathering(stage, budget, refused).of(items)


@dataclass
class _Waiting:
    """A file that is being looked at: its content, and what comes of it; or a reason, or what it is a copy of."""

    name: str
    content: bytes = b""
    digest: str = ""
    result: Future[tuple[Looked | str, float]] | str | None = None


class _Gathering:
    def __init__(self, stage: Path, budget: Budget, refused: list[tuple[str, str]]) -> None:
        self.folder, self.stage, self.budget, self.refused = (stage / "images", stage, budget, refused)
        self.judged: dict[str, str] = {}  # by digest of the content: why it was refused, or ""
        self.packed: dict[bytes, str] = {}  # digests of contents by those of what they are unpacked from
        self.digests: set[str] = set()
        self.sizes: list[tuple[int, int]] = []
        self.thumbs: list[np.ndarray] = []
        self.folders: Counter[str] = Counter()
        self.others: dict[str, str] = {}  # what is no picture, and what it is
        self.seen = PictureWarnings()
        self.copies = self.total = self.done = 0

    def of(self, items: Iterable[PictureSource]) -> PictureSet:
        self.folder.mkdir()
        waiting: deque[_Waiting] = deque()
        held = 0
        with warnings.catch_warnings(), _workers(self.budget) as pool:
            warnings.simplefilter("ignore")  # Pillow's, of odd EXIF and large pictures
            for item in items:
                one = self._begin(item, pool)
                waiting.append(one)
                held += len(one.content)
                while len(waiting) >= AT_ONCE or (held >= BYTES_AT_ONCE and waiting):
                    held -= len(waiting[0].content)
                    self._end(waiting.popleft())
                self.budget.tell(self.done)
            while waiting:
                self._end(waiting.popleft())
                self.budget.tell(self.done)
        return self._found()

    def _begin(self, item: PictureSource, pool: ThreadPoolExecutor) -> _Waiting:
        self.budget.given(item.size)
        try:
            packed = item.packed() if item.packed else None
            if packed is not None and packed in self.packed:
                return _Waiting(item.name, digest=self.packed[packed])
            content = item.read()
        except FileRefused as reason:
            return _Waiting(item.name, result=other_kind(item.name) or str(reason))
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        if packed is not None:
            self.packed[packed] = digest
        if digest in self.judged:
            return _Waiting(item.name, digest=digest)
        self.judged[digest] = ""
        return _Waiting(item.name, content, digest, pool.submit(self._look, content))

    def _look(self, content: bytes) -> tuple[Looked | str, float]:
        """What is seen in a file, on a thread of its own, and the seconds of a processor that it took."""
        begun = time.thread_time()
        result: Looked | str
        try:
            self.budget.wanted()
            result = look_at_picture(io.BytesIO(content), THUMB, self.budget.whose, self.budget.wanted)
        except (FileRefused, BudgetSpent) as reason:
            result = str(reason)
        return result, time.thread_time() - begun

    def _end(self, one: _Waiting) -> None:
        self._settle(one)
        self.done += 1

    def _settle(self, one: _Waiting) -> None:
        if isinstance(one.result, Future):
            result, seconds = self._waited(one.result)
            self.budget.spend(result.decoded if isinstance(result, Looked) else 0, seconds)
            if isinstance(result, Looked):
                self._take(one, result)
                return
            self.judged[one.digest] = result
            self._refuse(one.name, result, one.content)
        elif isinstance(one.result, str):
            self._refuse(one.name, one.result, b"")
        elif why := self.judged[one.digest]:
            self._refuse(one.name, why, b"")
        else:
            self.copies += 1

    def _waited(self, future: Future[tuple[Looked | str, float]]) -> tuple[Looked | str, float]:
        while True:
            try:
                return future.result(timeout=TICK)
            except TimeoutError:
                self.budget.tell(self.done)

    def _refuse(self, name: str, why: str, content: bytes) -> None:
        other = other_kind(name, content) if why == NO_PICTURE else None
        if why != NO_PICTURE or PurePosixPath(name.lower()).suffix in SUFFIXES:
            self.refused.append((name, other or why))
        elif other:
            self.others[name] = other

    def _take(self, one: _Waiting, looked: Looked) -> None:
        self.seen.add(one.name, looked, looked.takeable)
        if not looked.takeable:
            self._store(one.name, one.content, one.digest, looked)
            return
        path, number = PurePosixPath(one.name.replace("\\", "/")), 0
        try:
            for frame in frames_of(one.content, THUMB, self.budget.whose, self.budget.tell):
                number += 1
                self.budget.spend(frame.looked.decoded, 0)
                self.budget.tell()
                self.seen.add("", frame.looked)
                name = str(path.with_name(f"{path.stem[:30]}-{number:04d}{frame.suffix}"))
                if frame.digest in self.digests:
                    self.copies += 1
                else:
                    self._store(name, frame.content, frame.digest, frame.looked)
        except FileRefused as reason:
            self.refused.append((one.name, f"{reason} (after {number:,} {looked.parts.what})"))

    def _store(self, name: str, content: bytes, digest: str, looked: Looked) -> None:
        self.digests.add(digest)
        self.total += len(content)
        if self.total > MAX_TOTAL:
            raise UserError(f"these are more than the {MAX_TOTAL >> 30} GB that a set may have")
        if len(self.sizes) >= MAX_FILES:
            raise UserError(f"these are more than the {MAX_FILES:,} pictures that a set may have")
        self.budget.room.take(access.taken(len(content)))
        if len(self.thumbs) < THUMBS:
            self.thumbs.append(looked.pixels)
        write_picture(self.folder / _file_name(len(self.sizes), name), content)
        self.sizes.append(looked.size)
        self.folders[PurePosixPath(name.replace("\\", "/")).parent.name] += 1

    def _found(self) -> PictureSet:
        sizes = self.sizes
        if not sizes:
            raise UserError(_nothing([*self.refused, *self.others.items()]))
        by_area = sorted(sizes, key=lambda size: size[0] * size[1])
        uneven = [1 - min(size) / max(size) for size in sizes if size[0] != size[1]]
        return PictureSet(
            self.stage,
            "pictures",
            "images",
            digest_of(sorted(self.digests)),
            len(sizes),
            self.total,
            by_area[0],
            by_area[-1],
            len(uneven),
            sum(uneven) / max(1, len(uneven)),
            self.copies,
            tuple(self.refused[:MAX_NAMED]),
            len(self.refused),
            *contact_sheet(self.stage, self.thumbs),
            notes=(*self.seen.notes(), *self._lost()),
        )

    def _lost(self) -> list[str]:
        """Notes on what was beside the pictures and is not kept: the folders they lay in, and tables."""
        notes = []
        if len(self.folders) > 1:
            named = [
                f"{printable(name) or 'no folder'} ({count:,})"
                for name, count in self.folders.most_common(FOLDERS_NAMED)
            ]
            more = len(self.folders) - len(named)
            notes.append(
                f"The pictures lie in {len(self.folders):,} folders: {', '.join(named)}"
                f"{f' and {more:,} more' if more else ''}. Which one each lay in is not kept; to have classes "
                "as a factor, give images and factors as arrays in a .npz file."
            )
        if self.others:
            name, said = next(iter(self.others.items()))
            more = len(self.others) - 1
            notes.append(f"{printable(name)} is not used, since it {said}{f'; and {more:,} more' if more else ''}.")
        return notes


@contextmanager
def _workers(budget: Budget) -> Iterator[ThreadPoolExecutor]:
    """Threads that decode. Where the block ends by an error they are told so, and what waits is dropped."""
    pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    try:
        yield pool
    finally:
        budget.stopping.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _file_name(number: int, name: str) -> str:
    """Such as 000012-cat.png: numbered as they came, so that image 12 stays image 12."""
    path = PurePosixPath(name.replace("\\", "/"))
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in path.stem)
    suffix = path.suffix.lower()
    return f"{number:06d}-{stem[:40]}{suffix if suffix in SUFFIXES else ''}"


def _nothing(refused: Sequence[tuple[str, str]]) -> str:
    wanted = "PNG, JPEG, WebP, BMP, GIF or TIFF pictures are wanted"
    if not refused:
        return f"there are no pictures in it; {wanted}"
    told = "; ".join(f"{printable(name)[:80]} {reason}" for name, reason in refused[:5])
    more = f"; and {len(refused) - 5:,} more" if len(refused) > 5 else ""
    return f"no picture can be used: {told}{more}; {wanted}"


def contact_sheet(stage: Path, thumbs: Sequence[np.ndarray]) -> tuple[bytes, int]:
    """Small pictures in full rows as a PNG file, which is kept with them, and how many they are."""
    columns = min(COLUMNS, len(thumbs))
    shown = len(thumbs) // columns * columns
    cells = np.full((shown, THUMB + GAP, THUMB + GAP, 3), 128, np.uint8)
    cells[:, :THUMB, :THUMB] = thumbs[:shown]
    rows = cells.reshape(-1, columns, *cells.shape[1:]).swapaxes(1, 2)
    pixels = rows.reshape(-1, columns * (THUMB + GAP), 3)[:-GAP, :-GAP]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    write_picture(stage / own.THUMBS, file.getvalue())
    return file.getvalue(), shown


def write_picture(path: Path, content: bytes) -> None:
    """Raises UserError where it can't be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror or error}") from error


def digest_of(parts: Sequence[str]) -> str:
    """A hash of the digests of what a set consists of, by which it is called."""
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()
