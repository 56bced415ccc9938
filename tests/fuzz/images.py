"""Mutated pictures, zips of them and array files, fed to the intake of images: formats of `python -m tests.fuzz`."""

from __future__ import annotations

import io
import os
import random
import resource
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.fuzz.formats import change_bytes

FORMATS = ("pictures", "zips", "arrays")
ODD = (0, 1, 2, 255, 256, 65_535, 65_536, 39_000_000, 2**31 - 1, 2**31, 2**32 - 1)
Mutation = Callable[[bytes, random.Random], bytes]


def run(
    name: str, count: int, seed: int, base: Path, only: int | None = None, seconds: float = 2.0,
    megabytes: int = 200, forget_peak: Callable[[], None] = lambda: None,
) -> dict[str, object]:  # fmt: skip
    """Try `count` mutations of a format in the folder `base`; what came of them."""
    os.environ["BETA_VAE_HOME"] = str(base / "home")
    from explorer.datasets import intake, own
    from explorer.errors import UserError

    valid = VALID[name]()
    failures: list[str] = []
    loaded, slowest, baseline = 0, 0.0, 0
    for number in [-2, -1, *range(count)] if only is None else [-1, only]:
        rng = random.Random(f"{name} {seed} {number}")
        file, content = valid[number % len(valid)]
        if number >= 0:
            content = rng.choice([change_bytes, *MUTATIONS[name]])(content, rng)
        (base / "last").write_text(str(number))
        forget_peak()
        began = time.process_time()
        try:
            found = intake.look_at_files([(file, io.BytesIO(content))])
            assert found.count > 0 and found.sheet
            intake.let_go(found)
            loaded += 1
        except UserError as error:
            if "\n" in str(error) or not 10 < len(str(error)) < 3000:
                failures.append(f"{number}: not a sentence: {str(error)[:200]!r}")
            if number < 0:
                failures.append(f"{number}: the valid one is refused: {error}")
        except BaseException as error:
            failures.append(f"{number}: {type(error).__name__}: {str(error)[:200]}")
        took = time.process_time() - began
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if number == -1:
            baseline = grown
        elif number >= 0:
            slowest = max(slowest, took)
            if took > seconds:
                failures.append(f"{number}: took {took:.1f} s")
            if grown - baseline > megabytes:
                failures.append(f"{number}: {grown - baseline} MB more")
                baseline = grown
        if left := [p.name for p in own.root().iterdir()]:
            failures.append(f"{number}: left behind: {left}")
            for path in own.root().glob(".incoming-*"):
                intake.stages.drop(path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 - baseline
    return {"format": name, "tried": count, "loaded": loaded, "slowest": round(slowest, 2), "megabytes": grown,
            "failures": failures}  # fmt: skip


# --- valid ones ---------------------------------------------------------------------------------------


def _pictures() -> list[tuple[str, bytes]]:
    noise = np.random.default_rng(0).integers(0, 256, (60, 50, 3), dtype=np.uint8)
    frames = [Image.fromarray(np.roll(noise, n, 0)) for n in range(4)]
    made = []
    for kind, options in (
        ("PNG", {}), ("JPEG", {"progressive": True}), ("JPEG", {"exif": b"Exif\0\0MM\0\x2a\0\0\0\x08\0\0\0\0\0\0"}),
        ("BMP", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True}),
        *((kind, {"save_all": True, "append_images": frames[1:]}) for kind in ("GIF", "TIFF", "PNG", "WEBP")),
    ):  # fmt: skip
        file = io.BytesIO()
        frames[0].save(file, kind, **options)
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
        save(file, **contents)  # type: ignore[operator]
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
        content[start + 17 : start + 21] = struct.pack(
            ">L", zlib.crc32(content[start : start + 17])
        )
        return bytes(content)
    for mark, offset in (
        (b"\xff\xc2", 5),
        (b"\xff\xc0", 5),
        (b"GIF8", 6),
        (b"BM", 18),
        (b"VP8X", 12),
    ):
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
        kind = rng.choice(
            (b"tEXta\0b", b"IDAT", b"fcTL" + bytes(26), b"zTXta\0\0" + zlib.compress(bytes(5000)))
        )
        part = struct.pack(">L", len(kind) - 4) + kind + struct.pack(">L", zlib.crc32(kind))
        return raw[:33] + part * many + raw[33:]
    if raw[:3] == b"\xff\xd8\xff":
        return (
            raw[:2]
            + rng.choice((b"\xff\xfe\0\x02", b"\xff\xe1\0\x08Exif\0\0", b"\xff\xd0")) * many
            + raw[2:]
        )
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
            struct.pack_into(
                form, content, place, (value + extra) & (0xFFFF if form == "<H" else 0xFFFFFFFF)
            )
        return bytes(content)
    for _ in range(rng.randrange(4)):
        start = max(start, raw.find(b"PK\x01\x02", start + 4))
    field, form = rng.choice(
        ((20, "<L"), (24, "<L"), (42, "<L"), (16, "<L"), (10, "<H"), (28, "<H"), (30, "<H"))
    )
    value = rng.choice((*ODD, *range(0, end, max(1, end // 9)))) & (
        0xFFFF if form == "<H" else 0xFFFFFFFF
    )
    struct.pack_into(form, content, start + field, value)
    return bytes(content)


def _inside(raw: bytes, rng: random.Random) -> bytes:
    """A zip with one of its pictures mutated."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(raw)) as archive,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        names = archive.namelist()
        victim = rng.choice(names)
        for name in names:
            content = archive.read(name)
            made.writestr(
                name,
                rng.choice((_shape, _tags, _parts))(content, rng) if name == victim else content,
            )
    return file.getvalue()


MUTATIONS: dict[str, list[Mutation]] = {
    "pictures": [_shape, _tags, _parts], "zips": [_listed, _inside], "arrays": [_listed],
}  # fmt: skip
