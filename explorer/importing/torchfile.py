"""Read a file that `torch.save` wrote, without trusting it and without torch's own reader.

One directory of the archive is looked at, and every number of a tensor is cut out of a part of the file that this
directory names and that was really read. The pickle is read as data (`pickle_table`): no class or function that it
names is imported, and none is called but the two below that rebuild tensors, with bounds of their own.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from explorer.errors import UserError
from explorer.files import check_directory, open_regular
from explorer.importing.pickle_table import PickledName, Reader

if TYPE_CHECKING:
    from torch import Tensor

MAX_FILE_BYTES = 512 << 20
MAX_PICKLE_BYTES = 4 << 20
MAX_ENTRIES = 10_000
MAX_AXES = 8
MAX_STORAGES = 20_000
MAGIC = bytes.fromhex("8a0a6cfc9c46f9206aa85019")  # what files before torch 1.6 begin with, in a pickle
LEGACY = b"\x80\x02" + MAGIC
KNOWN = "a file that torch.save wrote of a table of tensors (a state dict)"

_STORAGES = {
    "Float": "float32",
    "Double": "float64",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
}
NOT_PLAIN = "it holds tensors that are not plain ones (sparse, quantised, complex or nested)"


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
            head = opened.read(32)
            opened.seek(0)
            if head[:4] == b"PK\x03\x04":
                value = _read_zip(opened, size)
            elif head[:1] == b"\x80" and MAGIC in head:
                value = _read_legacy(opened, size)
            else:
                raise UserError(_what_it_is(opened.read(4096)))
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


def _what_it_is(head: bytes) -> str:
    """Of a file that is no archive of torch."""
    if head[:1] == b"\x80":
        return (
            "it is a pickle that torch.save did not write, or cut short; it is never run, and what can be "
            "imported is a table of plain tensors (torch.save(model.state_dict(), …))"
        )
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        return "it is HDF5, as Keras writes it; what can be imported is torch's and ONNX (tf2onnx makes it of Keras')"
    return f"it is damaged, cut short, or not {KNOWN}; whatever code is in it is never run"


# --- tensors ----------------------------------------------------------------------------------------


class _Storage:
    """Numbers that were read from the file, as a flat tensor."""

    def __init__(self, numbers: Tensor) -> None:
        self.numbers = numbers


class _Tensors:
    """Rebuilds tensors of storages, and counts what they claim."""

    def __init__(self, size: int) -> None:
        self.size, self.total, self.count = size, 0, 0

    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """What is called in place of the functions that a file names."""
        rebuild = {"_rebuild_tensor": self.rebuild, "_rebuild_tensor_v2": self.rebuild}
        known: dict[str, Callable[..., Any]] = {f"torch._utils.{name}": f for name, f in rebuild.items()}
        known |= dict.fromkeys(
            (
                "torch._utils._rebuild_parameter",
                "torch._utils._rebuild_parameter_with_state",
                "torch.nn.parameter.Parameter",
                "torch.nn.Parameter",
            ),
            lambda data=None, *_: data,
        )
        known["torch._tensor._rebuild_from_type_v2"] = self._of_type
        known["torch.Size"] = lambda sizes=(), *_: tuple(sizes)
        for name in ("sparse_tensor", "sparse_csr_tensor", "qtensor", "nested_tensor", "meta_tensor_no_storage"):
            known[f"torch._utils._rebuild_{name}"] = _not_plain
        return known

    def _of_type(self, function: Any, kind: Any, given: Any, state: Any) -> Any:
        """A Parameter or a subclass of a tensor, by the function that makes its numbers."""
        known = self.functions()
        if not isinstance(function, PickledName) or function.name not in known or not isinstance(given, tuple):
            raise UserError(NOT_PLAIN)
        return known[function.name](*given)

    def rebuild(self, storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
        """A tensor of some numbers of a storage, if they all lie in it."""
        if not isinstance(storage, _Storage):
            raise UserError(NOT_PLAIN)
        if len(size) > MAX_AXES:
            raise UserError(f"a tensor in it has more than {MAX_AXES} axes")
        whole = [offset, *size, *stride]
        if any(type(n) is not int or not 0 <= n < 1 << 40 for n in whole) or len(size) != len(stride):
            raise UserError("its tensors claim numbers that are in no file")
        count = prod(size)
        last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
        if count and last >= len(storage.numbers):
            raise UserError("its tensors claim more numbers than the file holds")
        claimed = count * storage.numbers.element_size()
        self.total += claimed
        self.count += 1
        if claimed > self.size or self.total > 4 * self.size or self.count > MAX_STORAGES:
            raise UserError("its tensors claim more numbers than the file holds")
        if not count:
            return storage.numbers.new_zeros(tuple(size))
        return storage.numbers.as_strided(tuple(size), tuple(stride), offset)


def _not_plain(*_: Any) -> Any:
    raise UserError(NOT_PLAIN)


def _storage_of(asked: Any) -> tuple[str, str, int, Any]:
    """Key, type and count of what a pickle says of a storage, and of which other one it is a part.

    Raises:
        UserError: it is no storage of plain numbers.
    """
    if not isinstance(asked, tuple) or len(asked) < 5 or asked[0] != "storage":
        raise UserError("its pickle asks for things in a way that torch.save doesn't")
    kind, key, count = asked[1], asked[2], asked[4]
    name = kind.name.rpartition(".")[2].removesuffix("Storage") if isinstance(kind, PickledName) else ""
    if name not in _STORAGES:
        raise UserError(NOT_PLAIN)
    if type(key) is not str or type(count) is not int or count < 0:
        raise UserError("its pickle asks for things in a way that torch.save doesn't")
    return key, _STORAGES[name], count, asked[5] if len(asked) > 5 else None


def _is_class(asked: Any) -> bool:
    """Whether a pickle puts down a class with its source, as older programs did. It stays a name."""
    return isinstance(asked, tuple) and len(asked) > 1 and asked[0] == "module"


def _flat(content: bytes, kind: str, little: bool) -> Tensor:
    """The numbers of some bytes, which are copied."""
    import torch

    data = bytearray(content)
    numbers: torch.dtype = getattr(torch, kind)
    if not data:
        return torch.zeros(0, dtype=numbers)
    if kind == "bool" and any(byte > 1 for byte in set(data)):
        raise UserError("it is damaged: a truth value is neither 0 nor 1")
    width = torch.empty(0, dtype=numbers).element_size()
    if not little and width > 1:
        flat = torch.frombuffer(data, dtype=torch.uint8).reshape(-1, width).flip(1).contiguous()
        return flat.flatten().view(numbers)
    return torch.frombuffer(data, dtype=numbers)


# --- archives ---------------------------------------------------------------------------------------


def _read_zip(opened: BinaryIO, size: int) -> Any:
    try:
        check_directory(opened, MAX_ENTRIES)
    except ValueError as error:
        raise UserError(str(error)) from error
    with zipfile.ZipFile(opened) as archive:
        entries = _check_archive(opened, archive, size)
        tables = [name for name in entries if name.rpartition("/")[2] == "data.pkl"]
        if any(name.rpartition("/")[2] in ("constants.pkl", "code") or "/code/" in name for name in entries):
            raise UserError("it is a program (TorchScript), which is never run; save its state dict instead")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
            raise UserError("a part of its archive is compressed, which torch.save never does")
        if len(tables) != 1:
            raise UserError(_no_table(entries))
        if entries[tables[0]].file_size > MAX_PICKLE_BYTES:
            raise UserError("its table is larger than that of any model")
        folder = tables[0].removesuffix("data.pkl")
        order = entries.get(f"{folder}byteorder")
        little = order is None or order.file_size > 16 or archive.read(order).strip() != b"big"
        made: dict[tuple[str, str], _Storage] = {}
        taken = 0

        def load(asked: Any) -> _Storage:
            nonlocal taken
            key, kind, count, _ = _storage_of(asked)
            if (key, kind) not in made:
                entry = entries.get(f"{folder}data/{key}")
                if entry is None:
                    raise UserError("its tensors claim numbers that are in no part of the file")
                taken += entry.file_size
                if taken > size:
                    raise UserError("its tensors claim more numbers than the file holds")
                numbers = _flat(archive.read(entry), kind, little)
                made[key, kind] = _Storage(numbers)
            if len(made[key, kind].numbers) < count:
                raise UserError("its tensors claim more numbers than the file holds")
            return made[key, kind]

        return Reader(_Tensors(size).functions(), load).read(io.BytesIO(archive.read(tables[0])))


def _no_table(entries: Mapping[str, zipfile.ZipInfo]) -> str:
    names = {name.rpartition("/")[2] for name in entries}
    if any(name.endswith(".npy") for name in names):
        return "it is an archive of NumPy arrays, not of a model"
    if "model.weights.h5" in names:
        return "it is a model of Keras; what can be imported is torch's and ONNX (tf2onnx makes it of Keras')"
    return f"it is not {KNOWN}"


def _check_archive(opened: BinaryIO, archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The one directory of an archive: its parts lie within the file, apart from one another, up to the directory."""
    entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_FILE_BYTES:
        raise UserError(f"it unpacks to {unpacked:,} bytes, more than the {MAX_FILE_BYTES:,} allowed")
    if len({entry.filename for entry in entries}) < len(entries):
        raise UserError("its archive has one part twice")
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        parts = entry.filename.replace("\\", "/").split("/")
        if ".." in parts or entry.filename.startswith(("/", "\\")) or len(entry.filename) > 300:
            raise UserError("a part of its archive has a name that leads elsewhere")
        if entry.header_offset < end or entry.flag_bits & 1:
            raise UserError("parts of its archive lie over one another")
        opened.seek(entry.header_offset)
        local = opened.read(30)
        if len(local) < 30 or local[:4] != b"PK\x03\x04":
            raise UserError("its archive is cut short")
        names, extra = struct.unpack("<HH", local[26:30])
        end = entry.header_offset + 30 + names + extra + entry.compress_size
        if entry.flag_bits & 8:
            end += 12  # sizes once more behind the part; 16 or 24 with a signature or long sizes
    if end > size:
        raise UserError("its archive is cut short")
    _check_single(opened, archive, size, end)
    return {entry.filename: entry for entry in entries}


