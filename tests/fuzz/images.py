"""Mutated pictures, zips of them and array files, fed to the intake of images: formats of `python -m tests.fuzz`."""

from __future__ import annotations

import io
import os
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from PIL import Image

from explorer import stages
from tests.fuzz.forged import overlapped
from tests.fuzz.formats import change_bytes
from tests.fuzz.trying import Asked, tried

FORMATS = ("pictures", "zips", "arrays")
ODD = (0, 1, 2, 255, 256, 65_535, 65_536, 39_000_000, 2**31 - 1, 2**31, 2**32 - 1)
Mutation = Callable[[bytes, random.Random], bytes]


def run(asked: Asked) -> dict[str, Any]:
    """Try the inputs of one of FORMATS."""
    os.environ["BETA_VAE_HOME"] = str(asked.base / "home")
    from explorer.datasets import intake, own

    name = asked.name
    valid = VALID[name]()

    def make(number: int, rng: random.Random) -> tuple[str, bytes]:
        file, content = valid[number % len(valid)]
        if number >= 0:
            content = rng.choice([change_bytes, *MUTATIONS[name]])(content, rng)
        return file, content

    def attempt(given: tuple[str, bytes]) -> None:
        found = intake.look_at_files([(given[0], io.BytesIO(given[1]))])
        assert found.count > 0 and found.sheet
        intake.let_go(found)

    def left() -> list[str]:
        names = [p.name for p in own.sets_root().iterdir()]
        for path in own.sets_root().glob(".incoming-*"):
            stages.drop(path)
        return names

    return tried(asked, make, attempt, left)


# --- valid ones ---------------------------------------------------------------------------------------


