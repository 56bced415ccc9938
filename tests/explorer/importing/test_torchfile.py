"""A file of torch's is read as torch reads it where it is honest, and gives nothing that is not in it."""

from __future__ import annotations

import datetime
import io
import pickle
import struct
import zipfile
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explorer.errors import UserError
from explorer.importing.torchfile import LEGACY, read_torch

DTYPES = (
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
)
FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


def written(value: Any, file: Path, zipped: bool, protocol: int = 2) -> Path:
    torch.save(value, file, _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
    return file


@st.composite
def tables(draw: st.DrawFn) -> dict[str, torch.Tensor]:
    """Tensors of every plain type, with gaps, turned, empty, and several of one storage."""
    table: dict[str, torch.Tensor] = {}
    for number in range(draw(st.integers(1, 5))):
        dtype = draw(st.sampled_from(DTYPES))
        shape = draw(st.lists(st.integers(0, 5), max_size=4))
        whole = torch.randint(0, 2, [n + 2 for n in shape]).to(dtype)
        part = whole[tuple(slice(1, 1 + n) for n in shape)]
        table[f"w{number}"] = part.movedim(0, -1) if len(shape) and draw(st.booleans()) else part
        if draw(st.booleans()):
            table[f"same{number}"] = whole
    return table


@FORMATS
@given(table=tables(), protocol=st.sampled_from((2, 4)))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_honest_file_gives_the_numbers_that_torch_reads_in_it(
    tmp_path: Path, zipped: bool, table: dict[str, torch.Tensor], protocol: int
) -> None:
    file = written(table, tmp_path / "weights.pt", zipped, protocol)
    ours, theirs = read_torch(file), torch.load(file, weights_only=False)
    assert list(ours) == list(theirs)
    for name, tensor in theirs.items():
        assert ours[name].dtype == tensor.dtype
        assert torch.equal(ours[name], tensor)


@FORMATS
@pytest.mark.parametrize("protocol", [2, 4])
def test_what_stands_beside_the_weights_is_passed_over(tmp_path: Path, zipped: bool, protocol: int) -> None:
    beside = {
        "history": defaultdict(list, loss=[1.0, 2.0]),
        "seen": Counter("abca"),
        "when": datetime.datetime(2026, 1, 1),
        "losses": np.arange(3.0),
        "last": np.float64(1.5),
        "random": np.random.RandomState(0).get_state(),
        "place": Path("/x"),
        "device": torch.device("cpu"),
        "type": torch.float32,
        "names": {"a", "b"},
        "size": torch.Size([1, 2]),
        "of": torch.nn.Linear,
        "number": 10**30,
        "text": "ß" * 300,
        "none": None,
    }
    weights = OrderedDict(weight=torch.nn.Parameter(torch.arange(6.0).reshape(2, 3)))
    value = read_torch(written({"net": weights, **beside}, tmp_path / "w.pt", zipped, protocol))
    assert torch.equal(value["net"]["weight"], weights["weight"].detach())
    assert value["number"] == 10**30 and value["none"] is None and value["text"] == "ß" * 300


def test_a_file_of_a_machine_with_the_other_order_of_bytes_is_read(tmp_path: Path) -> None:
    file = written({"w": torch.tensor([1.5, -2.0])}, tmp_path / "w.pt", True)
    other = tmp_path / "big.pt"
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(other, "w") as turned:
        for item in archive.infolist():
            content = archive.read(item)
            content = b"big" if item.filename.endswith("byteorder") else content
            content = struct.pack(">2f", 1.5, -2.0) if "/data/" in item.filename else content
            turned.writestr(item.filename, content)
    assert read_torch(other)["w"].tolist() == [1.5, -2.0]


# --- files that claim what is not in them -----------------------------------------------------------


class Raw:
    """A pickle by hand."""

    def __init__(self) -> None:
        self.made = bytearray(b"\x80\x02")

    def add(self, *parts: Any) -> Raw:
        for part in parts:
            self.made += part if isinstance(part, bytes) else pickle.dumps(part, 2)[2:-1]
        return self

    def tensor(self, key: str, said: int, size: list[int], legacy: bool = False) -> Raw:
        self.add(b"ctorch._utils\n_rebuild_tensor_v2\n((", "storage", b"ctorch\nFloatStorage\n", key, "cpu", said)
        self.add(b"N" if legacy else b"", b"tQ", 0, b"(", *size, b"t(", *([1] * len(size)), b"t\x89")
        return self.add(b"ccollections\nOrderedDict\n)RtR")


def archive(table: bytes, **parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("archive/data.pkl", table)
        for name, content in parts.items():
            packed.writestr(f"archive/data/{name.removeprefix('_')}", content)
    return out.getvalue()


def legacy(table: bytes, keys: list[str], numbers: bytes) -> bytes:
    head = [LEGACY + b".", pickle.dumps(1001, 2), pickle.dumps({"little_endian": True}, 2)]
    return b"".join([*head, table, pickle.dumps(keys, 2), numbers])


def one(said: int = 1, size: int = 1, legacy: bool = False) -> bytes:
    return bytes(Raw().add(b"}", "w").tensor("0", said, [size], legacy).add(b"s.").made)


FOUR = struct.pack("<4f", 1, 2, 3, 4)
CLAIMS = {
    "a part that is not there": archive(one()),
    "more numbers than the part": archive(one(said=100, size=100), _0=FOUR, _1=bytes(4000)),
    "an offset past the end": archive(one(said=4, size=5), _0=FOUR),
    "storages put in afterwards": archive(
        bytes(
            Raw()
            .add(b"}", "w")
            .tensor("0", 1, [1])
            .add(b"(ctorch.storage\nUntypedStorage\n(", 4000, b"tR", 0)
            .add(b"(", 1000, b"t(", 1, b"ttbs.")
            .made
        ),
        _0=FOUR,
        _1=bytes(8000),
    ),
    "a storage made by the table": archive(
        bytes(
            Raw()
            .add(b"}", "w", b"ctorch._utils\n_rebuild_tensor_v2\n(ctorch.storage\nUntypedStorage\n(", 4000, b"tR")
            .add(0, b"(", 9, b"t(", 1, b"t\x89ccollections\nOrderedDict\n)RtRs.")
            .made
        ),
        _0=FOUR,
        _1=bytes(8000),
    ),
    "a list of filled storages that is empty": legacy(one(4, 4, True), [], bytes(1000)),
    "a list that names another": legacy(one(4, 4, True), ["1"], struct.pack("<q", 4) + FOUR),
    "a storage of another length": legacy(one(4, 4, True), ["0"], struct.pack("<q", 2) + FOUR),
    "a storage that is cut short": legacy(one(4, 4, True), ["0"], struct.pack("<q", 4) + FOUR[:9]),
    "a negative size": archive(one(said=4, size=-1), _0=FOUR),
    "an enormous size": archive(one(said=4, size=2**62), _0=FOUR),
}


@pytest.mark.parametrize("content", CLAIMS.values(), ids=CLAIMS)
def test_a_tensor_that_the_file_does_not_fill_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "claims.pt"
    file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_torch(file)
    assert "\n" not in str(caught.value)


def test_the_same_by_hand_with_true_claims_is_read(tmp_path: Path) -> None:
    for content in (archive(one(4, 4), _0=FOUR), legacy(one(4, 4, True), ["0"], struct.pack("<q", 4) + FOUR)):
        (tmp_path / "w.pt").write_bytes(content)
        assert read_torch(tmp_path / "w.pt")["w"].tolist() == [1, 2, 3, 4]


def test_an_archive_that_other_programs_see_with_other_parts_is_refused(tmp_path: Path) -> None:
    """Two directories, the second found by the locator of long archives; and parts that no directory names."""
    good, other = archive(one(4, 4), _0=FOUR), archive(one(2, 2), _0=FOUR[:8])
    start = other.index(b"PK\x01\x02")
    body, directory = other[:start], other[start : other.rindex(b"PK\x05\x06")]
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 2, 2, len(directory), len(body))
    hidden = body + directory + record
    shifted = bytearray(good)
    with zipfile.ZipFile(io.BytesIO(good)) as packed:
        parts = packed.infolist()
    place = good.index(b"PK\x01\x02")
    for item in parts:
        at = good.index(b"PK\x01\x02", place)
        struct.pack_into("<L", shifted, at + 42, item.header_offset + len(hidden))
        place = at + 4
    end = shifted.rindex(b"PK\x05\x06")
    tail = bytes(shifted[good.index(b"PK\x01\x02") : end])
    at = len(hidden) + good.index(b"PK\x01\x02")
    own = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 2, 2, len(tail), at)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(body) + len(directory), 1)
    last = struct.pack("<4sHHHHLLH", b"PK\5\6", 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    two = hidden + bytes(shifted[: good.index(b"PK\x01\x02")]) + tail + own + locator + last
    before = b"PK\x03\x04" + bytes(60) + good
    for content in (two, before):
        (tmp_path / "two.pt").write_bytes(content)
        with pytest.raises(UserError):
            read_torch(tmp_path / "two.pt")


@pytest.mark.parametrize(
    "table",
    [
        b"}" + b"(" * 250_000 + b".",
        b"]" * 250_000 + b"a" * 249_999 + b".",
        b"}" * 400_000 + b".",
        b"I" + b"9" * 100_000 + b"\n.",
        b"\x80\x02}q\x00(h\x00h\x00u.",
        b"\x80\x02cos\nsystem\n(X\x01\x00\x00\x00xtR.",
    ],
    ids=["marks", "nested", "long", "digits", "itself", "code"],
)
def test_a_table_that_goes_astray_is_refused_or_empty_and_ends(tmp_path: Path, table: bytes) -> None:
    (tmp_path / "w.pt").write_bytes(archive(table, _0=FOUR))
    try:
        value = read_torch(tmp_path / "w.pt")
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert not any(isinstance(v, torch.Tensor) for v in (value.values() if isinstance(value, dict) else ()))