def _check_single(opened: BinaryIO, archive: zipfile.ZipFile, size: int, end: int) -> None:
    """Refuse an archive with a second directory: other programs would see another file in it."""
    start = archive.start_dir
    opened.seek(start)
    tail = opened.read(size - start)
    if start - end > 64 or start < end:  # behind the last part the directory begins, or 12 bytes of sizes come first
        raise UserError("there is more in its archive than its directory says")
    wide = tail.rfind(b"PK\x06\x07")
    if wide >= 0 and wide + 20 == tail.rfind(b"PK\x05\x06"):
        (record,) = struct.unpack("<Q", tail[wide + 8 : wide + 16])
        if start + wide - 56 != record or tail[wide - 56 : wide - 52] != b"PK\x06\x06":
            raise UserError("its archive has two directories")
    first = min((entry.header_offset for entry in archive.infolist()), default=0)
    if first != 0:
        raise UserError("there is more in its archive than its directory says")


# --- files before torch 1.6 -------------------------------------------------------------------------


def _read_legacy(opened: BinaryIO, size: int) -> Any:
    """Five pickles (a number, a version, the machine, the table, the keys), then each storage with its count.

    The table comes before the numbers, so it is read twice: to know which storages it asks for, and with them.
    """
    start = io.BytesIO(opened.read(min(size, MAX_PICKLE_BYTES)))  # reads past its end give less, never memory
    asked: dict[str, tuple[str, int]] = {}

    def note(item: Any) -> Any:
        if _is_class(item):
            return item[1]
        key, kind, count, _ = _storage_of(item)
        if asked.setdefault(key, (kind, count)) != (kind, count):
            raise UserError("its tensors claim one storage in two ways")
        return None

    tensors = _Tensors(size)
    first = Reader(dict.fromkeys(tensors.functions(), lambda *_: None), note)
    first.read(start)
    first.read(start)
    machine = first.read(start)
    table = start.tell()
    first.read(start)
    keys = first.read(start)
    little = not isinstance(machine, dict) or machine.get("little_endian", True) is not False
    if (
        not isinstance(keys, list)
        or len(keys) != len(asked)
        or not all(isinstance(key, str) for key in keys)
        or set(keys) != asked.keys()
    ):
        raise UserError("its tensors claim numbers that are in no part of the file")
    opened.seek(start.tell())
    made = {}
    for key in keys:
        kind, count = asked[key]
        head = opened.read(8)
        width = _flat(bytes(8), kind, True).element_size()
        if len(head) < 8 or int.from_bytes(head, "little" if little else "big", signed=True) != count:
            raise UserError("it is damaged or cut short: a storage has another length than its table says")
        if count * width > size:
            raise UserError("its tensors claim more numbers than the file holds")
        content = opened.read(count * width)
        if len(content) < count * width:
            raise UserError("it is damaged or cut short")
        made[key] = _flat(content, kind, little)

    def load(item: Any) -> Any:
        if _is_class(item):
            return item[1]
        key, _, _, part = _storage_of(item)
        if part is None:
            return _Storage(made[key])
        _, offset, length = part
        if type(offset) is not int or type(length) is not int or not 0 <= offset <= offset + length <= len(made[key]):
            raise UserError("its tensors claim more numbers than the file holds")
        return _Storage(made[key][offset : offset + length])

    start.seek(table)
    return Reader(tensors.functions(), load).read(start)
