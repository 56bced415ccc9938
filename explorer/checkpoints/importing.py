"""Bring checkpoints from elsewhere into the library: this project's own directories, and other projects' files.

Another project's file is read by `torch.load(weights_only=True)` and nothing else, after its size was
checked; of what it holds only tensors with the expected names, shapes and types are taken.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import paths
from explorer.checkpoints.card import card
from explorer.checkpoints.catalogue import catalogue, place
from explorer.checkpoints.config import CheckpointConfig, ModelConfig
from explorer.checkpoints.labels import Labels, read_labels, write_labels
from explorer.checkpoints.specs import Specs, read_specs
from explorer.checkpoints.store import WEIGHTS, build_model, describe, load, save
from explorer.errors import UserError
from explorer.files import write_atomic

if TYPE_CHECKING:
    from torch import Tensor

    from models.beta_vae import BetaVAE

MAX_FILE_BYTES = 512 << 20
MAX_CARD_BYTES = 1 << 20
KNOWN = (
    "a checkpoint directory of this program (config.json, model.safetensors), or model.pt with "
    "specs.json as disentangling-vae writes them"
)


def import_checkpoint(path: str | Path, name: str | None = None) -> Path:
    """Put a copy of a checkpoint into the library, and return its directory there.

    Args:
        path: a checkpoint directory of this program, or of a run; a folder with `model.pt` (and
            `specs.json`) in the layout of disentangling-vae; or the path of such a file.
        name: the model's name in the library; the folder's own if left out.

    Raises:
        UserError: it is in no known layout, or damaged, or the name is taken; the library is then
            as it was before.
    """
    source = _resolved(path)
    own = source.parent if source.name in (WEIGHTS, "config.json") else source
    for folder in (own, own / "checkpoint"):
        if (folder / "config.json").is_file() and (folder / WEIGHTS).exists():
            return _import_own(folder, describe(folder).name if name is None else name)
    file = source / "model.pt" if source.is_dir() else source
    if not file.exists():
        raise UserError(
            f"{path} is not a layout that can be imported: it holds no model.pt; known: {KNOWN}"
        )
    return _import_state(file, file.parent.name if name is None else name)


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


# --- the library ------------------------------------------------------------------------------------


@contextmanager
def _new_in_library(name: str) -> Iterator[Path]:
    """A folder to fill, which becomes the library's `name` at the end; on an error it never was there.

    Raises:
        UserError: the name can't be used or is taken, or the library can't be written.
    """
    if "/" in name or "\\" in name or name in {".", ".."}:
        raise UserError(f"{name[:120]!r} can't be the name of a model")
    target = place(name)
    taken = UserError(f"there is a model {name!r} already; choose another with --name")
    if target.exists() or name in {entry.name for entry in catalogue()}:
        raise taken
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=".incoming-", dir=target.parent))
    except OSError as error:
        raise UserError(f"{target.parent} can't be written: {error.strerror or error}") from error
    try:
        yield stage / name
        (stage / name).rename(target)  # fails where someone else made the name meanwhile
    except OSError as error:
        raise (
            taken
            if target.exists()
            else UserError(f"{target} can't be written: {error.strerror or error}")
        ) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _import_own(folder: Path, name: str) -> Path:
    """Copy a checkpoint of this program byte for byte, so that its content hash stays the same."""
    with _new_in_library(name) as stage:
        stage.mkdir()
        for part in ("config.json", WEIGHTS):
            shutil.copyfile(folder / part, stage / part)
        try:
            config = load(
                stage
            ).config  # what is judged is the copy: the original may change meanwhile
        except UserError as error:
            raise UserError(str(error).replace(str(stage), str(folder))) from error
        text = folder / "README.md"
        if text.is_file() and text.stat().st_size <= MAX_CARD_BYTES:
            shutil.copyfile(text, stage / "README.md")
        else:
            write_atomic(stage / "README.md", card(name, config).encode())
        labels = read_labels(folder)
        labels = Labels(
            names={d: name for d, name in labels.names.items() if d < config.latents},
            order=tuple(d for d in labels.order if d < config.latents),
        )
        if labels != Labels():
            write_labels(stage, labels)
    return paths.library() / name


# --- other projects' state dicts --------------------------------------------------------------------


def _import_state(file: Path, name: str) -> Path:
    """Import a file that torch wrote, in whichever of the known layouts it is."""
    state = read_state(file)
    if "encoder.mu_logvar_gen.weight" in state:
        build: Callable[[Path, dict[str, Tensor]], tuple[BetaVAE, Specs | None]] = _disentangling
    elif "encoder.conv2d_1.weight" in state and "encoder.linear.weight" in state:
        raise UserError(
            f"{file} is in the layout of kinwaicheuk's Beta-VAE, which can't be imported yet; "
            f"known: {KNOWN}"
        )
    else:
        raise UserError(f"{file} is not a layout that can be imported; known: {KNOWN}")
    model, specs = build(file, state)
    training, note = (
        (specs.training(), specs.note(file.parent.name))
        if specs
        else (None, _note_without_specs(file.parent.name))
    )
    with _new_in_library(name) as stage:
        save(model, stage, training=training, note=note)
        write_atomic(stage / "README.md", _card(name, describe(stage).config, specs).encode())
    return paths.library() / name


def read_state(file: Path) -> dict[str, Tensor]:
    """The tensors of a plain state dict, by name, on the CPU; no code in the file is ever run.

    Raises:
        UserError: not a regular file, too large, damaged, or something else than named tensors.
    """
    import torch

    try:
        if not file.is_file():
            raise UserError(f"{file} is not a file")
        size = file.stat().st_size
        if size > MAX_FILE_BYTES:
            raise _too_large(file, size)
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                unpacked = sum(item.file_size for item in archive.infolist())
            if unpacked > MAX_FILE_BYTES:
                raise _too_large(file, unpacked)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = torch.load(file, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror or error}") from error
    except Exception as error:  # whatever a stranger's file makes the reader stumble over
        raise UserError(
            f"{file} is not a layout that can be imported: it is damaged or cut short, or holds "
            f"something else than plain tensors, which is never run; known: {KNOWN}"
        ) from error
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise UserError(
            f"{file} is not a layout that can be imported: it is not a table of named tensors; "
            f"known: {KNOWN}"
        )
    return dict(state)


def _disentangling(file: Path, state: dict[str, Tensor]) -> tuple[BetaVAE, Specs | None]:
    """The model of a checkpoint of disentangling-vae (Dubois et al.), and what its specs.json says.

    Its network is `burgess` under other names, but for one thing: the encoder's last layer gives mean
    and log-variance in turn (rows 0, 2, 4, … and 1, 3, 5, …), ours all means before all log-variances.
    """
    import torch

    size = 64 if "encoder.conv_64.weight" in state else 32
    convolutions = ["conv1", "conv2", "conv3"] + ["conv_64"] * (size == 64)
    transposed = ["convT_64"] * (size == 64) + ["convT1", "convT2", "convT3"]
    layers = {
        "encoder": [*convolutions, "lin1", "lin2", "mu_logvar_gen"],
        "decoder": ["lin1", "lin2", "lin3", *transposed],
    }
    config = _burgess_of(file, state, size)
    with torch.random.fork_rng(devices=[]):
        model = build_model(config)
    theirs: dict[str, str] = {}  # our name -> their name
    for part, names in layers.items():
        children = getattr(model.network, part).named_children()
        ours = [number for number, layer in children if list(layer.parameters())]
        for number, layer_name in zip(ours, names, strict=True):
            for kind in ("weight", "bias"):
                theirs[f"network.{part}.{number}.{kind}"] = f"{part}.{layer_name}.{kind}"
    expected = model.state_dict()
    _check(file, state, {theirs[key]: tuple(value.shape) for key, value in expected.items()})

    taken = {mine: state[key].detach().float().contiguous() for mine, key in theirs.items()}
    for mine, key in theirs.items():
        if key.startswith("encoder.mu_logvar_gen."):
            taken[mine] = torch.cat([taken[mine][0::2], taken[mine][1::2]])
    model.load_state_dict(taken)
    specs = read_specs(file.with_name("specs.json"), config)
    return model.requires_grad_(False).eval(), specs


def _burgess_of(file: Path, state: dict[str, Tensor], size: int) -> ModelConfig:
    """The config of a disentangling-vae model, read from the shapes of its first and last layer."""
    first, last = state.get("encoder.conv1.weight"), state["encoder.mu_logvar_gen.weight"]
    if first is None or first.ndim != 4 or first.shape[1] not in (1, 3):
        raise UserError(f"{file}: encoder.conv1.weight is not a convolution of 1 or 3 channels")
    if last.ndim != 2 or last.shape[0] % 2 or not 2 <= last.shape[0] <= 1024:
        raise UserError(
            f"{file}: encoder.mu_logvar_gen.weight has shape {tuple(last.shape)}; it should have two "
            "rows a latent, for 1 to 512 latents"
        )
    return ModelConfig(
        network="burgess", shape=(first.shape[1], size, size), latents=last.shape[0] // 2
    )


def _check(file: Path, state: dict[str, Tensor], expected: dict[str, tuple[int, ...]]) -> None:
    """Hold names, shapes, types and finiteness of every tensor against what the layout promises."""
    import torch

    missing, strange = expected.keys() - state.keys(), state.keys() - expected.keys()
    if missing:
        raise UserError(f"{file} lacks {min(missing)!r}, which its layout asks for")
    if strange:
        raise UserError(f"{file} holds {min(strange)[:80]!r}, which its layout has no place for")
    for key, shape in expected.items():
        tensor = state[key]
        if tuple(tensor.shape) != shape:
            raise UserError(f"{file}: {key} has shape {tuple(tensor.shape)}, not {shape}")
        if not tensor.is_floating_point() or tensor.layout != torch.strided:
            raise UserError(f"{file}: {key} holds {tensor.dtype}, not plain floating-point numbers")
        if not bool(torch.isfinite(tensor).all()):
            raise UserError(f"{file}: {key} holds numbers that are not finite")


def _too_large(file: Path, size: int) -> UserError:
    return UserError(f"{file} has {size:,} bytes, more than the {MAX_FILE_BYTES:,} allowed")


def _note_without_specs(folder: str) -> str:
    return (
        f"Imported from {folder[:120]!r}, a checkpoint in the layout of disentangling-vae without its "
        "specs.json: how it was trained is not known, and the likelihood is taken to be Bernoulli."
    )


def _card(name: str, config: CheckpointConfig, specs: Specs | None) -> str:
    """The model card, with the origin's own settings in place of a recipe that was never run here."""
    text = card(name, config.model_copy(update={"training": None}))
    return text + (specs.table() if specs else "")


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
