"""Which data sets there are, in words: read by pages and the command line before torch is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.datasets import own
from explorer.errors import UserError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Request:
    """What of a data set is asked for, held against its entry; see `open_dataset`."""

    name: str
    size: int | None
    root: Path | None
    split: str
    download: bool
    channels: int | None
    device: torch.device


@dataclass(frozen=True)
class DatasetInfo:
    """What a person chooses by.

    Attributes:
        module: that of `explorer.datasets` whose `opened(Request)` opens it.
        title: the name as it is written in a sentence.
        description: one line.
        size: height and width when none is asked for, in pixels; None means the file's own.
        sizes: the smallest and the largest size that can be asked for.
        splits: the parts it comes in; the first is the usual one.
        root: what `root` means for it, in words; empty where it reads nothing.
        root_needed: whether it can't be opened without `root`.
        downloadable: whether `download=True` can fetch it.
        grid: whether it holds every combination of factors that are known; None where only its files tell.
    """

    module: str
    title: str
    description: str
    size: int | None
    sizes: tuple[int, int] = (1, 1024)
    splits: tuple[str, ...] = ("train",)
    root: str = ""
    root_needed: bool = False
    downloadable: bool = False
    grid: bool | None = False


class _Datasets(dict[str, DatasetInfo]):
    """The data sets that come with the program; own ones, "own:NAME", are found when they are asked for."""

    def __missing__(self, name: object) -> DatasetInfo:
        found: DatasetInfo | None = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return self.get(name) is not None

    def get(self, name: object, default: Any = None) -> Any:
        """The data set of that name."""
        if super().__contains__(name):
            return super().__getitem__(str(name))
        if not isinstance(name, str) or not name.startswith(own.PREFIX):
            return default
        try:
            one = own.find(name)
        except UserError:
            return default
        pictures = one.card.kind == "pictures"
        return DatasetInfo(
            "own",
            one.name,
            f"{one.card.count:,} own images, added on {own.when(one)}: {one.card.about}",
            64 if pictures else None,
            splits=one.card.splits or ("train",),
            grid=False if pictures else None,
        )


DATASETS: dict[str, DatasetInfo] = _Datasets(
    {
        "dsprites": DatasetInfo(
            "dsprites",
            "dSprites",
            "737,280 squares, ellipses and hearts in every scale, turn and place; drawn on the spot",
            64,
            root="the published .npz file, to use its images instead of drawn ones",
            grid=True,
        ),
        "scene": DatasetInfo(
            "scene",
            "Scene",
            "480,000 pictures of an object in a coloured room, after 3D Shapes; drawn on the spot",
            64,
            sizes=(16, 128),
            grid=True,
        ),
        "mnist": DatasetInfo(
            "mnist",
            "MNIST",
            "70,000 handwritten digits, grey, 28 px",
            28,
            splits=("train", "test"),
            root="a folder with its IDX files",
            downloadable=True,
        ),
        "fashion-mnist": DatasetInfo(
            "mnist",
            "Fashion-MNIST",
            "70,000 pieces of clothing of ten kinds, grey, 28 px",
            28,
            splits=("train", "test"),
            root="a folder with its IDX files",
            downloadable=True,
        ),
        "cifar10": DatasetInfo(
            "cifar",
            "CIFAR-10",
            "60,000 photographs of ten kinds of thing, colour, 32 px",
            32,
            splits=("train", "test"),
            root="the folder that holds cifar-10-batches-py or cifar-10-batches-bin",
            downloadable=True,
        ),
        "celeba": DatasetInfo(
            "celeba",
            "CelebA",
            "202,599 faces with 40 attributes, colour, cropped to 178 px and resized to 64",
            64,
            splits=("train", "valid", "test", "all"),
            root="the folder that holds celeba/img_align_celeba",
            downloadable=True,
        ),
        "folder": DatasetInfo(
            "folder",
            "your own pictures",
            "every picture in a folder and below it, cropped to its central square and resized",
            64,
            root="the folder that holds them",
            root_needed=True,
        ),
        "npz": DatasetInfo(
            "arrays",
            "an array file",
            "images, and factors where there are any, from a .npz or .npy file",
            None,
            splits=("train", "val", "test"),
            root="the .npz or .npy file",
            root_needed=True,
            grid=None,
        ),
    }
)
