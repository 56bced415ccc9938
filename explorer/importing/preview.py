"""Bring checkpoints from elsewhere into the library: this project's own directories, and other projects' files.

`preview` reads a file, a folder or an address and says what it is; `keep_import` converts it once to this project's
layout. Files of torch and of ONNX are read as data, never as code; of what they hold only finite tensors that a
network has a place for are taken.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import access
from explorer.checkpoints.card import card
from explorer.checkpoints.catalogue import place_in_library
from explorer.checkpoints.config import CheckpointConfig
from explorer.checkpoints.description import WEIGHTS, describe
from explorer.checkpoints.headers import MAX_WEIGHT_BYTES
from explorer.checkpoints.labels import FILE as LABELS
from explorer.checkpoints.labels import Labels, read_labels, write_labels
from explorer.checkpoints.shelf import new_in_library
from explorer.checkpoints.store import load, save
from explorer.errors import UserError
from explorer.files import open_regular, read_json, write_atomic
from explorer.importing.onnx_file import is_onnx, read_onnx
from explorer.importing.onnx_model import Graphs
from explorer.importing.sources import files_at, read_state, resolved, root_of, suggested
from explorer.importing.specs import Specs

if TYPE_CHECKING:
    from explorer.importing.reading import Reading
    from explorer.importing.scoring import Pictures
    from models.beta_vae import BetaVAE

Source = str | Path | Sequence[Path | str]
Examples = Callable[[str | None], "Pictures | None"]
MAX_CARD_BYTES = 1 << 20
KNOWN = (
    "a checkpoint directory of this program (config.json, model.safetensors), model.pt with specs.json as "
    "disentangling-vae writes them, the state dict of a VAE of convolutions, dense layers and residual "
    "blocks as torch or safetensors keeps it, or an encoder and a decoder as ONNX"
)
# Words in a file's name or its folder's, and the data set that they speak of.
DATA_WORDS = {
    "dsprites": "dsprites",
    "dsprite": "dsprites",
    "fashion": "fashion-mnist",
    "fmnist": "fashion-mnist",
    "mnist": "mnist",
    "celeba": "celeba",
    "cifar10": "cifar10",
    "cifar": "cifar10",
}


@dataclass(frozen=True)
class FoundModel:
    """What lies at a path: a checkpoint of this program (`own`), or a model to be converted."""

    kind: str  # in words
    name: str  # that it suggests
    own: Path | None = None
    network: BetaVAE | None = None
    specs: Specs | None = None
    reading: Reading | None = None
    graphs: Graphs | None = None
    data: str | None = None  # the data set that its name speaks of
    source: str = ""  # what the card says of its origin
    settled: bool = False

    def model(self) -> BetaVAE:
        """The model as it would be kept.

        Raises:
            UserError: it can't be built.
        """
        if self.own is not None:
            return load(self.own).model
        if self.network is not None:
            return self.network
        if self.graphs is not None:
            return self.graphs.model()
        assert self.reading is not None
        return self.reading.model()

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why it may be read wrongly, a sentence each; none once a person has looked at it."""
        if self.settled:
            return ()
        if self.graphs is not None:
            return self.graphs.doubts()
        return tuple(self.reading.doubts.values()) if self.reading else ()

    def without_doubts(self) -> FoundModel:
        """The same, since a person looked at it and found it read rightly."""
        return replace(self, settled=True)

    def corrected(self, **choices: Any) -> FoundModel:
        """The same with other choices than were inferred (see `reading.Choices`).

        Raises:
            UserError: nothing was inferred, or the layers don't allow them.
        """
        choices = {name: value for name, value in choices.items() if value is not None}
        if not choices:
            return self
        if self.graphs is not None:
            return replace(self, graphs=self.graphs.corrected(**choices))
        if self.reading is None:
            raise UserError(f"{self.kind} says itself how it is built, so there is nothing to correct")
        return replace(self, reading=self.reading.corrected(**choices))


