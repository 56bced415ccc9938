"""Which files of weights lie at a path, known by their content, and the table of tensors in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.checkpoints.headers import MAX_HEADER_BYTES, MAX_WEIGHT_BYTES, read_tensors
from explorer.errors import UserError
from explorer.files import read_regular
from explorer.importing.onnx_file import begins_like_onnx

if TYPE_CHECKING:
    from torch import Tensor

USUAL = ("model.pt", "model.safetensors", "pytorch_model.bin", "last")
ENDINGS = (".pt", ".pth", ".ckpt", ".bin", ".tar", ".safetensors", ".onnx")
GENERAL = ("model", "pytorch_model", "last", "best", "checkpoint", "weights", "state_dict", "encoder", "decoder")
MAX_LOOKED = 200  # files of other endings, whose beginnings are looked at


def resolved(path: str | Path) -> Path:
    """Where a path leads. Raises UserError where there is nothing."""
    try:
        found = Path(path).expanduser().resolve()
        if not found.exists():
            raise UserError(f"there is nothing at {path}")
    except UserError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # too long, NUL bytes, no permission
        raise UserError(f"{str(path)[:200]!r} can't be opened") from error
    return found


def root_of(folder: Path) -> Path:
    """Where the files of a folder must lie once links are followed: in it, or in its hub's cache."""
    folder = folder.resolve()
    if folder.parent.name == "snapshots" and folder.parent.parent.name.startswith("models--"):
        return folder.parent.parent
    return folder


def files_at(sources: Sequence[Path], root: Path | None = None) -> list[Path]:
    """The files of the model at a path: one, or two where its encoder and its decoder were saved apart.

    Raises:
        UserError: there is none, or it is not clear which is meant.
    """
    if len(sources) == 2:
        if any(source.is_dir() for source in sources):
            raise UserError("of two paths, one is the encoder's file and one the decoder's; a folder is given alone")
        return list(sources)
    (folder,) = sources
    if not folder.is_dir():
        return [folder]
    try:
        names = sorted(item.name for item in folder.iterdir())[:10_000]
    except OSError as error:
        raise UserError(f"{folder} can't be read: {error.strerror or error}") from error
    for usual in USUAL:
        if usual in names:
            return [folder / usual]
    found = [name for name in names if name.lower().endswith(ENDINGS)]
    found = found or [name for name in names[:MAX_LOOKED] if _is_known(folder / name, root)]
    if not found:
        raise UserError(f"{folder} is not a layout that can be imported: it holds no model.pt and no file of weights")
    if len(found) == 1:
        return [folder / found[0]]
    parts = [name for word in ("enc", "dec") for name in found if word in name.lower()]
    if len(parts) == 2 and "enc" in parts[0].lower() and "dec" in parts[1].lower():
        return [folder / name for name in parts]
    raise UserError(f"{folder} holds {', '.join(found[:8])}: give the path of the one that is meant")


def _is_known(file: Path, root: Path | None) -> bool:
    try:
        head = beginning(file, root)
    except UserError:
        return False
    return head[:4] == b"PK\x03\x04" or head[:2] == b"\x80\x02" or _is_safetensors(head) or begins_like_onnx(head)


def beginning(file: Path, root: Path | None = None) -> bytes:
    """The first 16 bytes of a regular file. Raises UserError where it can't be read."""
    return read_regular(file, MAX_WEIGHT_BYTES, root, 16)


def _is_safetensors(head: bytes) -> bool:
    """Whether a file begins with the length of a header, and the header's brace."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= MAX_HEADER_BYTES


def suggested(files: Sequence[Path], source: Path) -> str:
    """A name for the library: the folder's where the file is called as every other is."""
    file = files[0]
    general = file.stem.lower() in GENERAL
    text = file.parent.name if general or source.is_dir() else file.stem
    return re.sub(r"[\\/\x00-\x1f]", "-", text).strip(". ")[:100] or "imported"


def read_state(files: Sequence[Path], root: Path | None = None) -> dict[str, Tensor]:
    """The table of tensors in a file, each finite; of two files one table, with names that say which part is which.

    Raises:
        UserError: they can't be read, or hold something else.
    """
    if len(files) == 1:
        return _read(files[0], root)
    words = [file.stem.lower() for file in files]
    order = [("enc" in word) - ("dec" in word) for word in words]
    if sorted(order) != [-1, 1]:
        raise UserError(
            f"{files[0].name} and {files[1].name}: one of two files is called encoder and the other decoder"
        )
    state = {}
    for file, is_encoder in zip(files, order, strict=True):
        part = "encoder" if is_encoder > 0 else "decoder"
        for name, tensor in _read(file, root).items():
            state[name if name.lower().startswith(part[:3]) else f"{part}.{name}"] = tensor
    return {
        name: t for part in ("encoder", "decoder") for name, t in state.items() if name.lower().startswith(part[:3])
    }


def _read(file: Path, root: Path | None) -> dict[str, Tensor]:
    """The table of tensors in a file, each finite.

    Raises:
        UserError: it can't be read, or holds something else.
    """
    import torch

    from explorer.importing.named_layers import find_state
    from explorer.importing.torchfile import read_torch

    if file.suffix == ".safetensors" or _is_safetensors(beginning(file, root)):
        state = read_tensors(file, root)
        order = sorted(state, key=_natural)  # the format keeps no order
        state = {name: state[name] for name in order}
    else:
        value = read_torch(file, root)
        try:
            state = find_state(value)
        except UserError as error:
            raise UserError(f"{file} is not a layout that can be imported: {error}") from error
    if sum(t.numel() * t.element_size() for t in state.values()) > MAX_WEIGHT_BYTES:
        raise UserError(f"{file} holds more than the {MAX_WEIGHT_BYTES:,} bytes of tensors allowed")
    for key, tensor in state.items():
        if not tensor.is_floating_point():
            if tensor.ndim > 0 and key.rpartition(".")[2] in ("weight", "bias"):
                raise UserError(f"{file}: {key[:80]} holds {tensor.dtype}, not plain floating-point numbers")
        elif not bool(torch.isfinite(tensor).all()):
            raise UserError(f"{file}: {key[:80]} holds numbers that are not finite")
    # Whole numbers beside the weights count something.
    return {key: tensor for key, tensor in state.items() if tensor.is_floating_point() or tensor.ndim == 0}


def _natural(name: str) -> list[tuple[int, int | str]]:
    """So that encoder.2 stands before encoder.10."""
    return [(0, int(part)) if part.isdecimal() and len(part) < 19 else (1, part) for part in re.split(r"(\d+)", name)]
