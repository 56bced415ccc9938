"""What a model can be taken away as: one entry a format, which page and shell read. No torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Literal

from explorer.checkpoints import Checkpoint
from explorer.export.run_table import CURVES

if TYPE_CHECKING:
    import numpy as np

    from explorer.datasets import Dataset


@dataclass(frozen=True)
class ExportRequest:
    """A model, and what of it is taken away.

    Attributes:
        z: latents `(D,)` to start from.
        ends: where traversals begin and end, two of `(D,)`; None: as the format has it.
        kl: KL of each dimension in nats `(D,)`, by which they are ordered and labelled; None where it isn't known.
        about_kl: where it comes from, in words.
        steps: values that a dimension takes.
        scale: by what pixels are enlarged.
        active: which dimensions are; None: by their KL.
        networks: gives decoder and encoder as ONNX where they lie ready; None: they are exported. Those of a model for
            every β take log β beside.
        images: gives the images that belong to the model; count: how many, 0 as pages have it; seed: of the choice.
        every_beta: ONNX of a model for every β takes log β beside; else it is the plain model's.
    """

    checkpoint: Checkpoint
    z: np.ndarray
    ends: tuple[Sequence[float] | np.ndarray, Sequence[float] | np.ndarray] | None = None
    kl: np.ndarray | None = None
    about_kl: str = "unknown"
    steps: int = 0
    scale: int = 1
    active: Sequence[bool] | None = None
    networks: Callable[[], tuple[bytes, bytes]] | None = None
    every_beta: bool = False
    images: Callable[[], Dataset] | None = None
    count: int = 0
    seed: int = 0

    def network(self, number: int) -> bytes | None:
        """The decoder, 0, or the encoder, 1, where it lies ready."""
        whole = self.checkpoint.beta is not None
        return None if self.networks is None or whole != self.every_beta else self.networks()[number]


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        title: on the page, the file's kind last.
        about: in the shell's help.
        suffix: what its name ends in.
        maker: the function that makes it of an `ExportRequest`, as "module.function" of this package; of a `folder` it
            takes a checkpoint and a path and gives the path.
        mime: its type for a browser.
        steps: values that a dimension takes where nobody says it; 0 where nothing is traversed.
        size: pixels that one picture is near to on the page; 0 where it has none.
        starts: whether it starts from latents that can be given.
        needs: what has to be at hand: "networks" (the model as ONNX), "films" (the packages that write films), "images"
            (those that belong to the model), "log" (what its training logged).
        kl: whether it tells the KL of each dimension, or is ordered by it.
        beside: the format that the shell writes beside it.
        folder: whether it is a folder.
    """

    title: str
    about: str
    suffix: str
    maker: str
    mime: str = "application/octet-stream"
    steps: int = 0
    size: int = 0
    starts: bool = True
    needs: Literal["", "networks", "films", "images", "log"] = ""
    kl: bool = False
    beside: str = ""
    folder: bool = False

    @property
    def ending(self) -> str:
        """What the shell asks a file's name to end in."""
        return PurePath(f"name{self.suffix}").suffix

    def make(self, scene: ExportRequest) -> bytes:
        """The file. Raises UserError where it can't be made."""
        made: bytes = self._maker()(scene)
        return made

    def write(self, checkpoint: Checkpoint, target: Path) -> Path:
        """The folder. Raises UserError where it can't be written."""
        written: Path = self._maker()(checkpoint, target)
        return written

    def _maker(self) -> Callable[..., Any]:
        module, _, function = self.maker.partition(".")
        found: Callable[..., Any] = getattr(importlib.import_module(f"explorer.export.{module}"), function)
        return found


FORMATS: dict[str, Format] = {
    "picture": Format("Picture, PNG", "the picture at one point", ".png", "films.picture_of", "image/png", size=512),
    "png": Format(
        "Traversal, PNG",
        "the traversal of every dimension as a grid",
        "-traversal.png",
        "films.grid_of",
        "image/png",
        steps=11,
        size=128,
        kl=True,
    ),
    "gif": Format(
        "Traversal, GIF", "the same as a film", ".gif", "films.gif_of", "image/gif", steps=31, size=128, kl=True
    ),
    "mp4": Format(
        "Traversal, MP4",
        "the same as a film",
        ".mp4",
        "films.mp4_of",
        "video/mp4",
        steps=41,
        size=128,
        needs="films",
        kl=True,
    ),
    "onnx": Format(
        "Decoder, ONNX",
        "the decoder at PATH (z -> images in [0, 1]) and the encoder beside it, as NAME.encoder.onnx (images -> mean, "
        "log_var); any number of rows",
        ".onnx",
        "onnx.decoder_of",
        starts=False,
        needs="networks",
        beside="onnx-encoder",
    ),
    "onnx-encoder": Format(
        "Encoder, ONNX", "the encoder alone", ".encoder.onnx", "onnx.encoder_of", starts=False, needs="networks"
    ),
    "html": Format(
        "Web page, HTML",
        "one page that works from a disk with no network: the live explorer of the page Explore, with the encoder and "
        "the model's card",
        ".html",
        "html.page_of",
        "text/html",
        needs="networks",
        kl=True,
    ),
    "kl": Format(
        "KL, CSV",
        "a table of the KL of each dimension in nats, its name, and whether it is active",
        "-kl.csv",
        "tables.kl_of",
        "text/csv",
        starts=False,
        kl=True,
    ),
    "decoded": Format(
        "Decoded, CSV",
        "a table of what is decoded at one point, and along each dimension from there: every value, in its unit",
        "-decoded.csv",
        "tables.decoded_of",
        "text/csv",
        steps=11,
        kl=True,
    ),
    "codes": Format(
        "Codes, CSV",
        "a table of mean and standard deviation of each image's posterior, with the image's number and factors",
        "-codes.csv",
        "tables.codes_of",
        "text/csv",
        starts=False,
        needs="images",
    ),
    "codes-npz": Format(
        "Codes, npz",
        "the same as arrays: image (n,), mean and std (n, D), and where there are factors their classes and names",
        "-codes.npz",
        "tables.code_arrays_of",
        starts=False,
        needs="images",
    ),
    "codes-parquet": Format(
        "Codes, Parquet",
        "the same table as Parquet",
        "-codes.parquet",
        "tables.code_parquet_of",
        starts=False,
        needs="images",
    ),
    "curves": Format(
        "Training curves, CSV",
        "a table of what the training logged: the costs at each logged step, and the KL of each dimension",
        CURVES,
        "run_table.curves_of",
        "text/csv",
        starts=False,
        needs="log",
    ),
    "hf": Format(
        "Hugging Face folder",
        "config.json, model.safetensors and README.md, as the Hugging Face hub keeps them, modeling.py (the network in "
        "plain PyTorch, which the card loads in five lines), and labels.json where dimensions have names",
        "",
        "hub.write_hub_folder",
        starts=False,
        folder=True,
    ),
}