def import_checkpoint(path: Source, name: str | None = None, **choices: Any) -> Path:
    """Put a copy of a checkpoint into the library, and return its directory there.

    Args:
        path: a file, a folder, an address, or the files of an encoder and a decoder (see `preview`).
        name: the model's name in the library; what the folder or the file is called if left out.
        choices: what a person knows better than was inferred of a bare state dict (`reading.Choices`).

    Raises:
        UserError: it is in no known layout, or damaged, or the name is taken; the library is then
            as it was before.
    """
    with preview(path, **choices) as found:
        return keep_import(found, name)


@contextmanager
def preview(
    path: Source, private: bool = True, pictures: Examples | None = None, **choices: Any
) -> Iterator[FoundModel]:
    """What lies at a path or an address, read but not kept. Own checkpoints are there until the block ends.

    Args:
        path: a checkpoint directory of this program or of a run; a folder or file of another program; the
            address or id of a repository on the Hugging Face hub, or of a file on the web, which is then
            fetched; or two files, of an encoder and of a decoder.
        private: whether the token of this machine may be shown to the hub; not for visitors of a server.
        pictures: by the data set that a name speaks of (or None), real images for the trial (`scoring.Trial`).
        choices: corrections of what is inferred of a bare state dict.

    Raises:
        UserError: one sentence on what can't be read or fetched.
    """
    from explorer.importing.remote_files import fetched, is_address

    access.require("import")
    if isinstance(path, str) and is_address(path):
        access.require("download")
        with fetched(path, private) as (folder, name, origin):
            found = _look([folder], choices, pictures)
            data = found.data or data_of(name)
            yield replace(found, name=name, source=origin, data=data)
        return
    paths = [path] if isinstance(path, str | Path) else path
    if not 1 <= len(paths) <= 2:
        raise UserError("a model is one file or folder, or two files: its encoder and its decoder")
    yield _look([resolved(one) for one in paths], choices, pictures)


def _look(sources: Sequence[Path], choices: Mapping[str, Any], pictures: Examples | None = None) -> FoundModel:
    source = sources[0]
    own = source.parent if source.name in (WEIGHTS, "config.json") else source
    for folder in (own, own / "checkpoint") if len(sources) == 1 else ():
        if _is_own(folder):
            if any(value is not None for value in choices.values()):
                raise UserError(f"{folder} says itself how it is built, so there is nothing to correct")
            return FoundModel("a checkpoint of this program", describe(folder).name, own=folder)
    root = root_of(source) if source.is_dir() and len(sources) == 1 else None
    files = files_at(sources, root)
    name = suggested(files, source)
    data = data_of(f"{files[0].parent.name} {' '.join(file.stem for file in files)}")
    given = {k: v for k, v in choices.items() if v is not None}
    if all(is_onnx(file, root) for file in files):
        graphs = Graphs(tuple(read_onnx(file, root) for file in files)).corrected(**given)
        return FoundModel("a model as ONNX", name, graphs=graphs, data=data, source=files[0].name)
    state = read_state(files, root)
    from explorer.importing.disentangling import disentangling_state, read_disentangling

    theirs = disentangling_state(state) if len(files) == 1 else None
    if theirs is not None:
        network, specs = read_disentangling(files[0], theirs, root)
        found = FoundModel("a checkpoint of disentangling-vae", name, network=network, specs=specs)
        return replace(found, data=None if specs else data, source=files[0].parent.name).corrected(**choices)
    from explorer.importing.finding import read_names
    from explorer.importing.trial import settle_choices

    try:
        reading = settle_choices(read_names(state, choices, data), pictures(data) if pictures else None)
        reading.model()  # a model that can't be built is refused here, not when it is kept
    except UserError as error:
        raise UserError(f"{files[0]} is not a layout that can be imported: {error}; known: {KNOWN}") from error
    return FoundModel("a bare state dict", name, reading=reading, data=data, source=files[0].name)


