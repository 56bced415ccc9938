"""Read a file that `torch.save` wrote, without trusting it: `torch.load(weights_only=True)` and nothing else.

Before torch reads anything the file's frame is looked at: where its parts lie, how large they say they are, and
by opcode what its pickle asks for. Only what a table of plain tensors needs is let through.
"""

from __future__ import annotations

import io
import pickletools
import threading
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from explorer.errors import UserError
from explorer.files import open_regular

if TYPE_CHECKING:
    from torch import Tensor

MAX_FILE_BYTES = 512 << 20
MAX_PICKLE_BYTES = 4 << 20
MAX_OPCODES = 300_000
MAX_ENTRIES = 10_000
LEGACY = bytes.fromhex(
    "80028a0a6cfc9c46f9206aa85019"
)  # the number that files before torch 1.6 begin with
KNOWN = "a file that torch.save wrote of a table of tensors (a state dict)"

_STORAGES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
ALLOWED = {
    "collections.OrderedDict", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_parameter", "torch.nn.parameter.Parameter", "torch.Size", "torch.device",
    "torch.storage.UntypedStorage", "builtins.set", "__builtin__.set",
    *(f"torch.{name}Storage" for name in _STORAGES),
    *(f"torch.{name}" for name in ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16",
                                   "int8", "uint8", "bool")),
}  # fmt: skip
# Settings that training programs keep beside the weights. A thing of this name is made without what made it.
STAND_INS = (
    "pytorch_lightning.utilities.parsing.AttributeDict", "lightning.pytorch.utilities.parsing.AttributeDict",
    "lightning_fabric.utilities.data.AttributeDict", "lightning.fabric.utilities.data.AttributeDict",
    "argparse.Namespace", "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.Path", "pathlib._local.PosixPath",
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype", "_codecs.encode",
)  # fmt: skip
_lock = threading.Lock()


class Nothing(dict[Any, Any]):
    """Stands where a file names a thing that is not needed: takes whatever is given, and does nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def __setstate__(self, _: object) -> None:
        pass


def read_torch(file: Path, root: Path | None = None) -> Any:
    """What a file holds: tables, lists, numbers and tensors on the CPU. No code in it is ever run.

    Args:
        file: a file of a person, who may not know what is in it.
        root: the folder that it must lie in, symbolic links followed.

    Raises:
        UserError: not a regular file, too large, damaged, or something else than tensors in tables.
    """
    with open_regular(file, MAX_FILE_BYTES, root) as opened:
        try:
            size = opened.seek(0, io.SEEK_END)
            opened.seek(0)
            head = opened.read(len(LEGACY))
            opened.seek(0)
            if head[:4] == b"PK\x03\x04":
                _check_zip(opened, size)
            elif head == LEGACY:
                _check_legacy(opened)
            else:
                raise UserError(
                    f"it is damaged, cut short, or not {KNOWN}; whatever code is in it is never run"
                )
            opened.seek(0)
            value = _load(opened)
            _check_tensors(value, size)
        except UserError as error:
            raise UserError(f"{file} is not a layout that can be imported: {error}") from error
        except OSError as error:
            raise UserError(f"{file} can't be read: {error.strerror or error}") from error
        except Exception as error:  # whatever a stranger's file makes a reader stumble over
            raise UserError(
                f"{file} is not a layout that can be imported: it is damaged or cut short, or holds "
                "something else than plain tensors, which is never run"
            ) from error
    return value


def _load(opened: BinaryIO) -> Any:
    import torch
    from torch.serialization import safe_globals

    stand_ins: list[Any] = [(Nothing, name) for name in STAND_INS]
    with _lock, warnings.catch_warnings(), safe_globals(stand_ins):
        warnings.simplefilter("ignore")
        return torch.load(opened, map_location="cpu", weights_only=True)


def _check_zip(opened: BinaryIO, size: int) -> None:
    """The archive's directory: every part stored as it is, within the file, apart from the others."""
    with zipfile.ZipFile(opened) as archive:
        entries = archive.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        if unpacked > MAX_FILE_BYTES:
            raise UserError(
                f"it unpacks to {unpacked:,} bytes, more than the {MAX_FILE_BYTES:,} allowed"
            )
        if len(entries) > MAX_ENTRIES or len({entry.filename for entry in entries}) < len(entries):
            raise UserError("its archive has too many parts, or one twice")
        end = 0
        for entry in sorted(entries, key=lambda entry: entry.header_offset):
            parts = entry.filename.replace("\\", "/").split("/")
            if ".." in parts or entry.filename.startswith(("/", "\\")) or len(entry.filename) > 300:
                raise UserError("a part of its archive has a name that leads elsewhere")
            if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
                raise UserError("a part of its archive is compressed, which torch.save never does")
            if entry.header_offset < end or entry.flag_bits & 1:
                raise UserError("parts of its archive lie over one another")
            end = entry.header_offset + 30 + len(entry.filename.encode()) + entry.compress_size
        if end > size:
            raise UserError("its archive is cut short")
        names = [entry for entry in entries if entry.filename.rpartition("/")[2] == "data.pkl"]
        if any(entry.filename.rpartition("/")[2] == "constants.pkl" for entry in entries):
            raise UserError(
                "it is a program (TorchScript), which is never run; save its state dict instead"
            )
        if len(names) != 1:
            raise UserError(f"it is not {KNOWN}")
        if names[0].file_size > MAX_PICKLE_BYTES:
            raise UserError("its table is larger than that of any model")
        _check_pickle(pickletools.genops(archive.read(names[0])))


