"""Bring checkpoints from elsewhere into the library: this project's own directories, and other projects' files.

`look` reads a file, a folder or an address and says what it is; `keep` converts it once to this project's
layout. A file of torch is read by `torch.load(weights_only=True)` and nothing else, after its frame was checked;
of what it holds only finite tensors that a known network has a place for are taken.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import access
from explorer.checkpoints.card import card
from explorer.checkpoints.catalogue import place_in_library
from explorer.checkpoints.config import CheckpointConfig
from explorer.checkpoints.headers import MAX_WEIGHT_BYTES, read_tensors
from explorer.checkpoints.labels import FILE as LABELS
from explorer.checkpoints.labels import Labels, read_labels, write_labels
from explorer.checkpoints.shelf import new_in_library
from explorer.checkpoints.specs import Specs
from explorer.checkpoints.store import WEIGHTS, describe, load, save
from explorer.errors import UserError
from explorer.files import open_regular, read_json, write_atomic

if TYPE_CHECKING:
    from torch import Tensor

    from explorer.checkpoints.reading import Reading
    from models.beta_vae import BetaVAE

MAX_CARD_BYTES = 1 << 20
TORCH = (".pt", ".pth", ".ckpt", ".bin", ".tar", "")
USUAL = ("model.pt", WEIGHTS, "pytorch_model.bin", "last")
KNOWN = (
    "a checkpoint directory of this program (config.json, model.safetensors), model.pt with specs.json as "
    "disentangling-vae writes them, or the state dict of a VAE of convolutions and dense layers "
    "(.pt, .pth, .ckpt, .safetensors)"
)
# Words in a file's name or its folder's, and the data set that they speak of.
DATA_WORDS = {
    "dsprites": "dsprites", "dsprite": "dsprites", "fashion": "fashion-mnist", "fmnist": "fashion-mnist",
    "mnist": "mnist", "celeba": "celeba", "cifar10": "cifar10", "cifar": "cifar10",
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What lies at a path: a checkpoint of this program (`own`), or a model to be converted."""

    kind: str  # in words
    name: str  # that it suggests
    own: Path | None = None
    network: BetaVAE | None = None
    specs: Specs | None = None
    reading: Reading | None = None
    data: str | None = None  # the data set that its name speaks of
    source: str = ""  # what the card says of its origin

    def model(self) -> BetaVAE:
        """The model as it would be kept.

        Raises:
            UserError: it can't be built.
        """
        if self.own is not None:
            return load(self.own).model
        if self.network is not None:
            return self.network
        assert self.reading is not None
        return self.reading.model()

    def without_doubts(self) -> Found:
        """The same, since a person looked at it and found it read rightly."""
        if self.reading is None:
            return self
        return replace(self, reading=replace(self.reading, doubts={}))

    def corrected(self, **choices: Any) -> Found:
        """The same with other choices than were inferred (see `reading.Choices`).

        Raises:
            UserError: nothing was inferred, or the layers don't allow them.
        """
        choices = {name: value for name, value in choices.items() if value is not None}
        if not choices:
            return self
        if self.reading is None:
            raise UserError(
                f"{self.kind} says itself how it is built, so there is nothing to correct"
            )
        return replace(self, reading=self.reading.corrected(**choices))


def import_checkpoint(path: str | Path, name: str | None = None, **choices: Any) -> Path:
    """Put a copy of a checkpoint into the library, and return its directory there.

    Args:
        path: a file, a folder, or an address (see `look`).
        name: the model's name in the library; what the folder or the file is called if left out.
        choices: what a person knows better than was inferred of a bare state dict (`reading.Choices`).

    Raises:
        UserError: it is in no known layout, or damaged, or the name is taken; the library is then
            as it was before.
    """
    with look(path, **choices) as found:
        return keep(found, name)


@contextmanager
def look(path: str | Path, private: bool = True, **choices: Any) -> Iterator[Found]:
    """What lies at a path or an address, read but not kept. Own checkpoints are there until the block ends.

    Args:
        path: a checkpoint directory of this program or of a run; a folder or file of another program; the
            address or id of a repository on the Hugging Face hub, or of a file on the web, which is then
            fetched.
        private: whether the token of this machine may be shown to the hub; not for visitors of a server.
        choices: corrections of what is inferred of a bare state dict.

    Raises:
        UserError: one sentence on what can't be read or fetched.
    """
    from explorer.checkpoints.fetching import fetched, is_address

    access.require("import")
    if isinstance(path, str) and is_address(path):
        access.require("download")
        with fetched(path, private) as (folder, name, origin):
            found = _look(folder, choices)
            data = found.data or data_of(name)
            yield replace(found, name=name, source=origin, data=data)
        return
    yield _look(_resolved(path), choices)


