"""Pictures of absurd shape or of very many parts: little memory is taken, and no decoder goes through them."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from explorer.datasets import picture_files
from explorer.datasets.archives import FileRefused

PROJECT = Path(__file__).resolve().parents[3]


def png() -> bytes:
    return saved(40, 40, "L", "PNG")


MAKE = """
import runpy, sys
from pathlib import Path
for name, content in runpy.run_path(sys.argv[1])["SHAPES"].items():
    Path(sys.argv[2], name).write_bytes(content())
"""
GROWTH = """
import io, json, sys
from pathlib import Path
from explorer.datasets.archives import FileRefused
from explorer.datasets.picture_files import look_at_picture

def peak():
    [line] = [l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("VmHWM")]
    return int(line.split()[1]) / 1024

grown = {}
for name in sys.argv[1:]:
    content = Path(name).read_bytes()
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    try:
        look_at_picture(io.BytesIO(content), 64)
    except FileRefused:
        pass
    grown[Path(name).name] = peak() - before
print(json.dumps(grown))
"""


def one_strip(side: int, tile: int = 0) -> bytes:
    """A TIFF file whose pixels are packed in one piece."""
    packer = zlib.compressobj()
    pixels = tile * tile if tile else side * side * 3
    block = bytes(1 << 20)
    packed = [packer.compress(block) for _ in range(pixels >> 20)]
    packed += [packer.compress(bytes(pixels & 0xFFFFF)), packer.flush()]
    content = b"".join(packed)
    tags = [(256, side), (257, side), (258, 8), (259, 8), (262, 1 if tile else 2), (277, 1 if tile else 3)]
    places = [(322, tile), (323, tile), (324, 0), (325, len(content))] if tile else []
    places = places or [(273, 0), (278, side), (279, len(content))]
    start = 8 + 2 + 12 * (len(tags) + len(places)) + 4
    listed = sorted(tags + [(tag, value or start) for tag, value in places])
    entries = b"".join(struct.pack("<HHLL", tag, 4, 1, value) for tag, value in listed)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(listed)) + entries + bytes(4) + content


def saved(width: int, height: int, mode: str, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height)).save(file, kind, **options)
    return file.getvalue()


SHAPES = {
    "1 x 39,000,000": lambda: saved(1, 39_000_000, "L", "PNG"),
    "39,000,000 x 1": lambda: saved(39_000_000, 1, "L", "PNG"),
    "65,535 x 600": lambda: saved(65_535, 600, "RGB", "PNG"),
    "one strip": lambda: one_strip(6300),
    "one tile": lambda: one_strip(10, 20_000),
    "progressive": lambda: saved(6300, 6300, "RGB", "JPEG", progressive=True, subsampling=0),
    "palette": lambda: saved(6300, 6300, "P", "GIF"),
}


def test_no_picture_takes_more_than_200_mb_to_be_read_whatever_its_shape(tmp_path: Path) -> None:
    """In a process of its own, whose highest memory is told by the system."""
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("this system does not tell a process's highest memory anew")
    # Made in another process: what making them takes is not measured.
    subprocess.run([sys.executable, "-c", MAKE, __file__, str(tmp_path)], cwd=PROJECT, check=True)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", GROWTH, *(str(tmp_path / name) for name in SHAPES)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    grown = json.loads(done.stdout)
    assert set(grown) == set(SHAPES) and max(grown.values()) < 200, grown


def chunks(count: int) -> bytes:
    whole, text = png(), b"tEXta\0b"
    chunk = struct.pack(">L", 3) + text + struct.pack(">L", zlib.crc32(text))
    return whole[:33] + chunk * count + whole[33:]


def refuses_unread(content: bytes, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(Image, "open", lambda *a, **b: pytest.fail("a decoder saw it"))
    with pytest.raises(FileRefused) as refused:
        picture_files.look_at_picture(io.BytesIO(content), 64)
    return str(refused.value)


def jpeg() -> bytes:
    return saved(40, 40, "RGB", "JPEG", progressive=True)


def gif() -> bytes:
    return saved(40, 40, "P", "GIF")


PARTS = {
    "texts in a PNG": lambda: chunks(200_000),
    "empty pieces of a PNG's pixels": lambda: (
        png()[:33] + (bytes(4) + b"IDAT" + struct.pack(">L", zlib.crc32(b"IDAT"))) * 300_000
    ),
    "comments in a JPEG": lambda: jpeg()[:2] + b"\xff\xfe\0\2" * 5000 + jpeg()[2:],
    "nothing between the parts of a JPEG": lambda: jpeg()[:20] + bytes(100_000) + jpeg()[20:],
    "scans of a JPEG": lambda: jpeg()[:-2] + jpeg()[jpeg().rindex(b"\xff\xda") : -2] * 300,
    "comments in a GIF": lambda: gif()[:-1] + b"!\xfe" + b"\1a" * 1_100_000 + b"\0;",
    "frames of a GIF": lambda: gif()[:-1] + gif()[gif().index(b",") : -1] * 10_001 + b";",
    "runs of a BMP": lambda: b"BM" + bytes(12) + struct.pack("<LllHHL", 40, 6000, 6000, 1, 8, 1) + bytes(20),
}


@pytest.mark.parametrize("parts", PARTS)
def test_a_picture_of_very_many_parts_is_refused_before_a_decoder_goes_through_them(
    parts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refuses_unread(PARTS[parts](), monkeypatch)


def test_ordinary_parts_are_no_reason(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    for number in range(100):
        info.add_text(f"key {number}", "text")
    for kind, options in (
        ("PNG", {"pnginfo": info}),
        ("JPEG", {"progressive": True}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {}),
        ("GIF", {}),
        ("BMP", {}),
    ):
        file = io.BytesIO()
        noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
        Image.fromarray(noise).save(file, kind, **options)
        assert picture_files.look_at_picture(file, 64).size == (300, 300)