def _pictures() -> list[tuple[str, bytes]]:
    noise = np.random.default_rng(0).integers(0, 256, (60, 50, 3), dtype=np.uint8)
    frames = [Image.fromarray(np.roll(noise, n, 0)) for n in range(4)]
    made = []
    for kind, options in (
        ("PNG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"exif": b"Exif\0\0MM\0\x2a\0\0\0\x08\0\0\0\0\0\0"}),
        ("BMP", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
        *((kind, {"save_all": True, "append_images": frames[1:]}) for kind in ("GIF", "TIFF", "PNG", "WEBP")),
    ):
        file = io.BytesIO()
        frames[0].save(file, kind, **cast(dict[str, Any], options))
        made.append(("a.picture", file.getvalue()))
    return made


def _zips() -> list[tuple[str, bytes]]:
    pictures = [content for _, content in _pictures()]
    made = []
    for packed in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", packed) as archive:
            for number, content in enumerate([*pictures, pictures[0]]):
                archive.writestr(f"folder {number % 2}/{number}.png", content)
        made.append(("a.zip", file.getvalue()))
    return made


def _arrays() -> list[tuple[str, bytes]]:
    images = np.random.default_rng(0).integers(0, 256, (20, 12, 12), dtype=np.uint8)
    made = []
    for save, contents in (
        (np.savez, {"images": images, "factors": np.arange(20)}),
        (np.savez_compressed, {"x_train": images, "y_train": np.arange(20), "x_test": images[:5]}),
    ):
        file = io.BytesIO()
        cast(Any, save)(file, **contents)
        made.append(("a.npz", file.getvalue()))
    file = io.BytesIO()
    np.save(file, images / 255)
    return [*made, ("a.npy", file.getvalue())]


VALID = {"pictures": _pictures, "zips": _zips, "arrays": _arrays}


# --- mutations ----------------------------------------------------------------------------------------


def _shape(raw: bytes, rng: random.Random) -> bytes:
    """Another width or height in the header, such as 1 x 39,000,000, right in its sum where there is one."""
    content = bytearray(raw)
    start = raw.find(b"IHDR")
    if start >= 0:
        at = start + 4 + 4 * rng.randrange(2)
        content[at : at + 4] = struct.pack(">L", rng.choice(ODD))
        content[start + 17 : start + 21] = struct.pack(">L", zlib.crc32(content[start : start + 17]))
        return bytes(content)
    for mark, offset in ((b"\xff\xc2", 5), (b"\xff\xc0", 5), (b"GIF8", 6), (b"BM", 18), (b"VP8X", 12)):
        start = raw.find(mark)
        if start >= 0:
            at, little = start + offset + 2 * rng.randrange(2), mark[:1] != b"\xff"
            content[at : at + 2] = struct.pack("<H" if little else ">H", rng.choice(ODD) & 0xFFFF)
            return bytes(content)
    return change_bytes(raw, rng)


def _tags(raw: bytes, rng: random.Random) -> bytes:
    """An odd number in a table of TIFF, where it is one."""
    if raw[:4] != b"II*\0":
        return _parts(raw, rng)
    content = bytearray(raw)
    (at,) = struct.unpack_from("<L", raw, 4)
    (count,) = struct.unpack_from("<H", raw, at)
    at += 2 + 12 * rng.randrange(count) + rng.choice((4, 8))
    content[at : at + 4] = struct.pack("<L", rng.choice(ODD))
    return bytes(content)


def _parts(raw: bytes, rng: random.Random) -> bytes:
    """Very many parts."""
    many = rng.choice((10, 5_000, 200_000))
    if raw[:4] == b"\x89PNG":
        kind = rng.choice((b"tEXta\0b", b"IDAT", b"fcTL" + bytes(26), b"zTXta\0\0" + zlib.compress(bytes(5000))))
        part = struct.pack(">L", len(kind) - 4) + kind + struct.pack(">L", zlib.crc32(kind))
        return raw[:33] + part * many + raw[33:]
    if raw[:3] == b"\xff\xd8\xff":
        return raw[:2] + rng.choice((b"\xff\xfe\0\x02", b"\xff\xe1\0\x08Exif\0\0", b"\xff\xd0")) * many + raw[2:]
    if raw[:4] == b"GIF8":
        part = rng.choice((b"!\xfe\x01a\0", raw[raw.find(b",") : -1], b"\0"))
        return raw[:-1] + part * min(many, 10_000_000 // len(part)) + b";"
    return change_bytes(raw, rng)


def _listed(raw: bytes, rng: random.Random) -> bytes:
    """One entry of the list changed: its place, its sizes, its way; or listed many times over the same bytes."""
    if b"PK\x01\x02" not in raw:
        return change_bytes(raw, rng)
    start = raw.find(b"PK\x01\x02")
    end = raw.rfind(b"PK\x05\x06")
    content = bytearray(raw)
    if rng.random() < 0.3:
        entry = raw[start : raw.find(b"PK\x01\x02", start + 4)]
        more = rng.choice((1, 100, 20_000))
        content[start:start] = entry * more
        for at, form, extra in ((8, "<H", more), (10, "<H", more), (12, "<L", len(entry) * more)):
            place = len(content) - (len(raw) - end) + at
            (value,) = struct.unpack_from(form, content, place)
            struct.pack_into(form, content, place, (value + extra) & (0xFFFF if form == "<H" else 0xFFFFFFFF))
        return bytes(content)
    for _ in range(rng.randrange(4)):
        start = max(start, raw.find(b"PK\x01\x02", start + 4))
    field, form = rng.choice(((20, "<L"), (24, "<L"), (42, "<L"), (16, "<L"), (10, "<H"), (28, "<H"), (30, "<H")))
    value = rng.choice((*ODD, *range(0, end, max(1, end // 9)))) & (0xFFFF if form == "<H" else 0xFFFFFFFF)
    struct.pack_into(form, content, start + field, value)
    return bytes(content)


def _inside(raw: bytes, rng: random.Random) -> bytes:
    """A zip with one of its pictures mutated."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as archive, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        names = archive.namelist()
        victim = rng.choice(names)
        for name in names:
            content = archive.read(name)
            made.writestr(name, rng.choice((_shape, _tags, _parts))(content, rng) if name == victim else content)
    return file.getvalue()


def _overlapping(raw: bytes, rng: random.Random) -> bytes:
    """Entries over the same bytes, or within one another."""
    return overlapped(rng, raw) if b"PK\x01\x02" in raw else change_bytes(raw, rng)


def _array(rng: random.Random) -> bytes:
    """An array file whose header claims another shape, type or order than its bytes have."""
    shape = rng.choice(
        (
            "(0, 4611686018427387904, 4611686018427387904)",
            "(4611686018427387904,)",
            "(-1, 8, 8)",
            "()",
            "(20, 144)",
            "(1, 39000000, 1)",
            "(2880, 1, 1)",
            "(20, 12, 12)",
            "(" * 300 + ")" * 300,
            "(" + "9" * 5000 + ",)",
            "(20.5, 12)",
            "(True, 12)",
            "(20, 12, 12, 1, 1, 1)",
        )
    )
    kind = rng.choice(
        (
            "'|u1'",
            "'<f2'",
            "'<f8'",
            "'|O'",
            "'<U9999999'",
            "'|b1'",
            "'<c16'",
            "'>i8'",
            "'V9'",
            "[('a', '<f4')]",
            "'(9999999,9999999)u1'",
            "'<f16'",
            "[" * 200 + "]" * 200,
        )
    )
    text = f"{{'descr': {kind}, 'fortran_order': {rng.choice(('False', 'True', '7'))}, 'shape': {shape}, }}"
    header = text.encode() + rng.choice((b"\n", b" " * 100_000 + b"\n", b""))
    said = rng.choice((len(header), len(header), 2**31, 0))
    return b"\x93NUMPY\2\0" + struct.pack("<L", said) + header + rng.choice((bytes(2880), b"", bytes(23_040)))


def _headers(raw: bytes, rng: random.Random) -> bytes:
    """Another array in the place of the images, or of what stands beside them."""
    if b"PK\x01\x02" not in raw:
        return _array(rng)
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[rng.choice([*parts, "factor_names.npy", "labels.npy", "a/../b.npy", "x" * 60_000])] = _array(rng)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return file.getvalue()


MUTATIONS: dict[str, list[Mutation]] = {
    "pictures": [_shape, _tags, _parts],
    "zips": [_listed, _inside, _overlapping],
    "arrays": [_listed, _overlapping, _headers, _headers],
}