def _look(source: Path, choices: Mapping[str, Any]) -> Found:
    own = source.parent if source.name in (WEIGHTS, "config.json") else source
    for folder in (own, own / "checkpoint"):
        if _is_own(folder):
            if any(value is not None for value in choices.values()):
                raise UserError(
                    f"{folder} says itself how it is built, so there is nothing to correct"
                )
            return Found("a checkpoint of this program", describe(folder).name, own=folder)
    root = _root(source) if source.is_dir() else None
    file = _weights_in(source) if source.is_dir() else source
    state = _read_state(file, root)
    name = _suggested(file, source)
    data = data_of(f"{file.parent.name} {file.stem}")
    from explorer.checkpoints.disentangling import disentangling_state, read_disentangling

    theirs = disentangling_state(state)
    if theirs is not None:
        network, specs = read_disentangling(file, theirs, root)
        found = Found("a checkpoint of disentangling-vae", name, network=network, specs=specs)
        return replace(found, data=None if specs else data, source=file.parent.name).corrected(
            **choices
        )
    from explorer.checkpoints.finding import read
    from explorer.checkpoints.trial import settle

    try:
        reading = settle(read(state, choices, data))
        reading.model()  # a model that can't be built is refused here, not when it is kept
    except UserError as error:
        raise UserError(
            f"{file} is not a layout that can be imported: {error}; known: {KNOWN}"
        ) from error
    return Found("a bare state dict", name, reading=reading, data=data, source=file.name)


def keep(found: Found, name: str | None = None, data: str | None = None) -> Path:
    """Convert what was found to this project's layout, in the library, and return its directory there.

    Args:
        found: what `look` gave, within its block.
        name: its name in the library.
        data: the data set that it goes with, where its recipe doesn't say; what its name speaks of if left out.

    Raises:
        UserError: the name can't be used or is taken, or it can't be written.
    """
    name = found.name if name is None else name
    if found.own is not None:
        return _keep_own(found.own, name)
    specs = found.specs
    training = specs.training() if specs else None
    data = None if training and "data" in training else data or found.data
    note = specs.note(found.source) if specs else _note(found)
    with new_in_library(name) as stage:
        doubts = tuple(found.reading.doubts.values()) if found.reading else ()
        save(found.model(), stage, training=training, note=note, data=data, doubts=doubts)
        write_atomic(stage / "README.md", _card(name, describe(stage).config, found).encode())
    return place_in_library(name)


def data_of(text: str) -> str | None:
    """The data set that a file's or a folder's name speaks of."""
    for word in re.split(r"[^a-z0-9]+", text.lower()):
        if word in DATA_WORDS:
            return DATA_WORDS[word]
    return None


# --- what lies there --------------------------------------------------------------------------------


def _resolved(path: str | Path) -> Path:
    try:
        found = Path(path).expanduser().resolve()
        if not found.exists():
            raise UserError(f"there is nothing at {path}")
    except UserError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # too long, NUL bytes, no permission
        raise UserError(f"{str(path)[:200]!r} can't be opened") from error
    return found


def _is_own(folder: Path) -> bool:
    """Whether a folder says that it is a checkpoint of this program."""
    if not (folder / "config.json").is_file() or not (folder / WEIGHTS).exists():
        return False
    open_regular(folder / "config.json", 1 << 20, _root(folder)).close()
    value = read_json(folder / "config.json")
    return isinstance(value, dict) and (
        value.get("format") == "beta-vae-explorer" or "version" in value
    )


def _root(folder: Path) -> Path:
    """Where the files of a folder must lie once links are followed: in it, or in its hub's cache."""
    folder = folder.resolve()
    if folder.parent.name == "snapshots" and folder.parent.parent.name.startswith("models--"):
        return folder.parent.parent
    return folder


def _weights_in(folder: Path) -> Path:
    """The one file of weights in a folder. Raises UserError where there is none, or more than one."""
    try:
        names = sorted(item.name for item in folder.iterdir())[:10_000]
    except OSError as error:
        raise UserError(f"{folder} can't be read: {error.strerror or error}") from error
    for usual in USUAL:
        if usual in names:
            return folder / usual
    found = [n for n in names if n.lower().endswith((*(e for e in TORCH if e), ".safetensors"))]
    if not found:
        raise UserError(
            f"{folder} is not a layout that can be imported: it holds no model.pt; known: {KNOWN}"
        )
    if len(found) > 1:
        raise UserError(
            f"{folder} holds {', '.join(found[:8])}: give the path of the one that is meant"
        )
    return folder / found[0]


def _suggested(file: Path, source: Path) -> str:
    """A name for the library: the folder's where the file is called as every other is."""
    general = file.stem.lower() in (
        "model",
        "pytorch_model",
        "last",
        "best",
        "checkpoint",
        "weights",
        "state_dict",
    )
    text = file.parent.name if general or source.is_dir() else file.stem
    return re.sub(r"[\\/\x00-\x1f]", "-", text).strip(". ")[:100] or "imported"


