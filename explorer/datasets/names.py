"""Which data sets there are, in words: read by pages and the command line before torch is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.datasets import own
from explorer.errors import UserError
from explorer.recipe.samples import Kind

if TYPE_CHECKING:
    import torch

DUAL = "dual:"  # before the name of a table, whose columns are then the samples


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
        kind: what its samples are: images, signals (curves over an axis), or vectors (rows of named columns).
        network: the one of a run that doesn't say which.
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
    kind: Kind = "image"
    network: str = "compact"

    @property
    def usual(self) -> dict[str, str]:
        """Settings of a run that doesn't say them: curves and rows have a Gaussian likelihood."""
        return {"network": self.network, "likelihood": "bernoulli" if self.kind == "image" else "gaussian"}


class _Datasets(dict[str, DatasetInfo]):
    """The data sets that come with the program; own ones, "own:NAME", and duals of tables, "dual:NAME", are found
    when they are asked for."""

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
        if isinstance(name, str) and name.startswith(DUAL):
            return self._dual(name.removeprefix(DUAL)) or default
        if not isinstance(name, str) or not name.startswith(own.PREFIX):
            return default
        try:
            one = own.find(name)
        except UserError:
            return default
        pictures = one.card.kind == "pictures"
        kind: Kind = {"table": "vector", "signals": "signal"}.get(one.card.kind, "image")  # type: ignore[assignment]
        return DatasetInfo(
            "own",
            one.name,
            f"{one.card.count:,} own images, added on {own.when(one)}: {one.card.about}",
            64 if pictures else None,
            splits=one.card.splits or ("train",),
            grid=None if one.card.kind == "arrays" else False,
            kind=kind,
            network="compact" if kind == "image" else "dense",
        )

    def _dual(self, name: str) -> DatasetInfo | None:
        """A table's columns as samples."""
        info: DatasetInfo | None = self.get(name)
        if info is None or info.kind != "vector" or info.module == "dual":
            return None
        return replace(
            info,
            module="dual",
            title=f"{info.title}, columns as samples",
            description=f"the columns of {info.title}, each with a value for every row",
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
        "peaks": DatasetInfo(
            "peaks",
            "Peaks",
            "5,000 curves with one peak each, of any place and width; made on the spot",
            None,
            kind="signal",
            network="dense",
        ),
        "fbm": DatasetInfo(
            "trajectories",
            "Fractional Brownian motion",
            "5,040 trajectories of 400 steps, from subdiffusive to superdiffusive; made on the spot",
            None,
            kind="signal",
            network="dense",
        ),
        "fbm-msd": DatasetInfo(
            "trajectories",
            "Fractional Brownian motion, TA-MSD",
            "how far those trajectories come in 1 to 64 steps: time-averaged mean squared displacements",
            None,
            kind="signal",
            network="dense",
        ),
        "sbm": DatasetInfo(
            "trajectories",
            "Scaled Brownian motion",
            "5,040 trajectories of 400 steps whose diffusion ages; made on the spot",
            None,
            kind="signal",
            network="dense",
        ),
        "sbm-msd": DatasetInfo(
            "trajectories",
            "Scaled Brownian motion, TA-MSD",
            "how far those trajectories come in 1 to 64 steps: time-averaged mean squared displacements",
            None,
            kind="signal",
            network="dense",
        ),
        "ecg": DatasetInfo(
            "ecg",
            "Heartbeats",
            "4,000 synthetic beats of an electrocardiogram (the model of McSharry et al. 2003); made on the spot",
            None,
            kind="signal",
            network="dense",
        ),
        "spectra": DatasetInfo(
            "spectra",
            "Wing beats",
            "6,000 power spectra of twelve synthetic insects' wing beats; made on the spot",
            None,
            kind="signal",
            network="dense",
        ),
        "graphs": DatasetInfo(
            "random_graphs",
            "Graphs",
            "4,000 Barabási-Albert graphs as pictures of their adjacency matrices, 16 px; made on the spot",
            None,
            network="dense",
        ),
        "elements": DatasetInfo(
            "elements",
            "Elements",
            "118 elements, electrons in each of the 19 sub-shells that are ever used",
            None,
            kind="vector",
            network="dense",
        ),
        "iris": DatasetInfo(
            "table_rows",
            "Iris",
            "150 flowers of three species, four lengths of each (Fisher 1936)",
            None,
            kind="vector",
            network="dense",
        ),
        "wine": DatasetInfo(
            "table_rows",
            "Wine",
            "178 wines of three growers, 13 measurements of each (Aeberhard and Forina 1991)",
            None,
            kind="vector",
            network="dense",
        ),
        "breast-cancer": DatasetInfo(
            "table_rows",
            "Breast cancer",
            "569 tumours, benign or malignant, 30 measurements of each (Wolberg et al. 1993)",
            None,
            kind="vector",
            network="dense",
        ),
        "diabetes": DatasetInfo(
            "table_rows", "Diabetes", "442 patients, ten measurements of each (Efron et al. 2004)", None, kind="vector"
        ),
        "table": DatasetInfo(
            "table_rows",
            "your own table",
            "each row of a CSV, TSV or Parquet file: numbers, and words as categories",
            None,
            root="the .csv, .tsv or .parquet file",
            root_needed=True,
            kind="vector",
            network="dense",
        ),
        "signals": DatasetInfo(
            "own_signals",
            "your own signals",
            "each row of a CSV, TSV, Parquet, .npy or .npz file as one curve",
            None,
            root="the .csv, .tsv, .parquet, .npy or .npz file",
            root_needed=True,
            kind="signal",
            network="dense",
        ),
    }
)
