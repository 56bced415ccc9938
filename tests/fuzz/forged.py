"""Torch files made by hand: tables that claim, conjure and nest, in archives that lie, held against their own bytes.

Whatever a file says, each number of a tensor that is read from it stands in it. Before each file is read the heap is
filled with a mark and freed, so that memory that nobody filled would show.
"""

from __future__ import annotations

import io
import pickle
import random
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fuzz.formats import HUGE, change_bytes
from tests.fuzz.trying import Asked, tried

FORMATS = ("forged-zip", "forged-legacy")
MARK = b"\xa5HEAP OF ANOTHER\x5a"
KINDS = {"Float": 4, "Double": 8, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Byte": 1, "Bool": 1}
STRANGE = ("Untyped", "ComplexFloat", "QInt8", "Typed", "float", "")
CONJURERS = (
    b"ctorch.storage\nUntypedStorage\n",
    b"ctorch\nFloatStorage\n",
    b"ctorch\nempty\n",
    b"ctorch\nzeros\n",
    b"ctorch._utils\n_rebuild_tensor\n",
    b"ctorch\nUntypedStorage\n",
    b"cnumpy\nempty\n",
    b"ctorch\nTensor\n",
    b"ctorch._tensor\n_rebuild_from_type_v2\n",
    b"ctorch.serialization\n_get_layout\n",
    b"cbuiltins\nbytearray\n",
    b"ctorch._utils\n_rebuild_sparse_tensor\n",
    b"ctorch\nSize\n",
    b"ccollections\nOrderedDict\n",
    b"cbuiltins\nset\n",
)


@dataclass(frozen=True)
class Forged:
    """A file, and the storages that are in it where nothing of them was changed afterwards."""

    path: Path
    content: bytes
    parts: list[bytes] | None


def run(asked: Asked) -> dict[str, Any]:
    """Try the inputs of one of FORMATS."""
    from explorer.importing.named_layers import find_state
    from explorer.importing.torchfile import read_torch

    file = asked.base / "case.pt"
    legacy = asked.name == "forged-legacy"

    def make(number: int, rng: random.Random) -> Forged:
        parts: list[bytes] | None
        content, parts = forge(rng, legacy, honest=number < 0)
        if number >= 0 and rng.random() < 0.3:
            content, parts = change_bytes(content, rng), None
        file.write_bytes(content)
        held = [bytearray(MARK * (size // len(MARK))) for size in (64, 512, 4096, 1 << 16) * 20]
        held.clear()
        return Forged(file, content, parts)

    def attempt(case: Forged) -> None:
        value = read_torch(case.path)
        tensors = list(_tensors(value))
        for tensor in tensors:
            _hold_against(case, tensor)
        find_state(value)

    return tried(asked, make, attempt)


def _tensors(value: Any, depth: int = 6) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif depth and isinstance(value, dict | list | tuple):
        for item in list(value.values() if isinstance(value, dict) else value)[:50]:
            yield from _tensors(item, depth - 1)


def _hold_against(case: Forged, tensor: Any) -> None:
    """Each number stands in the file: in a part of it where the parts are known, with the bytes in either order."""
    import torch

    some = tensor.flatten()[:500]
    flat = torch.empty(len(some), dtype=some.dtype).copy_(some)  # with strides of its own
    if not flat.numel():
        return
    width = flat.element_size()
    for number in flat.view(torch.uint8).reshape(-1, width).numpy():
        found = number.tobytes()
        if case.parts is None:
            there = found in case.content or found[::-1] in case.content
        else:
            there = any(found in part or found[::-1] in part for part in case.parts)
        assert there, f"a number that is in no part of the file: {found!r}"
        assert found not in MARK or width < 4, "old memory of the process"


# --- a table ------------------------------------------------------------------------------------------


def forge(rng: random.Random, legacy: bool, honest: bool = False) -> tuple[bytes, list[bytes]]:
    """A file and its storages; with some of its claims false where it isn't honest."""
    kinds = [rng.choice(list(KINDS)) for _ in range(rng.randrange(1, 5))]
    counts = [rng.choice((1, 4, 60, 1000)) for _ in kinds]
    parts = [
        bytes(rng.randrange(1, 2 if kind == "Bool" else 255) for _ in range(count * KINDS[kind]))
        for kind, count in zip(kinds, counts, strict=True)
    ]
    made = bytearray(b"\x80\x02}(")
    for number in range(rng.randrange(1, 8)):
        which = rng.randrange(len(kinds))
        made += _text(f"layer.{number}.weight")
        if honest or rng.random() < 0.85:
            made += _tensor(rng, which, kinds[which], counts[which], legacy, honest)
        else:
            made += _conjured(rng, which, kinds[which], legacy)
    if not honest and rng.random() < 0.2:
        made += _text("more") + _nested(rng)
    made += b"u."
    table = bytes(made)
    if legacy:
        return _old(rng, table, kinds, counts, parts, honest), parts
    return _archive(rng, table, parts, honest), parts


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<L", len(text)) + text.encode()


def _value(value: Any) -> bytes:
    return pickle.dumps(value, 2)[2:-1]


def _number(rng: random.Random, right: int, honest: bool) -> bytes:
    if honest or rng.random() < 0.97:
        return _value(right)
    return _value(rng.choice((*HUGE, -right, right + 1, right * 4, 1.5, None, True, "1", (1,), [right], 10**4000)))


def _storage(rng: random.Random, which: int, kind: str, count: int, legacy: bool, honest: bool) -> bytes:
    key = _text(str(which) if honest or rng.random() < 0.9 else rng.choice(("9", "", "../0", "0" * 400, "data.pkl")))
    name = kind if honest or rng.random() < 0.93 else rng.choice((*KINDS, *STRANGE))
    said = _number(rng, count, honest)
    part = b"N" if legacy else b""
    if legacy and rng.random() < 0.2:
        part = b"(" + _text("view") + _number(rng, 0, honest) + _number(rng, count, honest) + b"t"
    first = _text("storage" if honest or rng.random() < 0.97 else rng.choice(("module", "", "storages")))
    return b"(" + first + f"ctorch\n{name}Storage\n".encode() + key + _text("cpu") + said + part + b"tQ"


def _tensor(rng: random.Random, which: int, kind: str, count: int, legacy: bool, honest: bool) -> bytes:
    offset = 0 if honest else rng.choice((0, 0, 0, 1, count - 1, count))
    size = [count - offset] if rng.random() < 0.5 or count % 4 or offset else [4, count // 4]
    stride = [1] if len(size) == 1 else rng.choice(([size[1], 1], [1, 4]))
    if not honest and rng.random() < 0.1:
        size, stride = rng.choice((([0, 2**39, 2**39], [1, 1, 1]), ([1] * 40, [1] * 40), ([2**20, 2**20], [0, 0]),
                                   ([count, count], [1, 0]), ([2**40], [0]), ([], [])))  # fmt: skip
    storage = _storage(rng, which, kind, count, legacy, honest)
    function = b"ctorch._utils\n_rebuild_tensor_v2\n"
    numbers = b"".join(_number(rng, n, honest) for n in size) + b"t("
    numbers += b"".join(_number(rng, n, honest) for n in stride) + b"t"
    made = function + b"(" + storage + _number(rng, offset, honest) + b"(" + numbers
    made += b"\x89ccollections\nOrderedDict\n)RtR"
    if not honest and rng.random() < 0.2:
        made = b"ctorch._utils\n_rebuild_parameter\n(" + made + b"\x89ccollections\nOrderedDict\n)RtR"
    return made


def _conjured(rng: random.Random, which: int, kind: str, legacy: bool) -> bytes:
    """Numbers that the table itself makes, or a tensor that is changed once it is made."""
    size = rng.choice((16, 4096, 1 << 16, 1 << 40))
    storage = rng.choice(CONJURERS) + b"(" + _value(size) + b"tR"
    wanted = b"(" + storage + _value(0) + b"(" + _value(size // 4) + b"t(" + _value(1) + b"tt"
    match rng.randrange(5):
        case 0:  # put in afterwards
            return _tensor(rng, which, kind, 1, legacy, True) + wanted + b"b"
        case 1:  # in the place of a storage of the file
            function = rng.choice((b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch._utils\n_rebuild_tensor\n"))
            return function + wanted[:-1] + b"\x89ccollections\nOrderedDict\n)RtR"
        case 2:
            return rng.choice(CONJURERS) + _tensor(rng, which, kind, 1, legacy, True) + b"\x85R"
        case 3:
            function = b"ctorch._tensor\n_rebuild_from_type_v2\n(" + rng.choice(CONJURERS)
            return function + b"ctorch\nTensor\n" + wanted + b"}tR"
        case _:
            return storage


def _nested(rng: random.Random) -> bytes:
    """Depth, values that hold themselves, numbers and texts without end."""
    many = rng.choice((100, 2000, 50_000))
    return rng.choice(
        (
            b"]" * many + b"a" * (many - 1),
            b"}" + b"(" * many + b"1" * many,
            b"K\1q\xff" + b"(h\xffh\xfftq\xff" * 60,
            b"}q\xff" + b"(h\xffh\xffu",
            b"]q\xffh\xffa",
            _value(10**many),
            b"I" + b"9" * many + b"\n",
            b"(" + b"N" * many + b"l",
            b"K\1\x85" * many,
            b"\x94" * many,
            b"(h\xfft\x93",
            _text("a" * many) + b"\x93",
        )
    )


# --- its frame ----------------------------------------------------------------------------------------


def _archive(rng: random.Random, table: bytes, parts: list[bytes], honest: bool) -> bytes:
    names = [("a/data.pkl", table), ("a/byteorder", b"little"), *((f"a/data/{i}", p) for i, p in enumerate(parts))]
    way = 0 if honest or rng.random() < 0.6 else rng.randrange(1, 9)
    if way == 1:
        names.append((rng.choice(names)[0], rng.choice(parts)))
    if way == 2:
        names[rng.randrange(len(names))] = (f"a/data/{rng.randrange(len(parts))}", rng.choice(parts)[:-1])
    if way == 3:
        del names[rng.randrange(len(names))]
    packing = rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)) if way == 4 else zipfile.ZIP_STORED
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as packed:
        for name, content in names:
            packed.writestr(name, content)
    made = out.getvalue()
    if way == 5:
        return _two_directories(rng, made)
    if way == 6:
        return overlapped(rng, made)
    if way == 7:
        return b"PK\x03\x04" * rng.randrange(1, 20) + made
    if way == 8:
        return made[:-2] + struct.pack("<H", 22) + made[-22:]  # an end within the comment of an end
    return made


def _two_directories(rng: random.Random, made: bytes) -> bytes:
    """The locator of long archives points at another directory than the one that lies before it."""
    end = made.rindex(b"PK\x05\x06")
    start = made.index(b"PK\x01\x02")
    directory = made[start:end]
    count = made.count(b"PK\x01\x02")
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), start)
    at = rng.choice((0, start, len(made), end, end - 56, 2**63))
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
    last = struct.pack("<4sHHHHLLH", b"PK\5\6", 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    if rng.random() < 0.5:
        return made[:end] + record + locator + last
    return made[:start] + directory + record + directory + record + locator + last


def overlapped(rng: random.Random, made: bytes) -> bytes:
    """Two parts of the list over the same bytes, or one that lies within another."""
    content, places = bytearray(made), []
    at = made.find(b"PK\x01\x02")
    while at >= 0:
        places.append(at)
        at = made.find(b"PK\x01\x02", at + 4)
    one, other = rng.choice(places), rng.choice(places)
    match rng.randrange(3):
        case 0:
            content[one + 42 : one + 46] = content[other + 42 : other + 46]
        case 1:
            size = struct.pack("<L", rng.choice((len(made), 2**31, 0, 40)))
            content[one + 20 : one + 24] = content[one + 24 : one + 28] = size
        case _:
            struct.pack_into("<L", content, one + 42, rng.randrange(len(made)))
    return bytes(content)


def _old(
    rng: random.Random, table: bytes, kinds: list[str], counts: list[int], parts: list[bytes], honest: bool
) -> bytes:
    from explorer.importing.torchfile import LEGACY

    keys: list[Any] = [str(i) for i in range(len(parts)) if f"X\x01\0\0\0{i}X\x03\0\0\0cpu".encode() in table]
    order = sorted(keys)
    filled = list(zip(order, (parts[int(k)] for k in order), (counts[int(k)] for k in order), strict=True))
    machine: Any = {"little_endian": True}
    match rng.randrange(20) if not honest else -1:
        case 0:
            order = []
        case 1:
            order = order[:-1]
        case 2:
            order = [*order, *order]
        case 3:
            order = [*order, "77", 5, None]
        case 4:
            machine = rng.choice(({"little_endian": False}, [], None, {"little_endian": "x"}))
        case 5:
            filled = filled[:-1]
        case 6:
            filled = [(k, part[: len(part) // 2], n) for k, part, n in filled]
        case 7:
            filled = [(k, part, rng.choice((*HUGE, 0, n * 2)) % 2**62) for k, part, n in filled]
    big = isinstance(machine, dict) and machine.get("little_endian") is False
    made = LEGACY + b"." + pickle.dumps(1001, 2) + pickle.dumps(machine, 2) + table + pickle.dumps(order, 2)
    return made + b"".join(struct.pack(">q" if big else "<q", n) + part for _, part, n in filled)