def _read_state(file: Path, root: Path | None) -> dict[str, Tensor]:
    """The table of tensors in a file, each finite.

    Raises:
        UserError: it can't be read, or holds something else.
    """
    import torch

    from explorer.checkpoints.pieces import find_state
    from explorer.checkpoints.torchfile import read_torch

    if file.suffix == ".safetensors":
        state = read_tensors(file, root)
        order = sorted(state, key=_natural)  # the format keeps no order
        state = {name: state[name] for name in order}
    else:
        if file.exists() and file.is_file() and file.suffix.lower() not in TORCH:
            raise UserError(f"{file} is not a layout that can be imported; known: {KNOWN}")
        value = read_torch(file, root)
        try:
            state = find_state(value)
        except UserError as error:
            raise UserError(
                f"{file} is not a layout that can be imported: {error}; known: {KNOWN}"
            ) from error
    if sum(t.numel() * t.element_size() for t in state.values()) > MAX_WEIGHT_BYTES:
        raise UserError(f"{file} holds more than the {MAX_WEIGHT_BYTES:,} bytes of tensors allowed")
    for key, tensor in state.items():
        if not tensor.is_floating_point():
            if tensor.ndim > 0:
                raise UserError(
                    f"{file}: {key[:80]} holds {tensor.dtype}, not plain floating-point numbers"
                )
        elif not bool(torch.isfinite(tensor).all()):
            raise UserError(f"{file}: {key[:80]} holds numbers that are not finite")
    return state


def _natural(name: str) -> list[tuple[int, int | str]]:
    """So that encoder.2 stands before encoder.10."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name)]


# --- the library ------------------------------------------------------------------------------------


def _keep_own(folder: Path, name: str) -> Path:
    """Copy a checkpoint of this program byte for byte, so that its content hash stays the same."""
    root = _root(folder)
    with new_in_library(name) as stage:
        _copy(folder / "config.json", stage / "config.json", 1 << 20, root)
        _copy(folder / WEIGHTS, stage / WEIGHTS, MAX_WEIGHT_BYTES, root)
        try:
            config = load(
                stage
            ).config  # what is judged is the copy: the original may change meanwhile
        except UserError as error:
            raise UserError(str(error).replace(str(stage), str(folder))) from error
        try:
            _copy(folder / "README.md", stage / "README.md", MAX_CARD_BYTES, root)
        except UserError:
            write_atomic(stage / "README.md", card(name, config).encode())
        labels = (
            read_labels(folder) if (folder / LABELS).resolve().is_relative_to(root) else Labels()
        )
        labels = Labels(
            names={d: name for d, name in labels.names.items() if d < config.latents},
            order=tuple(d for d in labels.order if d < config.latents),
        )
        if labels != Labels():
            write_labels(stage, labels)
    return place_in_library(name)


def _copy(file: Path, target: Path, limit: int, root: Path) -> None:
    with open_regular(file, limit, root) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)


def _note(found: Found) -> str:
    """What is known of a model whose training nothing is known of."""
    origin = f"Imported from {found.source[:160]!r}"
    if found.reading is None:
        return (
            f"{origin}, a checkpoint in the layout of disentangling-vae without its specs.json: how it was "
            "trained is not known, and the likelihood is taken to be Bernoulli."
        )
    return (
        f"{origin}, a bare state dict: how it was trained is not known. Its layers were read from the names "
        "and shapes of its weights; what the rest was read from stands below."
    )


def _card(name: str, config: CheckpointConfig, found: Found) -> str:
    """The model card, with the origin's own settings in place of a recipe that was never run here."""
    text = card(name, config.model_copy(update={"training": None}))
    if found.specs:
        return text + found.specs.table()
    return text if found.reading is None else text + _table(found.reading)


def _table(reading: Reading) -> str:
    """What was inferred, as a section of the model card."""
    lines = [
        "",
        "## How its weights were read",
        "",
        "| what | taken to be | on the ground of |",
        "|---|---|---|",
    ]
    lines += [f"| {what} | {value} | {why} |" for what, value, why in reading.table()]
    for part, layers in reading.words().items():
        lines += [
            "",
            f"{part.capitalize()}:",
            "",
            *(f"{i}. {layer}" for i, layer in enumerate(layers, 1)),
        ]
    lines += ["", *reading.notes] if reading.notes else []
    return "\n".join(lines) + "\n"


def about(folder: Path) -> dict[str, Any]:
    """What an import says of itself in one line: name, network, shape, latents, objective."""
    found = describe(folder)
    return {
        "name": found.name,
        "network": found.config.network,
        "shape": found.config.shape,
        "latents": found.config.latents,
        "objective": found.config.objective,
    }
