"""Zip files of strangers: looked at before anything is unpacked, and unpacked no further than is safe.

No name in an archive ever becomes a path. What an entry says of its size is not believed: what comes out is
counted.
"""

from __future__ import annotations

import hashlib
import stat
import struct
import zipfile
import zlib
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO

from explorer.errors import UserError
from explorer.files import check_directory

MAX_ENTRIES = 200_000
MAX_ENTRY = 64 << 20  # bytes of one unpacked picture
MAX_RATIO, SMALL = 200, 1 << 20  # how far an entry of more than SMALL bytes may be compressed
NESTED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".npz")


class FileRefused(Exception):
    """One file can't be used; the message is a reason that goes on after "it"."""


def check_overlaps(archive: zipfile.ZipFile) -> None:
    """Hold where each entry lies against where the next one begins: the same bytes are never two entries.

    Raises:
        ValueError: two entries share bytes, or one lies outside of the file.
    """
    ends = archive.start_dir
    for info in sorted(archive.infolist(), key=lambda one: one.header_offset, reverse=True):
        if _data(archive, info) + info.compress_size > ends:
            raise ValueError("its entries overlap, which those of no zip program do")
        ends = info.header_offset


def packed_digest(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A digest of an entry as it is packed: entries with the same one unpack to the same."""
    assert archive.fp is not None
    archive.fp.seek(_data(archive, info))
    found = hashlib.blake2b(f"{info.compress_type} {info.file_size}".encode(), digest_size=16)
    found.update(archive.fp.read(min(info.compress_size, MAX_ENTRY)))
    return found.digest()


def _data(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    """Where the content of an entry begins, by its own header."""
    assert archive.fp is not None
    archive.fp.seek(info.header_offset)
    header = archive.fp.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise ValueError("an entry is not where its list says")
    lengths: tuple[int, int] = struct.unpack_from("<HH", header, 26)
    return info.header_offset + 30 + sum(lengths)


def open_zip(file: IO[bytes], name: str) -> zipfile.ZipFile:
    """The archive. Raises UserError where it is none, or too large to be looked at."""
    try:
        check_directory(file, MAX_ENTRIES)
        archive = zipfile.ZipFile(file)
        check_overlaps(archive)
        return archive
    except Exception as error:  # strangers' bytes make zipfile raise anything
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(f"{name} can't be read as a zip file: {reason}") from error


def entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files in an archive by name; folders, hidden files and those that macOS adds are passed over."""
    return sorted(
        (
            info
            for info in archive.infolist()
            if not info.is_dir()
            and not any(part.startswith((".", "__MACOSX")) for part in _parts(info.filename) if part != "..")
        ),
        key=lambda info: info.filename,
    )


def read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The content of an entry. Raises FileRefused with the reason why it is not unpacked."""
    name, mode = info.filename, info.external_attr >> 16
    windows = PureWindowsPath(name)
    if PurePosixPath(name).is_absolute() or windows.drive or windows.root:
        raise FileRefused("has an absolute path for a name")
    if ".." in _parts(name) or "\0" in info.orig_filename:
        raise FileRefused("has a name that leads out of the archive")
    if info.create_system == 3 and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        kind = "a link" if stat.S_ISLNK(mode) else "no regular file"
        raise FileRefused(f"is {kind}")
    if info.flag_bits & 0x1:
        raise FileRefused("is encrypted")
    if name.lower().endswith(NESTED):
        raise FileRefused("is an archive inside the archive, which is not opened")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileRefused("is compressed in a way that is not read here")
    if info.file_size > MAX_ENTRY:
        raise FileRefused(f"is larger than {MAX_ENTRY >> 20} MB")
    if info.file_size > max(SMALL, MAX_RATIO * info.compress_size):
        raise FileRefused(f"unpacks to more than {MAX_RATIO} times its size")
    try:
        with archive.open(info) as member:
            content = member.read(info.file_size + 1)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError,
            NotImplementedError, struct.error) as error:  # fmt: skip
        raise FileRefused("is damaged in the archive") from error
    if len(content) != info.file_size:
        raise FileRefused("is not as long as the archive says")
    return content


def _parts(name: str) -> list[str]:
    return name.replace("\\", "/").split("/")
