"""The origin in a file's own metadata, and out of it: PNG, GIF, MP4, HTML, ONNX, CSV, npz, Markdown and LaTeX.

The rest of the file stays byte for byte as it was; of a table with commas a column comes last, whose first row has it.
"""

from __future__ import annotations

import csv
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import PurePath

from explorer.errors import UserError
from explorer.export.origin_record import KEY, LONGEST, Origin, read

MARK = f"{KEY}: ".encode()
BOX = bytes.fromhex("6265746176616531a5b0c4d2e3f40718")  # the name of our box in an MP4 file
COLUMN = "origin"
MEMBER = "origin.json"
PNG = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS = 4096
DAMAGED = (ValueError, IndexError, KeyError, OSError, struct.error, zlib.error, zipfile.BadZipFile, csv.Error)
SCRIPT = f'<script type="application/json" id="{KEY}">'


def stamped(content: bytes, name: str, where: Origin) -> bytes:
    """The file with its origin in it; as it is where its kind has no place for it. `name` may be its ending alone."""
    kind = _KINDS.get(PurePath(f"x{name}").suffix.lower())
    return content if kind is None else kind[0](content, where.text())


def origin_of(content: bytes, name: str) -> Origin:
    """What a file says of where it is from. Raises UserError where it says nothing, or something damaged."""
    kind = _KINDS.get(PurePath(f"x{name}").suffix.lower())
    if kind is None:
        raise UserError(f"{PurePath(name).name!r:.80} is of a kind that holds no origin; there are {', '.join(_KINDS)}")
    try:
        text = kind[1](content)
    except DAMAGED as error:
        raise UserError(f"{PurePath(name).name!r:.80} is damaged, and can't be read") from error
    if text is None:
        raise UserError(f"{PurePath(name).name!r:.80} says nothing of where it is from")
    return read(text)


# --- each kind: how it is put in, and taken out -----------------------------------------------------------


def _into_png(content: bytes, text: str) -> bytes:
    body = b"iTXt" + KEY.encode() + b"\0\0\0\0\0" + text.encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return content[:33] + chunk + content[33:]  # behind the header, which is always as long


def _of_png(content: bytes) -> str | None:
    if content[:8] != PNG:
        raise ValueError
    at = 8
    for _ in range(MOST_CHUNKS):
        if at + 8 > len(content):
            return None
        (length,), kind = struct.unpack(">I", content[at : at + 4]), content[at + 4 : at + 8]
        if kind == b"iTXt" and length <= LONGEST:
            key, _, rest = content[at + 8 : at + 8 + length].partition(b"\0")
            if key == KEY.encode():
                return rest[4:].decode()
        at += 12 + length
    return None


def _into_gif(content: bytes, text: str) -> bytes:
    said = MARK + text.encode()
    parts = [said[at : at + 255] for at in range(0, len(said), 255)]
    comment = b"!\xfe" + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    end = content.rindex(b";")
    return content[:end] + comment + content[end:]


def _of_gif(content: bytes) -> str | None:
    if content[:3] != b"GIF":
        raise ValueError
    at = content.rfind(b"!\xfe", max(0, len(content) - 2 * LONGEST))
    if at < 0:
        return None
    said, at = b"", at + 2
    while content[at]:
        said += content[at + 1 : at + 1 + content[at]]
        at += 1 + content[at]
    return said.removeprefix(MARK).decode() if said.startswith(MARK) else None


def _into_mp4(content: bytes, text: str) -> bytes:
    payload = BOX + text.encode()
    return content + struct.pack(">I", len(payload) + 8) + b"uuid" + payload


def _of_mp4(content: bytes) -> str | None:
    if content[4:8] != b"ftyp":
        raise ValueError
    at = content.rfind(b"uuid" + BOX, max(0, len(content) - 2 * LONGEST))
    return None if at < 4 else content[at + 20 : at - 4 + struct.unpack(">I", content[at - 4 : at])[0]].decode()


def _into_html(content: bytes, text: str) -> bytes:
    inert = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    script = f"{SCRIPT}{inert}</script>\n".encode()
    at = content.rfind(b"</body>")
    at = len(content) if at < 0 else at
    return content[:at] + script + content[at:]


def _of_html(content: bytes) -> str | None:
    at = content.rfind(SCRIPT.encode())
    if at < 0:
        return None
    at += len(SCRIPT)
    return content[at : content.index(b"</script>", at)].decode()


def _into_onnx(content: bytes, text: str) -> bytes:
    """One more entry of the model's metadata: in this format, what is appended is added."""
    parts = ((10, KEY.encode()), (18, text.encode()))
    entry = b"".join(bytes([tag]) + _varint(len(part)) + part for tag, part in parts)
    return content + b"\x72" + _varint(len(entry)) + entry


def _of_onnx(content: bytes) -> str | None:
    head = b"\x0a" + _varint(len(KEY)) + KEY.encode() + b"\x12"
    at = content.rfind(head, max(0, len(content) - 2 * LONGEST))
    if at < 0:
        return None
    at, length, shift = at + len(head), 0, 0
    while True:
        length |= (content[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if not content[at - 1] & 128:
            return content[at : at + length].decode()


def _varint(value: int) -> bytes:
    made = b""
    while value > 127:
        made, value = made + bytes([value & 127 | 128]), value >> 7
    return made + bytes([value])


def _into_csv(content: bytes, text: str) -> bytes:
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    if len(rows) < 2 or len({len(row) for row in rows}) != 1:
        return content  # a table with a row, all of them as long: to others nothing is added
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerows([*row, last] for row, last in zip(rows, [COLUMN, text, *[""] * (len(rows) - 2)], strict=True))
    return made.getvalue().encode()


def _of_csv(content: bytes) -> str | None:
    lines = csv.reader(io.StringIO(content.decode(errors="replace"), newline=""))
    head, first = next(lines, []), next(lines, [])
    return first[-1] if head and first and head[-1] == COLUMN and len(head) == len(first) else None


def _into_npz(content: bytes, text: str) -> bytes:
    made = io.BytesIO(content)
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr(zipfile.ZipInfo(MEMBER), text)
    return made.getvalue()


def _of_npz(content: bytes) -> str | None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if MEMBER not in archive.namelist():
            return None
        with archive.open(MEMBER) as member:
            return member.read(LONGEST + 1).decode()


def _comment(head: str, tail: str) -> tuple[Callable[[bytes, str], bytes], Callable[[bytes], str | None]]:
    """For text files: a comment on the last line."""
    pattern = re.compile(re.escape(f"{head}{KEY}: ") + r"(\{.*\})" + re.escape(tail) + r"\n?\Z")

    def put(content: bytes, text: str) -> bytes:
        return content + f"{head}{KEY}: {text}{tail}\n".encode()

    def take(content: bytes) -> str | None:
        found = pattern.search(content.decode(errors="replace"))
        return found[1] if found else None

    return put, take


_KINDS: dict[str, tuple[Callable[[bytes, str], bytes], Callable[[bytes], str | None]]] = {
    ".png": (_into_png, _of_png),
    ".gif": (_into_gif, _of_gif),
    ".mp4": (_into_mp4, _of_mp4),
    ".html": (_into_html, _of_html),
    ".onnx": (_into_onnx, _of_onnx),
    ".csv": (_into_csv, _of_csv),
    ".npz": (_into_npz, _of_npz),
    ".md": _comment("<!-- ", " -->"),
    ".tex": _comment("% ", ""),
}
ENDINGS = tuple(_KINDS)