def _check_legacy(opened: BinaryIO) -> None:
    """Files before torch 1.6: five pickles, then the numbers of each tensor with their count before them."""
    start = io.BytesIO(opened.read(MAX_PICKLE_BYTES))  # reads past its end give less, never memory
    for _ in range(5):
        _check_pickle(pickletools.genops(start))


def _check_pickle(opcodes: Iterable[tuple[pickletools.OpcodeInfo, Any, int | None]]) -> None:
    """Hold each thing that a pickle names against those that may be named. Nothing is executed."""
    for number, (opcode, argument, _) in enumerate(opcodes):
        if number > MAX_OPCODES:
            raise UserError("its table is larger than that of any model")
        if opcode.name in ("GLOBAL", "INST"):
            name = str(argument).replace(" ", ".")
            if name in ALLOWED or name in STAND_INS:
                continue
            if name.startswith("torch._utils._rebuild"):
                raise UserError(
                    "it holds tensors that are not plain ones (sparse, quantised or nested)"
                )
            raise UserError(
                f"it asks for {name[:80]!r}, which is never run; what can be imported is a table of plain "
                "tensors (torch.save(model.state_dict(), …))"
            )
        if opcode.name in ("STACK_GLOBAL", "EXT1", "EXT2", "EXT4", "OBJ", "NEWOBJ_EX"):
            raise UserError(
                "its pickle asks for things in a way that torch.save doesn't, which is never run"
            )


def _check_tensors(value: Any, size: int) -> None:
    """No tensor, nor all of them, may stand for more numbers than the file can hold."""
    total, storages = 0, {}
    for tensor in _tensors(value):
        total += tensor.numel() * tensor.element_size()
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        if total > 4 * size or tensor.numel() * tensor.element_size() > size:
            raise UserError("its tensors claim more numbers than the file holds")
    if sum(storages.values()) > size:
        raise UserError("its tensors claim more numbers than the file holds")


def _tensors(value: Any) -> Iterable[Tensor]:
    """Every plain tensor within tables and lists."""
    import torch

    waiting, seen = [value], set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, torch.Tensor):
            if item.layout != torch.strided or item.device.type != "cpu":
                raise UserError("it holds tensors that are not plain ones")
            yield item
        elif isinstance(item, dict | list | tuple) and id(item) not in seen:
            seen.add(id(item))
            waiting += item.values() if isinstance(item, dict) else item