def keep_import(found: FoundModel, name: str | None = None, data: str | None = None) -> Path:
    """Convert what was found to this project's layout, in the library, and return its directory there.

    Args:
        found: what `preview` gave, within its block.
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
        save(found.model(), stage, training=training, note=note, data=data, doubts=found.doubts)
        write_atomic(stage / "README.md", _card(name, describe(stage).config, found).encode())
    return place_in_library(name)


def data_of(text: str) -> str | None:
    """The data set that a file's or a folder's name speaks of."""
    for word in re.split(r"[^a-z0-9]+", text.lower()):
        if word in DATA_WORDS:
            return DATA_WORDS[word]
    return None


def _is_own(folder: Path) -> bool:
    """Whether a folder says that it is a checkpoint of this program."""
    if not (folder / "config.json").is_file() or not (folder / WEIGHTS).exists():
        return False
    open_regular(folder / "config.json", 1 << 20, root_of(folder)).close()
    value = read_json(folder / "config.json")
    return isinstance(value, dict) and (value.get("format") == "beta-vae-explorer" or "version" in value)


# --- the library ------------------------------------------------------------------------------------


def _keep_own(folder: Path, name: str) -> Path:
    """Copy a checkpoint of this program byte for byte, so that its content hash stays the same."""
    root = root_of(folder)
    with new_in_library(name) as stage:
        _copy(folder / "config.json", stage / "config.json", 1 << 20, root)
        _copy(folder / WEIGHTS, stage / WEIGHTS, MAX_WEIGHT_BYTES, root)
        try:
            config = load(stage).config  # what is judged is the copy: the original may change meanwhile
        except UserError as error:
            raise UserError(str(error).replace(str(stage), str(folder))) from error
        try:
            _copy(folder / "README.md", stage / "README.md", MAX_CARD_BYTES, root)
        except UserError:
            write_atomic(stage / "README.md", card(name, config).encode())
        labels = read_labels(folder) if (folder / LABELS).resolve().is_relative_to(root) else Labels()
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


def _note(found: FoundModel) -> str:
    """What is known of a model whose training nothing is known of."""
    origin = f"Imported from {found.source[:160]!r}"
    if found.graphs is not None:
        return (
            f"{origin}: graphs of ONNX, taken as they are. How it was trained is not known; what the graphs do not "
            "say was read from what stands below."
        )
    if found.reading is None:
        return (
            f"{origin}, a checkpoint in the layout of disentangling-vae without its specs.json: how it was "
            "trained is not known, and the likelihood is taken to be Bernoulli."
        )
    return (
        f"{origin}, a bare state dict: how it was trained is not known. Its layers were read from the names "
        "and shapes of its weights; what the rest was read from stands below."
    )


def _card(name: str, config: CheckpointConfig, found: FoundModel) -> str:
    """The model card, with the origin's own settings in place of a recipe that was never run here."""
    text = card(name, config.model_copy(update={"training": None}))
    if found.specs:
        return text + found.specs.table()
    if found.graphs is not None:
        return text + _section(found.graphs.table())
    return text if found.reading is None else text + _table(found.reading)


def _section(rows: Iterable[tuple[str, str, str]]) -> str:
    lines = ["", "## How it was read", "", "| part | read as | because |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {value} | {why} |" for what, value, why in rows)]) + "\n"


def _table(reading: Reading) -> str:
    """What was inferred, as a section of the model card."""
    lines = ["", "## How its weights were read", "", "| part | read as | because |", "|---|---|---|"]
    lines += [f"| {what} | {value} | {why} |" for what, value, why in reading.table()]
    lines += ["", f"Tried out: {reading.found_words()}."]
    for part, layers in reading.words().items():
        lines += ["", f"{part.capitalize()}:", "", *(f"{i}. {layer}" for i, layer in enumerate(layers, 1))]
    lines += ["", *reading.notes] if reading.notes else []
    return "\n".join(lines) + "\n"


def import_facts(folder: Path) -> dict[str, Any]:
    """What an import says of itself in one line: name, network, shape, latents, objective."""
    found = describe(folder)
    return {
        "name": found.name,
        "network": found.config.network,
        "shape": found.config.shape,
        "latents": found.config.latents,
        "objective": found.config.objective,
    }
