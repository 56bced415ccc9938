"""What a picture file says of its parts, before a decoder sees it: how many frames, and what reading it would take.

Decoders go through every part of a file, in Python some of them, and take what its tables ask for. So the parts are
counted here first, in one walk over the file that looks at nothing twice.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from explorer.datasets.archives import FileRefused

MAX_PARTS = 1000  # chunks or segments beside those of the pixels
MAX_PIECES = 200_000  # into which the pixels of a PNG may be cut
MAX_BLOCKS = 1_000_000  # of a GIF, which has at most 255 bytes in each
MAX_SCANS = 200  # of a JPEG: each goes over the whole picture again
MAX_JUNK = 1 << 16  # bytes between the segments of a JPEG
MAX_FRAMES = 10_000
MAX_MEMORY = 190 << 20  # bytes of a picture and of what its decoder holds beside it
MAX_RUNS = 8_000_000  # pixels and bytes of a BMP in runs, which are read in Python
MANY = f"has more than {MAX_PARTS:,} parts beside its pixels"


@dataclass(frozen=True)
class FileParts:
    """What is in a picture file.

    Attributes:
        frames: frames or pages; 1 too where the kind has none.
        alike: whether all have one size.
        what: what they are called.
        held: bytes that a decoder needs beside the picture itself.
    """

    frames: int = 1
    alike: bool = True
    what: str = "frames"
    held: int = 0


def parts_of(content: bytes) -> FileParts:
    """The parts of a file; one frame where its kind is not known here, or it is cut off.

    Raises:
        FileRefused: it has more of them than a picture that somebody made.
    """
    try:
        if content[:8] == b"\x89PNG\r\n\x1a\n":
            found = _png(content)
        elif content[:3] == b"\xff\xd8\xff":
            found = _jpeg(content)
        elif content[:4] == b"GIF8":
            found = _gif(content)
        elif content[:2] in (b"II", b"MM") and {*content[2:4]} in ({0, 42}, {0, 43}):
            found = _tiff(content)
        elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            found = _webp(content)
        elif content[:2] == b"BM":
            found = _bmp(content)
        else:
            found = FileParts()
    except (struct.error, IndexError):  # cut off: the decoder says so
        return FileParts()
    if found.frames > MAX_FRAMES:
        raise FileRefused(f"has more than {MAX_FRAMES:,} {found.what}")
    return found


def _png(content: bytes) -> FileParts:
    at, parts, pieces, frames = 8, 0, 0, 0
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">L4s", content, at)
        if kind in (b"IDAT", b"fdAT"):
            pieces += 1
        elif kind == b"fcTL":
            frames += 1
        else:
            parts += 1
        if parts > MAX_PARTS or pieces > MAX_PIECES:
            raise FileRefused(MANY if parts > MAX_PARTS else "is cut into too many pieces")
        if frames > MAX_FRAMES:
            break
        at += 12 + length
    return FileParts(max(1, frames))


def _jpeg(content: bytes) -> FileParts:
    at, parts, junk, held = 2, 0, 0, 0
    components, progressive = 0, False
    while at + 4 <= len(content):
        if content[at] != 0xFF or content[at + 1] in (0, 0xFF):
            at, junk = at + 1, junk + 1
            if junk > MAX_JUNK:
                raise FileRefused("is damaged (there is much between its parts)")
            continue
        marker = content[at + 1]
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # these have no content
            at, parts = at + 2, parts + 1
        else:
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                components, held = content[at + 9], _coefficients(content, at)
                progressive = marker in (0xC2, 0xC6, 0xCA, 0xCE)
            if marker == 0xDA:
                if not progressive and content[at + 4] == components:
                    held = 0  # all in one scan: rows are decoded as they come
                break
            parts += 1
            at += 2 + struct.unpack_from(">H", content, at + 2)[0]
        if parts > MAX_PARTS:
            raise FileRefused(MANY)
    scans, at = 0, content.find(b"\xff\xda", at)
    while at >= 0:
        scans += 1
        if scans > MAX_SCANS:
            raise FileRefused(f"goes over its pixels more than {MAX_SCANS} times")
        at = content.find(b"\xff\xda", at + 2)
    return FileParts(held=held)


def _coefficients(content: bytes, at: int) -> int:
    """Bytes of all the coefficients, two each, which a JPEG of several scans is gathered in."""
    height, width, count = struct.unpack_from(">HHB", content, at + 5)
    samples = [content[at + 11 + 3 * n] for n in range(count)]
    across, down = max(s >> 4 for s in samples), max(s & 15 for s in samples)
    area = sum((s >> 4) * (s & 15) for s in samples) / max(1, across * down)
    return int(2 * width * height * area)


def _gif(content: bytes) -> FileParts:
    at, frames, blocks = 13, 0, 0
    at += (3 << (content[10] & 7) + 1) if content[10] & 0x80 else 0
    while at < len(content) and content[at] != 0x3B:
        if content[at] == 0x2C:
            flags = content[at + 9]
            at += 11 + ((3 << (flags & 7) + 1) if flags & 0x80 else 0)
            frames += 1
        elif content[at] == 0x21:
            at += 2
        else:
            at, blocks = at + 1, blocks + 1
            if blocks > MAX_BLOCKS:
                raise FileRefused(MANY)
            continue
        while at < len(content) and content[at]:
            at, blocks = at + 1 + content[at], blocks + 1
            if blocks > MAX_BLOCKS:
                raise FileRefused(MANY)
        at, blocks = at + 1, blocks + 1
        if frames > MAX_FRAMES:
            break
    return FileParts(max(1, frames))


def _webp(content: bytes) -> FileParts:
    at, frames, parts = 12, 0, 0
    while at + 8 <= len(content):
        kind, length = struct.unpack_from("<4sL", content, at)
        frames += kind == b"ANMF"
        parts += kind != b"ANMF"
        if parts > MAX_PARTS:
            raise FileRefused(MANY)
        if frames > MAX_FRAMES:
            break
        at += 8 + length + (length & 1)
    return FileParts(max(1, frames))


def _bmp(content: bytes) -> FileParts:
    (size,) = struct.unpack_from("<L", content, 14)
    if size >= 40:
        width, height = struct.unpack_from("<ll", content, 18)
        (compression,) = struct.unpack_from("<L", content, 30)
        if compression in (1, 2) and abs(width * height) + len(content) > MAX_RUNS:
            raise FileRefused("is a BMP in runs of more pixels than are read of these")
    return FileParts()


# --- TIFF ---------------------------------------------------------------------------------------------

WIDTH, HEIGHT, BITS, SAMPLES, ROWS, TILE_WIDTH, TILE_HEIGHT = 256, 257, 258, 277, 278, 322, 323
UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
FORMS = {1: "B", 3: "H", 4: "L", 16: "Q"}
MAX_TAGS = 1000


def _tiff(content: bytes) -> FileParts:
    pages, held, sizes = 0, 0, set()
    for tags in _pages(content):
        pages += 1
        if pages > MAX_FRAMES:
            break
        width, height = tags.get(WIDTH, 0), tags.get(HEIGHT, 0)
        sizes.add((width, height))
        bits = tags.get(BITS, 1) * tags.get(SAMPLES, 1)
        rows = min(tags.get(ROWS, height), height)
        strip = (width * rows, tags.get(TILE_WIDTH, 0) * tags.get(TILE_HEIGHT, 0))
        if pages == 1:
            held = max(strip) * bits // 8
        elif max(strip) * bits // 8 > MAX_MEMORY:
            sizes.add((0, 0))  # one of these is more than is read: they are not taken together
    return FileParts(max(1, pages), len(sizes) <= 1, "pages", held)


def _pages(content: bytes) -> Iterator[dict[int, int]]:
    """The tags that say what each page takes to be read, in the order of the pages.

    Raises:
        FileRefused: a page has too many tags, or more in them than is in the file.
    """
    order, big = "<" if content[:2] == b"II" else ">", 43 in content[2:4]
    entry, count, offset = ("HHQ", "Q", "Q") if big else ("HHL", "H", "L")
    value, length = (12, 20) if big else (8, 12)
    (at,) = struct.unpack_from(order + offset, content, 8 if big else 4)
    been: set[int] = set()
    total = 0
    while at and at not in been and len(been) <= MAX_FRAMES:
        been.add(at)
        (number,) = struct.unpack_from(order + count, content, at)
        if number > MAX_TAGS:
            raise FileRefused(MANY)
        at += struct.calcsize(order + count)
        tags: dict[int, int] = {}
        for _ in range(number):
            tag, kind, many = struct.unpack_from(order + entry, content, at)
            bytes_ = many * UNITS.get(kind, 0)
            inside = bytes_ <= struct.calcsize(order + offset)
            total += 0 if inside else bytes_
            if kind in FORMS and many and tag not in tags:
                place = at + value
                if not inside:
                    (place,) = struct.unpack_from(order + offset, content, place)
                if place + 8 <= len(content):
                    (tags[tag],) = struct.unpack_from(order + FORMS[kind], content, place)
            at += length
        if total > 2 * len(content) + 4096:
            raise FileRefused("is damaged (its tags hold more than the file)")
        yield tags
        (at,) = struct.unpack_from(order + offset, content, at)
