"""Small files that would become gigabytes, or hours, in a reader: each is refused or read within stated bounds."""

from __future__ import annotations

import multiprocessing
import os
import resource
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from explorer.errors import UserError
from explorer.importing.named_layers import find_state
from explorer.importing.onnx_file import read_onnx
from explorer.importing.torchfile import read_torch
from tests.explorer.importing.test_torchfile import FOUR, archive, legacy

MEMORY, SECONDS = 400 << 20, 30  # beside what this process has; of the processor, not of the clock


def laughing(times: int, first: bytes) -> bytes:
    """A tuple that holds two of a tuple that holds two, …: memo 0."""
    return first + b"q\0" + b"0(h\0h\0tq\0" * times + b"0"


def many(count: int) -> bytes:
    """A list: memo 0."""
    return b"]q\0(" + b"N" * count + b"e0"


def called(name: str) -> bytes:
    module, _, attribute = name.rpartition(".")
    return f"c{module}\n{attribute}\n".encode() + b"h\0\x85R"


def table(content: bytes) -> bytes:
    return archive(b"\x80\x02" + content + b".", _0=FOUR)


def entries(count: int) -> bytes:
    """An archive that lists very many parts without a name."""
    local = struct.pack("<4sHHHHHLLLHH", b"PK\3\4", 20, 0, 0, 0, 33, 0, 0, 0, 0, 0)
    fields = (20, 20, 0, 0, 0, 33, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    entry = struct.pack("<4sHHHHHHLLLHHHHHLL", b"PK\1\2", *fields)
    some = count & 0xFFFF
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, some, some, len(entry) * count, len(local), 0)
    return local + entry * count + end


def part(field: int, content: bytes) -> bytes:
    """A part of a message of protobuf."""
    length, rest = b"", len(content)
    while rest > 127:
        length += bytes([rest & 127 | 128])
        rest >>= 7
    return bytes([field << 3 | 2]) + length + bytes([rest]) + content


GRAPH, NODE, WEIGHT, ATTRIBUTE, SIZES = 7, 1, 5, 5, 1  # numbers of fields in onnx.proto
TEXT = b"X\xe8\x03\0\0" + b"a" * 1000
BOMBS: dict[str, bytes] = {
    "sets that copy one list": table(many(100_000) + b"](" + called("builtins.set") * 15_000 + b"e"),
    "sizes that copy one list": table(many(100_000) + b"](" + called("torch.Size") * 15_000 + b"e"),
    "tables that copy one list": table(many(100_000) + b"](" + called("collections.OrderedDict") * 15_000 + b"e"),
    "a name that holds itself": table(laughing(40, b"K\1") + b"h\0X\1\0\0\0a\x93"),
    "a key that holds itself": table(laughing(40, b"K\1") + b"}h\0K\1s"),
    "long names": table(TEXT * 2000 + b"q\0" + b"h\0h\0\x930" * 60_000 + b"}"),
    "long numbers for keys": table(
        b"\x8b" + struct.pack("<i", 2_000_000) + b"\x7f" * 2_000_000 + b"q\0}" + b"h\0K\1s" * 70_000
    ),
    "values that hold themselves": table(laughing(60, b"K\1") + b"h\0"),
    "a list of storages that holds itself": legacy(b"\x80\x02}.", [], b"").replace(
        b"\x80\x02]q\x00.", b"\x80\x02" + laughing(40, b"K\1") + b"](h\0e."
    ),
    "half a million parts": entries(500_000),
    "nodes of two bytes": b"\x08\x08" + part(GRAPH, part(NODE, b"") * 6_000_000),
    "attributes of two bytes": b"\x08\x08" + part(GRAPH, part(NODE, part(ATTRIBUTE, b"") * 6_000_000)),
    "weights of two bytes": b"\x08\x08" + part(GRAPH, part(WEIGHT, b"") * 6_000_000),
    "axes of one byte": b"\x08\x08" + part(GRAPH, part(WEIGHT, part(SIZES, b"\1" * 99_000_000))),
}


def bounded(what: Callable[[], object]) -> int:
    """Run something in a child that may take so much memory and so many seconds; how the child ended."""

    def child() -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        try:
            what()
        except UserError as error:
            os._exit(0 if "\n" not in str(error) and not isinstance(error.__cause__, MemoryError) else 3)
        except BaseException:
            os._exit(4)
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    return process.exitcode or 0


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the bound is set as on Linux")
@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_takes_little_memory_and_little_time(tmp_path: Path, name: str) -> None:
    content = BOMBS[name]
    file = tmp_path / ("m.onnx" if content[:1] == b"\x08" else "m.pt")
    file.write_bytes(content)
    read = read_onnx if file.suffix == ".onnx" else lambda f: find_state(read_torch(f))
    if file.suffix == ".onnx":
        pytest.importorskip("onnx")
    assert bounded(lambda: read(file)) == 0


def test_functions_that_would_be_written_out_without_end_are_refused(tmp_path: Path) -> None:
    """A function of one constant of 1 MB, called four thousand times."""
    onnx = pytest.importorskip("onnx")
    h = onnx.helper
    constant = h.make_node(
        "Constant", [], ["y"], value=h.make_tensor("v", onnx.TensorProto.FLOAT, [1 << 18], bytes(1 << 20), raw=True)
    )
    function = h.make_function("f", "F", ["x"], ["y"], [constant], [h.make_opsetid("", 18)])
    nodes = [h.make_node("F", ["x"], [f"y{n}"], domain="f") for n in range(4000)]
    wide = h.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4])
    end = h.make_tensor_value_info("y0", onnx.TensorProto.FLOAT, [1 << 18])
    model = h.make_model(
        h.make_graph(nodes, "g", [wide], [end]),
        functions=[function],
        opset_imports=[h.make_opsetid("", 18), h.make_opsetid("f", 1)],
    )
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match="written out"):
        read_onnx(tmp_path / "m.onnx")
